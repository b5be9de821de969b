//! The processor.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::{BackendKind, DeviceChoice, DeviceInfo, Precision};

/// What a processor is called that does not say its name.
const ARCHITECTURE: &str = if cfg!(target_family = "wasm") { "WebAssembly" } else { std::env::consts::ARCH };

/// Describes the processor. There always is one, so this does not fail.
pub(crate) fn probe() -> DeviceInfo {
    let wanted = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted);
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = match system.cgroup_limits() {
        // A container's limit is what the process will really get.
        Some(limits) if limits.total_memory > 0 => limits.total_memory,
        _ => system.total_memory(),
    };
    DeviceInfo {
        choice: DeviceChoice::Cpu,
        kind: BackendKind::Cpu,
        name: brand.filter(|name| !name.is_empty()).unwrap_or_else(|| ARCHITECTURE.to_owned()),
        class: if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") },
        api: None,
        driver: None,
        memory_bytes: (memory > 0).then_some(memory),
        max_buffer_bytes: None,
        precisions: [Precision::F32, Precision::Bf16, Precision::Int8]
            .into_iter()
            .filter(|format| has(*format))
            .collect(),
        software: false,
        unusable: None,
    }
}

/// Whether the processor has instructions for products in this format. What it has none for it computes all the same, in plain code
/// or from f32 values that are rounded to the format.
#[cfg(feature = "cpu")]
fn has(precision: Precision) -> bool {
    precision == Precision::F32 || crate::ops::has_instructions_for(precision)
}

#[cfg(not(feature = "cpu"))]
fn has(precision: Precision) -> bool {
    precision == Precision::F32
}

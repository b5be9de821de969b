//! The processor.

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::{BackendKind, DeviceChoice, DeviceInfo, Precision};

/// What a processor is called that does not say its name.
const ARCHITECTURE: &str = if cfg!(target_family = "wasm") { "WebAssembly" } else { std::env::consts::ARCH };

/// Describes the processor. There always is one, so this does not fail.
///
/// Half precision is left out: burn-flex only emulates it.
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
        precisions: vec![Precision::F32],
        software: false,
        unusable: None,
    }
}

//! GPUs through wgpu: which adapters there are, and how Burn addresses each.

#[cfg(target_family = "wasm")]
mod browser;
mod vulkan;

use burn_wgpu::WgpuDevice;
#[cfg(not(target_family = "wasm"))]
use burn_wgpu::graphics::{AutoGraphicsApi, GraphicsApi};
use wgpu::{Adapter, AdapterInfo, Backend, DeviceType, Features};
#[cfg(not(target_family = "wasm"))]
use wgpu::{Instance, InstanceDescriptor, InstanceFlags};

#[cfg(target_family = "wasm")]
pub(crate) use browser::probe;
#[cfg(target_family = "wasm")]
pub use browser::{close_web_gpu, open_web_gpu};

use crate::{BackendKind, DeviceChoice, DeviceInfo, Precision};
#[cfg(not(target_family = "wasm"))]
use crate::{Obstacle, fault};

/// Order of the list: what computes fastest first, the processor in disguise last.
#[cfg(not(target_family = "wasm"))]
const CLASSES: [DeviceType; 5] = [
    DeviceType::DiscreteGpu,
    DeviceType::IntegratedGpu,
    DeviceType::VirtualGpu,
    DeviceType::Other,
    DeviceType::Cpu,
];

/// An adapter with the name by which Burn finds it again.
#[derive(Clone, Debug)]
pub(crate) struct FoundAdapter {
    pub(crate) info: DeviceInfo,
    pub(crate) device: WgpuDevice,
}

/// Lists the adapters of the graphics interface that Burn uses on this system, without opening any.
///
/// # Errors
/// Why there is none.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn probe() -> Result<Vec<FoundAdapter>, Obstacle> {
    // A broken driver makes wgpu's back end panic rather than return nothing.
    let found = fault::quietly(|| {
        let instance = Instance::new(InstanceDescriptor {
            backends: AutoGraphicsApi::backend().into(),
            flags: InstanceFlags::empty(),
            ..InstanceDescriptor::new_without_display_handle()
        });
        let adapters = pollster::block_on(instance.enumerate_adapters(AutoGraphicsApi::backend().into()));
        adapters.iter().map(Probed::from_adapter).collect::<Vec<_>>()
    })
    .map_err(|message| {
        let cause = format!("the graphics driver failed while it was asked for its adapters: {message}");
        Obstacle::new(cause, "update the graphics driver")
    })?;
    let adapters = number(found);
    if adapters.is_empty() { Err(none_found()) } else { Ok(adapters) }
}

/// What is asked of an adapter.
#[derive(Clone, Debug)]
struct Probed {
    info: AdapterInfo,
    half: bool,
    max_buffer_bytes: u64,
    memory_bytes: Option<u64>,
}

impl Probed {
    fn from_adapter(adapter: &Adapter) -> Self {
        let limits = adapter.limits();
        Self {
            info: adapter.get_info(),
            half: adapter.features().contains(Features::SHADER_F16),
            max_buffer_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
            memory_bytes: vulkan::device_local_bytes(adapter),
        }
    }
}

/// Sorts adapters by class and finds the name by which Burn selects each.
///
/// Burn counts within a class, in enumeration order, and can name only the first of class `Cpu`. It has no name
/// for class `Other` but falls back to that list when a class has too few adapters (`select_from_adapter_list`
/// of cubecl-wgpu); an adapter that no name reaches is left out.
#[cfg(not(target_family = "wasm"))]
fn number(found: Vec<Probed>) -> Vec<FoundAdapter> {
    let count = |class: DeviceType| found.iter().filter(|probed| probed.info.device_type == class).count();
    let address = |class: DeviceType, index: usize| match class {
        DeviceType::DiscreteGpu => Some(WgpuDevice::DiscreteGpu(index)),
        DeviceType::IntegratedGpu => Some(WgpuDevice::IntegratedGpu(index)),
        DeviceType::VirtualGpu => Some(WgpuDevice::VirtualGpu(index)),
        DeviceType::Cpu => (index == 0).then_some(WgpuDevice::Cpu),
        DeviceType::Other if count(DeviceType::VirtualGpu) <= index => Some(WgpuDevice::VirtualGpu(index)),
        DeviceType::Other if count(DeviceType::IntegratedGpu) <= index => {
            Some(WgpuDevice::IntegratedGpu(index))
        }
        DeviceType::Other if count(DeviceType::DiscreteGpu) <= index => Some(WgpuDevice::DiscreteGpu(index)),
        DeviceType::Other => None,
    };
    CLASSES
        .into_iter()
        .flat_map(|class| {
            let same_class = found.iter().filter(move |probed| probed.info.device_type == class);
            same_class.enumerate().filter_map(move |(index, probed)| Some((probed, address(class, index)?)))
        })
        .enumerate()
        .map(|(index, (probed, device))| FoundAdapter { info: describe(index, probed), device })
        .collect()
}

fn describe(index: usize, probed: &Probed) -> DeviceInfo {
    let info = &probed.info;
    let software = is_software(info);
    let class = match info.device_type {
        _ if software => "software rasteriser",
        DeviceType::DiscreteGpu => "discrete GPU",
        DeviceType::IntegratedGpu => "integrated GPU",
        DeviceType::VirtualGpu => "virtual GPU",
        DeviceType::Cpu | DeviceType::Other => "GPU",
    };
    let api = match info.backend {
        Backend::Vulkan => "Vulkan",
        Backend::Metal => "Metal",
        Backend::Dx12 => "DirectX 12",
        Backend::Gl => "OpenGL",
        Backend::BrowserWebGpu => "WebGPU",
        Backend::Noop => "none",
    };
    let driver = [info.driver.trim(), info.driver_info.trim()];
    let driver = driver.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    DeviceInfo {
        choice: DeviceChoice::Wgpu(Some(index)),
        kind: BackendKind::Wgpu,
        name: if info.name.trim().is_empty() {
            format!("{api} adapter")
        } else {
            info.name.trim().to_owned()
        },
        class: class.to_owned(),
        api: Some(api.to_owned()),
        driver: (!driver.is_empty()).then_some(driver),
        memory_bytes: probed.memory_bytes,
        max_buffer_bytes: Some(probed.max_buffer_bytes),
        precisions: if probed.half { vec![Precision::F32, Precision::F16] } else { vec![Precision::F32] },
        software,
        unusable: None,
    }
}

/// Whether the adapter is the processor: by class, or by name where a layer hides the class.
fn is_software(info: &AdapterInfo) -> bool {
    const NAMES: [&str; 4] = ["llvmpipe", "lavapipe", "swiftshader", "microsoft basic render"];
    let name = info.name.to_ascii_lowercase();
    info.device_type == DeviceType::Cpu || NAMES.iter().any(|software| name.contains(software))
}

#[cfg(not(target_family = "wasm"))]
fn none_found() -> Obstacle {
    let (api, remedy) = match AutoGraphicsApi::backend() {
        Backend::Vulkan => ("Vulkan", "install the graphics driver with its Vulkan part"),
        Backend::Metal => ("Metal", "use a machine with a GPU that supports Metal"),
        Backend::Dx12 => ("DirectX 12", "update the graphics driver"),
        _ => ("graphics", "update the graphics driver"),
    };
    Obstacle::new(format!("no {api} adapter found"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, device_type: DeviceType) -> Probed {
        Probed {
            info: AdapterInfo {
                name: name.into(),
                vendor: 0,
                device: 0,
                device_type,
                device_pci_bus_id: String::new(),
                driver: String::new(),
                driver_info: String::new(),
                backend: Backend::Vulkan,
                subgroup_min_size: 8,
                subgroup_max_size: 128,
                transient_saves_memory: false,
            },
            half: name.starts_with("half"),
            max_buffer_bytes: 1 << 30,
            memory_bytes: None,
        }
    }

    #[test]
    fn adapters_are_numbered_by_class_and_keep_burns_index_within_it() {
        let list = number(vec![
            adapter("llvmpipe", DeviceType::Cpu),
            adapter("integrated", DeviceType::IntegratedGpu),
            adapter("first", DeviceType::DiscreteGpu),
            adapter("half second", DeviceType::DiscreteGpu),
            adapter("other", DeviceType::Other),
            adapter("swift", DeviceType::Cpu),
        ]);
        let named: Vec<_> = list
            .iter()
            .map(|found| (found.info.choice.to_string(), found.info.name.as_str(), found.device.clone()))
            .collect();
        assert_eq!(
            named,
            [
                ("wgpu:0".into(), "first", WgpuDevice::DiscreteGpu(0)),
                ("wgpu:1".into(), "half second", WgpuDevice::DiscreteGpu(1)),
                ("wgpu:2".into(), "integrated", WgpuDevice::IntegratedGpu(0)),
                // No virtual GPU: asking for the first one makes Burn take the first of class `Other`.
                ("wgpu:3".into(), "other", WgpuDevice::VirtualGpu(0)),
                // A second software rasteriser has no name in Burn.
                ("wgpu:4".into(), "llvmpipe", WgpuDevice::Cpu),
            ]
        );
        assert_eq!(list[1].info.precisions, [Precision::F32, Precision::F16]);
        assert_eq!(list[0].info.precisions, [Precision::F32]);
    }

    #[test]
    fn software_is_seen_behind_a_virtual_gpu() {
        let list = number(vec![
            adapter("virgl (LLVMPIPE (LLVM 15.0.6))", DeviceType::VirtualGpu),
            adapter("NVIDIA A10G", DeviceType::VirtualGpu),
        ]);
        assert!(list[0].info.software);
        assert_eq!(list[0].info.class, "software rasteriser");
        assert!(!list[1].info.software);
    }
}

//! Which devices there are, and which one is meant.

use crate::{BackendError, BackendKind, BackendReport, DeviceChoice, DeviceInfo, Obstacle};

/// How Burn addresses a device.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    #[cfg(feature = "cpu")]
    Cpu,
    #[cfg(with_wgpu)]
    Wgpu(burn_wgpu::WgpuDevice),
    #[cfg(with_cuda)]
    Cuda(burn_cuda::CudaDevice),
}

/// A device with its address.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) info: DeviceInfo,
    pub(crate) address: Address,
}

/// Probes every backend, in the order in which automatic choice tries them. Opens no device.
///
/// Takes up to about a second where GPU drivers have to be loaded, so not on the thread that draws. A missing
/// driver, library or display is a reason in the report, never a panic.
#[must_use]
pub fn devices() -> Vec<BackendReport> {
    BackendKind::ALL
        .into_iter()
        .map(|kind| {
            let infos = probe(kind).map(|found| found.into_iter().map(|found| found.info).collect());
            BackendReport::from_probe(kind, infos)
        })
        .collect()
}

/// How many NVIDIA GPUs a process sees: `CUDA_VISIBLE_DEVICES` and the like are heeded. None where CUDA cannot be used.
#[must_use]
pub fn nvidia_gpus() -> usize {
    let usable = |found: &Found| found.info.unusable.is_none();
    probe(BackendKind::Cuda).map_or(0, |found| if found.iter().any(usable) { found.len() } else { 0 })
}

/// Finds the device that is meant by `choice`, without opening it.
///
/// Automatic choice: CUDA, else a hardware adapter of wgpu, else the processor, without devices that cannot be used;
/// software rasterisers are taken only when asked for (`wgpu` where there is nothing better, or by index).
///
/// # Errors
/// If the backend cannot run here, has no device of that index, or that device cannot be used.
pub fn select(choice: &DeviceChoice) -> Result<DeviceInfo, BackendError> {
    find(choice).map(|found| found.info)
}

/// The device that automatic choice would take from these reports.
#[must_use]
pub fn automatic(reports: &[BackendReport]) -> Option<&DeviceInfo> {
    BackendKind::ALL.into_iter().find_map(|kind| {
        let mut devices =
            reports.iter().filter(|report| report.kind == kind).flat_map(|report| &report.devices);
        devices.find(|device| !device.software && device.unusable.is_none())
    })
}

/// Why automatic choice passed over the NVIDIA GPUs of this machine; none if it has none. To be asked where another device was
/// chosen.
#[must_use]
pub fn passed_over() -> Option<Obstacle> {
    #[cfg(with_cuda)]
    return crate::cuda::hindrance();
    #[cfg(not(with_cuda))]
    None
}

pub(crate) fn find(choice: &DeviceChoice) -> Result<Found, BackendError> {
    let list = |kind| probe(kind).map_err(|obstacle| BackendError::Unavailable { kind, obstacle });
    let Some(kind) = choice.kind() else {
        let hardware = |found: &Found| !found.info.software && found.info.unusable.is_none();
        let hardware = |kind| list(kind).ok()?.into_iter().find(hardware);
        let gpu = BackendKind::ALL.into_iter().filter(|kind| *kind != BackendKind::Cpu).find_map(hardware);
        return gpu.map_or_else(|| find(&DeviceChoice::Cpu), Ok);
    };
    let devices = list(kind)?;
    let count = devices.len();
    let index = match choice {
        DeviceChoice::Wgpu(Some(index)) | DeviceChoice::Cuda(index) => *index,
        DeviceChoice::Wgpu(None) => devices.iter().position(|found| !found.info.software).unwrap_or(0),
        DeviceChoice::Cpu | DeviceChoice::Auto => 0,
    };
    let found = devices.into_iter().nth(index);
    let found = found.ok_or_else(|| BackendError::NoSuchDevice { choice: choice.clone(), count })?;
    match found.info.unusable {
        Some(obstacle) => {
            Err(BackendError::Unusable { choice: found.info.choice, name: found.info.name, obstacle })
        }
        None => Ok(found),
    }
}

/// The devices of a backend, at least one, or the reason why there is none.
fn probe(kind: BackendKind) -> Result<Vec<Found>, Obstacle> {
    match kind {
        BackendKind::Cuda => probe_cuda(),
        BackendKind::Wgpu => probe_wgpu(),
        BackendKind::Cpu => probe_cpu(),
    }
}

#[cfg(feature = "cpu")]
#[allow(clippy::unnecessary_wraps, reason = "the twin for builds without this backend returns an error")]
fn probe_cpu() -> Result<Vec<Found>, Obstacle> {
    Ok(vec![Found { info: crate::cpu::probe(), address: Address::Cpu }])
}

#[cfg(not(feature = "cpu"))]
fn probe_cpu() -> Result<Vec<Found>, Obstacle> {
    Err(left_out("cpu"))
}

/// In a browser, the adapter that [`open_web_gpu`](crate::open_web_gpu) has opened.
#[cfg(with_wgpu)]
fn probe_wgpu() -> Result<Vec<Found>, Obstacle> {
    let adapters = crate::adapters::probe()?;
    let found = |adapter: crate::adapters::FoundAdapter| Found {
        info: adapter.info,
        address: Address::Wgpu(adapter.device),
    };
    Ok(adapters.into_iter().map(found).collect())
}

#[cfg(not(feature = "wgpu"))]
fn probe_wgpu() -> Result<Vec<Found>, Obstacle> {
    Err(left_out("wgpu"))
}

#[cfg(with_cuda)]
fn probe_cuda() -> Result<Vec<Found>, Obstacle> {
    let devices = crate::cuda::probe()?;
    let found = |(index, info)| Found { info, address: Address::Cuda(burn_cuda::CudaDevice::new(index)) };
    Ok(devices.into_iter().enumerate().map(found).collect())
}

#[cfg(all(feature = "cuda", not(with_cuda)))]
fn probe_cuda() -> Result<Vec<Found>, Obstacle> {
    Err(Obstacle::new(
        "CUDA is supported on x86-64 Linux and Windows only",
        "use wgpu or the processor on this system",
    ))
}

#[cfg(not(feature = "cuda"))]
fn probe_cuda() -> Result<Vec<Found>, Obstacle> {
    Err(left_out("cuda"))
}

#[cfg(not(all(feature = "cpu", feature = "wgpu", feature = "cuda")))]
fn left_out(feature: &str) -> Obstacle {
    Obstacle::new("this build leaves it out", format!("build the program with --features {feature}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Precision;

    fn device(choice: &str, software: bool) -> DeviceInfo {
        let choice: DeviceChoice = choice.parse().unwrap();
        DeviceInfo {
            kind: choice.kind().unwrap(),
            choice,
            name: "device".into(),
            class: String::new(),
            api: None,
            driver: None,
            memory_bytes: None,
            max_buffer_bytes: None,
            precisions: vec![Precision::F32],
            software,
            unusable: None,
        }
    }

    fn report(kind: BackendKind, devices: Vec<DeviceInfo>) -> BackendReport {
        BackendReport::from_probe(kind, Ok(devices))
    }

    #[test]
    fn every_backend_is_reported_once_and_says_why_it_is_empty() {
        let reports = devices();
        assert_eq!(reports.iter().map(|report| report.kind).collect::<Vec<_>>(), BackendKind::ALL);
        for report in reports {
            assert_eq!(report.devices.is_empty(), report.unavailable.is_some(), "{report:?}");
            if let Some(obstacle) = &report.unavailable {
                assert!(!format!("{obstacle} {}", obstacle.remedy).contains(['\n', ';']), "{obstacle:?}");
            }
            for (index, device) in report.devices.iter().enumerate() {
                assert_eq!(device.kind, report.kind);
                assert!(!device.name.is_empty() && device.precisions.contains(&Precision::F32), "{device:?}");
                let name = match report.kind {
                    BackendKind::Cpu => "cpu".to_owned(),
                    kind => format!("{kind}:{index}"),
                };
                assert_eq!(device.choice, name.parse().unwrap());
            }
        }
    }

    #[test]
    fn automatic_choice_prefers_cuda_then_hardware_then_the_processor() {
        let cpu = report(BackendKind::Cpu, vec![device("cpu", false)]);
        let software = device("wgpu:1", true);
        let pick = |wgpu: Vec<DeviceInfo>, cuda: Vec<DeviceInfo>| {
            let reports = [cpu.clone(), report(BackendKind::Wgpu, wgpu), report(BackendKind::Cuda, cuda)];
            automatic(&reports).unwrap().choice.to_string()
        };
        assert_eq!(pick(vec![software.clone()], vec![]), "cpu");
        assert_eq!(pick(vec![software.clone(), device("wgpu:1", false)], vec![]), "wgpu:1");
        assert_eq!(pick(vec![device("wgpu:0", false)], vec![device("cuda:0", false)]), "cuda:0");
        let too_old = DeviceInfo {
            unusable: Some(Obstacle::new("it is too old", "use another")),
            ..device("cuda:0", false)
        };
        let vulkan = device("wgpu:0", false);
        assert_eq!(pick(vec![vulkan.clone()], vec![too_old.clone(), device("cuda:1", false)]), "cuda:1");
        assert_eq!(pick(vec![vulkan], vec![too_old.clone()]), "wgpu:0");
        assert_eq!(pick(vec![], vec![too_old]), "cpu");
        assert_eq!(automatic(&[report(BackendKind::Wgpu, vec![software])]), None);
    }

    #[cfg(feature = "cpu")]
    #[test]
    fn the_processor_is_always_there() {
        let cpu = select(&DeviceChoice::Cpu).unwrap();
        assert_eq!(cpu.kind, BackendKind::Cpu);
        assert!(cpu.memory_bytes.unwrap() > 64 << 20, "{cpu:?}");
        assert_eq!(automatic(&devices()).unwrap(), &select(&DeviceChoice::Auto).unwrap());
    }

    #[test]
    fn an_index_that_is_not_there_is_refused() {
        for choice in [DeviceChoice::Wgpu(Some(9999)), DeviceChoice::Cuda(9999)] {
            let error = select(&choice).unwrap_err();
            let other = match &error {
                BackendError::NoSuchDevice { .. } => "choose one that `spanbert devices` lists",
                BackendError::Unavailable { .. } => "or choose another device with --device",
                other => panic!("{other:?}"),
            };
            assert!(error.remedy().ends_with(other), "{}", error.remedy());
        }
    }
}

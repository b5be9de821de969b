//! WebGPU in a browser: opened once, which takes waiting; from then on its adapter is found like those of other systems.

use std::sync::{Arc, Mutex, PoisonError};

use burn_wgpu::{RuntimeOptions, WgpuDevice, WgpuSetup, init_device};
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wgpu::{
    Adapter, Backend, Backends, DeviceDescriptor, DeviceLostReason, Features, Instance, InstanceDescriptor,
    InstanceFlags, MemoryHints, PowerPreference, RequestAdapterOptions,
};

use super::{FoundAdapter, Probed, describe};
use crate::{DeviceInfo, Obstacle, fault};

/// What to do where there is no WebGPU that could be used.
const ELSEWHERE: &str = "use the processor, or another browser or computer";

/// What came of opening it.
static OPENED: Mutex<Option<Result<FoundAdapter, Obstacle>>> = Mutex::new(None);

/// Opens the browser's WebGPU adapter, in a window or a worker; a second call tells what came of the first.
///
/// Errors that WebGPU reports by itself from then on, such as of a shader that it does not compile, and the loss of the device,
/// are faults ([`fault::check`]).
///
/// # Errors
/// Why there is none that could be used.
pub async fn open_web_gpu() -> Result<DeviceInfo, Obstacle> {
    if let Some(known) = opened() {
        return known.map(|found| found.info);
    }
    let outcome = open().await;
    *OPENED.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome.clone());
    outcome.map(|found| found.info)
}

/// Gives WebGPU up for good, as after a self-test that it failed: it is an obstacle from now on, and what it still reports is no
/// fault of any other device.
pub fn close_web_gpu(why: &str) {
    let obstacle = Obstacle::new(format!("WebGPU was given up: {why}"), ELSEWHERE);
    *OPENED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Err(obstacle));
}

/// Records a fault, unless WebGPU was given up before.
fn report(message: &str) {
    if !matches!(opened(), Some(Err(_))) {
        fault::report(message, "WebGPU");
    }
}

/// The first line of what the browser says.
fn said(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("JsValue(").map_or(line, |value| value.trim_end_matches(')')).to_owned()
}

/// The adapter that was opened.
///
/// # Errors
/// Why there is none.
pub(crate) fn probe() -> Result<Vec<FoundAdapter>, Obstacle> {
    let closed = || Err(Obstacle::new("WebGPU has not been opened", "open it with open_web_gpu"));
    opened().unwrap_or_else(closed).map(|found| vec![found])
}

fn opened() -> Option<Result<FoundAdapter, Obstacle>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

async fn open() -> Result<FoundAdapter, Obstacle> {
    fault::install();
    let Some(identity) = Identity::of_adapter().await else {
        let cause = "the browser offers no WebGPU adapter";
        let remedy = "use the processor, or a browser with WebGPU and hardware acceleration turned on";
        return Err(Obstacle::new(cause, remedy));
    };
    let instance = Instance::new(InstanceDescriptor {
        backends: Backends::BROWSER_WEBGPU,
        flags: InstanceFlags::empty(),
        ..InstanceDescriptor::new_without_display_handle()
    });
    let wanted = RequestAdapterOptions {
        power_preference: PowerPreference::HighPerformance,
        ..RequestAdapterOptions::default()
    };
    let adapter = instance.request_adapter(&wanted).await.map_err(|error| {
        Obstacle::new(format!("the browser refused its WebGPU adapter: {}", said(&error)), ELSEWHERE)
    })?;
    if !adapter.features().contains(Features::TIMESTAMP_QUERY) {
        let cause = "the browser's WebGPU has no timestamp queries, which the GPU runtime needs";
        return Err(Obstacle::new(cause, ELSEWHERE));
    }
    let mut probed = Probed::from_adapter(&adapter);
    probed.info.name = identity.name;
    let device = start(instance, adapter).await?;
    let mut info = describe(0, &probed);
    if identity.fallback && !info.software {
        info.software = true;
        "software rasteriser".clone_into(&mut info.class);
    }
    Ok(FoundAdapter { info, device })
}

/// Has the adapter make a device, watches it, and hands it to Burn.
async fn start(instance: Instance, adapter: Adapter) -> Result<WgpuDevice, Obstacle> {
    let wanted = DeviceDescriptor {
        required_features: adapter.features().difference(Features::MAPPABLE_PRIMARY_BUFFERS),
        required_limits: adapter.limits(),
        memory_hints: MemoryHints::MemoryUsage,
        ..DeviceDescriptor::default()
    };
    let (device, queue) = adapter.request_device(&wanted).await.map_err(|error| {
        Obstacle::new(format!("the browser's WebGPU device did not start: {}", said(&error)), ELSEWHERE)
    })?;
    device.on_uncaptured_error(Arc::new(|error| report(&error.to_string())));
    device.set_device_lost_callback(|reason, message| {
        if reason != DeviceLostReason::Destroyed {
            report(&format!("the GPU was lost: {message}"));
        }
    });
    // What CubeCL knows of a shader that was not compiled it only logs. A program with a logger of its own keeps it.
    if log::set_logger(&CompileErrors).is_ok() {
        log::set_max_level(log::LevelFilter::Error);
    }
    let setup = WgpuSetup { instance, adapter, device, queue, backend: Backend::BrowserWebGpu };
    Ok(init_device(setup, RuntimeOptions::default()))
}

/// Makes faults of the errors that CubeCL logs.
struct CompileErrors;

impl log::Log for CompileErrors {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() == log::Level::Error && metadata.target().starts_with("cubecl_wgpu")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            // Behind it comes the shader.
            let text = record.args().to_string();
            let text = text.split("\n--- shader source").next().unwrap_or(&text);
            report(text.strip_prefix("[cubecl-wgpu] ").unwrap_or(text));
        }
    }

    fn flush(&self) {}
}

/// What a browser tells of its adapter; wgpu hands on hardly any of it.
struct Identity {
    name: String,
    /// Whether it is the processor in disguise.
    fallback: bool,
}

impl Identity {
    /// None where there is no adapter.
    async fn of_adapter() -> Option<Self> {
        let navigator = get(&js_sys::global(), "navigator")?;
        let gpu = get(&navigator, "gpu")?;
        let request: Function = get(&gpu, "requestAdapter")?.dyn_into().ok()?;
        let promise: Promise = request.call0(&gpu).ok()?.dyn_into().ok()?;
        let adapter = JsFuture::from(promise).await.ok().filter(|adapter| adapter.is_object())?;
        let info = get(&adapter, "info")?;
        let text = |key| get(&info, key).and_then(|value| value.as_string()).filter(|text| !text.is_empty());
        let parts: Vec<String> = ["vendor", "architecture"].into_iter().filter_map(text).collect();
        let name = text("description").or_else(|| text("device")).unwrap_or_else(|| parts.join(" "));
        let fallback = get(&info, "isFallbackAdapter").or_else(|| get(&adapter, "isFallbackAdapter"));
        let software = parts.iter().any(|part| part == "swiftshader");
        Some(Self { name, fallback: software || fallback.is_some_and(|value| value.is_truthy()) })
    }
}

/// A property that is there.
fn get(object: &JsValue, key: &str) -> Option<JsValue> {
    Reflect::get(object, &key.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

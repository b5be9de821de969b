//! What is known about a device before it is opened.

use serde::{Deserialize, Serialize};

use crate::{BackendError, BackendKind, DeviceChoice, Precision};

/// A device as found by probing, without opening it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// The name by which it is chosen.
    pub choice: DeviceChoice,
    /// Backend that drives it.
    pub kind: BackendKind,
    /// Product name.
    pub name: String,
    /// What sort of device: "discrete GPU", "compute capability 9.0", "16 threads".
    pub class: String,
    /// Graphics or compute interface and its version: "Vulkan", "Metal", "CUDA 12.8".
    pub api: Option<String>,
    /// Driver and its version.
    pub driver: Option<String>,
    /// Memory in bytes: the GPU's own, or the machine's for the processor.
    pub memory_bytes: Option<u64>,
    /// Largest single tensor in bytes, where the interface limits it.
    pub max_buffer_bytes: Option<u64>,
    /// Formats it computes in, `f32` first.
    pub precisions: Vec<Precision>,
    /// Whether this is a GPU interface run on the processor (llvmpipe, SwiftShader, WARP): right, but slow.
    pub software: bool,
    /// Why it cannot be used, if so: automatic choice passes it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable: Option<Obstacle>,
}

/// What keeps a backend or a device from being used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{cause}")]
pub struct Obstacle {
    /// What is in the way, in one line.
    pub cause: String,
    /// What to do about it: begins with a verb, one line.
    pub remedy: String,
}

impl Obstacle {
    /// A cause with what to do about it.
    #[must_use]
    pub fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: remedy.into() }
    }
}

impl DeviceInfo {
    /// Whether products can be made in a format here. The processor takes every one: what it has no instructions for it makes in plain
    /// code.
    ///
    /// # Errors
    /// Says what the device computes in.
    pub fn check_precision(&self, precision: Precision) -> Result<(), BackendError> {
        if self.kind == BackendKind::Cpu || self.precisions.contains(&precision) {
            return Ok(());
        }
        let (choice, supported) = (self.choice.clone(), self.precisions.clone());
        Err(BackendError::Precision { choice, precision, supported })
    }

    /// Whether products of f32 operands keep ten bits of their significands, as TF32 tensor cores do. They came with compute
    /// capability 8.0, as bfloat16 did, and CubeCL uses them wherever they are.
    #[must_use]
    pub fn rounds_to_tf32(&self) -> bool {
        self.kind == BackendKind::Cuda && self.precisions.contains(&Precision::Bf16)
    }

    /// Names the hardware and its software: stays the same from run to run, changes with a new driver.
    ///
    /// Results that hold for one device only (tuned kernels, a self-test's verdict) are filed under it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        format!(
            "{}|{}|{}|{}|{}|{}",
            self.choice,
            self.name,
            self.class,
            part(&self.api),
            part(&self.driver),
            self.memory_bytes.unwrap_or_default()
        )
    }
}

/// One backend: its devices, or why it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendReport {
    /// The backend.
    pub kind: BackendKind,
    /// Its devices, by index.
    pub devices: Vec<DeviceInfo>,
    /// Why there is none.
    pub unavailable: Option<Obstacle>,
}

impl BackendReport {
    /// The report of a probe that found devices or a reason why not.
    #[must_use]
    pub fn from_probe(kind: BackendKind, probe: Result<Vec<DeviceInfo>, Obstacle>) -> Self {
        match probe {
            Ok(devices) => Self { kind, devices, unavailable: None },
            Err(obstacle) => Self { kind, devices: Vec::new(), unavailable: Some(obstacle) },
        }
    }
}

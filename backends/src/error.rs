//! Why a backend or a device could not be used.

use crate::{BackendKind, DeviceChoice, Obstacle, Precision, fault};

/// Why a backend or device could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The name is not one of ours.
    #[error("unknown device {0:?}")]
    Unknown(String),
    /// The backend cannot run here.
    #[error("{kind} is not available: {obstacle}")]
    Unavailable {
        /// Which backend.
        kind: BackendKind,
        /// What is missing.
        obstacle: Obstacle,
    },
    /// The backend runs here, but not on this device.
    #[error("device {choice} ({name}) cannot be used: {obstacle}")]
    Unusable {
        /// Which device.
        choice: DeviceChoice,
        /// Product name.
        name: String,
        /// What is in the way.
        obstacle: Obstacle,
    },
    /// The backend runs here, but has no device of this index.
    #[error("there is no device {choice}: {kind} has {count} here", kind = choice.kind().map_or_else(String::new, |kind| kind.to_string()))]
    NoSuchDevice {
        /// What was asked for.
        choice: DeviceChoice,
        /// How many devices the backend has.
        count: usize,
    },
    /// The device does not compute in this number format.
    #[error(
        "device {choice} does not compute in {precision}, only in {}",
        supported.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
    )]
    Precision {
        /// Which device.
        choice: DeviceChoice,
        /// What was asked for.
        precision: Precision,
        /// What it computes in.
        supported: Vec<Precision>,
    },
    /// The device is there, but could not be started, or failed while it worked.
    #[error("device {choice} failed: {reason}")]
    Failed {
        /// Which device.
        choice: DeviceChoice,
        /// What the device or its driver said, in one line.
        reason: String,
    },
    /// The device computes something else than the processor, or breaks down while it is tested.
    #[error("device {choice} ({name}) failed its self-test: {reason}")]
    FailedSelfTest {
        /// Which device.
        choice: DeviceChoice,
        /// Product name.
        name: String,
        /// What went wrong, in one line.
        reason: String,
    },
}

impl BackendError {
    /// What to do about it: begins with a verb, one line.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Unknown(_) => "use auto, cpu, wgpu, wgpu:N, cuda or cuda:N".into(),
            Self::Unavailable { obstacle, .. } | Self::Unusable { obstacle, .. } => {
                format!("{}, or choose another device with --device", obstacle.remedy)
            }
            Self::NoSuchDevice { .. } => "choose one that `spanbert devices` lists".into(),
            Self::Precision { .. } => {
                "use --precision f32, or another device (`spanbert devices` names the precisions of each)"
                    .into()
            }
            Self::Failed { reason, .. } | Self::FailedSelfTest { reason, .. }
                if fault::is_out_of_memory(reason) =>
            {
                "close other programs that use the GPU, or choose another device with --device".into()
            }
            Self::Failed { .. } => {
                "choose another with --device (`spanbert devices --check` tests them), or update its driver"
                    .into()
            }
            Self::FailedSelfTest { .. } => "update its driver, or choose another device with --device".into(),
        }
    }
}

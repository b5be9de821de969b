//! Why a backend or a device could not be used.

use crate::{BackendKind, DeviceChoice, Precision};

/// Why a backend or device could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The name is not one of ours.
    #[error("unknown device {0:?}")]
    Unknown(String),
    /// The backend cannot run here.
    #[error("{kind} is not available: {reason}")]
    Unavailable {
        /// Which backend.
        kind: BackendKind,
        /// Why, in one line, with the remedy where there is one.
        reason: String,
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
}

impl BackendError {
    /// What to do about it: begins with a verb, one line.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Unknown(_) => "use auto, cpu, wgpu, wgpu:N, cuda or cuda:N",
            Self::Unavailable { .. } => "choose one that `spanbert devices` lists, or --backend cpu",
            Self::NoSuchDevice { .. } => "choose one that `spanbert devices` lists",
            Self::Precision { .. } => {
                "use --precision f32, or another device (`spanbert devices` names the precisions of each)"
            }
            Self::Failed { .. } => "try another with --device, `spanbert devices --check` tests them",
        }
        .into()
    }
}

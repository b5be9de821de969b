//! Why a backend or a device could not be used.

use crate::{BackendKind, DeviceChoice, Precision};

/// Why a backend or device could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The name is not one of ours.
    #[error("unknown device {0:?}; use auto, cpu, wgpu, wgpu:N, cuda or cuda:N")]
    Unknown(String),
    /// The backend cannot run here.
    #[error("{kind} is not available: {reason}; `spanbert devices` lists what is")]
    Unavailable {
        /// Which backend.
        kind: BackendKind,
        /// Why, in one line, with the remedy where there is one.
        reason: String,
    },
    /// The backend runs here, but has no device of this index.
    #[error("there is no device {choice}: {kind} has {count} here; `spanbert devices` lists them", kind = choice.kind().map_or_else(String::new, |kind| kind.to_string()))]
    NoSuchDevice {
        /// What was asked for.
        choice: DeviceChoice,
        /// How many devices the backend has.
        count: usize,
    },
    /// The device does not compute in this number format.
    #[error(
        "device {choice} does not compute in {precision}, only in {}; use --precision f32, or another device (`spanbert devices` names the precisions of each)",
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
    #[error(
        "device {choice} failed: {reason}; try another with --device, `spanbert devices --check` tests them"
    )]
    Failed {
        /// Which device.
        choice: DeviceChoice,
        /// What the device or its driver said, in one line.
        reason: String,
    },
}

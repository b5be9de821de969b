//! Whether a GPU computes what the processor computes, asked once per device, driver and version.
//!
//! Drivers and kernel generators have bugs that no error reports: wrong numbers come back, and a training learns
//! nothing. So before a device is first used, a toy SpanBERT is run on it and on the processor: logits, loss,
//! gradients and a few updates, repeatedly, since some faults show only once kernels come from a cache. Fused
//! kernels are tried first, then plain ones; a device on which both fail is refused. In a browser, where nothing can be waited for,
//! the part of it that is about answers ([`check_answers`]) comes before the first model, all of it ([`check_learning`]) before the
//! first training.

mod answers;
mod compare;
#[cfg(feature = "native")]
mod device;
mod learning;
mod observe;
#[cfg(feature = "native")]
mod store;
mod toy;
#[cfg(feature = "native")]
mod worker;

use serde::{Deserialize, Serialize};
use spanbert_backends::{BackendError, DeviceChoice};

use crate::advice::Advice;

pub use answers::check_answers;
#[cfg(feature = "native")]
pub use device::{News, Outcome, Verdict, ensure, test};
pub use learning::check_learning;
#[cfg(feature = "native")]
pub use worker::{COMMAND, answer, use_worker};

/// How often everything is run: the first run tunes and compiles kernels, later ones take them from caches.
const REPEATS: usize = 3;

/// Largest differences from the processor, as parts of the value's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Differences {
    /// Of logits and losses, by the largest logit.
    pub logits: f64,
    /// Of any parameter's gradient, by its norm.
    pub gradients: f64,
    /// Of the logits after a few updates, by the largest logit.
    pub updates: f64,
}

/// Why a device is not used.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// It computes wrong numbers or breaks down, fused and unfused.
    #[error(transparent)]
    Refused(BackendError),
    /// The processor itself could not run the test.
    #[error("the self-test could not run on the processor: {0}")]
    Reference(String),
}

impl Advice for SelfTestError {
    fn remedy(&self) -> String {
        match self {
            Self::Refused(error) => error.remedy(),
            Self::Reference(_) => "use --backend cpu, which needs no self-test".into(),
        }
    }
}

impl From<SelfTestError> for BackendError {
    fn from(error: SelfTestError) -> Self {
        match error {
            SelfTestError::Refused(error) => error,
            SelfTestError::Reference(_) => {
                Self::Failed { choice: DeviceChoice::Cpu, reason: error.to_string() }
            }
        }
    }
}

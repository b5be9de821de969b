//! Why a request has no answer.

use spanbert_core::{
    advice::{self, Advice},
    ask::AskError,
    breakdown::BreakdownError,
    checkpoint::CheckpointError,
    engine::EngineError,
    evaluate::EvaluateError,
    open::OpenError,
    run::RunError,
    squad::SquadError,
    train::{NoSuchSize, TrainError},
};

use crate::{message::Failure, remedy::in_browser};

/// Why there is nothing to reply.
pub(crate) enum Trouble {
    Cancelled,
    Told(Failure),
}

impl Trouble {
    /// What cannot happen has happened.
    pub fn defect(what: &str) -> Self {
        Self::Told(Failure {
            cause: format!("{what}, which is a defect of the program"),
            remedy: advice::REPORT.to_owned(),
            device_failed: false,
        })
    }

    pub fn no_model() -> Self {
        let (cause, remedy) = ("no model is open".to_owned(), "open one first".to_owned());
        Self::Told(Failure { cause, remedy, device_failed: false })
    }

    pub fn told(error: &impl Advice, device_failed: bool) -> Self {
        Self::Told(Failure { cause: error.to_string(), remedy: in_browser(&error.remedy()), device_failed })
    }
}

/// Whether nothing that the device computes can be trusted any more.
fn is_fault(error: &EngineError) -> bool {
    matches!(error, EngineError::Fault(_) | EngineError::Read(_))
}

impl From<OpenError> for Trouble {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::Cancelled => Self::Cancelled,
            OpenError::Engine(engine) => Self::told(&error, is_fault(engine)),
            _ => Self::told(&error, false),
        }
    }
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Self {
        match &error {
            AskError::Cancelled => Self::Cancelled,
            AskError::Engine(engine) => Self::told(&error, is_fault(engine)),
            _ => Self::told(&error, false),
        }
    }
}

impl From<EvaluateError> for Trouble {
    fn from(error: EvaluateError) -> Self {
        match &error {
            EvaluateError::Stopped { .. } => Self::Cancelled,
            EvaluateError::Engine(engine) => Self::told(&error, is_fault(engine)),
            _ => Self::told(&error, false),
        }
    }
}

impl From<TrainError> for Trouble {
    fn from(error: TrainError) -> Self {
        Self::told(&error, error.device_fault().is_some())
    }
}

/// Errors that are not about a device.
macro_rules! told {
    ($($error:ty),+) => {
        $(impl From<$error> for Trouble {
            fn from(error: $error) -> Self {
                Self::told(&error, false)
            }
        })+
    };
}

told!(SquadError, BreakdownError, CheckpointError, RunError, NoSuchSize);

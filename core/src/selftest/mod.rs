//! Whether a GPU computes what the processor computes, asked once per device, driver and version.
//!
//! Drivers and kernel generators have bugs that no error reports: wrong numbers come back, and a training learns
//! nothing. So before a device is first used, a toy SpanBERT is run on it and on the processor: logits, loss,
//! gradients and a few updates, repeatedly, since some faults show only once kernels come from a cache. Fused
//! kernels are tried first, then plain ones; a device on which both fail is refused.

mod compare;
mod observe;
mod store;
mod worker;

use std::path::Path;

use serde::{Deserialize, Serialize};
use spanbert_backends::{BackendError, BackendKind, DeviceChoice, DeviceInfo, Fusion, Precision, fault};

use compare::{Tolerance, compare};
use observe::{Plan, observe};
use worker::{Answer, Request};

use crate::advice::Advice;

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

/// How a device did with one kind of kernels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It agrees with the processor.
    Passed(Differences),
    /// It does not, or it broke down; one line that says how.
    Failed(String),
}

impl Outcome {
    fn passed(&self) -> bool {
        matches!(self, Self::Passed(_))
    }
}

/// What is known about a device after its test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The device.
    pub device: DeviceInfo,
    /// The precision it was tested in.
    #[serde(default)]
    pub precision: Precision,
    /// With fused kernels.
    pub fused: Outcome,
    /// With one kernel per operation; tried only if the fused ones failed.
    pub unfused: Option<Outcome>,
}

impl Verdict {
    /// The kernels to use; none if the device is not to be used at all.
    #[must_use]
    pub fn fusion(&self) -> Option<Fusion> {
        match (&self.fused, &self.unfused) {
            (Outcome::Passed(_), _) => Some(Fusion::Fused),
            (_, Some(Outcome::Passed(_))) => Some(Fusion::Unfused),
            _ => None,
        }
    }

    /// Whether the verdict will hold tomorrow: not if the device broke down or was short of memory, which may have
    /// been another program's doing.
    fn lasts(&self) -> bool {
        let short =
            |outcome: &Outcome| matches!(outcome, Outcome::Failed(why) if fault::is_out_of_memory(why));
        self.fusion().is_some() && !short(&self.fused)
    }
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

/// The kernels to use on a device in a precision: from the stored verdict, else from a test, whose verdict is stored.
///
/// `announce` is called before a test, which takes from seconds to minutes. The processor needs none. A warning comes along
/// if the verdict could not be stored.
///
/// # Errors
/// If the device fails with fused and with plain kernels, or if the processor cannot run the toy model.
pub fn ensure(
    device: &DeviceInfo,
    precision: Precision,
    cache_dir: &Path,
    announce: impl FnOnce(&DeviceInfo),
) -> Result<(Fusion, Option<String>), SelfTestError> {
    if device.kind == BackendKind::Cpu {
        return Ok((Fusion::Fused, None));
    }
    let (verdict, warning) = match store::load(device, precision, cache_dir) {
        Some(verdict) => (verdict, None),
        None => {
            announce(device);
            test(device, precision, Some(cache_dir))?
        }
    };
    verdict.fusion().map(|fusion| (fusion, warning)).ok_or_else(|| refusal(&verdict))
}

/// Tests a device in a precision now, whatever is stored, and stores the verdict in `cache_dir` if it is one that lasts. A
/// warning comes along if it could not be stored: then the next run tests the device again.
///
/// Each attempt is a process of its own if there is a program for it ([`use_worker`]); a device fault in this process
/// is taken back ([`fault::take`]): it is the verdict.
///
/// # Errors
/// If the processor cannot run the toy model.
pub fn test(
    device: &DeviceInfo,
    precision: Precision,
    cache_dir: Option<&Path>,
) -> Result<(Verdict, Option<String>), SelfTestError> {
    let attempt = |fusion| match worker::attempt(&Request { device: device.clone(), fusion, precision }) {
        Answer::Device(outcome) => Ok(outcome),
        Answer::NoReference(reason) => Err(SelfTestError::Reference(reason)),
    };
    let fused = attempt(Fusion::Fused)?;
    let unfused = if fused.passed() { None } else { Some(attempt(Fusion::Unfused)?) };
    let verdict = Verdict { device: device.clone(), precision, fused, unfused };
    let saved = cache_dir.filter(|_| verdict.lasts()).map(|cache_dir| store::save(&verdict, cache_dir));
    let warning = saved.and_then(Result::err).map(|error| {
        format!("the device's self-test will run again next time, its result was not saved: {error}")
    });
    Ok((verdict, warning))
}

fn refusal(verdict: &Verdict) -> SelfTestError {
    let reason = match (&verdict.unfused, &verdict.fused) {
        (Some(Outcome::Failed(reason)), _) | (_, Outcome::Failed(reason)) => reason.clone(),
        _ => String::new(),
    };
    let (choice, name) = (verdict.device.choice.clone(), verdict.device.name.clone());
    SelfTestError::Refused(BackendError::FailedSelfTest { choice, name, reason })
}

/// Makes an attempt in this process, on a thread of its own.
fn attempt_here(request: &Request) -> Answer {
    let plan = Plan::for_device(&request.device, request.precision);
    let reference = match observe(&DeviceChoice::Cpu, Fusion::Fused, plan) {
        Ok(reference) => reference,
        Err(reason) => return Answer::NoReference(reason),
    };
    let outcome = on_own_thread(|| attempt(&request.device, request.fusion, plan, &reference));
    // What a failed attempt left behind must not be blamed on the next.
    fault::take();
    Answer::Device(outcome)
}

fn attempt(device: &DeviceInfo, fusion: Fusion, plan: Plan, reference: &observe::Observations) -> Outcome {
    let mut largest = Differences::default();
    for _ in 0..REPEATS {
        let observed = match observe(&device.choice, fusion, plan) {
            Ok(observed) => observed,
            Err(reason) => return Outcome::Failed(reason),
        };
        let differences = compare(reference, &observed);
        if let Some(reason) = Tolerance::of(device, plan.precision()).exceeded_by(differences) {
            return Outcome::Failed(reason);
        }
        largest = Differences {
            logits: largest.logits.max(differences.logits),
            gradients: largest.gradients.max(differences.gradients),
            updates: largest.updates.max(differences.updates),
        };
    }
    Outcome::Passed(largest)
}

/// Runs the attempt on a fresh thread: a device fault breaks the fusion queue of the thread it happens on.
fn on_own_thread(attempt: impl FnOnce() -> Outcome + Send) -> Outcome {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("self-test".to_owned()).spawn_scoped(scope, attempt);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Failed("the test broke down".to_owned()),
            Err(error) => Outcome::Failed(format!("the test could not start: {error}")),
        }
    })
}

#[cfg(test)]
mod tests;

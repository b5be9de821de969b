//! The whole test, as it is made before a device is used: answers, gradients and updates, in a process of its own.

use std::{fmt, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use spanbert_backends::{BackendError, BackendKind, DeviceChoice, DeviceInfo, Fusion, Precision, fault};

use super::{
    Differences, REPEATS, SelfTestError,
    compare::{Tolerance, compare},
    observe::{self, Plan, Trouble, observe},
    store,
    worker::{self, Answer, Request},
};

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

/// What a self-test, which takes from seconds to minutes, has to say while it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It begins.
    Begins,
    /// It is not done yet.
    GoesOn {
        /// Since the attempt began.
        elapsed: Duration,
        /// Steps done, those of the processor among them.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// The device broke down for this reason and is given another chance.
    OnceMore(String),
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begins => f.write_str("comparing it with the processor…"),
            Self::GoesOn { elapsed, done, of } => write!(
                f,
                "still comparing it with the processor after {} s, at step {done} of {of} (kernels are compiled before their \
                 first use)",
                elapsed.as_secs()
            ),
            Self::OnceMore(reason) => {
                write!(f, "it broke down while it was compared with the processor ({reason}), once more…")
            }
        }
    }
}

/// The kernels to use on a device in a precision: from the stored verdict, else from a test, whose verdict is stored.
///
/// `tell` is told how a test goes. The processor needs none. A warning comes along if the verdict could not be stored.
///
/// # Errors
/// If the device fails with fused and with plain kernels, or if the processor cannot run the toy model.
pub fn ensure(
    device: &DeviceInfo,
    precision: Precision,
    cache_dir: &Path,
    tell: &mut dyn FnMut(News),
) -> Result<(Fusion, Option<String>), SelfTestError> {
    if device.kind == BackendKind::Cpu {
        return Ok((Fusion::Fused, None));
    }
    let (verdict, warning) = match store::load(device, precision, cache_dir) {
        Some(verdict) => (verdict, None),
        None => {
            tell(News::Begins);
            test(device, precision, Some(cache_dir), tell)?
        }
    };
    verdict.fusion().map(|fusion| (fusion, warning)).ok_or_else(|| refusal(&verdict))
}

/// Tests a device in a precision now, whatever is stored, and stores the verdict in `cache_dir` if it is one that lasts. A
/// warning comes along if it could not be stored: then the next run tests the device again.
///
/// Each attempt is a process of its own if there is a program for it ([`use_worker`](super::use_worker)); a device fault in this process
/// is taken back ([`fault::take`]): it is the verdict.
///
/// # Errors
/// If the processor cannot run the toy model.
pub fn test(
    device: &DeviceInfo,
    precision: Precision,
    cache_dir: Option<&Path>,
    tell: &mut dyn FnMut(News),
) -> Result<(Verdict, Option<String>), SelfTestError> {
    let verdict = judge(device, precision, tell, |fusion, tell| {
        worker::attempt(&Request { device: device.clone(), fusion, precision }, tell)
    })?;
    let saved = cache_dir.filter(|_| verdict.lasts()).map(|cache_dir| store::save(&verdict, cache_dir));
    let warning = saved.and_then(Result::err).map(|error| {
        format!("the device's self-test will run again next time, its result was not saved: {error}")
    });
    Ok((verdict, warning))
}

/// The verdict that attempts come to. One that broke down with fused kernels, which may have been another program's doing, is
/// made once more: else plain kernels would be used from then on.
fn judge(
    device: &DeviceInfo,
    precision: Precision,
    tell: &mut dyn FnMut(News),
    attempt: impl Fn(Fusion, &mut dyn FnMut(News)) -> Answer,
) -> Result<Verdict, SelfTestError> {
    let outcome = |answer| match answer {
        Answer::Device(outcome) => Ok(outcome),
        Answer::Broke(reason) => Ok(Outcome::Failed(reason)),
        Answer::NoReference(reason) => Err(SelfTestError::Reference(reason)),
    };
    let fused = match attempt(Fusion::Fused, tell) {
        // A lack of memory is not over a moment later.
        Answer::Broke(reason) if !fault::is_out_of_memory(&reason) => {
            tell(News::OnceMore(reason));
            outcome(attempt(Fusion::Fused, tell))?
        }
        answer => outcome(answer)?,
    };
    let unfused = if fused.passed() { None } else { Some(outcome(attempt(Fusion::Unfused, tell))?) };
    Ok(Verdict { device: device.clone(), precision, fused, unfused })
}

fn refusal(verdict: &Verdict) -> SelfTestError {
    let reason = match (&verdict.unfused, &verdict.fused) {
        (Some(Outcome::Failed(reason)), _) | (_, Outcome::Failed(reason)) => reason.clone(),
        _ => String::new(),
    };
    let (choice, name) = (verdict.device.choice.clone(), verdict.device.name.clone());
    SelfTestError::Refused(BackendError::FailedSelfTest { choice, name, reason })
}

/// How often an attempt calls its `step` in the processor's run, and again in each of the device's.
pub(super) fn steps_of_a_run(request: &Request) -> usize {
    observe::steps(Plan::for_device(&request.device, request.precision))
}

/// Makes an attempt in this process, on a thread of its own.
pub(super) fn attempt_here(request: &Request, step: &(dyn Fn() + Sync)) -> Answer {
    let plan = Plan::for_device(&request.device, request.precision);
    let reference = match observe(&DeviceChoice::Cpu, Fusion::Fused, plan, step) {
        Ok(reference) => reference,
        Err(Trouble::Wrong(reason) | Trouble::Broke(reason)) => return Answer::NoReference(reason),
    };
    let answer = on_own_thread(|| attempt(&request.device, request.fusion, plan, &reference, step));
    // What a failed attempt left behind must not be blamed on the next.
    fault::take();
    answer
}

fn attempt(
    device: &DeviceInfo,
    fusion: Fusion,
    plan: Plan,
    reference: &observe::Observations,
    step: &dyn Fn(),
) -> Answer {
    let mut largest = Differences::default();
    for _ in 0..REPEATS {
        let observed = match observe(&device.choice, fusion, plan, step) {
            Ok(observed) => observed,
            Err(Trouble::Wrong(reason)) => return Answer::Device(Outcome::Failed(reason)),
            Err(Trouble::Broke(reason)) => return Answer::Broke(reason),
        };
        let differences = compare(reference, &observed);
        if let Some(reason) = Tolerance::of(device, plan.precision()).exceeded_by(differences) {
            return Answer::Device(Outcome::Failed(reason));
        }
        largest = Differences {
            logits: largest.logits.max(differences.logits),
            gradients: largest.gradients.max(differences.gradients),
            updates: largest.updates.max(differences.updates),
        };
    }
    Answer::Device(Outcome::Passed(largest))
}

/// Runs the attempt on a fresh thread: a device fault breaks the fusion queue of the thread it happens on.
fn on_own_thread(attempt: impl FnOnce() -> Answer + Send) -> Answer {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("self-test".to_owned()).spawn_scoped(scope, attempt);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Answer::Broke("the test broke down".to_owned()),
            Err(error) => Answer::Broke(format!("the test could not start: {error}")),
        }
    })
}

#[cfg(test)]
#[path = "device_tests.rs"]
pub(super) mod tests;

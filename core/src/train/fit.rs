//! How batches are split to fit on the device: `fit.json` of a run folder.

use serde::{Deserialize, Serialize};

use crate::{json, run::are_counts};

/// What is done at once. None of it changes the mathematics, only memory and the order of rounding, so a resumed run
/// keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    /// Most windows of a training batch computed at once.
    pub micro_batch: usize,
    /// Whether activations are computed again, layer by layer, instead of kept.
    #[serde(default)]
    pub recompute: bool,
    /// Most windows of an evaluation batch.
    pub eval_batch: usize,
    /// Whether the longest batch has been tried on this device.
    #[serde(default)]
    pub probed: bool,
    /// Times the device failed.
    #[serde(default)]
    pub faults: usize,
}

/// What a trainer was doing when its device failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Computing gradients.
    Training,
    /// Answering the development set.
    Evaluating,
}

/// A fault of the device that a test asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InjectedFault {
    /// What it interrupts.
    pub activity: Activity,
    /// Before which update, or in the evaluation after which update; counted over the run from 1.
    pub step: usize,
}

impl std::str::FromStr for InjectedFault {
    type Err = std::num::ParseIntError;

    /// `18`, or `evaluation:24`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (activity, step) = match text.strip_prefix("evaluation:") {
            Some(step) => (Activity::Evaluating, step),
            None => (Activity::Training, text),
        };
        Ok(Self { activity, step: step.parse()? })
    }
}

impl Fit {
    /// Reads the content of a `fit.json`; `None` if it says nothing usable.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let fit: Self = json::parse(text).ok()?;
        let counts = are_counts([fit.micro_batch, fit.eval_batch, fit.faults]);
        (counts && fit.micro_batch > 0 && fit.eval_batch > 0).then_some(fit)
    }

    /// The next smaller one after the device failed: half the windows, then one window layer by layer; `None` if
    /// nothing smaller is left.
    #[must_use]
    pub fn smaller(self, activity: Activity) -> Option<Self> {
        let next = Self { probed: false, faults: self.faults + 1, ..self };
        match activity {
            Activity::Evaluating if self.eval_batch > 1 => {
                Some(Self { eval_batch: self.eval_batch / 2, ..next })
            }
            Activity::Training if self.micro_batch > 1 => {
                Some(Self { micro_batch: self.micro_batch / 2, ..next })
            }
            Activity::Training if !self.recompute => Some(Self { recompute: true, ..next }),
            Activity::Evaluating | Activity::Training => None,
        }
    }

    /// What changed, for the user; `row` says whether windows or texts are counted.
    #[must_use]
    pub fn describe(&self, row: &str) -> String {
        let rows = |count| if count == 1 { format!("1 {row}") } else { format!("{count} {row}s") };
        let how = if self.recompute { ", activations computed again layer by layer" } else { "" };
        format!(
            "training on {} at once{how}, evaluating {} at once",
            rows(self.micro_batch),
            rows(self.eval_batch)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_halves_until_nothing_is_left() {
        let mut fit = Fit { micro_batch: 5, recompute: false, eval_batch: 2, probed: true, faults: 0 };
        let mut seen = Vec::new();
        while let Some(next) = fit.smaller(Activity::Training) {
            seen.push((next.micro_batch, next.recompute));
            fit = next;
        }
        assert_eq!(seen, [(2, false), (1, false), (1, true)]);
        assert_eq!((fit.faults, fit.probed), (3, false));
        let fit = fit.smaller(Activity::Evaluating).unwrap();
        assert_eq!((fit.eval_batch, fit.smaller(Activity::Evaluating)), (1, None));
    }
}

//! What happens in a training, as lines of `events.jsonl`.

use serde::{Deserialize, Serialize};

use crate::score::{HeldOutScores, Scores};

/// What a training is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Reading checkpoint and data, opening the device.
    Loading,
    /// Turning questions into windows.
    Tokenising,
    /// Trying whether the longest batch fits on the device.
    Probing,
    /// Updating weights.
    Training,
    /// Answering the development set.
    Evaluating,
    /// Writing weights.
    Saving,
    /// Waiting for a request to go on.
    Paused,
    /// Done, successfully or not.
    Finished,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Loading => "loading",
            Self::Tokenising => "tokenising",
            Self::Probing => "probing",
            Self::Training => "training",
            Self::Evaluating => "evaluating",
            Self::Saving => "saving",
            Self::Paused => "paused",
            Self::Finished => "finished",
        })
    }
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All steps done.
    Completed,
    /// On request, with everything saved.
    Stopped,
    /// By an error.
    Failed,
}

/// What weights were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// `best/`.
    Best,
    /// `last/`.
    Last,
    /// `checkpoints/step-<n>/`, with the optimizer.
    Training,
}

/// One optimizer update.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepEvent {
    /// Updates done so far, over all trainings of a learning-rate sweep; the first is 1.
    pub step: usize,
    /// Updates of the whole run.
    pub total_steps: usize,
    /// Which training of a learning-rate sweep, from 0.
    pub training: usize,
    /// Epoch of that training, from 0.
    pub epoch: usize,
    /// Loss of the update; in pre-training the sum of both objectives' losses.
    pub loss: f64,
    /// In pre-training, the loss of masked language modelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlm_loss: Option<f64>,
    /// In pre-training, the loss of the span-boundary objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sbo_loss: Option<f64>,
    /// Learning rate of the update.
    pub learning_rate: f64,
    /// Norm of all gradients before clipping; absent if not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grad_norm: Option<f64>,
    /// Windows, or texts of a pre-training, per second since the last report, evaluations and saving left out.
    pub windows_per_sec: f64,
    /// Word pieces per second, padding not counted.
    pub tokens_per_sec: f64,
    /// Seconds since training began, all included.
    pub elapsed_secs: f64,
    /// Seconds to the end as far as can be told, evaluations included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_secs: Option<f64>,
    /// Bytes taken from the device, tensors and reserve, where it can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Where several workers train together, what that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkerTimes>,
}

/// How long the exchange of an update's gradients took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerTimes {
    /// Seconds that each worker waited for the slowest one, by rank.
    pub wait_secs: Vec<f64>,
    /// Seconds that sending, summing and receiving took from then on, in the first worker.
    pub exchange_secs: f64,
}

impl StepEvent {
    /// What the update's rows were: windows of contexts, or the texts of a pre-training.
    #[must_use]
    pub fn row(&self) -> &'static str {
        if self.mlm_loss.is_some() { "text" } else { "window" }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A phase began.
    Phase {
        /// Which.
        phase: Phase,
        /// What in particular.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// An update was made.
    Step(StepEvent),
    /// The run goes on from a checkpoint. What was recorded since that checkpoint is undone and will come again.
    Resumed {
        /// Updates before it; 0 if there was no checkpoint and the run begins again.
        step: usize,
        /// Evaluations before it.
        evaluations: usize,
        /// Device it goes on with.
        device: String,
    },
    /// The device failed. Nothing was saved since; the trainer's process ends and another one goes on.
    Fault {
        /// Updates before it.
        step: usize,
        /// Whether the device was out of memory.
        out_of_memory: bool,
        /// What the device said.
        message: String,
    },
    /// The development set was evaluated.
    Evaluation {
        /// Updates before it.
        step: usize,
        /// Which training of a learning-rate sweep, from 0.
        training: usize,
        /// Epoch, from 0.
        epoch: usize,
        /// Scores by the reference's names.
        scores: Scores,
        /// Whether it is the best so far.
        best: bool,
        /// How long it took.
        secs: f64,
    },
    /// A pre-training was evaluated on held-out text.
    HeldOut {
        /// Updates before it.
        step: usize,
        /// Epoch, from 0.
        epoch: usize,
        /// What came of it.
        scores: HeldOutScores,
        /// Whether it is the best so far.
        best: bool,
        /// How long it took.
        secs: f64,
    },
    /// Weights were written.
    Checkpoint {
        /// Which.
        kind: CheckpointKind,
        /// Updates before it.
        step: usize,
        /// Folder, relative to the run folder.
        path: String,
    },
    /// Something the user should know.
    Warning {
        /// What.
        message: String,
    },
    /// Why the training ends.
    Error {
        /// Cause and remedy.
        message: String,
    },
    /// The last line.
    Finished {
        /// How.
        outcome: Outcome,
        /// Updates made.
        step: usize,
        /// Seconds since training began.
        elapsed_secs: f64,
        /// Why it is complete although updates were left (early stopping).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A line of a later version of this program.
    #[serde(other)]
    Unknown,
}

/// A line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// When, RFC 3339, UTC.
    pub time: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl EventRecord {
    /// Reads a line of `events.jsonl`; `None` if it is no event (torn by a crash, or of something else).
    #[must_use]
    pub fn from_line(line: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(line).ok()?;
        record.event.is_plausible().then_some(record)
    }

    /// The events of a whole `events.jsonl`; a last line without its end and lines that are no events are left out.
    pub fn from_log(log: &[u8]) -> impl Iterator<Item = Self> + '_ {
        let lines = log.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
        lines.filter_map(Self::from_line)
    }
}

/// Largest count that is taken for one: readers add and subtract counts, which must not overflow.
const MAX_COUNT: usize = usize::MAX >> (usize::BITS / 4);

/// Whether all of these can be counts of steps or epochs.
pub(crate) fn are_counts<const N: usize>(counts: [usize; N]) -> bool {
    counts.into_iter().all(|count| count <= MAX_COUNT)
}

impl Event {
    fn is_plausible(&self) -> bool {
        match self {
            Self::Step(event) => are_counts([event.step, event.total_steps, event.training, event.epoch]),
            Self::Evaluation { step, training, epoch, scores, .. } => {
                are_counts([*step, *training, *epoch, scores.total])
            }
            Self::HeldOut { step, epoch, scores, .. } => are_counts([*step, *epoch, scores.pieces]),
            Self::Resumed { step, evaluations, .. } => are_counts([*step, *evaluations]),
            Self::Checkpoint { step, .. } | Self::Fault { step, .. } | Self::Finished { step, .. } => {
                are_counts([*step])
            }
            Self::Phase { .. } | Self::Warning { .. } | Self::Error { .. } | Self::Unknown => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_time_and_kind_first() {
        let record = EventRecord {
            time: "2026-03-01T12:00:00.000Z".into(),
            event: Event::Phase { phase: Phase::Tokenising, detail: None },
        };
        let line = serde_json::to_string(&record).unwrap();
        assert_eq!(line, r#"{"time":"2026-03-01T12:00:00.000Z","event":"phase","phase":"tokenising"}"#);
        assert_eq!(serde_json::from_str::<EventRecord>(&line).unwrap(), record);
    }

    #[test]
    fn kinds_of_later_versions_are_read_as_unknown() {
        let record: EventRecord = serde_json::from_str(r#"{"time":"t","event":"warp","factor":9}"#).unwrap();
        assert_eq!(record.event, Event::Unknown);
    }

    #[test]
    fn counts_that_could_overflow_are_no_event() {
        let line = |epoch: &str| {
            let scores = r#"{"exact":1.0,"f1":1.0,"total":1}"#;
            format!(
                r#"{{"time":"t","event":"evaluation","step":1,"training":0,"epoch":{epoch},"scores":{scores},"best":true,"secs":1.0}}"#
            )
        };
        assert!(EventRecord::from_line(line("3").as_bytes()).is_some());
        assert!(EventRecord::from_line(line("18446744073709551615").as_bytes()).is_none());
    }
}

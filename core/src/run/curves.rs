//! A run's events in the form that charts and tables want, growing as the log does.

use serde::{Deserialize, Serialize};

use super::{CheckpointKind, Event, EventRecord, Outcome, Phase, StepEvent};
use crate::score::{HeldOutScores, Scores};

/// An evaluation of the development set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// When it ended, RFC 3339, UTC.
    pub time: String,
    /// Updates before it.
    pub step: usize,
    /// Which training of a learning-rate sweep, from 0.
    pub training: usize,
    /// Epoch, from 0.
    pub epoch: usize,
    /// Seconds since training began, as of the update before it.
    pub elapsed_secs: f64,
    /// Scores by the reference's names.
    pub scores: Scores,
    /// Whether it was the best when it was made.
    pub best: bool,
    /// How long it took.
    pub secs: f64,
}

/// An evaluation of a pre-training on held-out text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Updates before it.
    pub step: usize,
    /// Epoch, from 0.
    pub epoch: usize,
    /// Seconds since training began, as of the update before it.
    pub elapsed_secs: f64,
    /// What came of it.
    pub scores: HeldOutScores,
    /// Whether it was the best when it was made.
    pub best: bool,
    /// How long it took.
    pub secs: f64,
}

/// How much a [`LogEntry`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// To be looked at.
    Warning,
    /// Something failed.
    Error,
}

/// Something that happened, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When, RFC 3339, UTC.
    pub time: String,
    /// How much it matters.
    pub severity: Severity,
    /// What.
    pub text: String,
}

/// A run so far. Built event by event with [`add`](Self::add); what a resumed trainer went back behind is taken out again,
/// as by [`history`](super::history()).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// Updates in order.
    pub steps: Vec<StepEvent>,
    /// Evaluations in order.
    pub evaluations: Vec<Evaluated>,
    /// Evaluations of a pre-training in order.
    pub held_out: Vec<HeldOut>,
    /// What was told, in order.
    pub messages: Vec<LogEntry>,
    /// Where the newest training checkpoint is, by updates before it.
    pub checkpoint: Option<usize>,
    /// What the trainer is busy with, and what in particular.
    pub phase: Option<(Phase, Option<String>)>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How often something was taken out: while it stays the same, a series only grows at its end.
    pub rewinds: usize,
}

impl Curves {
    /// Takes in the next event of the log.
    pub fn add(&mut self, record: EventRecord) {
        let EventRecord { time, event } = record;
        match event {
            Event::Step(step) => self.steps.push(step),
            Event::Evaluation { step, training, epoch, scores, best, secs } => {
                let elapsed_secs = self.steps.last().map_or(0.0, |last| last.elapsed_secs);
                self.evaluations.push(Evaluated {
                    time,
                    step,
                    training,
                    epoch,
                    elapsed_secs,
                    scores,
                    best,
                    secs,
                });
            }
            Event::HeldOut { step, epoch, scores, best, secs } => {
                let elapsed_secs = self.steps.last().map_or(0.0, |last| last.elapsed_secs);
                self.held_out.push(HeldOut { step, epoch, elapsed_secs, scores, best, secs });
            }
            Event::Resumed { step, evaluations, device } => {
                self.go_back(step, evaluations);
                let from =
                    if step == 0 { "from the beginning".to_owned() } else { format!("after update {step}") };
                self.tell(time, Severity::Note, format!("Resumed {from} on {device}"));
            }
            Event::Checkpoint { kind, step, .. } => {
                if kind == CheckpointKind::Training {
                    self.checkpoint = Some(step);
                }
            }
            Event::Phase { phase, detail } => self.phase = Some((phase, detail)),
            Event::Fault { step, message, .. } => {
                self.tell(time, Severity::Error, format!("After update {step} the device failed: {message}"));
            }
            Event::Warning { message } => self.tell(time, Severity::Warning, message),
            Event::Error { message } => self.tell(time, Severity::Error, message),
            Event::Finished { outcome, step, reason, .. } => {
                self.outcome = Some(outcome);
                let how = match outcome {
                    Outcome::Completed => "Completed",
                    Outcome::Stopped => "Stopped, as asked,",
                    Outcome::Failed => "Failed",
                };
                let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                self.tell(time, Severity::Note, format!("{how} after {}{why}", super::updates(step)));
            }
            Event::Unknown => {}
        }
    }

    /// The evaluation with the best score so far, by the trainer's own judgement.
    #[must_use]
    pub fn best(&self) -> Option<&Evaluated> {
        self.evaluations.iter().rev().find(|evaluated| evaluated.best)
    }

    fn go_back(&mut self, step: usize, evaluations: usize) {
        let kept = self.steps.iter().rposition(|done| done.step <= step).map_or(0, |last| last + 1);
        let evaluated = self.evaluations.len().max(self.held_out.len());
        if kept < self.steps.len() || evaluations < evaluated {
            self.rewinds += 1;
        }
        self.steps.truncate(kept);
        // A run has the ones or the others.
        self.evaluations.truncate(evaluations);
        self.held_out.truncate(evaluations);
        self.outcome = None;
        if self.checkpoint.is_some_and(|checkpoint| checkpoint > step) {
            self.checkpoint = (step > 0).then_some(step);
        }
    }

    fn tell(&mut self, time: String, severity: Severity, text: String) {
        self.messages.push(LogEntry { time, severity, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::history;

    fn record(event: Event) -> EventRecord {
        EventRecord { time: "2026-03-01T12:00:00.000Z".into(), event }
    }

    fn step(step: usize) -> Event {
        Event::Step(StepEvent {
            step,
            total_steps: 9,
            training: 0,
            epoch: 0,
            loss: 1.0 / step as f64,
            learning_rate: 1e-5,
            grad_norm: None,
            windows_per_sec: 2.0,
            tokens_per_sec: 100.0,
            elapsed_secs: step as f64,
            eta_secs: None,
            memory_bytes: None,
            ..StepEvent::default()
        })
    }

    fn evaluation(step: usize, best: bool) -> Event {
        let scores = Scores { exact: 1.0, f1: step as f64, total: 3, ..Scores::default() };
        Event::Evaluation { step, training: 0, epoch: 0, scores, best, secs: 0.5 }
    }

    /// A run that is interrupted twice, once with an evaluation undone.
    fn events() -> Vec<Event> {
        let resumed = |step, evaluations| Event::Resumed { step, evaluations, device: "cpu".into() };
        let training = |step| Event::Checkpoint { kind: CheckpointKind::Training, step, path: "p".into() };
        vec![
            Event::Phase { phase: Phase::Training, detail: None },
            step(1),
            step(2),
            evaluation(2, true),
            training(2),
            step(3),
            evaluation(3, true),
            Event::Warning { message: "hot".into() },
            resumed(2, 1),
            step(3),
            evaluation(3, false),
            step(4),
            Event::Finished { outcome: Outcome::Stopped, step: 4, elapsed_secs: 4.0, reason: None },
            resumed(2, 1),
            step(3),
        ]
    }

    #[test]
    fn what_was_undone_is_gone_as_in_the_history() {
        let mut curves = Curves::default();
        events().into_iter().for_each(|event| curves.add(record(event)));
        let history = history(events().into_iter().map(record));
        let steps: Vec<&StepEvent> = history
            .iter()
            .filter_map(|record| if let Event::Step(step) = &record.event { Some(step) } else { None })
            .collect();
        assert_eq!(curves.steps.iter().collect::<Vec<_>>(), steps);
        let evaluated: Vec<usize> = history
            .iter()
            .filter_map(|record| match &record.event {
                Event::Evaluation { step, .. } => Some(*step),
                _ => None,
            })
            .collect();
        assert_eq!(curves.evaluations.iter().map(|done| done.step).collect::<Vec<_>>(), evaluated);
        assert_eq!((curves.rewinds, curves.outcome, curves.checkpoint), (2, None, Some(2)));
        assert_eq!(curves.best().unwrap().step, 2);
    }

    #[test]
    fn what_was_told_stays() {
        let mut curves = Curves::default();
        events().into_iter().for_each(|event| curves.add(record(event)));
        let texts: Vec<&str> = curves.messages.iter().map(|message| message.text.as_str()).collect();
        let resumed = "Resumed after update 2 on cpu";
        assert_eq!(texts, ["hot", resumed, "Stopped, as asked, after 4 updates", resumed]);
    }
}

//! The events of a run as if it had never been interrupted.

use std::path::Path;

use super::{Event, EventRecord, RunError, read_events};

/// All events of a log that still hold: what a resumed trainer went back behind is left out, as it happened again.
///
/// # Errors
/// If the file exists but cannot be read.
pub fn read_history(path: &Path) -> Result<Vec<EventRecord>, RunError> {
    let mut history = History::default();
    read_events(path)?.into_iter().for_each(|record| history.add(record));
    Ok(history.records.into_iter().flatten().collect())
}

/// Events so far, undone ones taken out, and where those are that can be undone: each is put down and taken up once,
/// however often a run was resumed.
#[derive(Default)]
struct History {
    records: Vec<Option<EventRecord>>,
    /// Updates and checkpoints in order, with their steps.
    steps: Vec<(usize, usize)>,
    evaluations: Vec<usize>,
    ends: Vec<usize>,
}

impl History {
    fn add(&mut self, record: EventRecord) {
        let index = self.records.len();
        match &record.event {
            Event::Step(update) => self.steps.push((update.step, index)),
            Event::Checkpoint { step, .. } => self.steps.push((*step, index)),
            // Counted, because with gradient accumulation several can follow the same update.
            Event::Evaluation { .. } | Event::HeldOut { .. } => self.evaluations.push(index),
            Event::Error { .. } | Event::Finished { .. } => self.ends.push(index),
            Event::Resumed { step, evaluations, .. } => {
                let kept =
                    self.steps.iter().rposition(|(before, _)| before <= step).map_or(0, |last| last + 1);
                let late = self.steps.drain(kept..).map(|(_, index)| index);
                let late = late.chain(self.evaluations.drain((*evaluations).min(self.evaluations.len())..));
                for index in late.chain(self.ends.drain(..)) {
                    if let Some(record) = self.records.get_mut(index) {
                        *record = None;
                    }
                }
            }
            _ => {}
        }
        self.records.push(Some(record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::{EventLog, StepEvent},
        score::Scores,
    };

    fn step(step: usize, loss: f64) -> Event {
        Event::Step(StepEvent {
            step,
            total_steps: 9,
            training: 0,
            epoch: 0,
            loss,
            learning_rate: 0.0,
            grad_norm: None,
            windows_per_sec: 0.0,
            tokens_per_sec: 0.0,
            elapsed_secs: 0.0,
            eta_secs: None,
            memory_bytes: None,
            ..StepEvent::default()
        })
    }

    fn evaluation(step: usize, f1: f64) -> Event {
        let scores = Scores { f1, ..Scores::default() };
        Event::Evaluation { step, training: 0, epoch: 0, scores, best: false, secs: 0.0 }
    }

    #[test]
    fn what_was_done_twice_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let resumed = Event::Resumed { step: 2, evaluations: 1, device: "cpu".into() };
        let failed = Event::Error { message: "killed".into() };
        let all = [
            step(1, 1.0),
            step(2, 2.0),
            evaluation(2, 1.0),
            evaluation(2, 2.0),
            step(3, 3.0),
            failed,
            resumed.clone(),
            evaluation(2, 2.5),
            step(3, 3.5),
        ];
        let mut log = EventLog::open(&path).unwrap();
        all.iter().for_each(|event| log.append(event).unwrap());
        let history: Vec<Event> =
            read_history(&path).unwrap().into_iter().map(|record| record.event).collect();
        let expected =
            [step(1, 1.0), step(2, 2.0), evaluation(2, 1.0), resumed, evaluation(2, 2.5), step(3, 3.5)];
        assert_eq!(history, expected);
    }
}

//! The events of a run as if it had never been interrupted.

use super::{Event, EventRecord};

/// The events that still hold: what a resumed trainer went back behind is left out, as it happened again.
#[must_use]
pub fn history(records: impl IntoIterator<Item = EventRecord>) -> Vec<EventRecord> {
    let mut history = History::default();
    records.into_iter().for_each(|record| history.add(record));
    history.records.into_iter().flatten().collect()
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
    use crate::{run::StepEvent, score::Scores};

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
        let records = all.map(|event| EventRecord { time: String::new(), event });
        let history: Vec<Event> = history(records).into_iter().map(|record| record.event).collect();
        let expected =
            [step(1, 1.0), step(2, 2.0), evaluation(2, 1.0), resumed, evaluation(2, 2.5), step(3, 3.5)];
        assert_eq!(history, expected);
    }
}

//! The events of a run as if it had never been interrupted.

use std::path::Path;

use super::{Event, Record, RunError, read_events};

/// All events of a log that still hold: what a resumed trainer went back behind is left out, as it happened again.
///
/// # Errors
/// If the file exists but cannot be read.
pub fn read_history(path: &Path) -> Result<Vec<Record>, RunError> {
    let mut history: Vec<Record> = Vec::new();
    for record in read_events(path)? {
        if let Event::Resumed { step, evaluations, .. } = record.event {
            undo(&mut history, step, evaluations);
        }
        history.push(record);
    }
    Ok(history)
}

/// Removes updates after `step`, and all but the first `evaluations`. Evaluations are counted because with gradient
/// accumulation several can follow the same update.
fn undo(history: &mut Vec<Record>, step: usize, evaluations: usize) {
    let mut seen = 0;
    history.retain(|record| match &record.event {
        Event::Step(update) => update.step <= step,
        Event::Evaluation { .. } => {
            seen += 1;
            seen <= evaluations
        }
        Event::Checkpoint { step: saved, .. } => *saved <= step,
        Event::Error { .. } | Event::Finished { .. } => false,
        _ => true,
    });
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

//! What training together took, over many updates.

use serde::Serialize;

use super::{StepEvent, WorkerTimes, counted};

/// Means over the updates that the present number of workers has made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerSummary {
    /// Updates.
    pub updates: usize,
    /// Seconds of an update that each worker waited for the slowest one, by rank.
    pub wait_secs: Vec<f64>,
    /// Seconds of an update for sending, summing and receiving gradients.
    pub exchange_secs: f64,
}

impl WorkerSummary {
    /// Of updates in order; `None` if the last of them was made by one process.
    #[must_use]
    pub fn of(steps: &[StepEvent]) -> Option<Self> {
        let workers = steps.last()?.workers.as_ref()?.wait_secs.len();
        let times: Vec<&WorkerTimes> = steps
            .iter()
            .rev()
            .map_while(|step| step.workers.as_ref().filter(|times| times.wait_secs.len() == workers))
            .collect();
        let updates = times.len();
        let mean = |of: &dyn Fn(&WorkerTimes) -> f64| {
            times.iter().map(|times| of(times)).sum::<f64>() / updates.max(1) as f64
        };
        let wait = |rank: usize| mean(&|times| times.wait_secs.get(rank).copied().unwrap_or_default());
        Some(Self {
            updates,
            wait_secs: (0..workers).map(wait).collect(),
            exchange_secs: mean(&|times| times.exchange_secs),
        })
    }

    /// `2 workers, exchange 3.1 ms an update, waiting 0.2 and 4.0 ms`.
    #[must_use]
    pub fn describe(&self) -> String {
        let waits: Vec<String> = self.wait_secs.iter().map(|secs| format!("{:.1}", secs * 1e3)).collect();
        let waits = match waits.as_slice() {
            [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
            waits => waits.join(", "),
        };
        let (count, exchange) = (self.wait_secs.len(), self.exchange_secs * 1e3);
        let workers = counted(count, "worker");
        format!("{workers}, exchange {exchange:.1} ms an update, waiting {waits} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_updates_of_the_present_workers_count() {
        let step = |wait_secs: &[f64]| StepEvent {
            workers: Some(WorkerTimes { wait_secs: wait_secs.to_vec(), exchange_secs: wait_secs[0] * 2.0 }),
            ..StepEvent::default()
        };
        let steps = [step(&[9.0]), step(&[9.0, 9.0, 9.0]), step(&[0.001, 0.0]), step(&[0.003, 0.0])];
        let summary = WorkerSummary::of(&steps).unwrap();
        assert_eq!((summary.updates, summary.wait_secs.as_slice()), (2, &[0.002, 0.0][..]));
        assert_eq!(summary.describe(), "2 workers, exchange 4.0 ms an update, waiting 2.0 and 0.0 ms");
        assert_eq!(WorkerSummary::of(&[step(&[9.0, 1.0]), StepEvent::default()]), None);
        assert_eq!(WorkerSummary::of(&[]), None);
    }
}

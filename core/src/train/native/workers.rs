//! A training by several workers: one in a run folder, the others for it.

use std::{
    future::ready,
    time::{Duration, Instant},
};

use super::{EvaluationFiles, Fit, Host, SavedModel, StopFlag, TrainError, TrainingCheckpoint};
use crate::{
    advice::Advice,
    checkpoint::{Weights, to_safetensors},
    engine::SharedRanks,
    evaluate::BoxFuture,
    features::SkippedQuestion,
    hash::sha256_hex,
    run::{BestScore, Event, Phase, Request, RunError, WorkerTimes, WriteError},
};

/// A host whose answers are the same for all workers.
///
/// The loop decides by what its host says: the time, requests, a stop. Here the first worker's clock and requests are those of
/// all, and a stop of any worker is one of all. So every worker takes the same way through the loop, which knows nothing of
/// workers. What is to be written goes to the worker's own host: a run folder for the first, nothing for the others.
pub(crate) struct WorkersHost<'h> {
    own: &'h mut dyn Host,
    ranks: SharedRanks,
}

impl<'h> WorkersHost<'h> {
    pub fn new(own: &'h mut dyn Host, ranks: SharedRanks) -> Self {
        Self { own, ranks }
    }

    /// Compares what all have computed.
    fn compare(&self, checkpoint: &TrainingCheckpoint) -> Result<(), TrainError> {
        let digest = |tensors: &Weights| {
            let bytes = to_safetensors(tensors, &std::collections::BTreeMap::new());
            let bytes =
                bytes.map_err(|error| RunError::from(WriteError::at("a checkpoint".as_ref())(error)))?;
            Ok::<_, TrainError>(sha256_hex(&bytes))
        };
        let TrainingCheckpoint { progress, weights, optimizer } = checkpoint;
        let own = [digest(weights)?, digest(&optimizer.first)?, digest(&optimizer.second)?].concat();
        let all = self.ranks.borrow_mut().gather(own.as_bytes())?;
        match all.iter().position(|other| Some(other) != all.first()) {
            Some(rank) => Err(TrainError::WorkerDiverged {
                rank,
                step: progress.place.step,
                kept: self.own.newest_saved().unwrap_or_else(|| "those that training began with".into()),
            }),
            None => Ok(()),
        }
    }
}

impl Host for WorkersHost<'_> {
    fn clock(&self) -> Duration {
        let own = u64::try_from(self.own.clock().as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.ranks.borrow_mut().first_number(own))
    }

    fn sleep(&mut self, time: Duration) -> BoxFuture<'_, ()> {
        self.own.sleep(time)
    }

    fn record(&mut self, mut event: Event) -> Result<(), RunError> {
        if let Event::Step(step) = &mut event {
            let times = self.ranks.borrow_mut().take_times();
            step.workers = times
                .map(|times| WorkerTimes { wait_secs: times.wait_secs, exchange_secs: times.exchange_secs });
        }
        self.own.record(event)
    }

    fn progress(&mut self, phase: Phase, done: usize, total: usize) {
        self.own.progress(phase, done, total);
    }

    fn step(&self) -> usize {
        self.own.step()
    }

    fn take_request(&mut self) -> Result<Option<Request>, RunError> {
        let own = self.own.take_request()?;
        const KNOWN: [Request; 4] = [Request::Pause, Request::Resume, Request::Evaluate, Request::Stop];
        let number = KNOWN.iter().position(|request| Some(*request) == own).map_or(0, |place| place + 1);
        let numbers = self.ranks.borrow_mut().numbers(number as u64)?;
        let first = numbers.first().and_then(|number| usize::try_from(*number).ok()).unwrap_or(0);
        Ok(first.checked_sub(1).and_then(|place| KNOWN.get(place).copied()))
    }

    fn is_stop_requested(&self) -> bool {
        let own = self.own.is_stop_requested();
        self.ranks.borrow_mut().any(own)
    }

    fn save_evaluation(&mut self, step: usize, files: EvaluationFiles) -> Result<(), RunError> {
        self.own.save_evaluation(step, files)
    }

    fn save_checkpoint(&mut self, checkpoint: TrainingCheckpoint) -> Result<(), TrainError> {
        if self.ranks.borrow().size() > 1 {
            self.compare(&checkpoint)?;
        }
        self.own.save_checkpoint(checkpoint)
    }

    fn save_best(
        &mut self,
        model: SavedModel<'_>,
        best: &BestScore,
        results: Option<String>,
    ) -> Result<(), TrainError> {
        self.own.save_best(model, best, results)
    }

    fn save_last(&mut self, model: SavedModel<'_>) -> Result<(), TrainError> {
        self.own.save_last(model)
    }

    fn newest_saved(&self) -> Option<String> {
        self.own.newest_saved()
    }

    fn set_total_steps(&mut self, total_steps: usize) {
        self.own.set_total_steps(total_steps);
    }

    fn save_skipped(&mut self, questions: &[SkippedQuestion]) -> Result<(), RunError> {
        self.own.save_skipped(questions)
    }

    fn give_up(&mut self, error: &TrainError) {
        self.ranks.borrow_mut().fail(&error.in_one_line());
    }

    /// What fits on the device of every worker.
    fn settle_fit(&mut self, fit: Fit) -> Result<Fit, TrainError> {
        let rows = [fit.micro_batch, fit.eval_batch, usize::from(!fit.recompute)];
        let mut least = [0; 3];
        for (least, rows) in least.iter_mut().zip(rows) {
            let all = self.ranks.borrow_mut().numbers(rows as u64)?;
            *least = all.into_iter().min().and_then(|rows| usize::try_from(rows).ok()).unwrap_or(rows);
        }
        let [micro_batch, eval_batch, keeps] = least;
        Ok(Fit { micro_batch, eval_batch, recompute: keeps == 0, ..fit })
    }

    fn save_fit(&mut self, fit: &Fit) -> Result<(), RunError> {
        self.own.save_fit(fit)
    }
}

/// The host of a worker that computes for the first one: it writes nothing.
pub(crate) struct Follower {
    stop: StopFlag,
    began: Instant,
    step: usize,
}

impl Follower {
    pub fn new(stop: StopFlag) -> Self {
        Self { stop, began: Instant::now(), step: 0 }
    }
}

impl Host for Follower {
    fn clock(&self) -> Duration {
        self.began.elapsed()
    }

    fn sleep(&mut self, time: Duration) -> BoxFuture<'_, ()> {
        if !time.is_zero() {
            std::thread::sleep(time);
        }
        Box::pin(ready(()))
    }

    fn record(&mut self, event: Event) -> Result<(), RunError> {
        if let Event::Step(step) = event {
            self.step = step.step;
        }
        Ok(())
    }

    fn progress(&mut self, _phase: Phase, _done: usize, _total: usize) {}

    fn step(&self) -> usize {
        self.step
    }

    fn take_request(&mut self) -> Result<Option<Request>, RunError> {
        Ok(None)
    }

    fn is_stop_requested(&self) -> bool {
        self.stop.is_requested()
    }

    fn save_evaluation(&mut self, _step: usize, _files: EvaluationFiles) -> Result<(), RunError> {
        Ok(())
    }

    fn save_checkpoint(&mut self, _checkpoint: TrainingCheckpoint) -> Result<(), TrainError> {
        Ok(())
    }

    fn save_best(
        &mut self,
        _model: SavedModel<'_>,
        _best: &BestScore,
        _results: Option<String>,
    ) -> Result<(), TrainError> {
        Ok(())
    }

    fn save_last(&mut self, _model: SavedModel<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    fn newest_saved(&self) -> Option<String> {
        None
    }
}

//! A run folder and this process as a training's host.

use std::{
    future::ready,
    path::Path,
    time::{Duration, Instant},
};

use super::{
    EvaluationFiles, Fit, Heads, Host, Recorder, SavedModel, StopFlag, TrainError, TrainingCheckpoint,
    checkpoints::{checkpoint_steps, write_checkpoint},
};
use crate::{
    checkpoint::{save, save_pretrained},
    evaluate::BoxFuture,
    features::SkippedQuestion,
    run::{BestScore, Event, Layout, Phase, Request, RunError, replace_outputs, take_request, write_atomic},
};

/// Records and weights go into a run folder, requests come from it and from the stop flag.
pub struct RunHost<'o> {
    recorder: Recorder<'o>,
    layout: Layout,
    stop: StopFlag,
    began: Instant,
}

impl<'o> RunHost<'o> {
    /// A host for the run that `recorder` records.
    #[must_use]
    pub fn new(recorder: Recorder<'o>, stop: StopFlag) -> Self {
        Self { layout: recorder.layout().clone(), recorder, stop, began: Instant::now() }
    }
}

impl Host for RunHost<'_> {
    fn clock(&self) -> Duration {
        self.began.elapsed()
    }

    fn sleep(&mut self, time: Duration) -> BoxFuture<'_, ()> {
        // Nobody waits for this thread.
        if !time.is_zero() {
            std::thread::sleep(time);
        }
        Box::pin(ready(()))
    }

    fn record(&mut self, event: Event) -> Result<(), RunError> {
        self.recorder.record(event)
    }

    fn progress(&mut self, phase: Phase, done: usize, total: usize) {
        self.recorder.progress(phase, done, total);
    }

    fn step(&self) -> usize {
        self.recorder.step()
    }

    fn take_request(&mut self) -> Result<Option<Request>, RunError> {
        take_request(&self.layout)
    }

    fn is_stop_requested(&self) -> bool {
        self.stop.is_requested()
    }

    fn save_evaluation(&mut self, step: usize, files: EvaluationFiles) -> Result<(), RunError> {
        Ok(replace_outputs(&self.layout.evaluation(step), &files)?)
    }

    fn save_checkpoint(&mut self, checkpoint: TrainingCheckpoint) -> Result<(), TrainError> {
        for warning in write_checkpoint(&self.layout, checkpoint)? {
            self.warn(warning)?;
        }
        Ok(())
    }

    fn save_best(
        &mut self,
        model: SavedModel<'_>,
        best: &BestScore,
        results: Option<String>,
    ) -> Result<(), TrainError> {
        write(&self.layout.best(), &model)?;
        if let Some(results) = results {
            write_atomic(&self.layout.eval_results(), results.as_bytes()).map_err(RunError::from)?;
        }
        self.recorder.set_best(best.clone());
        Ok(())
    }

    fn save_last(&mut self, model: SavedModel<'_>) -> Result<(), TrainError> {
        write(&self.layout.last(), &model)
    }

    fn newest_saved(&self) -> Option<String> {
        let newest = checkpoint_steps(&self.layout).first().map(|&step| self.layout.checkpoint(step));
        let best = || self.recorder.best().map(|_| self.layout.best());
        Some(newest.or_else(best)?.display().to_string())
    }

    fn set_total_steps(&mut self, total_steps: usize) {
        self.recorder.set_total_steps(total_steps);
    }

    fn save_skipped(&mut self, questions: &[SkippedQuestion]) -> Result<(), RunError> {
        let lines: String = questions.iter().map(skipped_line).collect();
        Ok(write_atomic(&self.layout.skipped(), lines.as_bytes())?)
    }

    fn save_fit(&mut self, fit: &Fit) -> Result<(), RunError> {
        fit.write(&self.layout)
    }
}

fn write(folder: &Path, model: &SavedModel<'_>) -> Result<(), TrainError> {
    let checkpoint = model.checkpoint();
    let written = match model.heads {
        Heads::QuestionAnswering => save(folder, &checkpoint),
        Heads::Pretraining => save_pretrained(folder, &checkpoint),
    };
    Ok(written?)
}

/// A line of `skipped.jsonl`.
fn skipped_line(question: &SkippedQuestion) -> String {
    let line = serde_json::json!({
        "id": question.qas_id,
        "kind": question.reason.kind(),
        "place": question.place.to_string(),
        "answer": question.answer_text,
    });
    format!("{line}\n")
}

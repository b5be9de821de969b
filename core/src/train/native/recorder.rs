//! Everything that happens, written to the run folder and shown to the observer.

use std::time::{Duration, Instant};

use super::{Observer, Progress};
use crate::run::{
    BestScore, Event, EventLog, Layout, Outcome, Phase, RunError, RunState, ScalarWriter, StepEvent, TrainLog,
};

/// Time between two writes of `state.json` while training.
const STATE_INTERVAL: Duration = Duration::from_secs(1);

/// The four records of a run (`events.jsonl`, `state.json`, `train.log`, `tb/`) behind one call.
pub struct Recorder<'a> {
    layout: Layout,
    events: EventLog,
    text: TrainLog,
    curves: ScalarWriter,
    state: RunState,
    state_written: Instant,
    observer: &'a mut dyn Observer,
}

impl<'a> Recorder<'a> {
    /// Starts the records of a new run with what happened (and the observer saw) before it had a folder.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn start(
        layout: &Layout,
        observer: &'a mut dyn Observer,
        earlier: &[Event],
    ) -> Result<Self, RunError> {
        Self::open(layout, observer, earlier, RunState::starting())
    }

    fn open(
        layout: &Layout,
        observer: &'a mut dyn Observer,
        earlier: &[Event],
        mut state: RunState,
    ) -> Result<Self, RunError> {
        state.write(layout)?;
        let mut recorder = Self {
            events: EventLog::open(&layout.events())?,
            text: TrainLog::open(&layout.train_log())?,
            curves: ScalarWriter::create(&layout.tensorboard())?,
            layout: layout.clone(),
            state,
            state_written: Instant::now(),
            observer,
        };
        for event in earlier {
            recorder.events.append(event)?;
            recorder.text.line(&describe(event))?;
        }
        Ok(recorder)
    }

    /// Goes on with the records of a run after `progress`, or from its beginning without one.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn resume(
        layout: &Layout,
        observer: &'a mut dyn Observer,
        earlier: &[Event],
        progress: Option<&Progress>,
        device: &str,
    ) -> Result<Self, RunError> {
        let mut state = RunState::starting();
        // What began before this process began then; a state that cannot be read was about to be replaced anyway.
        if let Ok(before) = RunState::read(layout) {
            (state.started, state.total_steps) = (before.started, before.total_steps);
        }
        let (step, evaluations) =
            progress.map_or((0, 0), |progress| (progress.place.step, progress.evaluations));
        state.step = step;
        state.epoch = progress.map_or(0, |progress| progress.place.epoch);
        state.best = progress.and_then(|progress| progress.best.clone());
        let mut recorder = Self::open(layout, observer, earlier, state)?;
        recorder.curves.restart(step + 1)?;
        recorder.record(Event::Resumed { step, evaluations, device: device.to_owned() })?;
        Ok(recorder)
    }

    /// Paths of the run.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Says how many updates the run will have.
    pub fn set_total_steps(&mut self, total_steps: usize) {
        self.state.total_steps = total_steps;
    }

    /// Records an event.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn record(&mut self, event: Event) -> Result<(), RunError> {
        self.events.append(&event)?;
        self.text.line(&describe(&event))?;
        match &event {
            Event::Step(step) => self.record_step(step)?,
            Event::Evaluation { step, scores, .. } => {
                let entries = scores.entries().into_iter();
                self.record_scores(*step, entries.filter_map(|(name, value)| Some((name, value.as_f64()?))))?;
            }
            Event::HeldOut { step, scores, .. } => self.record_scores(*step, scores.entries().into_iter())?,
            Event::Phase { phase, .. } => {
                self.state.phase = *phase;
                self.write_state()?;
            }
            Event::Error { message } => self.state.error = Some(message.clone()),
            Event::Finished { outcome, step, reason, .. } => {
                self.state.reason.clone_from(reason);
                self.state.phase = Phase::Finished;
                self.state.outcome = Some(*outcome);
                self.state.step = *step;
                self.state.eta_secs = None;
                self.write_state()?;
            }
            Event::Warning { .. }
            | Event::Checkpoint { .. }
            | Event::Resumed { .. }
            | Event::Fault { .. }
            | Event::Unknown => {}
        }
        self.observer.event(&event);
        Ok(())
    }

    /// Records something the user should know.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn warn(&mut self, message: impl Into<String>) -> Result<(), RunError> {
        self.record(Event::Warning { message: message.into() })
    }

    /// Updates recorded so far.
    #[must_use]
    pub fn step(&self) -> usize {
        self.state.step
    }

    /// The best evaluation so far.
    #[must_use]
    pub fn best(&self) -> Option<&BestScore> {
        self.state.best.as_ref()
    }

    /// Notes the best evaluation for `state.json`.
    pub fn set_best(&mut self, best: BestScore) {
        self.state.best = Some(best);
    }

    /// Shows progress within a phase; not recorded.
    pub fn progress(&mut self, phase: Phase, done: usize, total: usize) {
        self.observer.progress(phase, done, total);
    }

    fn record_step(&mut self, step: &StepEvent) -> Result<(), RunError> {
        let mut values = vec![
            ("train/loss", step.loss),
            ("train/learning_rate", step.learning_rate),
            ("speed/windows_per_sec", step.windows_per_sec),
        ];
        values.extend(step.grad_norm.map(|norm| ("train/grad_norm", norm)));
        values.extend(step.mlm_loss.map(|loss| ("train/mlm_loss", loss)));
        values.extend(step.sbo_loss.map(|loss| ("train/sbo_loss", loss)));
        self.curves.scalars(step.step, &values)?;
        self.state.step = step.step;
        self.state.epoch = step.epoch;
        self.state.eta_secs = step.eta_secs;
        if self.state_written.elapsed() >= STATE_INTERVAL { self.write_state() } else { Ok(()) }
    }

    fn record_scores<'n>(
        &mut self,
        step: usize,
        scores: impl Iterator<Item = (&'n str, f64)>,
    ) -> Result<(), RunError> {
        let values: Vec<(String, f64)> =
            scores.map(|(name, value)| (format!("eval/{name}"), value)).collect();
        let values: Vec<(&str, f64)> = values.iter().map(|(tag, value)| (tag.as_str(), *value)).collect();
        self.curves.scalars(step, &values)
    }

    fn write_state(&mut self) -> Result<(), RunError> {
        self.state_written = Instant::now();
        self.state.write(&self.layout)
    }
}

/// The event as a line of `train.log`.
fn describe(event: &Event) -> String {
    match event {
        Event::Phase { phase, detail: None } => format!("phase: {phase}"),
        Event::Phase { phase, detail: Some(detail) } => format!("phase: {phase}, {detail}"),
        Event::Step(step) => format!(
            "step {}/{} epoch {} loss {:.6} lr {:.3e} {:.1} {}s/s",
            step.step,
            step.total_steps,
            step.epoch,
            step.loss,
            step.learning_rate,
            step.windows_per_sec,
            step.row()
        ),
        Event::Evaluation { step, epoch, scores, best, secs, .. } => {
            let values: Vec<String> =
                scores.entries().into_iter().map(|(name, value)| format!("{name} {value}")).collect();
            let mark = if *best { ", the best so far" } else { "" };
            format!("evaluation at step {step}, epoch {epoch}, {secs:.1} s{mark}: {}", values.join(", "))
        }
        Event::HeldOut { step, epoch, scores, best, secs } => {
            let values: Vec<String> =
                scores.entries().into_iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
            let mark = if *best { ", the best so far" } else { "" };
            format!("held-out text at step {step}, epoch {epoch}, {secs:.1} s{mark}: {}", values.join(", "))
        }
        Event::Resumed { step: 0, device, .. } => format!("began again on {device}"),
        Event::Resumed { step, device, .. } => format!("resumed after step {step} on {device}"),
        Event::Fault { step, message, .. } => format!("the device failed after step {step}: {message}"),
        Event::Checkpoint { step, path, .. } => format!("saved {path} at step {step}"),
        Event::Warning { message } => format!("warning: {message}"),
        Event::Error { message } => format!("error: {message}"),
        Event::Finished { outcome, step, elapsed_secs, reason } => {
            let how = match outcome {
                Outcome::Completed => "completed",
                Outcome::Stopped => "stopped on request",
                Outcome::Failed => "failed",
            };
            let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            format!("{how} at step {step} after {elapsed_secs:.1} s{why}")
        }
        Event::Unknown => "an event of a later version".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::read_events;

    #[derive(Default)]
    struct Seen(Vec<String>);

    impl Observer for Seen {
        fn event(&mut self, event: &Event) {
            if let Event::Warning { message } = event {
                self.0.push(message.clone());
            }
        }
    }

    #[test]
    fn a_warning_reaches_the_watcher_the_log_and_the_events() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let mut seen = Seen::default();
        Recorder::start(&layout, &mut seen, &[]).unwrap().warn("the weights are odd").unwrap();
        assert_eq!(seen.0, ["the weights are odd"]);
        let log = std::fs::read_to_string(layout.train_log()).unwrap();
        assert!(log.contains("warning: the weights are odd"), "{log}");
        let warned = |event: &Event| matches!(event, Event::Warning { message } if message.contains("odd"));
        assert!(read_events(&layout.events()).unwrap().iter().any(|record| warned(&record.event)));
    }

    #[test]
    fn why_a_run_is_complete_stands_in_its_state_and_log() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let mut seen = Seen::default();
        let reason = Some("f1 has not improved on 20.00 for 2 evaluations".to_owned());
        let finished =
            |reason| Event::Finished { outcome: Outcome::Completed, step: 8, elapsed_secs: 1.0, reason };
        Recorder::start(&layout, &mut seen, &[]).unwrap().record(finished(reason.clone())).unwrap();
        assert_eq!(RunState::read(&layout).unwrap().reason, reason);
        let log = std::fs::read_to_string(layout.train_log()).unwrap();
        assert!(log.contains("completed at step 8 after 1.0 s: f1 has not improved on 20.00"), "{log}");
    }
}

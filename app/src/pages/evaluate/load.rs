//! Reading an evaluation without holding up a frame.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, TryRecvError, channel},
};

use egui::Context;
use spanbert_core::{
    demo,
    evaluate::{Record, ResultsFile, StoredEvaluation, Verdict, evaluated_steps},
    run::{Environment, Layout, RunState},
    squad::Dataset,
};

/// How far the reading is.
pub(super) enum Load {
    /// Nothing chosen.
    Nothing,
    /// A thread reads.
    Running(Receiver<Result<Box<Loaded>, String>>),
    /// Everything is there.
    Done(Box<Loaded>),
    /// Why not.
    Failed(String),
}

/// An evaluation with what belongs to it.
pub(super) struct Loaded {
    /// The run folder.
    pub(super) run: PathBuf,
    /// Updates before the evaluation.
    pub(super) step: usize,
    /// All evaluations of the run.
    pub(super) steps: Vec<usize>,
    /// The one whose weights were kept.
    pub(super) best_step: Option<usize>,
    /// Scores.
    pub(super) results: ResultsFile,
    /// The questions.
    pub(super) records: Vec<Record>,
    /// Their passages; why not, if the data set is not to be had.
    pub(super) dataset: Result<Dataset, String>,
    /// Above this score difference a question counts as unanswered; infinite for SQuAD 1.1.
    pub(super) threshold: f64,
    /// Changed with the threshold, so that a table knows.
    pub(super) revision: u64,
}

impl Load {
    /// Starts to read the evaluation after `step` updates, or the run's best, else its last.
    pub(super) fn start(context: &Context, run: PathBuf, step: Option<usize>) -> Self {
        let (sender, receiver) = channel();
        let context = context.clone();
        let read = move || {
            // The window may be closed, or something else chosen by now.
            let _ = sender.send(Loaded::read(&run, step).map(Box::new));
            context.request_repaint();
        };
        match std::thread::Builder::new().name("evaluation".to_owned()).spawn(read) {
            Ok(_) => Self::Running(receiver),
            Err(error) => Self::Failed(format!("the evaluation could not be read: {error}")),
        }
    }

    /// Takes the evaluation if it is there.
    pub(super) fn poll(&mut self) {
        if let Self::Running(receiver) = self {
            *self = match receiver.try_recv() {
                Ok(Ok(loaded)) => Self::Done(loaded),
                Ok(Err(message)) => Self::Failed(message),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    Self::Failed("the reading of the evaluation ended without an answer".to_owned())
                }
            };
        }
    }
}

impl Loaded {
    fn read(run: &Path, step: Option<usize>) -> Result<Self, String> {
        let layout = Layout::new(run);
        let steps = evaluated_steps(&layout);
        let best_step = RunState::read(&layout).ok().and_then(|state| state.best).map(|best| best.step);
        let best = best_step.filter(|step| steps.contains(step));
        let Some(step) = step.or(best).or(steps.last().copied()) else {
            return Err(format!(
                "{} holds no evaluation yet; it appears here after the training's first",
                run.display()
            ));
        };
        let StoredEvaluation { results, records } =
            StoredEvaluation::read(&layout.evaluation(step)).map_err(|error| error.to_string())?;
        let threshold = match &results.named {
            Some(named) => named.stored_threshold.map_or(named.best_threshold.threshold, |at| at.threshold),
            None => f64::INFINITY,
        };
        let dataset = dataset(&layout);
        Ok(Self {
            run: run.to_owned(),
            step,
            steps,
            best_step,
            results,
            records,
            dataset,
            threshold,
            revision: 0,
        })
    }

    /// The passage of a question.
    pub(super) fn passage(&self, record: &Record) -> Option<&str> {
        let dataset = self.dataset.as_ref().ok()?;
        let paragraph = dataset.articles.get(record.article)?.paragraphs.get(record.paragraph)?;
        // The file may have changed since.
        paragraph.questions.iter().any(|question| question.id == record.id).then_some(&paragraph.context)
    }

    /// Decides anew which questions count as answered.
    pub(super) fn set_threshold(&mut self, threshold: f64) {
        if self.threshold.to_bits() != threshold.to_bits() {
            self.threshold = threshold;
            self.revision += 1;
        }
    }

    pub(super) fn verdict_name(verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Exact => "Exact",
            Verdict::Partial => "Partial",
            Verdict::Wrong => "Wrong",
            Verdict::WronglyAbstained => "Missed",
            Verdict::AnsweredUnanswerable => "Should abstain",
            Verdict::RightlyAbstained => "Rightly abstained",
        }
    }
}

/// The development data of a run.
fn dataset(layout: &Layout) -> Result<Dataset, String> {
    let environment = Environment::read(layout).map_err(|error| error.to_string())?;
    let Some(data) = environment.dev_data else {
        return Err("the run does not say what was evaluated".to_owned());
    };
    let dataset = match demo::built_in(&data.path) {
        Some(json) => json.map_err(|error| error.to_string()).and_then(|json| {
            Dataset::from_bytes(json.as_bytes(), &data.path).map_err(|error| error.to_string())
        }),
        None => Dataset::from_path(Path::new(&data.path)).map_err(|error| error.to_string()),
    };
    dataset.map_err(|error| format!("the passages are not at hand: {error}"))
}

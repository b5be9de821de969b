//! Reading an evaluation without holding up a frame.

#[cfg(target_family = "wasm")]
mod handed;
#[cfg(not(target_family = "wasm"))]
mod on_disk;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
};

use egui::Context;
use spanbert_core::{
    advice::Advice,
    breakdown::{Analysis, Case},
    evaluate::{EvaluateError, ResultsFile},
    squad::Dataset,
};

#[cfg(target_family = "wasm")]
use self::handed::read;
#[cfg(not(target_family = "wasm"))]
use self::on_disk::read;
use crate::{background, widgets::count};

/// Which evaluation is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A run's: after so many updates, or the best.
    Run(PathBuf, Option<usize>),
    /// A folder of its own.
    Folder(PathBuf),
}

impl Source {
    /// The run or folder.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Run(path, _) | Self::Folder(path) => path,
        }
    }
}

/// How far the reading is.
pub(super) enum Load {
    /// Nothing chosen.
    Nothing,
    /// It is being read.
    Running(Receiver<Result<Box<Loaded>, Failure>>),
    /// Everything is there.
    Done(Box<Loaded>),
    /// Why not.
    Failed(Failure),
}

/// Why an evaluation is not shown.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) message: String,
    /// Whether naming the data set may help.
    pub(super) wants_data: bool,
}

/// An evaluation with what belongs to it.
pub(super) struct Loaded {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// The run it is of, and the updates before it.
    run: Option<(PathBuf, usize)>,
    /// All evaluations of the run.
    pub(super) steps: Vec<usize>,
    /// The one whose weights were kept.
    pub(super) best_step: Option<usize>,
    pub(super) results: ResultsFile,
    pub(super) analysis: Arc<Analysis>,
    /// What the data set and the predictions are to be looked at for.
    pub(super) warnings: Vec<String>,
    dataset: Dataset,
}

impl Load {
    /// Starts to read; `data` is the data set to use instead of the one that was recorded.
    pub(super) fn start(context: &Context, source: &Source, data: Option<PathBuf>) -> Self {
        let source = source.clone();
        let work = async move { read(&source, data.as_deref()).await.map(Box::new).map_err(Failure::from) };
        match background::find_async(context, "evaluation", work) {
            Ok(receiver) => Self::Running(receiver),
            Err(error) => {
                let message = format!("the evaluation could not be read: {error}");
                Self::Failed(Failure { message, wants_data: false })
            }
        }
    }

    /// Takes the evaluation if it is there. Gives whether something changed.
    pub(super) fn poll(&mut self) -> bool {
        let Self::Running(receiver) = self else { return false };
        *self = match receiver.try_recv() {
            Ok(Ok(loaded)) => Self::Done(loaded),
            Ok(Err(failure)) => Self::Failed(failure),
            Err(TryRecvError::Empty) => return false,
            Err(TryRecvError::Disconnected) => Self::Failed(Failure {
                message: "the reading of the evaluation ended without an answer".to_owned(),
                wants_data: false,
            }),
        };
        true
    }

    /// What was read.
    pub(super) fn done(&self) -> Option<&Loaded> {
        match self {
            Self::Done(loaded) => Some(loaded),
            _ => None,
        }
    }
}

/// The error in a line, with what to do about it here.
fn told(error: &EvaluateError) -> String {
    #[cfg(target_family = "wasm")]
    let told = format!("{error}; {}", spanbert_web::remedy::in_browser(&error.remedy()));
    #[cfg(not(target_family = "wasm"))]
    let told = error.in_one_line();
    told
}

impl From<EvaluateError> for Failure {
    fn from(error: EvaluateError) -> Self {
        Self {
            wants_data: matches!(
                error,
                EvaluateError::DataUnknown { .. }
                    | EvaluateError::Data { .. }
                    | EvaluateError::Squad(_)
                    | EvaluateError::Breakdown(_)
            ),
            message: told(&error),
        }
    }
}

impl Loaded {
    /// An evaluation that stands alone.
    fn new(folder: PathBuf, dataset: Dataset, results: ResultsFile, analysis: Analysis) -> Self {
        let mut warnings = dataset.warning_lines();
        if analysis.missing > 0 {
            let text =
                format!("{} questions have no prediction and count as unanswered", count(analysis.missing));
            warnings.push(text);
        }
        if analysis.other_questions > 0 {
            let others = count(analysis.other_questions);
            warnings
                .push(format!("{others} predictions are for questions that {} does not have", analysis.data));
        }
        let (run, steps, best_step) = (None, Vec::new(), None);
        Self { folder, run, steps, best_step, results, analysis: Arc::new(analysis), warnings, dataset }
    }

    /// The passage of a question.
    pub(super) fn passage(&self, case: &Case) -> Option<&str> {
        let paragraph = self.dataset.articles.get(case.article)?.paragraphs.get(case.paragraph)?;
        Some(&paragraph.context)
    }

    /// Updates before the evaluation, if it is a run's.
    pub(super) fn step(&self) -> Option<usize> {
        self.run.as_ref().map(|(_, step)| *step)
    }
}

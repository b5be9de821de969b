//! Evaluations in folders, of runs and of their own.

use std::path::{Path, PathBuf};

use spanbert_core::{
    evaluate::{AnalysedEvaluation, EvaluateError, EvaluationPlace, evaluated_steps},
    run::{Layout, RunState},
    squad::Dataset,
};

use super::{Loaded, Source};

/// Reads an evaluation; `data` is the data set to use instead of the one that was recorded.
///
/// # Errors
/// If a file is missing or damaged, or the data set is not the one that was answered.
#[allow(clippy::unused_async, reason = "its twin for browsers waits")]
pub(super) async fn read(source: &Source, data: Option<&Path>) -> Result<Loaded, EvaluateError> {
    let place = match source {
        Source::Run(run, step) => EvaluationPlace::of_run(run, *step)?,
        Source::Folder(folder) => EvaluationPlace::find(folder)?,
    };
    let dataset = data.map(Dataset::from_path).transpose()?;
    let AnalysedEvaluation { place, dataset, results, analysis } = place.analyse(dataset)?;
    let mut loaded = Loaded::new(place.folder, dataset, results, analysis);
    if let Some((run, _)) = &place.run {
        let layout = Layout::new(run);
        loaded.steps = evaluated_steps(&layout);
        loaded.best_step = RunState::read(&layout).ok().and_then(|state| state.best).map(|best| best.step);
    }
    loaded.run = place.run;
    Ok(loaded)
}

impl Source {
    /// The folder that is opened to look at it.
    pub(in super::super) fn folder(&self) -> PathBuf {
        match self {
            Self::Run(run, _) => Layout::new(run).evaluations(),
            Self::Folder(folder) => folder.clone(),
        }
    }
}

impl Loaded {
    /// The checkpoint that gave the answers, or one that is as near as can be.
    pub(in super::super) fn checkpoint(&self) -> Option<PathBuf> {
        match &self.run {
            Some((run, _)) => {
                let layout = Layout::new(run);
                [layout.best(), layout.last()].into_iter().find(|path| path.is_dir())
            }
            None => self.results.only_model().map(PathBuf::from).filter(|path| path.is_dir()),
        }
    }
}

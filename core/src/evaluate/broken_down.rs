//! A stored evaluation made ready for its breakdown.

use std::path::{Path, PathBuf};

use super::{EvaluateError, StoredEvaluation, evaluated_steps};
use crate::{
    breakdown::{Analysis, NbestLists},
    demo,
    run::{Environment, Layout, RunState, updates},
    squad::Dataset,
};

/// Where an evaluation lies: a folder with `results.json`, alone or in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationPlace {
    /// The folder.
    pub folder: PathBuf,
    /// The run it is of, and the updates before it.
    pub run: Option<(PathBuf, usize)>,
}

/// An evaluation with its data set and everything measured about it.
#[derive(Clone, Debug)]
pub struct AnalysedEvaluation {
    /// Where it lies.
    pub place: EvaluationPlace,
    /// The data set that was answered.
    pub dataset: Dataset,
    /// Scores.
    pub results: super::ResultsFile,
    /// The questions.
    pub analysis: Analysis,
}

impl EvaluationPlace {
    /// The evaluation in a folder, or, if that is a run, its best one, else its last.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(folder: &Path) -> Result<Self, EvaluateError> {
        if folder.join("results.json").is_file() {
            let run = folder.parent().and_then(Path::parent).filter(|run| is_run(run));
            let step = folder.file_name().and_then(|name| name.to_str()?.strip_prefix("step-")?.parse().ok());
            return Ok(Self { folder: folder.to_owned(), run: run.map(Path::to_owned).zip(step) });
        }
        Self::of_run(folder, None)
    }

    /// The evaluation of a run after `step` updates, or its best one, else its last.
    ///
    /// # Errors
    /// If there is none.
    pub fn of_run(run: &Path, step: Option<usize>) -> Result<Self, EvaluateError> {
        let layout = Layout::new(run);
        let steps = evaluated_steps(&layout);
        let best = RunState::read(&layout).ok().and_then(|state| state.best).map(|best| best.step);
        let best = best.filter(|step| steps.contains(step));
        let Some(step) = step.or(best).or(steps.last().copied()) else {
            return Err(EvaluateError::NoEvaluation { folder: run.display().to_string() });
        };
        Ok(Self { folder: layout.evaluation(step), run: Some((run.to_owned(), step)) })
    }

    /// A name for tables: the run's and the updates, or the folder's.
    #[must_use]
    pub fn name(&self) -> String {
        let last = |path: &Path| {
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into())
        };
        match &self.run {
            Some((run, step)) => format!("{} after {}", last(run), updates(*step)),
            None => last(&self.folder),
        }
    }

    /// The data set that was answered, as far as the folder tells.
    ///
    /// # Errors
    /// If it does not, or the file is gone or unreadable.
    pub fn dataset(&self, results: &super::ResultsFile) -> Result<Dataset, EvaluateError> {
        let unknown = || EvaluateError::DataUnknown { folder: self.folder.display().to_string() };
        let path = match (&results.data, &self.run) {
            (Some(data), _) => data.path.clone(),
            (None, Some((run, _))) => {
                let environment = Environment::read(&Layout::new(run)).map_err(|_| unknown())?;
                environment.dev_data.ok_or_else(unknown)?.path
            }
            (None, None) => return Err(unknown()),
        };
        let built_in = demo::built_in(&path).transpose();
        Ok(
            match built_in
                .map_err(|error| EvaluateError::Data { path: path.clone(), message: error.to_string() })?
            {
                Some(json) => Dataset::from_json(&json, &path)?,
                None => Dataset::from_path(Path::new(&path))?,
            },
        )
    }

    /// Reads the evaluation and measures its questions. Without `dataset` it is looked for.
    ///
    /// # Errors
    /// If a file is missing or damaged, or the data set is not the one that was answered.
    pub fn analyse(self, dataset: Option<Dataset>) -> Result<AnalysedEvaluation, EvaluateError> {
        let stored = StoredEvaluation::read(&self.folder)?;
        let dataset = match dataset {
            Some(dataset) => dataset,
            None => self.dataset(&stored.results)?,
        };
        let nbest = nbest(&self.folder)?;
        let answers = stored.answers(self.name(), nbest);
        let analysis = Analysis::new(&dataset, answers)?;
        Ok(AnalysedEvaluation { place: self, dataset, results: stored.results, analysis })
    }
}

fn is_run(folder: &Path) -> bool {
    let layout = Layout::new(folder);
    layout.environment().is_file() || layout.recipe().is_file()
}

/// The n-best lists, if they are there.
fn nbest(folder: &Path) -> Result<Option<NbestLists>, EvaluateError> {
    let path = folder.join("nbest_predictions.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(NbestLists::from_json(&text, &path.display().to_string())?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EvaluateError::read(&path)(error)),
    }
}

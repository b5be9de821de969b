//! Evaluations that were made in this page or handed to it.

use std::path::{Path, PathBuf};

use spanbert_core::{
    breakdown::{Analysis, NbestLists},
    demo,
    evaluate::{EvaluateError, StoredEvaluation},
    run::{Environment, RunState},
    squad::Dataset,
};

use super::{Loaded, Source};
use crate::{background::pause, files, widgets::checkpoint_name};

/// Records that are read between two frames.
const RECORDS: usize = 500;
/// Bytes of lists of answers that are read between two frames.
const BYTES: usize = 512 << 10;
/// Questions that are measured between two frames.
const QUESTIONS: usize = 400;

/// Reads an evaluation; `data` is the data set to use instead of the one that was recorded. Frames are drawn between the steps.
///
/// # Errors
/// If a file is missing or damaged, or the data set is not the one that was answered.
pub(super) async fn read(source: &Source, data: Option<&Path>) -> Result<Loaded, EvaluateError> {
    let Source::Run(run, step) = source else {
        return read_folder(source.path(), data.map(Path::to_owned)).await;
    };
    let evaluations = run.join("eval");
    let folders = files::folders(&evaluations).into_iter();
    let step_of =
        |folder: &PathBuf| folder.file_name()?.to_str()?.strip_prefix("step-")?.parse::<usize>().ok();
    let mut steps: Vec<usize> = folders
        .filter(|folder| files::is_file(&folder.join("results.json")))
        .filter_map(|folder| step_of(&folder))
        .collect();
    steps.sort_unstable();
    let state = content(&run.join("state.json")).await.ok();
    let state = state.and_then(|text| RunState::from_json(&text, Path::new("state.json")).ok());
    let best = state.and_then(|state| state.best).map(|best| best.step);
    let wanted = step.or(best.filter(|best| steps.contains(best))).or(steps.last().copied());
    let none = || EvaluateError::NoEvaluation { folder: run.display().to_string() };
    let step = wanted.filter(|step| steps.contains(step)).ok_or_else(none)?;
    let data = match data {
        Some(data) => Some(data.to_owned()),
        // The file that a run evaluates on stands in its environment.
        None => {
            let text = content(&run.join("environment.json")).await.unwrap_or_default();
            let environment = Environment::from_json(&text, Path::new("environment.json")).ok();
            environment.and_then(|made| made.dev_data).map(|data| PathBuf::from(data.path))
        }
    };
    let mut loaded = read_folder(&evaluations.join(format!("step-{step}")), data).await?;
    (loaded.run, loaded.steps, loaded.best_step) = (Some((run.clone(), step)), steps, best);
    Ok(loaded)
}

async fn read_folder(folder: &Path, data: Option<PathBuf>) -> Result<Loaded, EvaluateError> {
    let results = content(&folder.join("results.json")).await?;
    let records = content(&folder.join("records.jsonl")).await?;
    let mut paused = async || pause().await;
    let stored = StoredEvaluation::in_parts(folder, &results, &records, RECORDS, &mut paused).await?;
    drop((results, records));
    pause().await;
    let data = match (data, &stored.results.data) {
        (Some(data), _) => data,
        (None, Some(recorded)) => PathBuf::from(&recorded.path),
        (None, None) => return Err(EvaluateError::DataUnknown { folder: folder.display().to_string() }),
    };
    let dataset = dataset(&data).await?;
    pause().await;
    let path = folder.join("nbest_predictions.json");
    let nbest = if files::is_file(&path) {
        let text = content(&path).await?;
        let (text, name) = (String::from_utf8_lossy(&text), path.display().to_string());
        Some(NbestLists::in_parts(&text, &name, BYTES, &mut paused).await?)
    } else {
        None
    };
    pause().await;
    let answers = stored.answers(checkpoint_name(folder), nbest);
    pause().await;
    let analysis = Analysis::in_parts(&dataset, answers, QUESTIONS, paused).await?;
    Ok(Loaded::new(folder.to_owned(), dataset, stored.results, analysis))
}

async fn dataset(path: &Path) -> Result<Dataset, EvaluateError> {
    let name = path.display().to_string();
    let failed = |message| EvaluateError::Data { path: name.clone(), message };
    if let Some(made) = demo::built_in(&name) {
        return Ok(Dataset::from_json(&made.map_err(|error| failed(error.to_string()))?, &name)?);
    }
    // A folder that was dropped names a file of the disk that it was made on.
    if !files::is_file(path) {
        return Err(failed("it has not been handed to this page".to_owned()));
    }
    let bytes = files::read(path).await.map_err(|error| failed(error.to_string()))?;
    Ok(Dataset::from_bytes(&bytes, &name)?)
}

async fn content(path: &Path) -> Result<Vec<u8>, EvaluateError> {
    let failed = |source| EvaluateError::Read { path: path.display().to_string(), source };
    files::read(path).await.map_err(failed)
}

impl Loaded {
    /// The checkpoint that gave the answers, if it is at hand.
    pub(in super::super) fn checkpoint(&self) -> Option<PathBuf> {
        let of_run = self.run.iter().flat_map(|(run, _)| ["best", "last"].map(|name| run.join(name)));
        of_run.chain(self.results.only_model().map(PathBuf::from)).find(|path| files::is_checkpoint(path))
    }
}

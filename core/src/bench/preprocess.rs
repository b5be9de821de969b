//! Time from a SQuAD file to windows.

use std::{ops::ControlFlow, path::Path, time::Instant};

use serde::Serialize;

use super::{Summary, peak_host_bytes};
use crate::{
    advice::Advice,
    features::{FeatureError, WindowOptions, evaluation_examples, training_examples, windows},
    squad::{Dataset, SquadError},
    tokenizer::BertTokenizer,
};

/// How long a file took, step by step; seconds over the runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreprocessRow {
    /// Whether answers' positions were found, as for training.
    pub targets: bool,
    /// Times the whole file was worked through.
    pub runs: usize,
    /// Questions that gave windows or could have.
    pub questions: usize,
    /// Windows.
    pub windows: usize,
    /// Word pieces in them, special ones included.
    pub pieces: usize,
    /// Reading and checking the file.
    pub read_secs: Summary,
    /// Cutting contexts into words (and, for training, finding the answers' words).
    pub words_secs: Summary,
    /// Word pieces and windows.
    pub windows_secs: Summary,
    /// The two together: what a tokenizer's benchmark would measure.
    pub prepare_secs: Summary,
    /// From the file to windows.
    pub total_secs: Summary,
    /// Questions a second of `prepare_secs`' median.
    pub questions_per_sec: f64,
    /// Windows a second, likewise.
    pub windows_per_sec: f64,
    /// Word pieces a second, likewise.
    pub pieces_per_sec: f64,
    /// Most memory of this process, in bytes, where known.
    pub peak_host_bytes: Option<u64>,
}

/// Why a file could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PreprocessError {
    /// It cannot be read.
    #[error(transparent)]
    Squad(#[from] SquadError),
    /// It has no windows, or not those asked for.
    #[error(transparent)]
    Feature(#[from] FeatureError),
}

impl Advice for PreprocessError {
    fn remedy(&self) -> String {
        match self {
            Self::Squad(error) => error.remedy(),
            Self::Feature(error) => error.remedy(),
        }
    }
}

/// Works through a file `runs` times, at least once, with the functions of trainer and evaluation. `progress` is told
/// how many runs of how many are done and may break off after the first.
///
/// # Errors
/// If the file or the options do not do.
pub fn preprocess(
    path: &Path,
    tokenizer: &BertTokenizer,
    options: &WindowOptions,
    targets: bool,
    runs: usize,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<PreprocessRow, PreprocessError> {
    let (mut read, mut words, mut cut) = (Vec::new(), Vec::new(), Vec::new());
    let (mut questions, mut window_count, mut pieces) = (0, 0, 0);
    for run in 1..=runs.max(1) {
        let begun = Instant::now();
        let dataset = Dataset::from_path(path)?;
        dataset.validate()?;
        read.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let examples = if targets { training_examples(&dataset).0 } else { evaluation_examples(&dataset) };
        words.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let windows = windows(&examples, tokenizer, options, targets)?;
        cut.push(begun.elapsed().as_secs_f64());
        questions = examples.len();
        window_count = windows.len();
        pieces = windows.iter().map(|window| window.input_ids.len()).sum();
        if progress(run, runs).is_break() {
            break;
        }
    }
    let prepare: Vec<f64> = words.iter().zip(&cut).map(|(words, cut)| words + cut).collect();
    let total = read.iter().zip(&prepare).map(|(read, prepare)| read + prepare);
    let prepare_secs = Summary::of_runs(&prepare);
    let secs = prepare_secs.median.max(1e-9);
    Ok(PreprocessRow {
        targets,
        runs: read.len(),
        questions,
        windows: window_count,
        pieces,
        total_secs: Summary::of_runs(&total.collect::<Vec<_>>()),
        read_secs: Summary::of_runs(&read),
        words_secs: Summary::of_runs(&words),
        windows_secs: Summary::of_runs(&cut),
        prepare_secs,
        questions_per_sec: questions as f64 / secs,
        windows_per_sec: window_count as f64 / secs,
        pieces_per_sec: pieces as f64 / secs,
        peak_host_bytes: peak_host_bytes(),
    })
}

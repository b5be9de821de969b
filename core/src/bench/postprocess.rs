//! Time from logits to scores.

use std::{ops::ControlFlow, sync::Arc, time::Instant};

use serde::Serialize;

use super::{Summary, peak_host_bytes};
use crate::{
    advice::Advice,
    answers::{
        AnswerOptions, NpyLogits,
        jsonl::{JsonlError, LogitSource, postprocess as answers_from_logits},
    },
    evaluate::{EvaluateError, EvaluateOptions, Evaluation},
    features::{Example, Window},
    score::{GoldQuestions, Scores},
    squad::Dataset,
    tokenizer::BertTokenizer,
};

/// How long a data set's answers took, step by step; seconds over the runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PostprocessRow {
    /// Times the whole data set was worked through.
    pub runs: usize,
    /// Questions.
    pub questions: usize,
    /// Windows.
    pub windows: usize,
    /// Entries of all n-best lists: how much there was to do depends on the logits.
    pub nbest_entries: usize,
    /// Ranking logits, pairing them, and recovering texts.
    pub nbest_secs: Summary,
    /// The reference's scores, the official ones, the three named ones and the threshold curve.
    pub score_secs: Summary,
    /// Both.
    pub total_secs: Summary,
    /// Questions a second of `total_secs`' median.
    pub questions_per_sec: f64,
    /// What came out, to compare with another program's.
    pub scores: Scores,
    /// Most memory of this process, in bytes, where known.
    pub peak_host_bytes: Option<u64>,
}

/// Why there are no answers or scores.
#[derive(Debug, thiserror::Error)]
pub enum PostprocessError {
    /// Logits and windows do not fit.
    #[error(transparent)]
    Answers(#[from] JsonlError),
    /// The answers cannot be scored.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

impl Advice for PostprocessError {
    fn remedy(&self) -> String {
        match self {
            Self::Answers(error) => error.remedy(),
            Self::Evaluate(error) => error.remedy(),
        }
    }
}

/// Works through logits `runs` times, at least once, with the functions of `spanbert postprocess` and of an evaluation.
/// `progress` is told how many runs of how many are done and may break off after the first.
///
/// # Errors
/// If logits, windows and data set do not belong together.
pub fn postprocess(
    dataset: &Arc<Dataset>,
    (examples, windows): (&[Example], &[Window]),
    logits: NpyLogits<'_>,
    tokenizer: &BertTokenizer,
    options: &AnswerOptions,
    runs: usize,
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<PostprocessRow, PostprocessError> {
    let gold = GoldQuestions::from_dataset(dataset);
    let (mut nbest_secs, mut score_secs) = (Vec::new(), Vec::new());
    let (mut entries, mut scores) = (0, Scores::default());
    for run in 1..=runs.max(1) {
        let begun = Instant::now();
        let predictions =
            answers_from_logits(examples, windows, LogitSource::Npy(logits), tokenizer, options)?;
        nbest_secs.push(begun.elapsed().as_secs_f64());
        entries = predictions.iter().map(|prediction| prediction.nbest.len()).sum();
        let begun = Instant::now();
        let evaluation =
            Evaluation::new(Arc::clone(dataset), &gold, predictions, &EvaluateOptions::default())?;
        score_secs.push(begun.elapsed().as_secs_f64());
        scores = evaluation.results.run_squad;
        if progress(run, runs).is_break() {
            break;
        }
    }
    let total: Vec<f64> = nbest_secs.iter().zip(&score_secs).map(|(nbest, score)| nbest + score).collect();
    let total_secs = Summary::of_runs(&total);
    Ok(PostprocessRow {
        runs: total.len(),
        questions: examples.len(),
        windows: windows.len(),
        nbest_entries: entries,
        nbest_secs: Summary::of_runs(&nbest_secs),
        score_secs: Summary::of_runs(&score_secs),
        questions_per_sec: examples.len() as f64 / total_secs.median.max(1e-9),
        total_secs,
        scores,
        peak_host_bytes: peak_host_bytes(),
    })
}

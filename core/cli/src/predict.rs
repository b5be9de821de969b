//! `spanbert predict`: answers to a file of questions, scored or not.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{
    data,
    error::CliError,
    evaluate::{EvaluationArgs, prepare, warn_if_damaged, with_progress},
    flags::{JsonArgs, OverwriteArgs},
    names::{DataArg, ModelArg},
    output,
};
use spanbert_core::{
    answers::{Prediction, nbest_json, null_odds_json, predictions_json},
    evaluate::{Abstention, non_finite_windows},
};

/// Answer a SQuAD file, with or without gold answers, and write predictions.json, nbest_predictions.json and, if the model
/// may abstain, null_odds.json.
#[derive(Debug, Args)]
pub(super) struct PredictCommand {
    /// Checkpoint folder, such as the best/ of a run, or the name of a fetched model.
    #[arg(long, value_name = "DIR")]
    model: ModelArg,
    /// The questions: SQuAD JSON, Hugging Face rows or MRQA, also gzip-compressed; or - for standard input.
    #[arg(long, value_name = "FILE")]
    data: DataArg,
    /// Folder for the answers.
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    settings: EvaluationArgs,
    #[command(flatten)]
    output: JsonArgs,
}

#[derive(Serialize)]
struct Predicted<'a> {
    output_dir: &'a PathBuf,
    questions: usize,
    answered: usize,
    abstention: Abstention,
    threshold: Option<f64>,
    /// Windows whose logits were not finite; any at all means that the answers mean nothing.
    non_finite_windows: usize,
}

impl PredictCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let out = output::folder(&self.output_dir, "predict", &ANSWERS, self.overwrite)?;
        self.settings.abstention.check()?;
        let dataset = data::dataset(&self.data.input()?)?;
        let mut model = self.settings.open(&self.model.folder()?)?;
        let options = self.settings.options(&model)?;
        let prepared = prepare(&model, dataset, &options)?;
        let abstention = prepared.abstention();
        let threshold =
            abstention.allowed.then(|| options.threshold.or(model.meta.threshold).unwrap_or_default());
        let predictions = with_progress(|progress| Ok(prepared.predict(model.engine.as_mut(), progress)?))?;
        out.replace(&files(&predictions, threshold)?)?;
        let answered = |prediction: &&Prediction| match threshold {
            Some(threshold) => !prediction.text_at(threshold).is_empty(),
            None => !prediction.text.is_empty(),
        };
        let summary = Predicted {
            output_dir: &self.output_dir,
            questions: predictions.len(),
            answered: predictions.iter().filter(answered).count(),
            abstention,
            threshold,
            non_finite_windows: non_finite_windows(&predictions),
        };
        warn_if_damaged(summary.non_finite_windows);
        if self.output.json {
            return output::json(&summary);
        }
        output::line(format_args!(
            "answered {} of {} questions{}; wrote {}",
            summary.answered,
            summary.questions,
            threshold.map_or_else(String::new, |threshold| format!(" at threshold {threshold}")),
            self.output_dir.join("predictions.json").display()
        ))
    }
}

/// Names of the files of answers.
pub(super) const ANSWERS: [&str; 3] = ["predictions.json", "nbest_predictions.json", "null_odds.json"];

/// The files of answers; with a threshold answers above it are blanked, and the null odds come along.
pub(super) fn files(
    predictions: &[Prediction],
    threshold: Option<f64>,
) -> Result<Vec<(&'static str, Vec<u8>)>, CliError> {
    let mut files = vec![predictions_json(predictions, threshold), nbest_json(predictions)];
    files.extend(threshold.map(|_| null_odds_json(predictions)));
    let named = ANSWERS.into_iter().zip(files);
    named.map(|(name, json)| Ok((name, json.map_err(CliError::no_json)?.into_bytes()))).collect()
}

//! `spanbert predict`: answers to questions, scored or not: a file's by one process or several, or lines from a pipe.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    data,
    error::CliError,
    evaluate::{EvaluationArgs, prepare, warn_if_damaged, with_progress},
    flags::{JsonArgs, OverwriteArgs},
    lines,
    model::OpenedModel,
    names::{DataArg, ModelArg},
    output,
    shards::{ShardJob, merge_shards},
    workers::check_alone,
};
use spanbert_core::{
    answers::{Prediction, nbest_json, null_odds_json, predictions_json},
    evaluate::{Abstention, EvaluateOptions, PreparedEvaluation, Shard, is_shard, non_finite_windows},
};

/// Answer questions: a SQuAD file's, with or without gold answers, or those of JSON lines from a pipe.
///
/// For a file, predictions.json, nbest_predictions.json and, if the model may abstain, null_odds.json are written. Several
/// processes share the work with --shard 1/N to N/N, on one machine or many; --merge then writes what one process would have
/// written.
///
/// With --lines, lines such as {"id": 1, "question": "…", "context": "…"} are read from standard input, and for each one a line
/// such as {"id": 1, "answer": "…", "probability": 0.9, "score_diff": -3.1} is written, in the same order and as soon as the
/// input pauses. An answer of null means that the passage does not answer the question. A line that cannot be read becomes
/// {"line": N, "error": "…"}, and the others go on.
#[derive(Debug, Args)]
pub(super) struct PredictCommand {
    /// Checkpoint folder, such as the best/ of a run, or the name of a fetched model.
    #[arg(long, value_name = "DIR", required_unless_present = "merge")]
    model: Option<ModelArg>,
    /// The questions: SQuAD JSON, Hugging Face rows or MRQA, also gzip-compressed; or - for standard input.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["merge", "lines"])]
    data: Option<DataArg>,
    /// Folder for the answers; with --shard, for the folders of all shards.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["merge", "lines"])]
    output_dir: Option<PathBuf>,
    /// Answer only one of N parts of the file, of whole paragraphs: 3/8 is the third of eight. A shard that is finished is not
    /// done again, unless --overwrite is given.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Put the finished shards of this folder together, there or in --output-dir.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["shard", "model", "data", "lines"])]
    merge: Option<PathBuf>,
    /// Answer JSON lines from standard input, each with question and context, to JSON lines on standard output.
    #[arg(long, conflicts_with_all = ["shard", "data", "output_dir"])]
    lines: bool,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    settings: EvaluationArgs,
    #[command(flatten)]
    output: JsonArgs,
}

#[derive(Serialize)]
struct Predicted<'a> {
    output_dir: &'a Path,
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
        if let Some(folder) = self.output_dir.as_deref().filter(|folder| is_shard(folder)) {
            return Err(CliError::new(
                format!("{} is a finished shard", folder.display()),
                "choose another --output-dir",
            ));
        }
        if let Some(folder) = &self.merge {
            let ensemble = (!self.settings.ensemble.is_empty()).then(|| "ensemble".to_owned());
            if let Some(name) = self.settings.given().into_keys().chain(ensemble).next() {
                return Err(CliError::new(
                    format!("--{name} has no effect on shards that are answered already"),
                    "leave it out, or make the shards anew with it",
                ));
            }
            return merge_shards(folder, self.output_dir.as_deref(), self.overwrite, self.output);
        }
        if self.shard.is_none() && !self.lines {
            check_alone(
                "answer the whole file",
                "give each its part with --shard I/N, or start one process",
            )?;
        }
        let Some(model) = &self.model else { return Err(CliError::new("no model given", "add --model DIR")) };
        self.settings.abstention.check()?;
        if self.lines {
            return lines::run(self.settings.open(&model.folder()?)?, &self.settings);
        }
        let (Some(data), Some(folder)) = (&self.data, &self.output_dir) else {
            return Err(CliError::new("no file of questions given", "add --data FILE and --output-dir DIR"));
        };
        if let Some(shard) = self.shard {
            return ShardJob {
                shard,
                model: model.folder()?,
                data: data.input()?,
                folder,
                overwrite: self.overwrite,
                settings: &self.settings,
                output: self.output,
            }
            .run();
        }
        self.predict(&model.folder()?, &data.input()?, folder)
    }

    /// Answers a whole file.
    fn predict(&self, model: &Path, data: &Path, folder: &Path) -> Result<(), CliError> {
        let out = output::folder(folder, "predict", &ANSWERS, self.overwrite)?;
        let dataset = data::dataset(data)?;
        let mut model = self.settings.open(model)?;
        let options = self.settings.options(&model)?;
        let prepared = prepare(&model, dataset, &options)?;
        let threshold = threshold_of(&prepared, &options, &model);
        let predictions = with_progress(|progress| Ok(prepared.predict(model.engine.as_mut(), progress)?))?;
        out.replace(&files(&predictions, threshold)?)?;
        let summary = Predicted {
            output_dir: folder,
            questions: predictions.len(),
            answered: predictions.iter().filter(|prediction| is_answered(prediction, threshold)).count(),
            abstention: prepared.abstention(),
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
            folder.join("predictions.json").display()
        ))
    }
}

/// The null score difference above which there is no answer; none if the model may not abstain.
pub(super) fn threshold_of(
    prepared: &PreparedEvaluation,
    options: &EvaluateOptions,
    model: &OpenedModel,
) -> Option<f64> {
    let allowed = prepared.abstention().allowed;
    allowed.then(|| options.threshold.or(model.meta.threshold).unwrap_or_default())
}

/// Whether a question has an answer at a threshold.
pub(super) fn is_answered(prediction: &Prediction, threshold: Option<f64>) -> bool {
    match threshold {
        Some(threshold) => !prediction.text_at(threshold).is_empty(),
        None => !prediction.text.is_empty(),
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

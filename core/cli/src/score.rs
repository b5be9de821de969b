//! `spanbert score`: the official SQuAD scores of any program's predictions.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    data,
    error::CliError,
    flags::{self, JsonArgs, LanguageArgs},
    names::DataArg,
    output, scores_table,
    table::Paint,
};
use spanbert_core::score::{
    AnswerFile, GoldQuestions, IdMap, NullOdds, ScoreError, fill_missing, official, unknown_ids,
};

/// Score a predictions file as the official script does: evaluate-v2.0.py, for SQuAD 1.1 data with the rules of
/// evaluate-v1.1.py.
#[derive(Debug, Args)]
pub(super) struct ScoreCommand {
    /// The gold answers: SQuAD JSON, Hugging Face rows or MRQA, also gzip-compressed; or - for standard input.
    #[arg(long, value_name = "FILE")]
    data: DataArg,
    /// JSON object from question ids to answers, "" for none; or the `evaluate` library's list of {"id",
    /// "prediction_text", "no_answer_probability"}.
    #[arg(long, value_name = "FILE")]
    predictions: PathBuf,
    /// JSON object from question ids to the odds of "no answer"; adds the best thresholds and average precisions.
    #[arg(long, visible_alias = "na-prob-file", value_name = "FILE")]
    null_odds: Option<PathBuf>,
    /// Null odds above this turn an answer into "no answer".
    #[arg(
        long, visible_alias = "threshold", value_name = "X", default_value_t = 1.0, allow_hyphen_values = true,
        value_parser = flags::threshold
    )]
    na_prob_thresh: f64,
    /// Count questions without a prediction as unanswered instead of refusing.
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    language: LanguageArgs,
    #[command(flatten)]
    output: JsonArgs,
}

impl ScoreCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let dataset = data::read(&self.data.input()?)?;
        data::warn_about_ids(&dataset);
        if !dataset.has_gold_answers() {
            return Err(ScoreError::NoGoldAnswers { file: dataset.source_name }.into());
        }
        let language = self.language.language_for(&dataset);
        let gold = GoldQuestions::official(&dataset, language);
        let AnswerFile { mut predictions, null_odds } = data::answer_file(&self.predictions)?;
        warn_of_unknown(&gold, &predictions, &self.predictions);
        let (mut null_odds, odds_file): (Option<NullOdds>, &Path) = match &self.null_odds {
            Some(file) => {
                let odds = data::null_odds(file)?;
                warn_of_unknown(&gold, &odds, file);
                (Some(odds), file)
            }
            None => (null_odds, &self.predictions),
        };
        if self.allow_missing {
            let missing = fill_missing(&gold, &mut predictions, null_odds.as_mut());
            if missing > 0 {
                output::warn(format_args!(
                    "{missing} of {} questions have no prediction and count as unanswered",
                    gold.questions.len()
                ));
            }
        }
        let evaluation = official(&gold, &predictions, null_odds.as_ref(), self.na_prob_thresh)
            .map_err(|error| self.explained(error, odds_file))?;
        let mut scores = evaluation.scores;
        if let Some(curves) = &evaluation.precision_recall {
            scores.set_precision_recall(curves);
        }
        if self.output.json {
            output::json(&scores)
        } else {
            output::print(&scores_table::official(&scores, Paint::stdout()))
        }
    }

    /// The error with the file it is about.
    fn explained(&self, error: ScoreError, odds_file: &Path) -> CliError {
        let file = file_of(&error, &self.predictions, odds_file);
        let can_be_filled = matches!(error, ScoreError::MissingPredictions { .. });
        let error = CliError::from(error).within(file.display());
        if can_be_filled { error.or_try("or add --allow-missing") } else { error }
    }
}

/// Which of two files an error is about.
pub(super) fn file_of<'a>(error: &ScoreError, predictions: &'a Path, null_odds: &'a Path) -> &'a Path {
    match error {
        ScoreError::MissingNullOdds { .. } | ScoreError::OtherDataSet { what: "null odds", .. } => null_odds,
        _ => predictions,
    }
}

/// Says how many ids of a file are none of the data set's; nothing if all are, which is an error of its own.
fn warn_of_unknown<V>(gold: &GoldQuestions, values: &IdMap<V>, file: &Path) {
    if let Some(unknown) = unknown_ids(gold, values).filter(|unknown| unknown.count < values.len()) {
        output::warn(format_args!("{}: left out {unknown}", file.display()));
    }
}

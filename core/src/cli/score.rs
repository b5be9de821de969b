//! `spanbert score`: the official SQuAD scores of any program's predictions.

use std::path::PathBuf;

use clap::Args;

use super::{data, error::CliError, flags::JsonArgs, names::DataArg, output, scores_table, table::Paint};
use crate::{
    score::{GoldQuestions, official},
    squad::Dataset,
};

/// Score a predictions file as the official evaluate-v2.0.py does.
#[derive(Debug, Args)]
pub(super) struct ScoreCommand {
    /// SQuAD file with the gold answers.
    #[arg(long, value_name = "FILE")]
    data: DataArg,
    /// JSON object from question ids to answers, "" for none.
    #[arg(long, value_name = "FILE")]
    predictions: PathBuf,
    /// JSON object from question ids to the odds of "no answer"; adds the best thresholds and average precisions.
    #[arg(long, visible_alias = "na-prob-file", value_name = "FILE")]
    null_odds: Option<PathBuf>,
    /// Null odds above this turn an answer into "no answer".
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    na_prob_thresh: f64,
    #[command(flatten)]
    output: JsonArgs,
}

impl ScoreCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let gold = GoldQuestions::from_dataset(&Dataset::from_path(&self.data.file()?)?);
        let predictions = data::predictions(&self.predictions)?;
        let null_odds = self.null_odds.as_deref().map(data::null_odds).transpose()?;
        let evaluation = official(&gold, &predictions, null_odds.as_ref(), self.na_prob_thresh)
            .map_err(|error| CliError::from(error).within(self.predictions.display()))?;
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
}

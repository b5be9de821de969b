//! `spanbert bench postprocess`: seconds from logits to scores.

use std::{fs, path::PathBuf, sync::Arc};

use clap::Args;
use serde::Serialize;

use super::{
    report::{self, gibibytes, short},
    whole_file::{WholeFileArgs, phases_table},
};
use crate::{data, error::CliError, flags::AnswerArgs, table::Paint};
use spanbert_core::{
    answers::{AnswerOptions, NpyLogits},
    bench::{BenchEnvironment, PostprocessRow, postprocess, synthetic_logits},
    features::{evaluation_examples, windows},
    run::write_atomic,
    squad::SquadVersion,
};

/// Measure drawing answers from logits, and scoring them.
#[derive(Debug, Args)]
pub(super) struct PostprocessBench {
    /// SQuAD file with gold answers.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    #[command(flatten)]
    answer: AnswerArgs,
    /// NumPy file of f32 [windows, 2, length] in the order of the windows; without it logits are made up.
    #[arg(long, value_name = "FILE")]
    logits: Option<PathBuf>,
    /// Decides made-up logits.
    #[arg(long, value_name = "N", default_value_t = 42, conflicts_with = "logits")]
    seed: u64,
    /// Write the made-up logits into this .npy file, for another program to be measured with.
    #[arg(long, value_name = "FILE", conflicts_with = "logits")]
    save_logits: Option<PathBuf>,
    #[command(flatten)]
    file: WholeFileArgs,
}

#[derive(Serialize)]
struct PostprocessReport {
    bench: &'static str,
    implementation: &'static str,
    environment: BenchEnvironment,
    data: PathBuf,
    /// Absent for made-up ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    logits: Option<PathBuf>,
    n_best_size: usize,
    max_answer_length: usize,
    rows: [PostprocessRow; 1],
    stopped: bool,
}

impl PostprocessBench {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let options = self.file.windows();
        let tokenizer = self.file.tokenizer()?;
        let dataset = Arc::new(data::dataset(&self.data)?);
        let examples = evaluation_examples(&dataset);
        let windows = windows(&examples, &tokenizer, &options, false)?;
        let file = match &self.logits {
            Some(path) => fs::read(path).map_err(|error| {
                CliError::new(format_args!("{}: cannot be read: {error}", path.display()), "check the path")
            })?,
            None => synthetic_logits(&windows, options.max_seq_length, self.seed),
        };
        if let Some(path) = &self.save_logits {
            write_atomic(path, &file)?;
        }
        let place = self.logits.as_deref().unwrap_or(&self.data);
        let logits =
            NpyLogits::parse(&file).map_err(|error| CliError::from(error).within(place.display()))?;
        let answer = AnswerOptions {
            version_2_with_negative: dataset.version == SquadVersion::V2,
            ..self.answer.over(AnswerOptions::default())
        };
        let (row, stopped) = self.file.measure("scoring", |runs, progress| {
            postprocess(&dataset, (&examples, &windows), logits, &tokenizer, &answer, runs, progress)
                .map_err(|error| CliError::from(error).within(place.display()))
        })?;
        let report = PostprocessReport {
            bench: "postprocess",
            implementation: "spanbert",
            environment: BenchEnvironment::of_this_process(None),
            data: self.data.clone(),
            logits: self.logits.clone(),
            n_best_size: answer.n_best_size,
            max_answer_length: answer.max_answer_length,
            rows: [row],
            stopped,
        };
        let [row] = &report.rows;
        report::publish(&report, &self.file.report, |paint| table(row, paint))?;
        report::check_whole(stopped)
    }
}

fn table(row: &PostprocessRow, paint: Paint) -> String {
    let memory = row.peak_host_bytes.map(gibibytes).unwrap_or_default();
    let both = format!(
        "{} questions, {} windows, {} questions/s, {memory}",
        row.questions,
        row.windows,
        short(row.questions_per_sec)
    );
    let phases = [
        ("n-best", &row.nbest_secs, format!("{} entries", row.nbest_entries)),
        ("scores", &row.score_secs, String::new()),
        ("both", &row.total_secs, both),
    ];
    phases_table(&phases, paint)
}

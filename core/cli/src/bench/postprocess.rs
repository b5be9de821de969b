//! `spanbert bench postprocess`: seconds from logits to scores.

use std::{fs, ops::ControlFlow, path::PathBuf, sync::Arc};

use clap::Args;
use serde::Serialize;

use super::{
    args::ReportArgs,
    report::{self, gibibytes, seconds, short},
};
use crate::{
    data::{self, VocabularyArgs},
    error::CliError,
    flags::{AnswerArgs, CasingArgs, WindowArgs},
    progress::Progress,
    table::{Align, Paint, Table},
};
use spanbert_core::{
    answers::{AnswerOptions, NpyLogits},
    bench::{BenchEnvironment, PostprocessRow, Summary, postprocess, synthetic_logits},
    features::{WindowOptions, evaluation_examples, windows},
    run::write_atomic,
    squad::SquadVersion,
    train::StopFlag,
};

/// Measure drawing answers from logits, and scoring them.
#[derive(Debug, Args)]
pub(super) struct PostprocessBench {
    /// SQuAD file with gold answers.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    #[command(flatten)]
    vocabulary: VocabularyArgs,
    #[command(flatten)]
    casing: CasingArgs,
    /// Text is not lower-cased, as with --do-lower-case=false.
    #[arg(long, conflicts_with = "do_lower_case")]
    cased: bool,
    #[command(flatten)]
    window: WindowArgs,
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
    /// Times the whole data set is worked through.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    #[command(flatten)]
    report: ReportArgs,
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
    rows: Vec<PostprocessRow>,
    stopped: bool,
}

impl PostprocessBench {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let options = self.window.over(WindowOptions::default());
        let casing = if self.cased { CasingArgs { do_lower_case: Some(false) } } else { self.casing };
        let tokenizer = self.vocabulary.tokenizer(casing)?;
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
        let stop = StopFlag::on_interrupt();
        let mut progress = Progress::new();
        progress.begin("scoring", None);
        let runs = self.runs as usize;
        let mut tell = |done, total| {
            progress.at(done, total, "runs");
            if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let row = postprocess(&dataset, (&examples, &windows), logits, &tokenizer, &answer, runs, &mut tell)
            .map_err(|error| CliError::from(error).within(place.display()))?;
        progress.finish();
        let stopped = row.runs < runs;
        let report = PostprocessReport {
            bench: "postprocess",
            implementation: "spanbert",
            environment: BenchEnvironment::of_this_process(None),
            data: self.data.clone(),
            logits: self.logits.clone(),
            n_best_size: answer.n_best_size,
            max_answer_length: answer.max_answer_length,
            rows: vec![row],
            stopped,
        };
        report::publish(&report, &self.report, |paint| table(&report.rows, paint))?;
        report::check_whole(stopped)
    }
}

fn table(rows: &[PostprocessRow], paint: Paint) -> String {
    let mut table = Table::new(&[
        ("phase", Align::Left),
        ("median", Align::Right),
        ("min", Align::Right),
        ("p90", Align::Right),
        ("", Align::Left),
    ]);
    for row in rows {
        let mut phase = |name: &str, secs: &Summary, note: String| {
            let cells = [secs.median, secs.min, secs.p90].map(seconds);
            table.row([name.to_owned()].into_iter().chain(cells).chain([note]));
        };
        phase("n-best", &row.nbest_secs, format!("{} entries", row.nbest_entries));
        phase("scores", &row.score_secs, String::new());
        let memory = row.peak_host_bytes.map(gibibytes).unwrap_or_default();
        let note = format!(
            "{} questions, {} windows, {} questions/s, {memory}",
            row.questions,
            row.windows,
            short(row.questions_per_sec)
        );
        phase("both", &row.total_secs, note);
    }
    table.render(paint)
}

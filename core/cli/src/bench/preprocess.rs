//! `spanbert bench preprocess`: questions a second from a SQuAD file to windows.

use std::{ops::ControlFlow, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    args::ReportArgs,
    report::{self, gibibytes, seconds, short},
};
use crate::{
    data::VocabularyArgs,
    error::CliError,
    flags::{CasingArgs, WindowArgs},
    progress::Progress,
    table::{Align, Paint, Table},
};
use spanbert_core::{
    bench::{BenchEnvironment, PreprocessRow, Summary, preprocess},
    features::WindowOptions,
    train::StopFlag,
};

/// Measure reading a SQuAD file and cutting it into windows.
#[derive(Debug, Args)]
pub(super) struct PreprocessBench {
    /// SQuAD file.
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
    /// With answer positions, as for training.
    #[arg(long)]
    training: bool,
    /// Times the whole file is worked through.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    #[command(flatten)]
    report: ReportArgs,
}

#[derive(Serialize)]
struct PreprocessReport {
    bench: &'static str,
    implementation: &'static str,
    environment: BenchEnvironment,
    data: PathBuf,
    max_seq_length: usize,
    doc_stride: usize,
    max_query_length: usize,
    rows: Vec<PreprocessRow>,
    stopped: bool,
}

impl PreprocessBench {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let options = self.window.over(WindowOptions::default());
        options.check()?;
        let casing = if self.cased { CasingArgs { do_lower_case: Some(false) } } else { self.casing };
        let tokenizer = self.vocabulary.tokenizer(casing)?;
        let stop = StopFlag::on_interrupt();
        let mut progress = Progress::new();
        progress.begin("preparing", None);
        let runs = self.runs as usize;
        let row = preprocess(&self.data, &tokenizer, &options, self.training, runs, &mut |done, total| {
            progress.at(done, total, "runs");
            if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        progress.finish();
        let stopped = row.runs < runs;
        let report = PreprocessReport {
            bench: "preprocess",
            implementation: "spanbert",
            environment: BenchEnvironment::of_this_process(None),
            data: self.data.clone(),
            max_seq_length: options.max_seq_length,
            doc_stride: options.doc_stride,
            max_query_length: options.max_query_length,
            rows: vec![row],
            stopped,
        };
        report::publish(&report, &self.report, |paint| table(&report.rows, paint))?;
        report::check_whole(stopped)
    }
}

fn table(rows: &[PreprocessRow], paint: Paint) -> String {
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
        phase("read", &row.read_secs, String::new());
        phase("words", &row.words_secs, String::new());
        phase("windows", &row.windows_secs, String::new());
        phase(
            "words + windows",
            &row.prepare_secs,
            format!(
                "{} questions/s, {} windows/s, {} pieces/s",
                short(row.questions_per_sec),
                short(row.windows_per_sec),
                short(row.pieces_per_sec)
            ),
        );
        let memory = row.peak_host_bytes.map(gibibytes).unwrap_or_default();
        let note = format!("{} questions, {} windows, {memory}", row.questions, row.windows);
        phase("whole file", &row.total_secs, note);
    }
    table.render(paint)
}

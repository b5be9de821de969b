//! `spanbert bench preprocess`: questions a second from a SQuAD file to windows.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{
    report::{self, gibibytes, short},
    whole_file::{WholeFileArgs, phases_table},
};
use crate::{error::CliError, table::Paint};
use spanbert_core::bench::{BenchEnvironment, PreprocessRow, preprocess};

/// Measure reading a SQuAD file and cutting it into windows.
#[derive(Debug, Args)]
pub(super) struct PreprocessBench {
    /// SQuAD file.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// With answer positions, as for training.
    #[arg(long)]
    training: bool,
    #[command(flatten)]
    file: WholeFileArgs,
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
    rows: [PreprocessRow; 1],
    stopped: bool,
}

impl PreprocessBench {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let options = self.file.windows();
        options.check()?;
        let tokenizer = self.file.tokenizer()?;
        let (row, stopped) = self.file.measure("preparing", |runs, progress| {
            Ok(preprocess(&self.data, &tokenizer, &options, self.training, runs, progress)?)
        })?;
        let report = PreprocessReport {
            bench: "preprocess",
            implementation: "spanbert",
            environment: BenchEnvironment::of_this_process(None),
            data: self.data.clone(),
            max_seq_length: options.max_seq_length,
            doc_stride: options.doc_stride,
            max_query_length: options.max_query_length,
            rows: [row],
            stopped,
        };
        let [row] = &report.rows;
        report::publish(&report, &self.file.report, |paint| table(row, paint))?;
        report::check_whole(stopped)
    }
}

fn table(row: &PreprocessRow, paint: Paint) -> String {
    let rates = format!(
        "{} questions/s, {} windows/s, {} pieces/s",
        short(row.questions_per_sec),
        short(row.windows_per_sec),
        short(row.pieces_per_sec)
    );
    let memory = row.peak_host_bytes.map(gibibytes).unwrap_or_default();
    let whole = format!("{} questions, {} windows, {memory}", row.questions, row.windows);
    let phases = [
        ("read", &row.read_secs, String::new()),
        ("words", &row.words_secs, String::new()),
        ("windows", &row.windows_secs, String::new()),
        ("words + windows", &row.prepare_secs, rates),
        ("whole file", &row.total_secs, whole),
    ];
    phases_table(&phases, paint)
}

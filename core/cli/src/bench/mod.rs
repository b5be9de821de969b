//! `spanbert bench`: how fast this build is on a device.

mod args;
mod engine;
mod infer;
mod lengths;
mod model;
mod postprocess;
mod preprocess;
mod report;
mod speed;
mod train;
mod whole_file;

use clap::{Args, Subcommand};

pub(super) use self::model::architecture;
use super::error::CliError;

/// Measure training, answering, preprocessing or scoring.
#[derive(Debug, Args)]
pub(super) struct BenchCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Train(Box<train::TrainBench>),
    Infer(Box<infer::InferBench>),
    Preprocess(preprocess::PreprocessBench),
    Postprocess(postprocess::PostprocessBench),
}

impl BenchCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        match &self.what {
            What::Train(bench) => bench.run(),
            What::Infer(bench) => bench.run(),
            What::Preprocess(bench) => bench.run(),
            What::Postprocess(bench) => bench.run(),
        }
    }
}

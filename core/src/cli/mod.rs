//! The command line, shared by the `spanbert` binary and the app's `cli` mode.

mod ask;
mod bench;
mod breakdown;
mod breakdown_tables;
mod completions;
mod data;
mod demo;
mod demo_statistics;
mod devices;
mod error;
mod evaluate;
mod export;
mod features;
mod fetch;
mod flags;
mod group_table;
mod inspect;
mod memory;
mod model;
mod names;
mod output;
mod passages;
mod postprocess;
mod predict;
mod pretrain;
mod progress;
mod run_squad;
mod runs;
mod score;
mod scores_table;
mod seeds;
mod sources;
mod supervisor;
mod table;
mod train;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

pub use self::error::CliError;

/// Fine-tune, evaluate and ask SpanBERT on SQuAD 1.1 and 2.0.
#[derive(Debug, Parser)]
#[command(name = "spanbert", version, about, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::TrainCommand>),
    Evaluate(evaluate::EvaluateCommand),
    Predict(predict::PredictCommand),
    Ask(ask::AskCommand),
    Score(score::ScoreCommand),
    Breakdown(Box<breakdown::BreakdownCommand>),
    Devices(devices::DevicesCommand),
    Inspect(inspect::InspectCommand),
    Export(export::ExportCommand),
    Features(features::FeaturesCommand),
    Postprocess(postprocess::PostprocessCommand),
    Runs(runs::RunsCommand),
    #[command(name = "run_squad", alias = "run-squad")]
    RunSquad(Box<run_squad::RunSquadCommand>),
    Demo(demo::DemoCommand),
    Fetch(fetch::FetchCommand),
    Pretrain(Box<pretrain::PretrainCommand>),
    Bench(bench::BenchCommand),
    Completions(completions::CompletionsCommand),
}

/// Runs the command line of this process.
///
/// Exit codes: 0, 1 for a failure (one line of cause and one of remedy on standard error), 2 for wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs a command line; the first argument is the program's name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(flags::with_dashes(arguments)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" that go to standard output with code 0. A failure to print is the
            // reader's choice (a closed pipe).
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    spanbert_backends::fault::install();
    memory::keep_pages();
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn dispatch(command: Command) -> Result<(), CliError> {
    match command {
        Command::Train(command) => command.run(),
        Command::Evaluate(command) => command.run(),
        Command::Predict(command) => command.run(),
        Command::Ask(command) => command.run(),
        Command::Score(command) => command.run(),
        Command::Breakdown(command) => command.run(),
        Command::Devices(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Features(command) => command.run(),
        Command::Postprocess(command) => command.run(),
        Command::Runs(command) => command.run(),
        Command::RunSquad(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Fetch(command) => command.run(),
        Command::Pretrain(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Completions(command) => command.run(),
    }
}

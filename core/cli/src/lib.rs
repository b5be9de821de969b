//! The command line, shared by the `spanbert` binary and the app's `cli` mode.

mod ask;
mod bench;
mod breakdown;
mod breakdown_tables;
mod completions;
mod convert;
mod data;
mod demo;
mod demo_statistics;
mod devices;
mod error;
mod evaluate;
mod export;
mod features;
mod fetch;
mod fine_tune;
mod flags;
mod group_table;
mod inspect;
mod lines;
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
mod self_test;
mod shards;
mod sources;
mod supervisor;
mod sweep;
mod table;
mod train;
mod trained;
mod web;
mod workers;

use std::{ffi::OsString, process::ExitCode};

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use self::error::CliError;
use spanbert_core::selftest;

/// Fine-tune, evaluate and ask SpanBERT on SQuAD 1.1 and 2.0.
#[derive(Debug, Parser)]
#[command(name = "spanbert", version = env!("SPANBERT_VERSION"), propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How notes, warnings, progress and errors are written to standard error.
    #[arg(long, global = true, hide = true, value_enum, default_value_t)]
    message_format: MessageFormat,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum MessageFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(Box<train::TrainCommand>),
    Evaluate(evaluate::EvaluateCommand),
    Predict(predict::PredictCommand),
    Ask(ask::AskCommand),
    Score(score::ScoreCommand),
    Convert(convert::ConvertCommand),
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
    Web(web::WebCommand),
    Completions(completions::CompletionsCommand),
    #[command(name = selftest::COMMAND, hide = true)]
    SelfTest(self_test::SelfTestCommand),
}

/// Runs the command line of this process, which the `spanbert` program is.
///
/// Exit codes: 0, 1 for a failure (one line of cause and one of remedy on standard error), 2 for wrong usage.
#[must_use]
pub fn main() -> ExitCode {
    selftest::use_worker(&[]);
    run(std::env::args_os())
}

/// Runs a command line; the first argument is the program's name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = command_line().try_get_matches_from(flags::with_dashes(arguments));
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
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
    if matches!(cli.message_format, MessageFormat::Json) {
        output::write_messages_as_json();
    }
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

/// The command line as it is parsed: a negative number is a value, so that what is wrong with it can be said.
fn command_line() -> clap::Command {
    fn taking_numbers(command: clap::Command) -> clap::Command {
        let takes = |arg: Arg| {
            let takes_values = arg.get_action().takes_values();
            if takes_values { arg.allow_negative_numbers(true) } else { arg }
        };
        command.mut_args(takes).mut_subcommands(taking_numbers)
    }
    taking_numbers(Cli::command())
}

fn dispatch(command: Command) -> Result<(), CliError> {
    match command {
        Command::Train(command) => command.run(),
        Command::Evaluate(command) => command.run(),
        Command::Predict(command) => command.run(),
        Command::Ask(command) => command.run(),
        Command::Score(command) => command.run(),
        Command::Convert(command) => command.run(),
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
        Command::Web(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::SelfTest(command) => command.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Cli, command_line};

    #[test]
    fn a_negative_number_is_a_value() {
        for flag in ["--adversarial-epsilon", "--learning-rate", "--train-batch-size", "--checkpoint-steps"] {
            let error = |value: &str| {
                let parsed = command_line().try_get_matches_from(["spanbert", "train", flag, value]);
                parsed.err().map(|error| error.kind())
            };
            // What is missing is told once the flags are understood.
            let read = error("3");
            let expected = if flag.ends_with("rate") || flag.ends_with("epsilon") {
                read
            } else {
                Some(clap::error::ErrorKind::ValueValidation)
            };
            assert_eq!(error("-1"), expected, "{flag}");
        }
    }

    /// clap does not miss what a flag requires if that is in conflict with another flag.
    #[test]
    fn a_flag_that_would_do_nothing_is_refused() {
        for line in [
            "demo --output-dir o --passages 5",
            "demo --statistics --passages 5",
            "train --model m --train-file t --output-dir o --force",
            "pretrain --model m --force",
            "breakdown evaluation --null-odds n",
            "breakdown evaluation --nbest n",
        ] {
            let parsed = command_line().try_get_matches_from(["spanbert"].into_iter().chain(line.split(' ')));
            let kind = parsed.err().map(|error| error.kind());
            assert_eq!(kind, Some(clap::error::ErrorKind::ArgumentConflict), "{line}");
        }
    }

    /// Visits a command and all below it, each with the words that call it.
    fn walk(command: &clap::Command, name: &str, visit: &mut dyn FnMut(&clap::Command, &str)) {
        visit(command, name);
        for below in command.get_subcommands() {
            walk(below, &format!("{name} {}", below.get_name()), visit);
        }
    }

    /// What marks a comment for developers that has come into a help text.
    const FOR_DEVELOPERS: [&str; 14] = [
        "[`", "`]", "](", "Self::", "crate::", "super::", "rustdoc", "clap", "flatten", "struct", "enum ",
        "TODO", "Burn", "callback",
    ];

    #[test]
    fn help_is_written_for_users() {
        let mut root = Cli::command();
        root.build();
        walk(&root, "spanbert", &mut |command, name| {
            let mut command = command.clone();
            for help in [command.render_help().to_string(), command.render_long_help().to_string()] {
                // "struct" is in "structure" too, which is a word.
                let help = help.replace("structure", "");
                for phrase in FOR_DEVELOPERS {
                    assert!(!help.contains(phrase), "{name}: {phrase:?} in\n{help}");
                }
            }
            for argument in command.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty(), "{name}: {} has no help", argument.get_id());
            }
        });
    }

    #[test]
    fn every_command_begins_with_what_it_does() {
        let mut root = Cli::command();
        root.build();
        walk(&root, "spanbert", &mut |command, name| {
            if name.split(' ').any(|word| word == "help") {
                return;
            }
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let first = about.split(' ').next().unwrap_or_default();
            // The doc comment of a group of flags, taken for that of the command, begins otherwise.
            let is_verb = first.starts_with(char::is_uppercase)
                && ![
                    "How", "What", "Where", "Whether", "Number", "Output", "Casing", "The", "A", "Flags",
                    "SpanBERT",
                ]
                .contains(&first);
            assert!(is_verb, "{name}: {about:?}");
            assert!(!about.ends_with('.'), "{name}: {about:?}");
        });
    }
}

//! `spanbert features`: the windows of a data set, as JSON lines.

use std::io::{BufWriter, Write};

use clap::Args;

use super::{
    data::{self, VocabularyArgs},
    error::CliError,
    flags::{CasingArgs, WindowArgs},
    names::DataArg,
    output,
};
use spanbert_core::features::{evaluation_examples, jsonl, training_examples, windows};

/// Print the model inputs of a SQuAD file, one JSON object a line, to compare with other implementations.
#[derive(Debug, Args)]
pub(super) struct FeaturesCommand {
    /// File of questions, or - for standard input.
    #[arg(long, value_name = "FILE")]
    data: DataArg,
    #[command(flatten)]
    vocabulary: VocabularyArgs,
    #[command(flatten)]
    casing: CasingArgs,
    #[command(flatten)]
    window: WindowArgs,
    /// With answer positions, as for training.
    #[arg(long)]
    training: bool,
    /// Print the SHA-256 of each line's values instead.
    #[arg(long)]
    digests: bool,
    /// Print the examples (questions with their contexts cut into words) instead.
    #[arg(long, conflicts_with = "digests")]
    examples: bool,
}

impl FeaturesCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let tokenizer = self.vocabulary.tokenizer(self.casing)?;
        let options = self.vocabulary.windows(self.window)?;
        options.check()?;
        // What evaluation has to cope with is no error here: the output is for comparison with other programs.
        let dataset = data::read(&self.data.input()?)?;
        data::warn_about(&dataset);
        let examples = if self.training {
            let (examples, skipped) = training_examples(&dataset);
            for question in skipped {
                output::warn(question);
            }
            examples
        } else {
            evaluation_examples(&dataset)
        };
        let mut out = BufWriter::new(std::io::stdout().lock());
        if self.examples {
            for example in &examples {
                let line = jsonl::example_line(example).map_err(CliError::no_json)?;
                writeln!(out, "{line}").map_err(CliError::standard_output)?;
            }
        } else {
            for window in &windows(&examples, &tokenizer, &options, self.training)? {
                let line =
                    if self.digests { jsonl::feature_digest(window) } else { jsonl::feature_line(window) };
                writeln!(out, "{}", line.map_err(CliError::no_json)?).map_err(CliError::standard_output)?;
            }
        }
        out.flush().map_err(CliError::standard_output)
    }
}

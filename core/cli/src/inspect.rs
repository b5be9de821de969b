//! `spanbert inspect`: what a checkpoint folder holds.

use clap::Args;

use super::{
    error::CliError,
    flags::{CasingArgs, JsonArgs},
    names::ModelArg,
    output,
};
use spanbert_core::checkpoint::{LoadOptions, inspect};

/// Print a checkpoint's architecture, parameters, casing, and tensors missing, unused or of the wrong shape.
#[derive(Debug, Args)]
pub(super) struct InspectCommand {
    /// Hugging Face folder: config.json, vocab.txt or tokenizer.json, model.safetensors or pytorch_model.bin.
    #[arg(value_name = "DIR")]
    model: ModelArg,
    #[command(flatten)]
    casing: CasingArgs,
    #[command(flatten)]
    output: JsonArgs,
}

impl InspectCommand {
    /// Runs the command; a checkpoint that cannot be used is a failure, after everything has been printed.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let folder = self.model.folder()?;
        let options = LoadOptions { lower_case: self.casing.do_lower_case, ..LoadOptions::default() };
        let inspection = inspect(&folder, options)?;
        if self.output.json {
            output::json(&inspection)?;
        } else {
            output::line(&inspection)?;
        }
        match inspection.problems.len() {
            0 => Ok(()),
            1 => Err(CliError::new(
                format_args!("{} cannot be used: {}", folder.display(), inspection.problems.join(" ")),
                "correct the folder, or name another one",
            )),
            problems => Err(CliError::new(
                format_args!("{} cannot be used: {problems} problems", folder.display()),
                "correct the problems listed above, or name another folder",
            )),
        }
    }
}

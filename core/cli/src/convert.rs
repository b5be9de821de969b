//! `spanbert convert`: question data of any layout as SQuAD JSON.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use flate2::{Compression, write::GzEncoder};

use super::{data, error::CliError, names::DataArg, output};
use spanbert_core::{run::write_atomic, squad::RepeatedIds};

/// Convert question data of any known layout to SQuAD JSON.
///
/// Reads SQuAD JSON (also a list of its articles or paragraphs), rows of the Hugging Face hub (JSON Lines, a list, under
/// data, columns, pages of its dataset server, pandas' tables) and MRQA's lines, each also gzip-compressed.
#[derive(Debug, Args)]
pub(super) struct ConvertCommand {
    /// File of questions, or - for standard input.
    #[arg(long, value_name = "FILE")]
    data: DataArg,
    /// File to write, or - for standard output; gzip-compressed if its name ends in .gz.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the output if it exists.
    #[arg(long)]
    overwrite: bool,
}

impl ConvertCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let to_stdout = data::is_standard_input(&self.output);
        if !to_stdout && !self.overwrite && holds_something(&self.output) {
            return Err(CliError::new(
                format_args!("{} exists", self.output.display()),
                "name another file, or add --overwrite",
            ));
        }
        // Nothing is lost: what a reader makes of repeated ids is the reader's business.
        let dataset = data::read_with(&self.data.input()?, RepeatedIds::KeepAll)?;
        dataset.validate()?;
        data::warn_about(&dataset);
        let mut json = dataset.to_squad_json().map_err(CliError::no_json)?;
        json.push('\n');
        if to_stdout {
            return output::print(&json);
        }
        let is_packed = self.output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let bytes = if is_packed {
            packed(json.as_bytes()).map_err(|error| CliError::system("cannot pack the data", &error))?
        } else {
            json.into_bytes()
        };
        write_atomic(&self.output, &bytes)?;
        let counts = dataset.counts();
        output::note(format_args!(
            "wrote {} question{}, {} of them unanswerable, as {} to {}",
            counts.questions,
            if counts.questions == 1 { "" } else { "s" },
            counts.unanswerable,
            dataset.version,
            self.output.display()
        ));
        Ok(())
    }
}

/// Whether a file would be lost; pipes and devices hold nothing.
fn holds_something(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_dir() || metadata.is_file() && metadata.len() > 0)
}

fn packed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

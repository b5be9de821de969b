//! `spanbert export`: a checkpoint in another number format.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    error::CliError,
    flags::{JsonArgs, OverwriteArgs},
    names::ModelArg,
    output,
};
use spanbert_core::checkpoint::{FloatType, export};

/// Files that are written, beside those by which every folder with a checkpoint is known.
const CHECKPOINT_FILES: [&str; 4] =
    ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

/// Number format of the exported weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dtype {
    /// Single precision.
    F32,
    /// IEEE half precision: half the size.
    Fp16,
    /// bfloat16: half the size, coarser than fp16, with the range of f32.
    Bf16,
}

/// Write a checkpoint into another folder as safetensors that transformers loads, smaller if need be, with its vocabulary
/// and thresholds.
#[derive(Debug, Args)]
pub(super) struct ExportCommand {
    /// Hugging Face folder, or the name of a model.
    #[arg(value_name = "DIR")]
    model: ModelArg,
    /// The folder to write; another one than the checkpoint's own.
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Number format of the weights.
    #[arg(long, value_enum, default_value = "f32")]
    dtype: Dtype,
    #[command(flatten)]
    output: JsonArgs,
}

#[derive(Serialize)]
struct ExportedModel {
    folder: PathBuf,
    tensors: usize,
    parameters: usize,
    bytes: u64,
}

impl ExportCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let from = self.model.folder()?;
        let same = std::fs::canonicalize(&self.output_dir)
            .ok()
            .is_some_and(|to| std::fs::canonicalize(&from).is_ok_and(|from| from == to));
        if same {
            return Err(CliError::new(
                format_args!("{} is the checkpoint itself", from.display()),
                "name another folder with --output-dir",
            ));
        }
        output::folder(&self.output_dir, "export", &CHECKPOINT_FILES, self.overwrite)?;
        let float = match self.dtype {
            Dtype::F32 => FloatType::F32,
            Dtype::Fp16 => FloatType::F16,
            Dtype::Bf16 => FloatType::Bf16,
        };
        let exported = export(&from, &self.output_dir, float)?;
        let size = std::fs::metadata(self.output_dir.join(spanbert_core::checkpoint::SAFETENSORS_FILE));
        let bytes = size.map_or(0, |file| file.len());
        if self.output.json {
            let (tensors, parameters) = (exported.tensors, exported.parameters);
            return output::json(&ExportedModel {
                folder: self.output_dir.clone(),
                tensors,
                parameters,
                bytes,
            });
        }
        output::line(format_args!(
            "{}: {} tensors, {} parameters, {bytes} bytes of weights",
            self.output_dir.display(),
            exported.tensors,
            exported.parameters
        ))?;
        if !exported.left_out.is_empty() {
            output::note(format_args!("left out: {} (integers, not weights)", exported.left_out.join(", ")));
        }
        Ok(())
    }
}

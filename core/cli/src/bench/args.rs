//! Flags that several measurements share.

use std::path::PathBuf;

use clap::Args;
use spanbert_backends::Precision;

use super::lengths::WindowLength;
use crate::{
    flags::{CasingArgs, DeviceArgs, WindowArgs},
    names::ModelArg,
};

/// Model, batches and how often.
#[derive(Debug, Args)]
pub(super) struct SpeedArgs {
    /// Architecture, with random weights: base, large, minilm, or a config.json or its folder.
    #[arg(long, value_name = "NAME|FILE", default_value = "base", conflicts_with = "model")]
    pub(super) config: String,
    /// Checkpoint folder whose weights are used.
    #[arg(long, value_name = "DIR")]
    pub(super) model: Option<ModelArg>,
    /// Windows of a step.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(super) batch: Option<u32>,
    /// Word pieces of a window; several with commas. `squad` takes the windows of --data, in batches as in a training.
    #[arg(long, value_name = "N|squad", value_delimiter = ',', default_value = "384")]
    pub(super) length: Vec<WindowLength>,
    /// Steps to measure for each length.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) steps: u32,
    /// Steps before them; at least one of every shape, so that no kernel is made while measuring.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) warmup: u32,
    /// Steps between two waits for the device; without it a tenth of the steps, at most 32.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) block_steps: Option<u32>,
    /// Decides random weights and windows.
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(super) seed: u64,
    /// Number format: f32, bf16 or fp16; for answering on the processor also int8.
    #[arg(long, value_name = "FORMAT", default_value = "f32", value_parser = precision)]
    pub(super) precision: Precision,
    /// SQuAD file for `--length squad`.
    #[arg(long, value_name = "FILE")]
    pub(super) data: Option<PathBuf>,
    /// A vocab.txt for `--length squad`; without it the checkpoint's.
    #[arg(long, value_name = "FILE")]
    pub(super) vocab: Option<PathBuf>,
    /// Multiple that `squad` lengths are padded to; without it the trainer's for the device.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(super) length_multiple: Option<u32>,
    #[command(flatten)]
    pub(super) window: WindowArgs,
    #[command(flatten)]
    pub(super) casing: CasingArgs,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
    /// Use plain kernels on a GPU, one for every operation, instead of fused ones.
    #[arg(long)]
    pub(super) unfused: bool,
    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// Where results go.
#[derive(Clone, Debug, Args)]
pub(super) struct ReportArgs {
    /// Print JSON for programs instead of a table.
    #[arg(long)]
    pub(super) json: bool,
    /// Write the JSON into this file as well.
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// A number format by the name that all commands give it, or by its other usual one.
fn precision(text: &str) -> Result<Precision, String> {
    match text {
        "f32" | "fp32" => Ok(Precision::F32),
        "bf16" => Ok(Precision::Bf16),
        "f16" | "fp16" => Ok(Precision::F16),
        "int8" => Ok(Precision::Int8),
        _ => Err(format!("{text:?} is none of f32, bf16, fp16, int8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_formats_have_their_usual_names() {
        for (text, format) in [
            ("f32", Precision::F32),
            ("fp32", Precision::F32),
            ("bf16", Precision::Bf16),
            ("f16", Precision::F16),
            ("fp16", Precision::F16),
            ("int8", Precision::Int8),
        ] {
            assert_eq!(precision(text), Ok(format));
        }
        // What is printed is what the other commands call it, and verdicts stored under the old word are read.
        assert_eq!(Precision::F16.to_string(), "fp16");
        assert_eq!(serde_json::to_string(&Precision::F16).unwrap(), "\"fp16\"");
        assert_eq!(serde_json::from_str::<Precision>("\"f16\"").unwrap(), Precision::F16);
        assert!(precision("tf32").unwrap_err().contains("bf16"));
    }
}

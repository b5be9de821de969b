//! Flags that several commands share.

use std::{ffi::OsString, str::FromStr};

use clap::Args;
use spanbert_backends::DeviceChoice;

use crate::{answers::AnswerOptions, features::WindowOptions, train::Precision};

/// Turns `--max_seq_length` into `--max-seq-length`: the reference's spelling works everywhere.
///
/// Only flags' names change, not their values, and nothing after a lone `--`.
pub(super) fn with_dashes(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut only_values = false;
    arguments
        .into_iter()
        .map(|argument| match argument.to_str() {
            Some("--") => {
                only_values = true;
                argument
            }
            Some(text) if text.starts_with("--") && !only_values => match text.split_once('=') {
                Some((name, value)) => format!("{}={value}", name.replace('_', "-")).into(),
                None => text.replace('_', "-").into(),
            },
            _ => argument,
        })
        .collect()
}

/// Where to compute.
#[derive(Clone, Debug, Args)]
pub(super) struct DeviceArgs {
    /// Device: auto, cpu, wgpu, wgpu:N, cuda or cuda:N; `spanbert devices` lists them.
    #[arg(long, visible_alias = "device", value_name = "DEVICE", default_value = "auto", value_parser = DeviceChoice::from_str)]
    pub(super) backend: DeviceChoice,
}

/// Number format of an answering model.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct PrecisionArgs {
    /// Number format of the operands of the layers' matrix products; the half formats are for GPUs that have them
    /// (`spanbert devices`).
    #[arg(long, value_enum, default_value_t)]
    pub(super) precision: Precision,
}

/// Output for programs.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct JsonArgs {
    /// Print JSON for programs instead of text for people.
    #[arg(long)]
    pub(super) json: bool,
}

/// How contexts are cut into windows; what is not given is what the checkpoint was trained with, else the
/// reference's default.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct WindowArgs {
    /// Longest model input in word pieces.
    #[arg(long, value_name = "N")]
    max_seq_length: Option<usize>,
    /// Step from one window of a long context to the next, in word pieces.
    #[arg(long, value_name = "N")]
    doc_stride: Option<usize>,
    /// Longest question in word pieces.
    #[arg(long, value_name = "N")]
    max_query_length: Option<usize>,
}

impl WindowArgs {
    /// The flags put over `base`.
    pub(super) fn over(self, base: WindowOptions) -> WindowOptions {
        WindowOptions {
            max_seq_length: self.max_seq_length.unwrap_or(base.max_seq_length),
            doc_stride: self.doc_stride.unwrap_or(base.doc_stride),
            max_query_length: self.max_query_length.unwrap_or(base.max_query_length),
        }
    }
}

/// How answers are picked.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct AnswerArgs {
    /// Candidate answers kept per question.
    #[arg(long, value_name = "N")]
    n_best_size: Option<usize>,
    /// Longest answer in word pieces.
    #[arg(long, value_name = "N")]
    max_answer_length: Option<usize>,
}

impl AnswerArgs {
    /// The flags put over `base`.
    pub(super) fn over(self, base: AnswerOptions) -> AnswerOptions {
        AnswerOptions {
            n_best_size: self.n_best_size.unwrap_or(base.n_best_size),
            max_answer_length: self.max_answer_length.unwrap_or(base.max_answer_length),
            ..base
        }
    }
}

/// Casing of the text.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct CasingArgs {
    /// Whether text is lower-cased; without it the checkpoint decides.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) do_lower_case: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::with_dashes;

    fn dashed(arguments: &[&str]) -> Vec<String> {
        with_dashes(arguments.iter().map(Into::into)).into_iter().map(|a| a.into_string().unwrap()).collect()
    }

    #[test]
    fn only_names_of_flags_change() {
        assert_eq!(
            dashed(&[
                "spanbert",
                "run_squad",
                "--output_dir=a_b",
                "--do_train",
                "a_b",
                "-x_y",
                "--",
                "--a_b"
            ]),
            ["spanbert", "run_squad", "--output-dir=a_b", "--do-train", "a_b", "-x_y", "--", "--a_b"]
        );
    }
}

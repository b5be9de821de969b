//! Flags that several commands share.

use std::{ffi::OsString, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};
use spanbert_backends::{DeviceChoice, Precision};

use super::{error::CliError, names::ModelArg, output};
use spanbert_core::{
    advice::Advice,
    answers::AnswerOptions,
    checkpoint::SpanbertMeta,
    evaluate::Abstention,
    features::WindowOptions,
    score::AnswerLanguage,
    squad::{Dataset, SquadVersion},
};

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

/// A device by its name; wrong usage is told in one line, so it says what the names are.
fn device(name: &str) -> Result<DeviceChoice, String> {
    DeviceChoice::from_str(name).map_err(|error| error.in_one_line())
}

/// Where to compute.
#[derive(Clone, Debug, Args)]
pub(super) struct DeviceArgs {
    /// Device: auto, cpu, wgpu, wgpu:N, cuda or cuda:N; `spanbert devices` lists them.
    #[arg(long, visible_alias = "device", value_name = "DEVICE", default_value = "auto", value_parser = device)]
    pub(super) backend: DeviceChoice,
}

/// Checkpoints that answer along with the one of --model.
#[derive(Clone, Debug, Args)]
pub(super) struct EnsembleArgs {
    /// Answer with the average of the logits of --model and of this checkpoint, which has to have the same vocabulary, casing and
    /// windows; may be repeated. Takes as long as all of them together; if the device's memory does not hold them all, each answers
    /// everything before the next is opened. Settings are those of --model; the stored threshold is the mean of theirs.
    #[arg(long, value_name = "DIR")]
    ensemble: Vec<ModelArg>,
}

impl EnsembleArgs {
    /// Whether none is given.
    pub(super) fn is_empty(&self) -> bool {
        self.ensemble.is_empty()
    }

    /// Their folders, in order.
    pub(super) fn folders(&self) -> Result<Vec<PathBuf>, CliError> {
        self.ensemble.iter().map(ModelArg::folder).collect()
    }
}

/// Number format of an answering model.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct PrecisionArgs {
    /// Number format of the operands of the layers' matrix products (`spanbert devices` names those of each device).
    #[arg(long, value_enum, default_value_t)]
    pub(super) precision: AnsweringPrecision,
}

/// Number formats that a model can answer in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum AnsweringPrecision {
    /// 32-bit floats throughout; on CUDA matrix products may round their operands to TF32.
    #[default]
    F32,
    /// bfloat16: the range of f32, eight bits of significand.
    Bf16,
    /// IEEE half precision.
    #[value(alias = "f16")]
    Fp16,
    /// 8-bit integers, on the processor: weights with a scale for each output, inputs with a scale for each word piece.
    Int8,
}

impl From<AnsweringPrecision> for Precision {
    fn from(precision: AnsweringPrecision) -> Self {
        match precision {
            AnsweringPrecision::F32 => Self::F32,
            AnsweringPrecision::Bf16 => Self::Bf16,
            AnsweringPrecision::Fp16 => Self::F16,
            AnsweringPrecision::Int8 => Self::Int8,
        }
    }
}

/// What to do with an output folder that holds something else.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct OverwriteArgs {
    /// Write into the output folder even if it holds a run, a checkpoint, another command's output or files of the same names,
    /// which are replaced.
    #[arg(long)]
    pub(super) overwrite: bool,
}

/// Output for programs.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct JsonArgs {
    /// Print JSON instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// How contexts are cut into windows; what is not given is what the checkpoint was trained with, else the
/// reference's default.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct WindowArgs {
    /// Longest model input in word pieces.
    #[arg(long, value_name = "N")]
    pub(super) max_seq_length: Option<usize>,
    /// Step from one window of a long context to the next, in word pieces.
    #[arg(long, value_name = "N")]
    pub(super) doc_stride: Option<usize>,
    /// Longest question in word pieces.
    #[arg(long, value_name = "N")]
    pub(super) max_query_length: Option<usize>,
}

impl WindowArgs {
    /// Whether the user says how long windows are.
    pub(super) fn says_length(self) -> bool {
        self.max_seq_length.is_some()
    }

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
    pub(super) n_best_size: Option<usize>,
    /// Longest answer in word pieces.
    #[arg(long, value_name = "N")]
    pub(super) max_answer_length: Option<usize>,
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

/// Whether the model may abstain, and when it does.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct AbstentionArgs {
    /// With 2.0 the model may answer "no answer", with 1.1 every question gets an answer. Without this flag and
    /// --threshold it depends on what the checkpoint was trained on; if that is not recorded, on the data. MRQA's data have no
    /// unanswerable questions, so that without these flags the model may not abstain on them.
    #[arg(long, value_name = "1.1|2.0", value_parser = squad_version)]
    pub(super) squad_version: Option<SquadVersion>,
    /// A null score difference above this means "no answer". Without it answers are given at the checkpoint's threshold,
    /// else at 0; `evaluate` gives them at the set's best one, and with it adds the scores at this one.
    #[arg(long, value_name = "X", allow_hyphen_values = true, value_parser = threshold)]
    pub(super) threshold: Option<f64>,
}

impl AbstentionArgs {
    /// Refuses flags that contradict each other.
    pub(super) fn check(self) -> Result<(), CliError> {
        self.asked().map(|_| ())
    }

    /// What the flags say, else the checkpoint's record.
    pub(super) fn decide(self, meta: &SpanbertMeta) -> Result<Option<Abstention>, CliError> {
        Ok(self.asked()?.or_else(|| Abstention::of_checkpoint(meta)))
    }

    fn asked(self) -> Result<Option<Abstention>, CliError> {
        Ok(Abstention::asked(self.squad_version, self.threshold)?)
    }
}

/// Reads a version of SQuAD.
pub(super) fn squad_version(text: &str) -> Result<SquadVersion, String> {
    match text.trim_start_matches(['v', 'V']) {
        "1" | "1.0" | "1.1" => Ok(SquadVersion::V1),
        "2" | "2.0" => Ok(SquadVersion::V2),
        _ => Err("the versions are 1.1 and 2.0".to_owned()),
    }
}

/// Reads a threshold: a number that others can be compared with.
pub(super) fn threshold(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        // The sum takes the sign off a zero.
        Ok(value) if value.is_finite() => Ok(value + 0.0),
        Ok(_) => Err("a threshold is a finite number such as -1.5".to_owned()),
        Err(_) => Err("not a number".to_owned()),
    }
}

/// By whose rules answers are compared.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct LanguageArgs {
    /// Compare answers by the rules for a language; without it by those of the official SQuAD scripts, which are for English.
    #[arg(long, value_enum, value_name = "LANG")]
    answer_language: Option<AnswerLanguage>,
}

impl LanguageArgs {
    /// The language, without a word about it.
    pub(super) fn language(self) -> AnswerLanguage {
        self.answer_language.unwrap_or_default()
    }

    /// The language for a data set. If none is given, one that would suit the data better is suggested.
    pub(super) fn language_for(self, dataset: &Dataset) -> AnswerLanguage {
        if self.answer_language.is_none()
            && let Some(language) = AnswerLanguage::suggested_for(dataset)
        {
            output::note(format_args!("note: {}", language.suggestion(&dataset.source_name)));
        }
        self.language()
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
    use super::{squad_version, threshold, with_dashes};
    use spanbert_core::squad::SquadVersion;

    #[test]
    fn thresholds_are_numbers() {
        assert!(threshold("-0").unwrap().is_sign_positive());
        assert_eq!((threshold("-1.5"), threshold("-1e-05"), threshold("0")), (Ok(-1.5), Ok(-1e-5), Ok(0.0)));
        for text in ["nan", "NaN", "inf", "-inf", "infinity", "1e999"] {
            assert!(threshold(text).unwrap_err().contains("finite"), "{text}");
        }
        assert!(threshold("--json").unwrap_err().contains("not a number"));
        assert_eq!(
            (squad_version("2.0"), squad_version("v1.1")),
            (Ok(SquadVersion::V2), Ok(SquadVersion::V1))
        );
        assert!(squad_version("3").is_err());
    }

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

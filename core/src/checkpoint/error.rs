//! What can be wrong with a checkpoint.

use std::path::{Path, PathBuf};

use super::{directory::config_file, pickle::PickleError};
use crate::{
    advice::Advice, atomic::WriteError, config::ConfigError, hash::UnreadableFile, tokenizer::TokenizerError,
};

/// Why a checkpoint cannot be read or written. The text is one line: file, place in it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// There is nothing at the path.
    #[error("{path}: no such directory")]
    NotFound {
        /// The path asked for.
        path: PathBuf,
    },
    /// The path is a file.
    #[error("{path} is a file, not a model folder")]
    NotADirectory {
        /// The path asked for.
        path: PathBuf,
    },
    /// The directory has no `config.json`, nor a `bert_config.json`.
    #[error("{path} has no config.json")]
    NoConfig {
        /// The directory.
        path: PathBuf,
    },
    /// The directory has no weights in a format that is read.
    #[error("{path} has neither model.safetensors nor pytorch_model.bin{found}")]
    NoWeights {
        /// The directory.
        path: PathBuf,
        /// What was found instead, empty or beginning with a comma.
        found: String,
        /// The next step.
        remedy: String,
    },
    /// The directory has no vocabulary.
    #[error("{path} has neither vocab.txt nor tokenizer.json")]
    NoVocabulary {
        /// The directory.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What is to be written is what was read.
    #[error("{path} is a file of the checkpoint itself")]
    Onto {
        /// The file.
        path: PathBuf,
    },
    /// The configuration is unusable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A JSON file beside the weights is unusable.
    #[error("{path}: {}", crate::json::said(cause))]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        cause: serde_json::Error,
    },
    /// The vocabulary is unusable.
    #[error("{path}: {what}")]
    Vocabulary {
        /// `vocab.txt` or `tokenizer.json`.
        path: PathBuf,
        /// What is wrong and where.
        what: String,
    },
    /// A file asks for something that the tokenizer does not do.
    #[error("{path}: {what}")]
    TokenizerSetting {
        /// The file.
        path: PathBuf,
        /// The key, what it asks, what is supported.
        what: String,
        /// What to do, beginning with a verb.
        remedy: String,
    },
    /// No tokenizer can be made of the files.
    #[error("{path}: {cause}")]
    Tokenizer {
        /// The vocabulary file.
        path: PathBuf,
        /// Why not.
        cause: TokenizerError,
    },
    /// The vocabulary does not belong to the weights.
    #[error(
        "{path} has {pieces} pieces, but the model's vocabulary (vocab_size of config.json) has {rows}{lacking}"
    )]
    VocabularySize {
        /// The vocabulary file.
        path: PathBuf,
        /// Number of pieces in it.
        pieces: usize,
        /// Rows of the embedding.
        rows: usize,
        /// Which special tokens are not among the pieces, as a clause; empty if none is missing.
        lacking: String,
    },
    /// The file named as weights holds something else.
    #[error("{path}: {what}")]
    NotWeights {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
        /// The next step.
        remedy: String,
    },
    /// The PyTorch file is damaged, or asks for something a state dict does not need.
    #[error("{path}: {cause}")]
    Pickle {
        /// The file.
        path: PathBuf,
        /// What and where.
        cause: PickleError,
    },
    /// The safetensors file is damaged.
    #[error("{path}: {what}")]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What and where.
        what: String,
    },
    /// The weights are in shards that do not fit together, or are not all there.
    #[error("{path} {what}")]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// The next step.
        remedy: &'static str,
    },
    /// Two tensors of the file stand for the same parameter.
    #[error("{path}: {first:?} and {second:?} both stand for {name}")]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Name in the file.
        first: String,
        /// Name in the file.
        second: String,
        /// The parameter's canonical name.
        name: String,
    },
    /// Parameters of the encoder are not in the file.
    #[error("{path} lacks {count} of the encoder's tensors ({names}), which config.json asks for")]
    Missing {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
        /// The first few of them.
        names: String,
    },
    /// Tensors have a shape other than `config.json` asks for.
    #[error("{path}: {details}")]
    Mismatched {
        /// The file.
        path: PathBuf,
        /// The first few: name, shape in the file, shape expected.
        details: String,
    },
    /// A tensor is there but its values cannot be used.
    #[error("{path}: tensor {name:?} {what}")]
    Tensor {
        /// The file, or `weights` for tensors in memory.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

impl Advice for CheckpointError {
    fn remedy(&self) -> String {
        match self {
            Self::NotFound { .. } => "give the folder that holds config.json and the weights".into(),
            Self::NotADirectory { .. } => {
                "give the folder that holds config.json, vocab.txt and the weights".into()
            }
            Self::NoConfig { path } if best_of(path).is_some() => {
                let best = best_of(path).unwrap_or_default();
                format!("give the run's weights: {}", best.display())
            }
            Self::NoConfig { .. } => "give a Hugging Face model folder, or copy its config.json there".into(),
            Self::NoWeights { remedy, .. } => remedy.clone(),
            Self::Index { remedy, .. } => (*remedy).into(),
            Self::NoVocabulary { .. } => {
                "copy the vocabulary there (SpanBERT's is the vocab.txt of bert-base-cased)".into()
            }
            Self::Io { .. } => "check the path and that you may read it".into(),
            Self::Write(error) => error.remedy(),
            Self::Onto { .. } => "choose another folder".into(),
            Self::Config(error) => error.remedy(),
            Self::Json { .. } => "correct the file, or copy it again from where the model came from".into(),
            Self::Vocabulary { .. } | Self::VocabularySize { .. } => {
                "use the vocabulary that the model was trained with".into()
            }
            Self::NotWeights { remedy, .. } | Self::TokenizerSetting { remedy, .. } => remedy.clone(),
            Self::Tokenizer { cause, .. } => cause.remedy(),
            Self::Pickle { cause, .. } => cause.remedy(),
            Self::Safetensors { .. } => "download it again, it is damaged or cut short".into(),
            Self::Ambiguous { .. } => "keep one of them".into(),
            Self::Missing { .. } | Self::Mismatched { .. } => {
                "give config.json and weights of one and the same model".into()
            }
            Self::Tensor { .. } => "download or save the weights again".into(),
        }
    }
}

/// The weights of a run that was given in place of them.
fn best_of(run: &Path) -> Option<PathBuf> {
    ["best", "last"].map(|name| run.join(name)).into_iter().find(|folder| config_file(folder).is_some())
}

impl From<UnreadableFile> for CheckpointError {
    fn from(UnreadableFile { path, source }: UnreadableFile) -> Self {
        Self::Io { path, cause: source }
    }
}

impl CheckpointError {
    /// The same error of a file that was given by itself, not as part of a folder.
    pub(super) fn of_file(mut self, file: PathBuf) -> Self {
        match &mut self {
            Self::Json { path, .. }
            | Self::Vocabulary { path, .. }
            | Self::TokenizerSetting { path, .. }
            | Self::Tokenizer { path, .. } => *path = file,
            _ => {}
        }
        self
    }
}

//! Why a pre-training could not start or go on.

use std::path::PathBuf;

use spanbert_backends::fault::Fault;

use crate::{
    advice::Advice,
    checkpoint::CheckpointError,
    hash::UnreadableFile,
    run::RunError,
    squad::SquadError,
    text_file::TextError,
    tokenizer::TokenizerError,
    train::{Activity, TrainError, resume_command},
};

/// Cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum PretrainError {
    /// A file of the corpus.
    #[error("{}: cannot be read: {source}", .path.display())]
    Corpus {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the corpus of a run that is resumed is not where it was.
    #[error("{error}")]
    Moved {
        /// Which, and why.
        error: UnreadableFile,
        /// The flag that names it.
        flag: &'static str,
    },
    /// The run is a fine-tuning.
    #[error("{} is a fine-tuning, not a pre-training", .0.display())]
    FineTuning(PathBuf),
    /// A file of the corpus is no text that is read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// No text is long enough.
    #[error("the corpus has no text of four pieces or more")]
    EmptyCorpus,
    /// No held-out text is long enough.
    #[error("the held-out documents have no text of four pieces or more")]
    EmptyHeldOut,
    /// The vocabulary has no `[MASK]`.
    #[error("the vocabulary has no [MASK]")]
    NoMask,
    /// No vocabulary of that size.
    #[error(
        "a vocabulary of {size} pieces cannot be made: the characters of the corpus alone are {characters}"
    )]
    Vocabulary {
        /// Single characters, special pieces included.
        characters: usize,
        /// Asked for.
        size: usize,
    },
    /// A file of the run folder.
    #[error("{}: {what}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The recipe, the device, the loop, and all else that is shared with fine-tuning.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A SQuAD file of the corpus.
    #[error(transparent)]
    Squad(#[from] SquadError),
    /// The checkpoint begun with, or saving.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The vocabulary.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<UnreadableFile> for PretrainError {
    fn from(UnreadableFile { path, source }: UnreadableFile) -> Self {
        Self::Corpus { path, source }
    }
}

impl Advice for PretrainError {
    fn remedy(&self) -> String {
        match self {
            Self::Corpus { .. } => "name text files in UTF-8, documents separated by blank lines".into(),
            Self::Moved { flag, .. } => format!("name all its files, where they are now, with {flag}"),
            Self::FineTuning(run) => format!("run `{}`", resume_command(run)),
            Self::Text(error) => error.remedy(),
            Self::EmptyCorpus => "name files with running text".into(),
            Self::EmptyHeldOut => "raise --eval-share, or name files with running text by --eval-file".into(),
            Self::NoMask => "take one made for BERT, or have one made with --train-vocab".into(),
            Self::Vocabulary { characters, .. } => format!("ask for at least {characters}"),
            Self::Record { .. } => "start a new run".into(),
            Self::Train(error) => error.remedy(),
            Self::Squad(error) => error.remedy(),
            Self::Checkpoint(error) => error.remedy(),
            Self::Tokenizer(error) => error.remedy(),
            Self::Run(error) => error.remedy(),
        }
    }
}

impl PretrainError {
    /// The failure of the device, and what it was busy with, if that is what ended the run: another process may go on.
    #[must_use]
    pub fn device_fault(&self) -> Option<(Activity, Fault)> {
        if let Self::Train(error) = self { error.device_fault() } else { None }
    }
}

//! Why a pre-training could not start or go on.

use std::path::PathBuf;

use crate::{
    advice::Advice, checkpoint::CheckpointError, engine::EngineError, run::RunError, squad::SquadError,
    text_file::TextError, tokenizer::TokenizerError, train::TrainError,
};

/// Cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum PretrainError {
    /// A hyper-parameter.
    #[error("{key} is out of bounds")]
    Value {
        /// Its name.
        key: &'static str,
        /// What is allowed.
        bounds: &'static str,
    },
    /// A file of the corpus.
    #[error("{}: cannot be read: {source}", .path.display())]
    Corpus {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the corpus is no text that is read.
    #[error(transparent)]
    Text(#[from] TextError),
    /// No text is long enough.
    #[error("the corpus has no text of four pieces or more")]
    EmptyCorpus,
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
    /// The texts are longer than the model.
    #[error("max_seq_length is {asked}, but the model has {positions} positions")]
    TooLong {
        /// Asked for.
        asked: usize,
        /// There are.
        positions: usize,
    },
    /// A file of the run folder.
    #[error("{}: {what}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The corpus is another one.
    #[error("{path} is not what the run began with")]
    Changed {
        /// The file.
        path: String,
    },
    /// The run is over.
    #[error("the run in {} is complete", .run.display())]
    Complete {
        /// Its folder.
        run: PathBuf,
    },
    /// The loss is not a number.
    #[error("the loss of update {step} is {loss}")]
    NotFinite {
        /// Updates before it, and this one.
        step: usize,
        /// The loss.
        loss: f32,
    },
    /// Shared with fine-tuning.
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
    /// The device.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Advice for PretrainError {
    fn remedy(&self) -> String {
        match self {
            Self::Value { key, bounds } => format!("set {key} to {bounds}"),
            Self::Corpus { .. } => "name text files in UTF-8, documents separated by blank lines".into(),
            Self::Text(error) => error.remedy(),
            Self::EmptyCorpus => "name files with running text".into(),
            Self::NoMask => "take one made for BERT, or have one made with --train-vocab".into(),
            Self::Vocabulary { characters, .. } => format!("ask for at least {characters}"),
            Self::TooLong { positions, .. } => format!("lower it to at most {positions}"),
            Self::Record { .. } | Self::Complete { .. } => "start a new run".into(),
            Self::Changed { .. } => "give the file as it was then, or start a new run".into(),
            Self::NotFinite { .. } => "lower --learning-rate or raise --warmup-proportion".into(),
            Self::Train(error) => error.remedy(),
            Self::Squad(error) => error.remedy(),
            Self::Checkpoint(error) => error.remedy(),
            Self::Tokenizer(error) => error.remedy(),
            Self::Run(error) => error.remedy(),
            Self::Engine(error) => error.remedy(),
        }
    }
}

//! Why a pre-training could not start or go on.

use std::path::PathBuf;

use crate::{
    checkpoint::CheckpointError, engine::EngineError, run::RunError, squad::SquadError,
    tokenizer::TokenizerError, train::TrainError,
};

/// Cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum PretrainError {
    /// A hyper-parameter.
    #[error("{key} is out of bounds; it has to be {bounds}")]
    Value {
        /// Its name.
        key: &'static str,
        /// What is allowed.
        bounds: &'static str,
    },
    /// A file of the corpus.
    #[error("{}: cannot be read: {source}; name text files in UTF-8, documents parted by blank lines", .path.display())]
    Corpus {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No text is long enough.
    #[error("the corpus has no text of four pieces or more; name files with running text")]
    EmptyCorpus,
    /// The vocabulary has no `[MASK]`.
    #[error("the vocabulary has no [MASK]; take one made for BERT, or have one made with --train-vocab")]
    NoMask,
    /// No vocabulary of that size.
    #[error(
        "a vocabulary of {size} pieces cannot be made: the characters of the corpus alone are {characters}; ask for at least {characters}"
    )]
    Vocabulary {
        /// Single characters, special pieces included.
        characters: usize,
        /// Asked for.
        size: usize,
    },
    /// The texts are longer than the model.
    #[error("max_seq_length is {asked}, but the model has {positions} positions; use at most {positions}")]
    TooLong {
        /// Asked for.
        asked: usize,
        /// There are.
        positions: usize,
    },
    /// A file of the run folder.
    #[error("{}: {what}; start a new run", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The corpus is another one.
    #[error("{path} is not what the run began with; give the file of then, or start a new run")]
    Changed {
        /// The file.
        path: String,
    },
    /// The run is over.
    #[error("the run in {} is complete; start a new one", .run.display())]
    Complete {
        /// Its folder.
        run: PathBuf,
    },
    /// The loss is not a number.
    #[error("the loss of update {step} is {loss}; lower --learning-rate or raise --warmup-proportion")]
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

//! How answers are drawn from logits, and what can go wrong.

use crate::advice::Advice;

/// How answers are drawn from logits (the reference's flags of the same names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerOptions {
    /// How many of the highest start and end logits are paired, and how many answers are kept.
    pub n_best_size: usize,
    /// Longest answer in word pieces.
    pub max_answer_length: usize,
    /// Whether "no answer" is a candidate (SQuAD 2.0).
    pub version_2_with_negative: bool,
}

impl Default for AnswerOptions {
    fn default() -> Self {
        Self { n_best_size: 20, max_answer_length: 30, version_2_with_negative: true }
    }
}

/// Logits and windows that do not belong together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AnswerError {
    /// Start and end logits differ in length.
    #[error("window {unique_id}: {start} start logits but {end} end logits")]
    UnequalLogits {
        /// The window.
        unique_id: u64,
        /// Number of start logits.
        start: usize,
        /// Number of end logits.
        end: usize,
    },
    /// A window has more positions than logits.
    #[error("window {unique_id} has {pieces} word pieces but only {logits} logits")]
    TooFewLogits {
        /// The window.
        unique_id: u64,
        /// Word pieces of the window.
        pieces: usize,
        /// Logits given for it.
        logits: usize,
    },
    /// Windows and candidates differ in number.
    #[error("{windows} windows but logits for {candidates}")]
    CandidateCount {
        /// Number of windows.
        windows: usize,
        /// Number of windows with logits.
        candidates: usize,
    },
    /// A window names an example that does not exist.
    #[error(
        "window {unique_id} belongs to example {example_index}, but the data set has {examples} questions"
    )]
    UnknownExample {
        /// The window.
        unique_id: u64,
        /// The example it names.
        example_index: usize,
        /// Number of examples.
        examples: usize,
    },
    /// A window names a word that its example does not have.
    #[error("window {unique_id} has a piece of word {word}, but its context has {words} words")]
    UnknownWord {
        /// The window.
        unique_id: u64,
        /// The word it names.
        word: u32,
        /// Number of words of its example's context.
        words: usize,
    },
}

impl Advice for AnswerError {
    fn remedy(&self) -> String {
        match self {
            Self::UnequalLogits { .. } => "give one start and one end logit for each position".into(),
            Self::TooFewLogits { .. } => "make the logits with the max_seq_length of the windows".into(),
            Self::CandidateCount { .. } => {
                "make windows and logits from one data set with the same options".into()
            }
            Self::UnknownExample { .. } | Self::UnknownWord { .. } => {
                "make the windows again from this data set with `spanbert features`".into()
            }
        }
    }
}

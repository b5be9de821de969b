//! Why a data set cannot be turned into windows.

use crate::advice::Advice;

/// Why a data set cannot be turned into windows.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// Windows would never advance.
    #[error("doc_stride is 0, so windows would never advance")]
    NoStride,
    /// Every question would be cut away.
    #[error("max_query_length is 0, so every question would be cut away")]
    NoQuery,
    /// A long question would leave no room for its context.
    #[error(
        "max_seq_length {max_seq_length} leaves no room for the document beside a question of max_query_length \
         {max_query_length} and three special tokens"
    )]
    NoRoom {
        /// As given.
        max_seq_length: usize,
        /// As given.
        max_query_length: usize,
    },
    /// Training windows asked of examples that carry no answers.
    #[error("question {qas_id:?} was read for evaluation and has no answer position")]
    NoTarget {
        /// The question.
        qas_id: String,
    },
    /// The example's answer lies outside its words; an example made by hand.
    #[error("question {qas_id:?}: answer words {start} to {end} are not among the context's {words} words")]
    TargetOutside {
        /// The question.
        qas_id: String,
        /// First answer word.
        start: i32,
        /// Last answer word.
        end: i32,
        /// Number of words.
        words: usize,
    },
}

impl Advice for FeatureError {
    fn remedy(&self) -> String {
        match self {
            Self::NoStride => "use 128 or any other step in word pieces".into(),
            Self::NoQuery => "use 64, as the reference does".into(),
            Self::NoRoom { max_seq_length, max_query_length } => {
                let least = max_query_length.saturating_add(3);
                format!("raise max_seq_length to more than {least}{}", smaller_query(*max_seq_length))
            }
            Self::NoTarget { .. } => "read it for training".into(),
            Self::TargetOutside { .. } => "make the example from the data set again".into(),
        }
    }
}

/// The other remedy, where there is one.
fn smaller_query(max_seq_length: usize) -> String {
    match max_seq_length.checked_sub(4) {
        Some(longest @ 1..) => format!(" or lower max_query_length to at most {longest}"),
        _ => String::new(),
    }
}

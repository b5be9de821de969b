//! SpanBERT's own pre-training (Joshi et al., 2020, "SpanBERT: Improving Pre-training by Representing and Predicting
//! Spans", sections 3 and 4.2): span masking, masked language modelling and the span-boundary objective on single segments,
//! without next-sentence prediction.

mod batch;
mod begun;
mod corpus;
mod error;
mod job;
mod masking;
mod order;
mod pretrainer;
mod recipe;
mod vocab;

pub use self::{
    batch::{FramePieces, MaskedText, MlmTargets, PretrainBatch, SboTargets, collate},
    corpus::{Text, cut, documents},
    error::PretrainError,
    job::{OpenPretrainer, PretrainJob, PretrainOutcome, PretrainStart, run_pretraining},
    masking::{MaskPieces, Masked, MaskedUnit, MaskingOptions, mask},
    recipe::{PretrainRecipe, PretrainRecord},
    vocab::train_vocab,
};

/// Pieces of a span that the span-boundary objective tells at most; the reference's limit.
pub const SPAN_POSITIONS: usize = 15;
/// Width of the embedding of a place within a span.
pub const POSITION_WIDTH: usize = 200;

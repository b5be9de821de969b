//! SpanBERT's own pre-training (Joshi et al., 2020, "SpanBERT: Improving Pre-training by Representing and Predicting
//! Spans", sections 3 and 4.2): span masking, masked language modelling and the span-boundary objective on single segments,
//! without next-sentence prediction.

mod begun;
mod corpus;
mod error;
mod forecast;
mod job;
mod masked_texts;
mod masking;
mod order;
mod recipe;
mod shared_sums;
mod task;
mod text_seed;
mod vocab;

pub use self::{
    corpus::{Text, cut, documents},
    error::PretrainError,
    forecast::{Sample, TextLengths},
    job::{OpenPretrainer, PretrainJob, PretrainStart, recent_losses, run_pretraining},
    masking::{MaskPieces, MaskedUnit, MaskingOptions, mask},
    recipe::{PretrainRecipe, PretrainRecipeArgs, PretrainRecord, Resumption},
    vocab::train_vocab,
};

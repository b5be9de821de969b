//! A model as a training hands it over to be saved.

use crate::{
    checkpoint::{SaveCheckpoint, SpanbertMeta, Weights},
    config::BertConfig,
    tokenizer::TokenizerSettings,
};

/// What a model's encoder carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heads {
    /// Start and end of an answer.
    QuestionAnswering,
    /// Masked language modelling and the span-boundary objective.
    Pretraining,
}

/// Weights and all that is saved with them.
#[derive(Clone, Debug)]
pub struct SavedModel<'a> {
    /// Architecture.
    pub config: &'a BertConfig,
    /// Every parameter by canonical name.
    pub weights: Weights,
    /// The vocabulary's pieces by id.
    pub vocab: &'a [String],
    /// What the tokenizer does with text.
    pub settings: &'a TokenizerSettings,
    /// How it is to be used, and how it came about.
    pub meta: SpanbertMeta,
    /// What the encoder carries.
    pub heads: Heads,
}

impl SavedModel<'_> {
    /// The same as a checkpoint's writer takes it.
    #[must_use]
    pub fn checkpoint(&self) -> SaveCheckpoint<'_> {
        let Self { config, weights, vocab, settings, meta, .. } = self;
        SaveCheckpoint { config, weights, vocab, settings, meta }
    }
}

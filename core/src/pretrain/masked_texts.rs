//! Texts masked and gathered into batches, as plain vectors.

use std::ops::Range;

use super::{MaskPieces, MaskingOptions, PretrainRecipe, Text, mask, order::epoch_batches};
use crate::{
    batch::{FramePieces, Masked, MaskedText, PretrainBatch, collate_masked, padded_length},
    config::SPAN_POSITIONS,
    engine::PretrainMicroBatch,
    random::SplitMix,
    train::{Serving, Share, dropout_seed, micro_ranges},
};

/// Tells the draws of masking from those of dropout.
const MASKING: u64 = 0x6d61_736b_696e_6721;

/// Tells the draws of an evaluation's masks from those of training. They do not depend on the recipe's seed, so that runs
/// with different ones are compared on the same masks.
const EVALUATION: u64 = 0x6865_6c64_206f_7574;

/// What batches are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct MaskedTexts<'a> {
    pub(super) texts: &'a [Text],
    pub(super) recipe: &'a PretrainRecipe,
    pub(super) put_in: &'a MaskPieces,
    pub(super) frame: FramePieces,
    /// Multiple that batch lengths are padded to.
    pub(super) length_multiple: usize,
    /// Most texts computed at once.
    pub(super) micro_batch: usize,
    /// Which part of every batch is computed here; all of it, undivided, without one.
    pub(super) share: Option<Share>,
}

/// A batch ready for the device.
#[derive(Clone, Debug)]
pub(super) struct MaskedBatch {
    pub(super) serving: Serving,
    /// What is computed here of it, in micro-batches.
    parts: Vec<PretrainBatch>,
    /// The row of the whole batch that each of them begins with.
    first_rows: Vec<usize>,
    /// Of which part of the batch each is.
    pub(super) places: Vec<usize>,
    mlm_weight: f32,
    sbo_weight: f32,
    seed: u64,
}

impl MaskedBatch {
    /// The parts as an engine takes them.
    pub(super) fn micro_batches(&self) -> Vec<PretrainMicroBatch<'_>> {
        let Self { mlm_weight, sbo_weight, seed, .. } = *self;
        let parts = self.parts.iter().zip(&self.first_rows);
        let micro_batch =
            |(batch, &first_row)| PretrainMicroBatch { batch, first_row, mlm_weight, sbo_weight, seed };
        parts.map(micro_batch).collect()
    }
}

impl MaskedTexts<'_> {
    /// The texts of each batch of an epoch.
    pub(super) fn order(&self, epoch: usize) -> Vec<Vec<usize>> {
        let lengths: Vec<usize> = self.texts.iter().map(|text| text.pieces.len()).collect();
        epoch_batches(&lengths, self.recipe.train_batch_size, self.recipe.seed, epoch)
    }

    /// The batch of these texts, masked as in this epoch.
    pub(super) fn batch(&self, epoch: usize, position: usize, texts: &[usize]) -> MaskedBatch {
        let seed = self.recipe.seed;
        let masked: Vec<(&Text, Masked)> = texts
            .iter()
            .filter_map(|&text| {
                let draws = dropout_seed(seed ^ MASKING, epoch, text);
                let text = self.texts.get(text)?;
                Some((text, self.mask(text, draws)))
            })
            .collect();
        let masked = pairs(&masked);
        let micros = micro_ranges(masked.len(), self.micro_batch, self.share);
        let parts = self.collate(&masked, micros.iter().map(|(rows, _)| rows.clone()));
        // The weights are those of the whole batch.
        let whole = self.share.map(|_| self.collate(&masked, std::iter::once(0..masked.len())));
        let counted = whole.as_ref().unwrap_or(&parts);
        let weight = |count: usize| if count == 0 { 0.0 } else { 1.0 / count as f32 };
        MaskedBatch {
            serving: Serving {
                epoch,
                position,
                rows: masked.len(),
                tokens: masked.iter().map(|text| text.pieces.len()).sum(),
            },
            mlm_weight: weight(counted.iter().map(|part| part.mlm.pieces.len()).sum()),
            sbo_weight: weight(counted.iter().map(|part| part.sbo.pieces.len()).sum()),
            seed: dropout_seed(seed, epoch, position),
            first_rows: micros.iter().map(|(rows, _)| rows.start).collect(),
            places: micros.iter().map(|(_, part)| *part).collect(),
            parts,
        }
    }

    /// All texts in batches to evaluate on, the longest first, masked the same way every time.
    pub(super) fn evaluation_batches(&self) -> impl Iterator<Item = PretrainBatch> {
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.sort_by_key(|&text| std::cmp::Reverse(self.texts.get(text).map(|text| text.pieces.len())));
        let chunks: Vec<Vec<usize>> = order.chunks(self.micro_batch.max(1)).map(<[_]>::to_vec).collect();
        chunks.into_iter().flat_map(|chunk| {
            let masked: Vec<(&Text, Masked)> = chunk
                .iter()
                .filter_map(|&text| {
                    let draws = dropout_seed(EVALUATION, 0, text);
                    let text = self.texts.get(text)?;
                    Some((text, self.mask(text, draws)))
                })
                .collect();
            self.collate(&pairs(&masked), std::iter::once(0..masked.len()))
        })
    }

    /// The batch that takes most memory: as many of the longest texts as an update has.
    pub(super) fn longest_batch(&self) -> MaskedBatch {
        let mut texts: Vec<usize> = (0..self.texts.len()).collect();
        texts.sort_by_key(|&text| std::cmp::Reverse(self.texts.get(text).map(|text| text.pieces.len())));
        texts.truncate(self.recipe.train_batch_size);
        self.batch(0, 0, &texts)
    }

    /// Padded length of the longest batch.
    pub(super) fn longest(&self) -> usize {
        self.padded(self.texts.iter().map(|text| text.pieces.len()).max().unwrap_or(0))
    }

    fn padded(&self, pieces: usize) -> usize {
        // With [CLS] and [SEP].
        padded_length(pieces + 2, self.length_multiple, self.recipe.max_seq_length)
    }

    fn mask(&self, text: &Text, draws: u64) -> Masked {
        let PretrainRecipe { masking: unit, mask_share: budget, .. } = *self.recipe;
        let options = MaskingOptions { unit, budget, ..MaskingOptions::default() };
        mask(&text.pieces, &text.word_starts, self.put_in, &options, &mut SplitMix::new(draws))
    }

    /// These rows, all of the length of the longest text.
    fn collate(
        &self,
        texts: &[MaskedText<'_>],
        rows: impl IntoIterator<Item = Range<usize>>,
    ) -> Vec<PretrainBatch> {
        let positions = if self.recipe.span_boundary { SPAN_POSITIONS } else { 0 };
        let length = self.padded(texts.iter().map(|text| text.pieces.len()).max().unwrap_or(0));
        let parts = rows.into_iter().filter_map(|rows| texts.get(rows));
        parts.map(|part| collate_masked(part, self.frame, length, positions)).collect()
    }
}

fn pairs<'a>(masked: &'a [(&'a Text, Masked)]) -> Vec<MaskedText<'a>> {
    masked.iter().map(|(text, masked)| MaskedText { pieces: &text.pieces, masked }).collect()
}

//! Masked texts gathered into a batch with what the model is to predict.

use std::ops::Range;

use super::Batch;

/// A masked text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// What the model sees.
    pub input: Vec<u32>,
    /// What is to be predicted, ascending. No two touch, so that both neighbours of a span are always seen.
    pub spans: Vec<Range<usize>>,
}

/// Targets of masked language modelling: which piece was there. Flat places are `row * length + position`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MlmTargets {
    /// Flat place of each masked piece.
    pub places: Vec<i32>,
    /// The piece.
    pub pieces: Vec<i32>,
}

/// Targets of the span-boundary objective: which piece was there, predicted from the span's two neighbours and how far into the
/// span the piece is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SboTargets {
    /// Flat place of the piece before the span.
    pub left: Vec<i32>,
    /// Flat place of the piece after the span.
    pub right: Vec<i32>,
    /// Place within the span, from 0.
    pub offset: Vec<i32>,
    /// The piece.
    pub pieces: Vec<i32>,
}

/// A batch to pre-train on.
#[derive(Clone, Debug, PartialEq)]
pub struct PretrainBatch {
    /// `[CLS] text [SEP]`, masked, one segment; without question-answering targets.
    pub batch: Batch,
    /// What masked language modelling predicts.
    pub mlm: MlmTargets,
    /// What the span-boundary objective predicts.
    pub sbo: SboTargets,
}

/// A text before and after masking.
#[derive(Clone, Copy, Debug)]
pub struct MaskedText<'a> {
    /// Pieces as they were, without `[CLS]` and `[SEP]`.
    pub pieces: &'a [u32],
    /// After masking.
    pub masked: &'a Masked,
}

/// Ids of the pieces around a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePieces {
    /// Before it.
    pub cls: u32,
    /// After it.
    pub sep: u32,
    /// After that, to the batch's length.
    pub pad: u32,
}

/// Gathers texts into a batch of at least `length`; the span-boundary objective predicts the first `span_positions` pieces of
/// a span (none for 0).
#[must_use]
pub fn collate_masked(
    texts: &[MaskedText<'_>],
    frame: FramePieces,
    length: usize,
    span_positions: usize,
) -> PretrainBatch {
    let longest = texts.iter().map(|text| text.masked.input.len() + 2).max().unwrap_or(0);
    let (rows, length) = (texts.len(), length.max(longest));
    let size = rows * length;
    let mut batch = Batch {
        rows,
        length,
        input_ids: Vec::with_capacity(size),
        segment_ids: vec![0; size],
        attention_mask: Vec::with_capacity(size),
        targets: None,
    };
    let (mut mlm, mut sbo) = (MlmTargets::default(), SboTargets::default());
    for (row, text) in texts.iter().enumerate() {
        let end = (row + 1) * length;
        batch.input_ids.push(id(frame.cls));
        batch.input_ids.extend(text.masked.input.iter().map(|&piece| id(piece)));
        batch.input_ids.push(id(frame.sep));
        batch.attention_mask.resize(batch.input_ids.len(), 1);
        batch.input_ids.resize(end, id(frame.pad));
        batch.attention_mask.resize(end, 0);
        // After [CLS].
        let flat = |place: usize| place_id(row * length + 1 + place);
        for span in &text.masked.spans {
            for (offset, place) in span.clone().enumerate() {
                let Some(&piece) = text.pieces.get(place) else { continue };
                mlm.places.push(flat(place));
                mlm.pieces.push(id(piece));
                if offset < span_positions {
                    // The neighbour of a span at the edge is [CLS] or [SEP].
                    sbo.left.push(place_id(row * length + span.start));
                    sbo.right.push(flat(span.end));
                    sbo.offset.push(place_id(offset));
                    sbo.pieces.push(id(piece));
                }
            }
        }
    }
    PretrainBatch { batch, mlm, sbo }
}

/// Piece ids are below the vocabulary's size, far from the limit of i32.
#[allow(clippy::cast_possible_wrap)]
fn id(piece: u32) -> i32 {
    piece as i32
}

/// Places of a batch are far from the limit of i32: no device holds one of two thousand million.
#[allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation)]
fn place_id(place: usize) -> i32 {
    place as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "one span")]
    fn targets_point_to_pieces_and_to_the_neighbours_of_spans() {
        let first = Masked { input: vec![9, 9, 12, 13], spans: vec![0..2] };
        let second = Masked { input: vec![20, 9], spans: vec![1..2] };
        let texts = [
            MaskedText { pieces: &[10, 11, 12, 13], masked: &first },
            MaskedText { pieces: &[20, 21], masked: &second },
        ];
        let frame = FramePieces { cls: 1, sep: 2, pad: 0 };
        let made = collate_masked(&texts, frame, 7, 15);
        assert_eq!(made.batch.input_ids, [1, 9, 9, 12, 13, 2, 0, 1, 20, 9, 2, 0, 0, 0]);
        assert_eq!(made.batch.attention_mask, [1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0]);
        assert_eq!(made.mlm, MlmTargets { places: vec![1, 2, 9], pieces: vec![10, 11, 21] });
        let sbo = SboTargets {
            left: vec![0, 0, 8],
            right: vec![3, 3, 10],
            offset: vec![0, 1, 0],
            pieces: vec![10, 11, 21],
        };
        assert_eq!(made.sbo, sbo);
        // Long spans are predicted as far as there are positions for them.
        assert_eq!(collate_masked(&texts, frame, 0, 1).sbo.pieces, [10, 21]);
        let none = collate_masked(&texts, frame, 0, 0);
        assert_eq!((none.sbo, none.batch.length), (SboTargets::default(), 6));
    }
}

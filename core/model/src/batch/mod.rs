//! Rectangular batches of plain vectors, the only thing that crosses to a device.

mod masked;

pub use masked::{FramePieces, Masked, MaskedText, MlmTargets, PretrainBatch, SboTargets, collate_masked};

/// A rectangular batch on the host. All position arrays are row-major `[rows, length]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Number of windows.
    pub rows: usize,
    /// Padded length of every row, in word pieces.
    pub length: usize,
    /// Word piece ids, 0 (`[PAD]`) where padded.
    pub input_ids: Vec<i32>,
    /// Segment ids: 0 for the question, 1 for the document, 0 where padded.
    pub segment_ids: Vec<i32>,
    /// 1 for real positions, 0 for padding.
    pub attention_mask: Vec<i32>,
    /// Gold positions; training only.
    pub targets: Option<Targets>,
}

/// Gold start and end positions of a batch's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// `[rows]`, each in `0..=length`; `length` itself means "ignored" (the reference's clamp).
    pub start: Vec<i32>,
    /// As `start`.
    pub end: Vec<i32>,
    /// Share of a target that its neighbours in the context get, half of it each.
    pub smoothing: f32,
}

//! How much memory a training step or a prediction takes, from the shapes alone.
//!
//! The formulas count what `spanbert_backends::ops` keeps for the backward pass. In f32 values, with `P` positions
//! (rows times length `S`), hidden size `D`, width `W` of the feed-forward network and `H` heads, a layer keeps
//!
//! | for | values |
//! |---|---|
//! | attention: query, key, value (each `P D`) and the probabilities before dropout | `3 P D + P H S` |
//! | attention output: input of the linear layer; normalised values and output of its LayerNorm | `3 P D` |
//! | feed-forward network: inputs of the activation and of the second linear layer | `2 P W` |
//! | its LayerNorm: normalised values, and output (the next layer's input) | `2 P D` |
//! | inverse deviations of both LayerNorms | `2 P` |
//!
//! In a half precision, GPUs keep the operands of the products in it: one copy of the input for query, key and value
//! (`P D`), these (`3 P D`), the probabilities (`P H S`), and the inputs of the three other linear layers
//! (`2 P D + P W`) at half the size; at full size the normalised values (`2 P D`), the activation's input (`P W`) and the
//! deviations. Half copies of the weights come on top. The processor is counted as in f32: it
//! imitates them, or in bf16 on one with the instructions takes less.
//!
//! Dropouts keep nothing, nor do the sums that the LayerNorms normalise. Recomputing keeps `P D` a layer (its input)
//! and all of the above for one layer at a time. Weights, the optimizer's two moments and the summed gradients take
//! four times the parameters; a pass that adds to
//! gradients of an earlier micro-batch holds both. Measured against the process's peak on the CPU in
//! `tests/measurements/2026-11-23-recompute`.
//!
//! A GPU keeps what is freed for tensors of the same size alone (`super::reserve`), so that the most of every size adds
//! up, where on a processor gradients take the place of activations. CUDA pads the rows of some tensors to 512 bytes,
//! among them attention scores and, in a half precision, the probabilities: 384 of them take 1024 bytes instead of 768.
//! Measured against what the driver hands out in `tests/measurements/2026-11-29-cuda-memory`.

use spanbert_backends::BackendKind;

use crate::config::BertConfig;

/// Bytes of an f32.
const VALUE: u64 = 4;
/// Bytes that CUDA pads rows to (CubeCL's pitched layout).
const PITCH: u64 = 512;
/// No batch has more rows; where the search for the largest ends.
const MAX_ROWS: usize = 1 << 16;

/// Most parameters of a small model.
const SMALL: usize = 4_000_000;
/// Positions of a part of a small model's batch: enough for matrix products to be fast on one thread.
const PART_POSITIONS: usize = 512;

/// Whether a processor computes parts of a batch side by side: it has to hold the gradients of each, and the products of
/// a larger model keep all threads busy anyway.
#[must_use]
pub fn is_small(config: &BertConfig) -> bool {
    config.parameter_count() <= SMALL
}

/// How many windows of `length` pieces make a part of a small model's batch on a processor. The same for any number of
/// threads: the split decides the order of rounding.
#[must_use]
pub fn part_rows(length: usize) -> usize {
    (PART_POSITIONS / length.max(1)).max(1)
}

/// What the memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// Logits only.
    Inference,
    /// Gradients and updates.
    Training {
        /// Whether activations are computed again layer by layer
        /// ([`set_recompute`](super::Learner::set_recompute)).
        recompute: bool,
        /// Whether an update sums the gradients of several micro-batches.
        accumulates: bool,
        /// Whether matrix products are made in a half precision.
        half: bool,
        /// Whether a running average of the weights is kept.
        averages: bool,
    },
}

/// Memory of one step, in bytes, without the runtime's own (a GPU driver takes some hundred MiB).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Number of parameters; not bytes.
    pub parameters: u64,
    /// The model.
    pub weights: u64,
    /// Gradients of all parameters.
    pub gradients: u64,
    /// The optimizer's moments, and the average of the weights if one is kept.
    pub optimizer: u64,
    /// What is kept for the backward pass.
    pub activations: u64,
    /// Short-lived tensors at the worst moment.
    pub transient: u64,
    /// Another model that answers beside this one: a teacher. Not of [`estimate`]'s making.
    pub teacher: u64,
    /// The most that is taken at any moment: on a processor less than the sum of the parts, because activations are freed
    /// while gradients are made.
    pub total: u64,
}

/// The sizes that count, as `u64`.
#[derive(Clone, Copy)]
struct Sizes {
    kind: BackendKind,
    positions: u64,
    length: u64,
    hidden: u64,
    embedding: u64,
    wide: u64,
    heads: u64,
    layers: u64,
    segments: u64,
}

impl Sizes {
    fn new(config: &BertConfig, rows: usize, length: usize, kind: BackendKind) -> Self {
        Self {
            kind,
            positions: (rows as u64).saturating_mul(length as u64),
            length: length as u64,
            hidden: config.hidden_size as u64,
            embedding: config.embedding_width() as u64,
            wide: config.intermediate_size as u64,
            heads: config.num_attention_heads as u64,
            layers: config.num_hidden_layers as u64,
            segments: config.type_vocab_size as u64,
        }
    }

    /// Bytes of `values` f32 for each position.
    fn bytes(&self, values: u64) -> u64 {
        self.all(values.saturating_mul(VALUE))
    }

    /// `bytes` for each position.
    fn all(&self, bytes: u64) -> u64 {
        self.positions.saturating_mul(bytes)
    }

    /// Attention probabilities of a layer, by position.
    fn probabilities(&self) -> u64 {
        self.heads * self.length
    }

    /// Bytes of attention scores of a layer by position, `value` bytes each, where rows are padded.
    fn padded(&self, value: u64) -> u64 {
        let row = self.length * value;
        self.heads * if self.kind == BackendKind::Cuda { row.next_multiple_of(PITCH) } else { row }
    }

    /// What a layer keeps by position, in bytes: the table of the module's text.
    fn layer(&self, half: bool) -> u64 {
        if half {
            let halves = VALUE / 2 * (6 * self.hidden + self.wide) + self.padded(VALUE / 2);
            return halves + VALUE * (2 * self.hidden + self.wide + 2);
        }
        VALUE * (8 * self.hidden + 2 * self.wide + self.probabilities() + 2)
    }

    /// What the embeddings keep by position, in bytes: normalised values, output, one-hot segments, inverse deviation,
    /// place of the token; and where they are projected, the first layer's input.
    fn embeddings(&self) -> u64 {
        let projected = if self.embedding == self.hidden { 0 } else { self.hidden };
        VALUE * (2 * self.embedding + projected + self.segments + 2)
    }

    /// Short-lived tensors of a layer, by position, in bytes. On a processor those of the feed-forward network's backward
    /// pass, the gradients of its wide and of three narrow tensors: attention is done head by head. On a GPU what there
    /// is of every size beyond what is kept: a wide tensor, two narrow ones, and the scores, padded and not; in a half
    /// precision twice these, and one tensor in it of every size.
    fn short_lived(&self, half: bool) -> u64 {
        if self.kind == BackendKind::Cpu {
            return VALUE * (self.wide + 3 * self.hidden);
        }
        let (padded, plain) = (self.padded(VALUE), VALUE * self.probabilities());
        let scores = if padded == plain { plain } else { padded + plain };
        let single = VALUE * (self.wide + 2 * self.hidden);
        if half {
            return single + 2 * scores + VALUE / 2 * (self.wide + self.hidden) + self.padded(VALUE / 2);
        }
        single + scores
    }

    /// Tensors of a layer's forward without gradients, by position: on a processor at its widest, on a GPU the most of
    /// every size, in a half precision too, which adds as much as half of the scores and of the wide tensors.
    fn forward(&self) -> u64 {
        if self.kind == BackendKind::Cpu {
            return VALUE * (6 * self.hidden).max(2 * self.wide + 3 * self.hidden);
        }
        VALUE / 2 * 3 * (self.probabilities() + self.wide) + VALUE * 7 * self.hidden
    }
}

/// Memory of one pass over `rows` rows of `length` pieces on a backend of this kind; for training, with its update.
#[must_use]
pub fn estimate(
    config: &BertConfig,
    rows: usize,
    length: usize,
    kind: BackendKind,
    work: Work,
) -> MemoryEstimate {
    let sizes = Sizes::new(config, rows, length, kind);
    let parameters = config.parameter_count() as u64;
    let weights = parameters * VALUE;
    let (recompute, accumulates, half, averages) = match work {
        Work::Inference => {
            let transient = sizes.all(sizes.forward());
            let total = weights.saturating_add(transient);
            return MemoryEstimate { parameters, weights, transient, total, ..MemoryEstimate::default() };
        }
        Work::Training { recompute, accumulates, half, averages } => {
            (recompute, accumulates, half && kind != BackendKind::Cpu, averages)
        }
    };
    let (gradients, optimizer) = (weights, if averages { 3 } else { 2 } * weights);
    let transient = sizes.all(sizes.short_lived(half));
    let kept = if recompute {
        let inputs = sizes.bytes((sizes.layers + 1) * sizes.hidden);
        Kept { inputs, layers: sizes.all(sizes.layer(half).max(sizes.embeddings())) }
    } else {
        let layers = sizes.layers.saturating_mul(sizes.layer(half)).saturating_add(sizes.embeddings());
        Kept { inputs: 0, layers: sizes.all(layers) }
    };
    let activations = kept.inputs.saturating_add(kept.layers);
    let estimate = MemoryEstimate {
        parameters,
        weights,
        gradients,
        optimizer,
        activations,
        transient,
        ..MemoryEstimate::default()
    };
    // Gradients of an earlier micro-batch are there from the start of the pass.
    let earlier = if accumulates { gradients } else { 0 };
    // The largest parameter.
    let words = config.vocab_size as u64 * sizes.embedding * VALUE;
    let in_turn = if kind == BackendKind::Cpu {
        let pass = if recompute {
            // The layers' inputs go as their gradients come.
            let worst = earlier.saturating_add(kept.inputs).max(gradients).saturating_add(kept.layers);
            worst.saturating_add(transient)
        } else {
            let start = earlier.saturating_add(activations).saturating_add(transient);
            // The last gradients of the pass, with one layer left to free.
            let end = earlier.saturating_add(gradients).saturating_add(sizes.all(sizes.embeddings()));
            start.max(end)
        };
        // The update holds a second copy of its gradient.
        pass.max(gradients.saturating_add(words))
    } else {
        // The matrices in the half precision.
        let copies = if half { weights.saturating_sub(words) / 2 } else { 0 };
        let pass = activations.saturating_add(transient).saturating_add(copies);
        pass.saturating_add(gradients).saturating_add(earlier)
    };
    let total = weights.saturating_add(optimizer).saturating_add(in_turn);
    MemoryEstimate { total, ..estimate }
}

/// What is kept for the backward pass, in bytes.
struct Kept {
    /// The layers' inputs, if the rest is computed again.
    inputs: u64,
    /// All else: of all layers, or of one at a time.
    layers: u64,
}

/// Bytes of the largest single tensor, which a device may limit
/// ([`max_buffer_bytes`](spanbert_backends::DeviceInfo::max_buffer_bytes)).
#[must_use]
pub fn largest_buffer(config: &BertConfig, rows: usize, length: usize) -> u64 {
    let sizes = Sizes::new(config, rows, length, BackendKind::Cpu);
    let table = config.vocab_size.max(config.max_position_embeddings) as u64 * sizes.embedding * VALUE;
    let weight = sizes.wide.max(sizes.hidden) * sizes.hidden * VALUE;
    sizes.bytes(sizes.probabilities().max(sizes.wide).max(sizes.hidden)).max(table).max(weight)
}

/// Whether a pass over `rows` rows of `length` pieces stays within a budget and a limit of single tensors.
#[must_use]
pub fn fits(
    config: &BertConfig,
    rows: usize,
    length: usize,
    kind: BackendKind,
    work: Work,
    budget_bytes: u64,
    buffer_limit: Option<u64>,
) -> bool {
    estimate(config, rows, length, kind, work).total <= budget_bytes
        && buffer_limit.is_none_or(|limit| largest_buffer(config, rows, length) <= limit)
}

/// The most rows of `length` pieces that a budget and a limit of single tensors allow; none if not even one fits.
#[must_use]
pub fn rows_that_fit(
    config: &BertConfig,
    length: usize,
    kind: BackendKind,
    work: Work,
    budget_bytes: u64,
    buffer_limit: Option<u64>,
) -> Option<usize> {
    let fits = |rows| fits(config, rows, length, kind, work, budget_bytes, buffer_limit);
    // Both grow with the rows: halve the interval between what fits and what does not.
    let (mut fitting, mut too_many) = (0, MAX_ROWS + 1);
    while too_many - fitting > 1 {
        let middle = fitting + (too_many - fitting) / 2;
        if fits(middle) {
            fitting = middle;
        } else {
            too_many = middle;
        }
    }
    (fitting > 0).then_some(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Family;

    const DIRECT: Work =
        Work::Training { recompute: false, accumulates: false, half: false, averages: false };
    const RECOMPUTED: Work =
        Work::Training { recompute: true, accumulates: false, half: false, averages: false };
    const MIB: u64 = 1 << 20;

    #[test]
    fn a_base_model_takes_what_its_tensors_add_up_to() {
        let base = BertConfig::default();
        let direct = estimate(&base, 8, 384, BackendKind::Cpu, DIRECT);
        assert_eq!(direct.parameters, 107_721_218);
        assert_eq!(direct.weights, 4 * 107_721_218);
        // By hand: 3,072 positions, 12 layers of 8 * 768 + 2 * 3,072 + 12 * 384 + 2, embeddings of 2 * 768 + 4.
        assert_eq!(direct.activations, 4 * 3072 * (12 * 16_898 + 1_540));
        let recomputed = estimate(&base, 8, 384, BackendKind::Cpu, RECOMPUTED);
        assert_eq!(recomputed.activations, 4 * 3072 * (13 * 768 + 16_898));
        assert!(recomputed.total < direct.total);
        let inference = estimate(&base, 8, 384, BackendKind::Cpu, Work::Inference);
        assert!(inference.total > inference.weights && inference.total < direct.weights * 2);
    }

    #[test]
    fn embeddings_of_a_width_of_their_own_and_no_segments_count_as_they_are() {
        let of = |model_type| (Family::of_model_type(model_type).unwrap().defaults)();
        let small = of("electra");
        let direct = estimate(&small, 8, 128, BackendKind::Cpu, DIRECT);
        // By hand: 12 layers of 8 * 256 + 2 * 1,024 + 4 * 128 + 2; embeddings of 2 * 128 + 2 + 2, and 256 more for the
        // projection's output.
        assert_eq!(direct.activations, 4 * 1024 * (12 * 4_610 + 516));
        assert_eq!(largest_buffer(&small, 1, 64), 4 * 30_522 * 128);
        let distilled = estimate(&of("distilbert"), 8, 384, BackendKind::Cpu, DIRECT);
        assert_eq!(distilled.activations, 4 * 3072 * (6 * 16_898 + 1_538));
    }

    #[test]
    fn half_precision_keeps_half_of_the_operands() {
        let base = BertConfig::default();
        let work = |half| Work::Training { recompute: false, accumulates: false, half, averages: false };
        let estimated = |rows, kind, half| estimate(&base, rows, 384, kind, work(half));
        let half = estimated(8, BackendKind::Cuda, true);
        // By hand: of a layer 6 * 768 + 3,072 values of two bytes, 12 rows of 384 of them padded to 1,024 bytes,
        // 2 * 768 + 3,072 + 2 values of four.
        assert_eq!(half.activations, 3072 * (12 * (2 * 7_680 + 12 * 1_024 + 4 * 4_610) + 4 * 1_540));
        let unpadded = estimated(8, BackendKind::Wgpu, true);
        assert_eq!(unpadded.activations, 3072 * (12 * (2 * 12_288 + 4 * 4_610) + 4 * 1_540));
        for rows in [8, 32] {
            let (half, single) =
                (estimated(rows, BackendKind::Cuda, true), estimated(rows, BackendKind::Cuda, false));
            assert!(half.total < single.total, "{half:?} {single:?}");
            assert_eq!((half.weights, half.optimizer), (single.weights, single.optimizer));
        }
        // Of a tiny batch the copies of the weights take more than the activations save.
        let (half, single) = (estimated(1, BackendKind::Cuda, true), estimated(1, BackendKind::Cuda, false));
        assert!(half.activations < single.activations && half.total >= single.total);
        // The processor may imitate it.
        assert_eq!(estimated(8, BackendKind::Cpu, true), estimated(8, BackendKind::Cpu, false));
    }

    /// What CUDA's driver was seen to hand out (`tests/measurements/2026-11-29-cuda-memory`).
    #[test]
    fn a_gpu_takes_what_was_measured() {
        let base = BertConfig::default();
        let total = |rows, length, recompute, accumulates, half| {
            let work = Work::Training { recompute, accumulates, half, averages: false };
            estimate(&base, rows, length, BackendKind::Cuda, work).total as f64 / 1e9
        };
        for (estimated, measured) in [
            (total(32, 512, false, false, false), 17.03),
            (total(32, 512, true, false, false), 4.29),
            (total(16, 512, false, true, false), 9.81),
            (total(32, 320, false, false, false), 10.28),
            (total(32, 512, false, false, true), 12.29),
            (total(32, 320, false, false, true), 8.61),
            (total(16, 512, false, true, true), 7.53),
        ] {
            assert!((estimated / measured - 1.0_f64).abs() < 0.03, "{estimated} {measured}");
        }
    }

    #[test]
    fn accumulating_and_gpus_take_more() {
        let base = BertConfig::default();
        let total = |kind, recompute, accumulates| {
            estimate(
                &base,
                8,
                384,
                kind,
                Work::Training { recompute, accumulates, half: false, averages: false },
            )
            .total
        };
        for recompute in [false, true] {
            assert!(total(BackendKind::Cpu, recompute, true) > total(BackendKind::Cpu, recompute, false));
            assert!(total(BackendKind::Wgpu, recompute, true) >= total(BackendKind::Cpu, recompute, true));
        }
    }

    #[test]
    fn the_largest_tensor_is_the_probabilities_of_a_long_batch_and_the_words_of_a_short_one() {
        let base = BertConfig::default();
        assert_eq!(largest_buffer(&base, 32, 384), 4 * 32 * 12 * 384 * 384);
        assert_eq!(largest_buffer(&base, 1, 64), 4 * 28_996 * 768);
    }

    #[test]
    fn rows_follow_the_tighter_of_budget_and_limit() {
        let base = BertConfig::default();
        let rows = |budget, limit| rows_that_fit(&base, 384, BackendKind::Wgpu, DIRECT, budget, limit);
        // 12 * 384 * 384 * 4 bytes a row: 18 of them in 128 MiB.
        assert_eq!(rows(u64::MAX, Some(128 * MIB)), Some(18));
        assert_eq!(rows(1024 * MIB, None), None);
        let within = rows(8192 * MIB, None).unwrap();
        let total = |rows| estimate(&base, rows, 384, BackendKind::Wgpu, DIRECT).total;
        assert!(total(within) <= 8192 * MIB && total(within + 1) > 8192 * MIB);
        assert_eq!(rows(u64::MAX, None), Some(MAX_ROWS));
        assert_eq!(rows(u64::MAX, Some(MIB)), None);
    }
}

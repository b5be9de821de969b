//! What a GPU's allocator holds in reserve, kept to what the largest pass needs.
//!
//! CubeCL keeps the memory of every tensor for the next one of the same size (`spanbert_backends::configure` asks for
//! exact sizes) and gives none back by itself. A pass over a batch of a shape that was there before takes no more
//! memory; one of another shape finds little of the right size, so that reserves would add up to the sum over all
//! shapes. Before such a pass, what is free is given back if there would otherwise be more than the largest pass takes.

use std::collections::HashSet;

use burn::tensor::backend::Backend;
use spanbert_backends::{BackendKind, cleanup, has_reserve, memory_in_use};

use super::{
    EngineError,
    memory::{Work, estimate},
};
use crate::config::BertConfig;

/// More than the largest pass takes by the estimate, in percent: the estimate is not exact to the byte.
const SLACK_PERCENT: u64 = 2;

/// Not worth giving back.
const SMALL: u64 = 64 << 20;

/// Heads of other sizes that may stay in reserve.
const SPARE_HEADS: u64 = 3;

/// Passes between two looks at the reserve where no pass of a new shape gives cause for one.
const PASSES_BETWEEN_LOOKS: usize = 32;

/// A pass over a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    /// Windows.
    pub rows: usize,
    /// Padded length.
    pub length: usize,
    /// What is done.
    pub work: Work,
    /// Bytes that a head takes which the estimate leaves out, if it has another size for every batch.
    pub head: u64,
    /// Whether the optimizer's moments are still to be made, by the first update.
    pub without_moments: bool,
}

impl Pass {
    fn shape(&self) -> Shape {
        Shape { rows: self.rows, length: self.length, learns: self.work != Work::Inference }
    }
}

/// What decides the sizes of a pass's tensors, but for a head of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shape {
    rows: usize,
    length: usize,
    learns: bool,
}

/// The allocator's reserve as far as it is known from the passes made.
#[derive(Debug, Default)]
pub(super) struct Reserve {
    /// Memory of the largest pass so far, in bytes, by estimate.
    largest: u64,
    /// Bytes of the largest head so far.
    head: u64,
    /// Shapes of passes whose tensors are in reserve or in use.
    held: HashSet<Shape>,
    /// Passes since the last look.
    unseen: usize,
    /// Whether the last pass that learnt was one without moments.
    without_moments: bool,
    /// Bytes that other models take at most.
    others: u64,
}

impl Reserve {
    /// Says how many bytes other models on the device take at most.
    pub fn share(&mut self, others: u64) {
        self.others = others;
    }

    /// Gives back what is free if the pass would otherwise take more memory from the driver than the largest so far.
    ///
    /// # Errors
    /// If the device fails.
    pub fn make_room<B: Backend>(
        &mut self,
        config: &BertConfig,
        device: &B::Device,
        pass: Pass,
    ) -> Result<(), EngineError> {
        // A processor's allocator serves all sizes from the same pages; the estimate below would be made for nothing.
        if !has_reserve::<B>(device) {
            return Ok(());
        }
        let new = self.new_bytes(config, pass);
        // The moments have taken the memory of the first gradients: what is in reserve has to be found out anew.
        let learns = pass.work != Work::Inference;
        let first_update = learns && self.without_moments && !pass.without_moments;
        if learns {
            self.without_moments = pass.without_moments;
        }
        self.unseen += 1;
        if new == 0 && !first_update && self.unseen < PASSES_BETWEEN_LOOKS {
            return Ok(());
        }
        self.unseen = 0;
        // None once the device has failed; the pass will say so.
        let Some(memory) = memory_in_use::<B>(device) else { return Ok(()) };
        if first_update || self.exceeds(memory.reserved, new) {
            cleanup::<B>(device).map_err(EngineError::Read)?;
            self.held.clear();
        }
        self.held.insert(pass.shape());
        Ok(())
    }

    /// Bytes that the pass has to take from the driver, by estimate, and the first update if that comes after it.
    fn new_bytes(&mut self, config: &BertConfig, pass: Pass) -> u64 {
        let takes = estimate(config, pass.rows, pass.length, BackendKind::Cuda, pass.work);
        self.largest = self.largest.max(takes.total.saturating_add(pass.head));
        self.head = self.head.max(pass.head);
        if self.held.contains(&pass.shape()) {
            return pass.head;
        }
        let moments = if pass.without_moments { takes.optimizer } else { 0 };
        takes.activations.saturating_add(takes.transient).saturating_add(pass.head).saturating_add(moments)
    }

    /// Whether `new` bytes on top of what is `reserved` are more than the largest pass takes.
    fn exceeds(&self, reserved: u64, new: u64) -> bool {
        let limit = (self.largest / 100).saturating_mul(100 + SLACK_PERCENT).saturating_add(SMALL);
        let limit = limit.saturating_add(self.others);
        reserved.saturating_add(new) > limit.saturating_add(self.head.saturating_mul(SPARE_HEADS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEARNS: Work =
        Work::Training { recompute: false, accumulates: false, half: false, averages: false };

    fn pass(length: usize) -> Pass {
        Pass { rows: 32, length, work: LEARNS, head: 0, without_moments: false }
    }

    #[test]
    fn shapes_add_up_to_the_largest_and_no_further() {
        let base = BertConfig::default();
        let mut reserve = Reserve::default();
        let mut new = |length| reserve.new_bytes(&base, pass(length));
        let [longest, long, middle, short] = [512, 384, 256, 128].map(&mut new);
        assert!(longest > long && long > middle && middle > short);
        let model = 16 * base.parameter_count() as u64;
        assert!(!reserve.exceeds(model, longest));
        // Beside the longest there is room for nothing, but shorter ones fit beside each other.
        assert!(reserve.exceeds(model + longest, middle) && reserve.exceeds(model + short, longest));
        assert!(!reserve.exceeds(model + middle, short) && !reserve.exceeds(model + long, short));
        assert!(reserve.exceeds(model + middle + short, long));
    }

    #[test]
    fn a_shape_that_is_held_takes_nothing_more() {
        let base = BertConfig::default();
        let mut reserve = Reserve::default();
        reserve.held.insert(pass(256).shape());
        assert_eq!(reserve.new_bytes(&base, pass(256)), 0);
        assert_eq!(reserve.new_bytes(&base, Pass { head: 7, ..pass(256) }), 7);
        // A sum of gradients changes no tensor's size; answering does.
        let accumulates =
            Work::Training { recompute: false, accumulates: true, half: false, averages: false };
        assert_eq!(reserve.new_bytes(&base, Pass { work: accumulates, ..pass(256) }), 0);
        assert!(reserve.new_bytes(&base, Pass { work: Work::Inference, ..pass(256) }) > 0);
    }

    #[test]
    fn room_is_left_for_the_moments() {
        let base = BertConfig::default();
        let mut reserve = Reserve::default();
        let weights = 4 * base.parameter_count() as u64;
        let longest = reserve.new_bytes(&base, Pass { without_moments: true, ..pass(512) });
        assert_eq!(longest, reserve.new_bytes(&base, pass(512)) + 2 * weights);
        // Weights and gradients are there.
        assert!(!reserve.exceeds(2 * weights, longest));
    }

    #[test]
    fn another_model_on_the_device_is_no_reserve() {
        let base = BertConfig::default();
        let mut reserve = Reserve::default();
        let longest = reserve.new_bytes(&base, pass(512));
        let model = 16 * base.parameter_count() as u64;
        assert!(reserve.exceeds(model + (4 << 30), longest));
        reserve.share(4 << 30);
        assert!(!reserve.exceeds(model + (4 << 30), longest));
        assert!(reserve.exceeds(model + (4 << 30) + longest, longest));
    }

    #[test]
    fn small_reserves_are_left_alone() {
        let small = BertConfig {
            hidden_size: 32,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 64,
            vocab_size: 100,
            ..BertConfig::default()
        };
        let mut reserve = Reserve::default();
        let new = reserve.new_bytes(&small, Pass { rows: 1, ..pass(16) });
        assert!(!reserve.exceeds(30 << 20, new));
        assert!(reserve.exceeds(80 << 20, new));
    }
}

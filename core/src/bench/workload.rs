//! Batches to measure with: of one length, or as a training on a data set would see them.

use std::{collections::BTreeMap, thread::Scope};

use crate::{
    advice::Advice,
    batch::{Order, TrainMode},
    config::BertConfig,
    features::Window,
    random::SplitMix,
    train::{Place, Prepared, Recipe, Schedule, TrainingData, ahead, batches, prepare},
};

/// Different batches of one length; a training does not see the same one again and again.
const DISTINCT_BATCHES: usize = 8;

/// `[CLS] q [SEP] d [SEP]`.
const SHORTEST: usize = 5;

/// Why there is nothing to measure with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WorkloadError {
    /// No room for a question and a document.
    #[error("a length of {0} leaves no room for a question and a document")]
    TooShort(usize),
    /// More than the model has.
    #[error("a length of {length}, but the model has {positions} positions")]
    TooLong {
        /// Length asked for.
        length: usize,
        /// The model's `max_position_embeddings`.
        positions: usize,
    },
    /// A count is 0.
    #[error("{0} is 0")]
    Zero(&'static str),
    /// The model knows fewer word pieces than the vocabulary.
    #[error("the windows hold word piece {piece}, but the model has {vocab_size}")]
    Vocabulary {
        /// The highest id in the windows.
        piece: u32,
        /// The model's `vocab_size`.
        vocab_size: usize,
    },
    /// No windows.
    #[error("the data set has no windows")]
    Empty,
}

impl Advice for WorkloadError {
    fn remedy(&self) -> String {
        match self {
            Self::TooShort(_) => format!("use at least {SHORTEST}"),
            Self::TooLong { positions, .. } => format!("use at most {positions}"),
            Self::Zero(_) => "use at least 1".into(),
            Self::Vocabulary { .. } => "use the model's own vocabulary".into(),
            Self::Empty => "use one with questions and contexts".into(),
        }
    }
}

/// Batches in the trainer's order, enough of them for a number of steps.
#[derive(Clone, Debug)]
pub struct Workload {
    label: String,
    windows: Vec<Window>,
    order: Order,
    recipe: Recipe,
    schedule: Schedule,
    multiple: usize,
    micro_batch: usize,
    steps: usize,
}

impl Workload {
    /// Batches of `batch` windows of exactly `length` random pieces: no padding, no two windows alike.
    ///
    /// # Errors
    /// If the model cannot take that length, or a count is 0.
    pub fn fixed(
        config: &BertConfig,
        batch: usize,
        length: usize,
        steps: usize,
        seed: u64,
    ) -> Result<Self, WorkloadError> {
        if length < SHORTEST {
            return Err(WorkloadError::TooShort(length));
        }
        let mut random = SplitMix::new(seed);
        let count = batch.saturating_mul(steps.min(DISTINCT_BATCHES));
        let windows = (0..count).map(|index| random_window(config, index, length, &mut random)).collect();
        let recipe = Recipe { max_seq_length: length, seed, ..Recipe::default() };
        Self::new(length.to_string(), config, windows, recipe, batch, steps, 1)
    }

    /// Batches as a training on these windows would see them: sorted by length, cut, shuffled, each padded to its
    /// longest window rounded up to `multiple`, at most to `max_seq_length`.
    ///
    /// # Errors
    /// If the model cannot take them, there are none, or a count is 0.
    pub fn of_windows(
        config: &BertConfig,
        windows: Vec<Window>,
        (batch, steps): (usize, usize),
        (multiple, max_seq_length): (usize, usize),
        seed: u64,
    ) -> Result<Self, WorkloadError> {
        let recipe = Recipe { max_seq_length, seed, ..Recipe::default() };
        Self::new("squad".into(), config, windows, recipe, batch, steps, multiple)
    }

    fn new(
        label: String,
        config: &BertConfig,
        windows: Vec<Window>,
        recipe: Recipe,
        batch: usize,
        steps: usize,
        multiple: usize,
    ) -> Result<Self, WorkloadError> {
        let (length, positions) = (recipe.max_seq_length, config.max_position_embeddings);
        if length > positions {
            return Err(WorkloadError::TooLong { length, positions });
        }
        for (name, count) in [("batch", batch), ("steps", steps), ("length_multiple", multiple)] {
            if count == 0 {
                return Err(WorkloadError::Zero(name));
            }
        }
        let piece = windows.iter().flat_map(|window| &window.input_ids).copied().max();
        let piece = piece.ok_or(WorkloadError::Empty)?;
        if piece as usize >= config.vocab_size {
            return Err(WorkloadError::Vocabulary { piece, vocab_size: config.vocab_size });
        }
        let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
        let order = Order::new(&lengths, batch, TrainMode::RandomSorted, recipe.seed);
        let epochs = steps.div_ceil(order.batch_count());
        let recipe = Recipe { train_batch_size: batch, num_train_epochs: epochs as f64, ..recipe };
        let schedule = Schedule::new(&recipe, order.batch_count());
        Ok(Self { label, windows, order, recipe, schedule, multiple, micro_batch: batch, steps })
    }

    /// The same in parts of at most `windows` windows.
    #[must_use]
    pub fn in_parts_of(mut self, windows: usize) -> Self {
        self.micro_batch = windows.max(1);
        self
    }

    /// The length, or `squad`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Windows in a batch.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.recipe.train_batch_size
    }

    /// Windows computed at once.
    #[must_use]
    pub fn micro_batch(&self) -> usize {
        self.micro_batch.min(self.batch())
    }

    /// Steps to measure.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Rows and padded length of every step.
    #[must_use]
    pub fn shapes(&self) -> Vec<(usize, usize)> {
        self.batches().map(|batch| self.shape(batch)).collect()
    }

    /// One batch of each shape, the one that needs most memory first, and more until there are `least`: what a device
    /// has to compile or tune kernels for is done before anything is measured.
    pub fn warm_up(&self, least: usize) -> impl ExactSizeIterator<Item = Prepared> {
        let first_of_shape: BTreeMap<(usize, usize), usize> =
            self.batches().map(|batch| (self.shape(batch), batch)).collect();
        let mut batches: Vec<usize> = first_of_shape.into_values().collect();
        batches.sort_by_key(|&batch| {
            let (rows, length) = self.shape(batch);
            std::cmp::Reverse(rows * length)
        });
        let missing = least.saturating_sub(batches.len());
        batches.extend(self.batches().cycle().take(missing));
        batches.into_iter().map(|batch| prepare(self.data(), &self.recipe, batch))
    }

    /// Starts the trainer's thread that prepares batch after batch; take [`Self::steps`] of them.
    pub fn feed<'scope, 'env: 'scope>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
    ) -> impl Iterator<Item = Prepared> + use<'scope, 'env> {
        ahead(scope, batches(self.data(), &self.recipe, &self.schedule, 0, Place::default()))
    }

    fn batches(&self) -> impl Iterator<Item = usize> + Clone {
        (0..self.schedule.epochs).flat_map(|epoch| self.order.epoch(epoch)).take(self.steps)
    }

    fn shape(&self, batch: usize) -> (usize, usize) {
        let windows = self.order.batch(batch);
        let lengths = windows.iter().filter_map(|&index| self.windows.get(index));
        let longest = lengths.map(|window| window.input_ids.len()).max().unwrap_or(0);
        (windows.len(), self.recipe.padded_length(longest, self.multiple))
    }

    fn data(&self) -> TrainingData<'_> {
        TrainingData {
            windows: &self.windows,
            question_ids: &[],
            order: &self.order,
            length_multiple: self.multiple,
            micro_batch: self.micro_batch,
            share: None,
        }
    }
}

/// A window whose question takes an eighth of it, with an answer of a few pieces.
fn random_window(config: &BertConfig, index: usize, length: usize, random: &mut SplitMix) -> Window {
    let first_doc_token = (length / 8).clamp(3, length - 2);
    let pieces = length - 1 - first_doc_token;
    let start = first_doc_token + random.below(pieces);
    let mut piece = || match config.vocab_size {
        0 | 1 => 0,
        // Not the padding.
        size => 1 + u32::try_from(random.below(size - 1)).unwrap_or(0),
    };
    Window {
        unique_id: 1_000_000_000 + index as u64,
        example_index: index,
        doc_span_index: 0,
        input_ids: (0..length).map(|_| piece()).collect(),
        first_segment_length: first_doc_token,
        first_doc_token,
        token_to_orig: Vec::new().into(),
        token_is_max_context: Vec::new().into(),
        start_position: Some(start),
        end_position: Some((start + 2).min(length - 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> BertConfig {
        BertConfig { vocab_size: 50, max_position_embeddings: 64, ..BertConfig::default() }
    }

    fn window(index: usize, length: usize) -> Window {
        random_window(&config(), index, length, &mut SplitMix::new(index as u64))
    }

    #[test]
    fn fixed_batches_have_no_padding() {
        let workload = Workload::fixed(&config(), 3, 16, 20, 1).unwrap().in_parts_of(2);
        assert_eq!(workload.shapes(), [(3, 16); 20]);
        let seen: Vec<Prepared> =
            std::thread::scope(|scope| workload.feed(scope).take(workload.steps()).collect());
        assert_eq!(seen.len(), 20);
        for prepared in &seen {
            assert_eq!((prepared.windows, prepared.tokens), (3, 48));
            assert_eq!(prepared.parts.iter().map(|part| part.rows).collect::<Vec<_>>(), [2, 1]);
            assert!(prepared.parts.iter().all(|part| part.attention_mask.iter().all(|&mask| mask == 1)));
            assert!(prepared.parts.iter().all(|part| part.input_ids.iter().all(|&id| (1..50).contains(&id))));
        }
        assert_ne!(seen[0].parts[0].input_ids, seen[1].parts[0].input_ids);
    }

    #[test]
    fn windows_of_a_data_set_are_bucketed_and_every_shape_is_warmed_up() {
        let windows: Vec<Window> = (0..22).map(|index| window(index, 10 + index)).collect();
        let workload = Workload::of_windows(&config(), windows, (4, 9), (8, 30), 42).unwrap();
        // Lengths 10 to 31 in fours; the last batch has two windows and is as long as its longest.
        let expected = [(4, 16), (4, 24), (4, 24), (4, 30), (4, 30), (2, 31)];
        assert_eq!(workload.shapes().len(), 9);
        let mut epoch = workload.shapes()[..6].to_vec();
        epoch.sort_unstable_by_key(|&(rows, length)| (length, rows));
        assert_eq!(epoch, expected);
        let warm: Vec<(usize, usize)> =
            workload.warm_up(1).map(|prepared| (prepared.windows, prepared.parts[0].length)).collect();
        assert_eq!(warm, [(4, 30), (4, 24), (4, 16), (2, 31)]);
        assert_eq!(workload.warm_up(7).count(), 7);
        let fed: Vec<(usize, usize)> = std::thread::scope(|scope| {
            let fed = workload.feed(scope).take(9);
            fed.map(|prepared| (prepared.windows, prepared.parts[0].length)).collect()
        });
        assert_eq!(fed, workload.shapes());
    }

    #[test]
    fn what_the_model_cannot_take_is_refused() {
        let fixed = |batch, length, steps| Workload::fixed(&config(), batch, length, steps, 1).map(|_| ());
        assert_eq!(fixed(1, 65, 1), Err(WorkloadError::TooLong { length: 65, positions: 64 }));
        assert_eq!(fixed(1, 4, 1), Err(WorkloadError::TooShort(4)));
        assert_eq!(fixed(0, 16, 1), Err(WorkloadError::Zero("batch")));
        assert_eq!(fixed(1, 16, 0), Err(WorkloadError::Zero("steps")));
        assert!(fixed(1, 5, 1).is_ok());
        let of = |windows, vocab_size| {
            let config = BertConfig { vocab_size, ..config() };
            Workload::of_windows(&config, windows, (1, 1), (8, 64), 1).map(|_| ())
        };
        assert_eq!(of(Vec::new(), 50), Err(WorkloadError::Empty));
        let mut window = window(0, 16);
        window.input_ids[3] = 60;
        assert_eq!(of(vec![window], 50), Err(WorkloadError::Vocabulary { piece: 60, vocab_size: 50 }));
    }
}

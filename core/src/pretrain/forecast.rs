//! What a pre-training will take, told before it starts.

use spanbert_backends::Precision;

use super::{PretrainRecipe, cut, task::schedule};
use crate::{
    batch::padded_length,
    config::BertConfig,
    engine::{forward_flops, memory::MemoryEstimate, pretraining_head_bytes, training_flops},
    tokenizer::BertTokenizer,
    train::{Demand, DeviceLimits, Fit, Forecast, kept_sums, plan},
};

/// The beginning of a file of text, for an estimate of the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its first documents.
    pub documents: Vec<String>,
    /// How many times as long the file is, 1 if these are all.
    pub times: f64,
}

impl Sample {
    /// So many of a file's documents as have `most` bytes of text.
    #[must_use]
    pub fn of(mut documents: Vec<String>, most: usize) -> Self {
        let all: usize = documents.iter().map(String::len).sum();
        let mut taken = 0;
        let count = documents.iter().take_while(|document| {
            let room = taken < most;
            taken += document.len();
            room
        });
        let count = count.count();
        documents.truncate(count);
        let kept: usize = documents.iter().map(String::len).sum();
        Self { documents, times: if kept == 0 { 1.0 } else { all as f64 / kept as f64 } }
    }
}

/// Lengths of texts in word pieces, special ones included, and how many texts of the corpus each stands for: all that a
/// forecast needs to know of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextLengths {
    /// Of the corpus.
    pub corpus: Vec<(usize, f64)>,
    /// Of the files of held-out text.
    pub held_out: Vec<(usize, f64)>,
}

impl TextLengths {
    /// Cuts documents as the pre-training will.
    #[must_use]
    pub fn measure(
        corpus: &[&Sample],
        held_out: &[&Sample],
        tokenizer: &BertTokenizer,
        max_seq_length: usize,
    ) -> Self {
        let lengths = |samples: &[&Sample]| {
            let texts = samples.iter().flat_map(|sample| {
                let texts = cut(&sample.documents, tokenizer, max_seq_length).into_iter();
                texts.map(|text| (text.pieces.len() + 2, sample.times))
            });
            texts.collect()
        };
        Self { corpus: lengths(corpus), held_out: lengths(held_out) }
    }

    /// Whether it is only an estimate, from the beginnings of the files.
    #[must_use]
    pub fn is_estimate(&self) -> bool {
        self.corpus.iter().chain(&self.held_out).any(|(_, times)| *times != 1.0)
    }
}

/// How batches are split by so many workers, and the memory that the largest takes at its worst moment.
pub(super) fn plan_for(
    recipe: &PretrainRecipe,
    config: &BertConfig,
    length: usize,
    limits: &DeviceLimits,
    workers: usize,
) -> (Fit, MemoryEstimate) {
    let parts = recipe.parts.unwrap_or(1).max(1);
    let sums = kept_sums(config, parts, workers);
    // Both objectives predict what is masked, rounded up.
    let targets = |rows: usize| 2 * rows * (length as f64 * recipe.mask_share).ceil() as usize;
    let demand = Demand {
        rows: recipe.train_batch_size.div_ceil(parts),
        update_rows: recipe.train_batch_size,
        length,
        micro_batch: recipe.micro_batch,
        eval_rows: recipe.eval_batch_size,
        half: Precision::from(recipe.precision) != Precision::F32,
        averages: false,
        head_bytes: &|rows| sums.saturating_add(pretraining_head_bytes(config, targets(rows))),
        teacher_bytes: &|_| 0,
    };
    plan(&demand, config, limits)
}

impl Forecast {
    /// The forecast of a pre-training for a model and texts on a device. Its windows are texts; without any, only memory is
    /// told.
    #[must_use]
    pub fn of_pretraining(
        recipe: &PretrainRecipe,
        config: &BertConfig,
        lengths: &TextLengths,
        limits: &DeviceLimits,
    ) -> Self {
        let multiple = limits.backend.length_multiple();
        let padded = |length: usize| padded_length(length, multiple, recipe.max_seq_length);
        let texts = |lengths: &[(usize, f64)]| lengths.iter().map(|(_, times)| times).sum::<f64>();
        let flops = |lengths: &[(usize, f64)], of: fn(&BertConfig, usize, usize) -> f64| {
            lengths.iter().map(|&(length, times)| times * of(config, 1, padded(length))).sum::<f64>()
        };
        let longest = lengths.corpus.iter().map(|(length, _)| *length).max().unwrap_or(recipe.max_seq_length);
        let (fit, memory) = plan_for(recipe, config, padded(longest), limits, 1);
        let learnt = 1.0 - recipe.eval_share;
        let rows = (texts(&lengths.corpus) * learnt).round() as usize;
        let schedule = schedule(recipe, rows);
        let all = (schedule.batches_per_epoch * schedule.epochs).max(1);
        let epochs = schedule.epochs as f64 * schedule.steps() as f64 / all as f64;
        let evaluates = recipe.eval_share > 0.0 || !lengths.held_out.is_empty();
        let evaluations = if evaluates { schedule.evaluations_after(0) } else { 0 };
        let once = flops(&lengths.held_out, forward_flops)
            + flops(&lengths.corpus, forward_flops) * recipe.eval_share;
        let weights = config.parameter_count() as u64 * 4;
        Self {
            fit,
            memory,
            usable_memory: limits.usable_memory(),
            windows: rows,
            trainings: 1,
            updates: schedule.steps(),
            evaluations,
            training_flops: flops(&lengths.corpus, training_flops) * learnt * epochs,
            evaluation_flops: once * evaluations as f64,
            // best/ and last/, and two training checkpoints with two moments each while one replaces the other.
            disk_bytes: weights * if evaluates { 2 + 2 * 3 } else { 1 + 2 * 3 },
        }
    }
}

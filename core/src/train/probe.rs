//! How many windows are computed at once: estimated from memory, then tried on the device.

use spanbert_backends::{BackendKind, DeviceInfo};

use super::{
    Fit, Host, MicroBatchSize, Precision, Recipe, Teacher, TrainError, TrainingData, batches::longest_batch,
};
use crate::{
    batch::{loss_weights, micro_batches},
    config::BertConfig,
    engine::{
        EngineError, Learner, MicroBatch, TrainingEngine,
        memory::{MemoryEstimate, Work, estimate, fits, is_small, part_rows},
    },
    run::Phase,
};

/// What a training asks of a device.
pub(crate) struct Demand<'a> {
    /// Rows of a batch.
    pub rows: usize,
    /// Rows of an update.
    pub update_rows: usize,
    /// Padded length of the longest batch.
    pub length: usize,
    /// Rows to be computed at once.
    pub micro_batch: MicroBatchSize,
    /// Rows of an evaluation batch.
    pub eval_rows: usize,
    /// Whether products are made in a half precision.
    pub half: bool,
    /// Whether a running average of the weights is kept.
    pub averages: bool,
    /// Bytes that the heads take for so many rows, where the estimate leaves them out.
    pub head_bytes: &'a dyn Fn(usize) -> u64,
    /// Bytes that a teacher of so many rows takes, if there is one.
    pub teacher_bytes: &'a dyn Fn(usize) -> u64,
}

/// What a device offers.
#[derive(Clone, Copy, Debug)]
pub struct DeviceLimits {
    /// Its kind.
    pub backend: BackendKind,
    /// Memory that may be used, in bytes, where known.
    pub memory_bytes: Option<u64>,
    /// Largest single buffer, in bytes, where there is a limit.
    pub max_buffer_bytes: Option<u64>,
}

/// Bytes of a value of a perturbation in f32: its own, its gradient's, and its square's.
const PERTURBATION_BYTES: u64 = 12;

/// Windows that a GPU answers at once where its memory is known to allow it: between batches it waits for the host.
const GPU_EVALUATION_ROWS: usize = 128;

/// Share of the memory for windows beyond those that were asked for: a training keeps its moments and its pools of
/// buffers while it evaluates.
const SPARE: f64 = 0.25;

/// Share of the memory that a plan may fill: estimates were up to 13 % low on a processor, allocators round up, and others
/// use the device too.
const USABLE: f64 = 0.8;

impl From<&DeviceInfo> for DeviceLimits {
    fn from(device: &DeviceInfo) -> Self {
        Self {
            backend: device.kind,
            memory_bytes: device.memory_bytes,
            max_buffer_bytes: device.max_buffer_bytes,
        }
    }
}

impl DeviceLimits {
    /// Bytes of the memory that a training may fill, where they are known.
    #[must_use]
    pub fn usable_memory(&self) -> Option<u64> {
        self.memory_bytes.map(|bytes| (bytes as f64 * USABLE) as u64)
    }

    /// How many windows of `length` pieces are answered at once: `wanted`, or its half, quarter and so on that fits;
    /// more than `wanted` on a GPU with room for more. Answers do not depend on it.
    #[must_use]
    pub fn inference_rows(&self, config: &BertConfig, wanted: usize, length: usize) -> usize {
        self.evaluation_rows(config, wanted, length, &|_| 0)
    }

    fn evaluation_rows(
        &self,
        config: &BertConfig,
        wanted: usize,
        length: usize,
        head_bytes: &dyn Fn(usize) -> u64,
    ) -> usize {
        let allowed =
            |rows, share| self.allow(config, (rows, length), Work::Inference, head_bytes(rows), share);
        let fitting = |wanted, share| halves(wanted).find(|&rows| allowed(rows, share));
        let roomy = self.backend != BackendKind::Cpu && self.memory_bytes.is_some();
        let more = if roomy { fitting(GPU_EVALUATION_ROWS, SPARE) } else { None };
        fitting(wanted, USABLE).max(more).unwrap_or(1)
    }

    fn allow(
        &self,
        config: &BertConfig,
        (rows, length): (usize, usize),
        work: Work,
        head_bytes: u64,
        share: f64,
    ) -> bool {
        // Whole bytes, as the estimate's.
        let budget = self.memory_bytes.map_or(u64::MAX, |bytes| (bytes as f64 * share) as u64);
        let budget = budget.saturating_sub(head_bytes);
        fits(config, rows, length, self.backend, work, budget, self.max_buffer_bytes)
    }
}

/// The split to begin with and what it is estimated to take. Parts of a batch are its halves, quarters and so on.
pub(crate) fn plan(demand: &Demand<'_>, config: &BertConfig, limits: &DeviceLimits) -> (Fit, MemoryEstimate) {
    let &Demand { rows: whole, update_rows, length, eval_rows, half, averages, .. } = demand;
    let &Demand { head_bytes, teacher_bytes, .. } = demand;
    let besides = |rows| head_bytes(rows).saturating_add(teacher_bytes(rows));
    let work =
        |rows, recompute| Work::Training { recompute, accumulates: rows < update_rows, half, averages };
    let allowed =
        |&rows: &usize| limits.allow(config, (rows, length), work(rows, false), besides(rows), USABLE);
    let (micro_batch, recompute) = match demand.micro_batch {
        MicroBatchSize::Windows(count) => (count.min(whole), false),
        // If not even a window fits by the estimate, it is recomputed, and the device has the last word.
        MicroBatchSize::Auto if limits.backend == BackendKind::Cpu && is_small(config) => {
            (part_rows(length).min(whole), false)
        }
        MicroBatchSize::Auto => halves(whole).find(allowed).map_or((1, true), |rows| (rows, false)),
    };
    let eval_batch = limits.evaluation_rows(config, eval_rows, length, &besides);
    let fit = Fit { micro_batch, recompute, eval_batch, probed: false, faults: 0 };
    let memory = estimate(config, micro_batch, length, limits.backend, work(micro_batch, recompute));
    let (head, teacher) = (head_bytes(micro_batch), teacher_bytes(micro_batch));
    let memory = MemoryEstimate {
        activations: memory.activations.saturating_add(head),
        teacher,
        total: memory.total.saturating_add(head).saturating_add(teacher),
        ..memory
    };
    (fit, memory)
}

/// Bytes of the gradients of so many parts that a worker keeps: of each but one, which the estimate counts; and those of all
/// workers, on the way and back.
pub(crate) fn kept_sums(config: &BertConfig, parts: usize, workers: usize) -> u64 {
    let kept = parts.div_ceil(workers.max(1)).saturating_sub(1) + if workers > 1 { 2 } else { 0 };
    (config.parameter_count() as u64).saturating_mul(4 * kept as u64)
}

/// [`plan`] for a fine-tuning by so many workers whose longest batch is padded to `length`, beside a teacher that takes so many
/// bytes.
pub(super) fn plan_for(
    recipe: &Recipe,
    config: &BertConfig,
    length: usize,
    limits: &DeviceLimits,
    workers: usize,
    teacher_bytes: &dyn Fn(usize) -> u64,
) -> (Fit, MemoryEstimate) {
    let parts = recipe.parts.unwrap_or(1).max(1);
    let sums = kept_sums(config, parts, workers);
    let adversarial = recipe.adversarial_epsilon.is_some();
    // The second pass adds to the gradients of the first.
    let update_rows = if adversarial { usize::MAX } else { recipe.train_batch_size };
    let perturbations = |rows: usize| {
        let values = (rows * length) as u64 * config.embedding_width() as u64;
        if adversarial { PERTURBATION_BYTES * values } else { 0 }
    };
    let demand = Demand {
        rows: recipe.batch_rows().div_ceil(parts),
        update_rows,
        length,
        micro_batch: recipe.micro_batch,
        eval_rows: recipe.eval_batch_size,
        half: recipe.precision != Precision::F32,
        averages: recipe.ema_decay.is_some(),
        head_bytes: &|rows| sums.saturating_add(perturbations(rows)),
        teacher_bytes,
    };
    plan(&demand, config, limits)
}

/// Writes how batches are split, the plan's or a resumed run's split, and tries it on a GPU: `probe` runs the longest batch
/// in parts of so many rows and forgets it. A processor is not tried: it has no fault to catch, and a step of a large
/// model takes it a minute.
pub(crate) async fn settle<E: Learner + ?Sized>(
    engine: &mut E,
    (planned, memory): (Fit, MemoryEstimate),
    resumed: Option<Fit>,
    limits: &DeviceLimits,
    row: &str,
    host: &mut dyn Host,
    probe: impl FnOnce(&mut E, usize) -> Result<(), EngineError>,
) -> Result<Fit, TrainError> {
    let mut fit = host.settle_fit(resumed.unwrap_or(planned))?;
    host.detailed_phase(Phase::Loading, describe(&memory, limits))?;
    host.detailed_phase(Phase::Loading, fit.describe(row))?;
    host.save_fit(&fit)?;
    engine.set_recompute(fit.recompute);
    if !fit.probed && limits.backend != BackendKind::Cpu {
        host.phase(Phase::Probing)?;
        probe(engine, fit.micro_batch)?;
        // What does not fit shows before hours are spent.
        let loss = engine.last_loss_async().await?;
        engine.discard_gradients();
        if !loss.is_some_and(f32::is_finite) {
            return Err(EngineError::Read(format!("the loss of the longest batch is {loss:?}")).into());
        }
        fit.probed = true;
        host.save_fit(&fit)?;
    }
    Ok(fit)
}

fn halves(most: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(most), |rows| (*rows > 1).then_some(rows / 2))
}

/// Runs the longest batch forward and backward once, in parts of so many windows.
pub(super) fn probe(
    engine: &mut (dyn TrainingEngine + 'static),
    mut teacher: Option<&mut Teacher>,
    data: TrainingData<'_>,
    recipe: &Recipe,
    rows: usize,
) -> Result<(), EngineError> {
    let whole = longest_batch(data, recipe);
    let weights = loss_weights(&whole, recipe.gradient_accumulation_steps);
    let parts = micro_batches(&whole, rows.min(whole.rows.max(1)));
    // Two parts: the second one's gradients are added to the first one's.
    parts.iter().take(2).try_for_each(|batch| {
        let micro = MicroBatch {
            batch,
            first_row: 0,
            start_weight: weights.start,
            end_weight: weights.end,
            seed: recipe.seed,
        };
        match &mut teacher {
            Some(teacher) => teacher.accumulate_alone(engine, micro),
            None => engine.accumulate(&micro),
        }
    })
}

/// `weights 433 MB, … in all 1.8 GB of 16.0 GB`.
fn describe(estimate: &MemoryEstimate, limits: &DeviceLimits) -> String {
    let of = limits.memory_bytes.map_or_else(String::new, |bytes| format!(" of {}", size(bytes)));
    let teacher = match estimate.teacher {
        0 => String::new(),
        bytes => format!(", teacher {}", size(bytes)),
    };
    format!(
        "memory by estimate: weights {}, gradients {}, optimizer {}, activations {}{teacher}, in all {}{of}",
        size(estimate.weights),
        size(estimate.gradients),
        size(estimate.optimizer),
        size(estimate.activations),
        size(estimate.total),
    )
}

fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    if bytes < 1e9 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.1} GB", bytes / 1e9) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    fn planned(recipe: &Recipe, memory: Option<u64>, buffer: Option<u64>) -> (usize, bool, usize) {
        let limits =
            DeviceLimits { backend: BackendKind::Wgpu, memory_bytes: memory, max_buffer_bytes: buffer };
        let (fit, estimate) = plan_for(recipe, &BertConfig::default(), 384, &limits, 1, &|_| 0);
        assert!(estimate.total > estimate.weights);
        (fit.micro_batch, fit.recompute, fit.eval_batch)
    }

    #[test]
    fn the_largest_half_that_fits_is_taken() {
        let recipe = Recipe::default();
        assert_eq!(planned(&recipe, None, None), (32, false, 8));
        // Without gradients there is room for more windows than were asked for.
        assert_eq!(planned(&recipe, Some(141 * GB), None), (32, false, 128));
        // Attention probabilities of a window are 7 MB: 18 of them in 128 MiB.
        assert_eq!(planned(&recipe, None, Some(128 << 20)), (16, false, 8));
        let (rows, recompute, _) = planned(&recipe, Some(8 * GB), None);
        assert!((1..32).contains(&rows) && !recompute, "{rows}");
        assert_eq!(planned(&recipe, Some(GB), None), (1, true, 8));
    }

    #[test]
    fn a_processor_takes_parts_of_a_small_model_side_by_side() {
        let rows = |backend, config: &BertConfig, length| {
            let limits = DeviceLimits { backend, memory_bytes: None, max_buffer_bytes: None };
            plan_for(&Recipe::default(), config, length, &limits, 1, &|_| 0).0.micro_batch
        };
        let small =
            BertConfig { hidden_size: 128, num_hidden_layers: 2, vocab_size: 1000, ..BertConfig::default() };
        assert_eq!([64, 128, 384, 512].map(|length| rows(BackendKind::Cpu, &small, length)), [8, 4, 1, 1]);
        assert_eq!(rows(BackendKind::Cpu, &BertConfig::default(), 128), 32);
        assert_eq!(rows(BackendKind::Wgpu, &small, 128), 32);
    }

    #[test]
    fn what_the_user_says_is_tried_first() {
        let recipe = Recipe { micro_batch: MicroBatchSize::Windows(7), ..Recipe::default() };
        assert_eq!(planned(&recipe, Some(GB), None).0, 7);
        let recipe = Recipe { micro_batch: MicroBatchSize::Windows(99), ..Recipe::default() };
        assert_eq!(planned(&recipe, None, None).0, 32);
    }
}

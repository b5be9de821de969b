//! SpanBERT's pre-training objectives: masked language modelling and the span-boundary objective.

use burn::tensor::Tensor;
use spanbert_backends::{BertBackend, Precision, TrainingBackend, fault};

use super::{
    EngineError, EngineFuture, OTHER_VOCABULARY, PredictionSums, PretrainEngine, PretrainLosses,
    PretrainMicroBatch, PretrainSums, StepMetrics,
    gradients::{Gradients, Inner, collect},
    inference::{check_batch, check_precision, outside, read, read_async},
    learner::{Answering, BurnLearner},
    memory::Work,
    objective::{Objective, Pass},
    recompute,
    reserve::{self, Reserve},
};
use crate::{
    batch::{Batch, PretrainBatch},
    config::{BertConfig, SPAN_POSITIONS},
    host::Weights,
    model::{DropoutSeeds, ModelInput, PretrainingBert, PretrainingLoss},
};

/// Bytes a logit takes: in f32 itself, its logarithmic probability, and the gradients of both.
const LOGITS_BYTES: u64 = 16;

/// Where the span-boundary head's parameters are.
const SBO_HEAD: &str = "sbo.";
/// The one of them that every batch with spans gives a gradient.
const SBO_POSITIONS: &str = "sbo.position_embeddings.weight";

/// Two losses: of masked language modelling and of the span-boundary objective.
pub(super) struct SpanMasking;

impl<AB: TrainingBackend> Objective<AB> for SpanMasking {
    type Model = PretrainingBert<AB>;
    type Part<'a> = PretrainMicroBatch<'a>;

    const LOSSES: usize = 2;

    fn build(
        config: &BertConfig,
        weights: &mut Weights,
        precision: Precision,
        device: &AB::Device,
    ) -> Result<PretrainingBert<AB>, EngineError> {
        check_precision::<AB>(precision, device)?;
        fault::guard(|| PretrainingBert::from_weights(config, weights, device, precision))?
            .map_err(EngineError::weights)
    }

    fn check(config: &BertConfig, part: &PretrainMicroBatch<'_>) -> Result<(), EngineError> {
        check_batch(config, &part.batch.batch)?;
        check_targets(config, part.batch)
    }

    fn batch<'a>(part: &'a PretrainMicroBatch<'_>) -> &'a Batch {
        &part.batch.batch
    }

    fn head_bytes(config: &BertConfig, part: &PretrainMicroBatch<'_>) -> u64 {
        head_bytes(config, part.batch.mlm.pieces.len() + part.batch.sbo.pieces.len())
    }

    fn pass(
        pass: &Pass<'_, AB>,
        model: &PretrainingBert<AB>,
        part: &PretrainMicroBatch<'_>,
        sum: &mut Gradients<Inner<AB>>,
    ) -> Result<Tensor<Inner<AB>, 1>, EngineError> {
        let batch = part.batch;
        let seeds = DropoutSeeds::new(part.seed, part.first_row * batch.batch.length);
        let input = ModelInput::for_training(&batch.batch, pass.config.vocab_size, pass.device);
        let losses = if pass.recompute {
            let loss_of = |x, _: &mut DropoutSeeds| weighted(pass, part, model.losses(&x, batch));
            recompute::accumulate(model, model.encoder(), input, seeds, loss_of, sum)?.0
        } else {
            let (total, losses) = weighted(pass, part, model.forward(input, batch, Some(seeds)));
            if let Some(total) = total {
                collect(model, total.backward(), sum);
            }
            losses
        };
        Ok(pass.unscaled(losses))
    }

    /// Without the span-boundary objective its head is idle.
    fn idle(gradients: &Gradients<Inner<AB>>) -> Option<&'static str> {
        (!gradients.is_empty() && !gradients.contains_key(SBO_POSITIONS)).then_some(SBO_HEAD)
    }

    fn metrics(losses: &[f32], grad_norm: f32) -> Option<StepMetrics> {
        let &[mlm, sbo] = losses else { return None };
        let pretraining = Some(PretrainLosses { mlm, sbo });
        Some(StepMetrics { loss: mlm + sbo, pretraining, grad_norm, overflowed_at: None })
    }
}

/// The sum of both weighted losses, if there are any targets, and their values `[2]`.
fn weighted<AB: TrainingBackend>(
    pass: &Pass<'_, AB>,
    part: &PretrainMicroBatch<'_>,
    found: PretrainingLoss<AB>,
) -> (Option<Tensor<AB, 1>>, Tensor<Inner<AB>, 1>) {
    let weighted = |loss: Option<Tensor<AB, 1>>, weight: f32| {
        loss.filter(|_| weight > 0.0).map(|loss| loss.mul_scalar(pass.scaled(weight)))
    };
    let (mlm, sbo) = (weighted(found.mlm, part.mlm_weight), weighted(found.sbo, part.sbo_weight));
    let value = |loss: &Option<Tensor<AB, 1>>| {
        loss.as_ref().map_or_else(|| Tensor::zeros([1], pass.device), |loss| loss.clone().inner())
    };
    let values = Tensor::cat(vec![value(&mlm), value(&sbo)], 0);
    let total = match (mlm, sbo) {
        (Some(mlm), Some(sbo)) => Some(mlm + sbo),
        (one, other) => one.or(other),
    };
    (total, values)
}

impl<AB: TrainingBackend> PretrainEngine for BurnLearner<AB, SpanMasking> {
    fn accumulate(&mut self, micros: &[PretrainMicroBatch<'_>]) -> Result<(), EngineError> {
        self.accumulate_undivided(micros)
    }

    fn accumulate_parts(
        &mut self,
        places: &[usize],
        micros: &[PretrainMicroBatch<'_>],
    ) -> Result<(), EngineError> {
        self.accumulate_micros(places, micros)
    }

    fn predict_masked(&mut self, batch: &PretrainBatch) -> Result<PretrainSums, EngineError> {
        let Answering { model, config, device, reserve } = self.answering()?;
        prepare::<Inner<AB>>(config, batch, device, reserve)?;
        let values = fault::guard(|| {
            Inner::<AB>::bert_inside(|| {
                read([model.predict_masked(ModelInput::from_batch(&batch.batch, device), batch)])
            })
        })??;
        sums(batch, &values)
    }

    fn predict_masked_async<'a>(&'a mut self, batch: &'a PretrainBatch) -> EngineFuture<'a, PretrainSums> {
        Box::pin(async move {
            let Answering { model, config, device, reserve } = self.answering()?;
            prepare::<Inner<AB>>(config, batch, device, reserve)?;
            let values = fault::guard_async(async {
                let predicted = Inner::<AB>::bert_inside(|| {
                    model.predict_masked(ModelInput::from_batch(&batch.batch, device), batch)
                });
                read_async([predicted]).await
            });
            sums(batch, &values.await??)
        })
    }
}

/// Checks a batch and makes room for it.
fn prepare<B: BertBackend>(
    config: &BertConfig,
    batch: &PretrainBatch,
    device: &B::Device,
    reserve: &mut Reserve,
) -> Result<(), EngineError> {
    check_batch(config, &batch.batch)?;
    check_targets(config, batch)?;
    let Batch { rows, length, .. } = batch.batch;
    let head = head_bytes(config, batch.mlm.pieces.len() + batch.sbo.pieces.len());
    let pass = reserve::Pass { rows, length, work: Work::Inference, head, without_moments: false };
    reserve.make_room::<B>(config, device, pass)
}

/// The four sums of a batch by name.
fn sums(batch: &PretrainBatch, values: &[Vec<f32>]) -> Result<PretrainSums, EngineError> {
    let Some(&[mlm_loss, mlm_correct, sbo_loss, sbo_correct]) = values.first().map(Vec::as_slice) else {
        return Err(EngineError::Read("sums of losses and correct predictions are missing".into()));
    };
    let sums = |loss: f32, correct: f32, targets: &[i32]| PredictionSums {
        loss: loss.into(),
        correct: correct.into(),
        targets: targets.len(),
    };
    Ok(PretrainSums {
        mlm: sums(mlm_loss, mlm_correct, &batch.mlm.pieces),
        sbo: sums(sbo_loss, sbo_correct, &batch.sbo.pieces),
    })
}

/// Bytes that the logits of so many targets take, with their gradients.
pub fn head_bytes(config: &BertConfig, targets: usize) -> u64 {
    (targets as u64).saturating_mul(config.vocab_size as u64).saturating_mul(LOGITS_BYTES)
}

/// Refuses targets that the device would read out of bounds.
fn check_targets(config: &BertConfig, batch: &PretrainBatch) -> Result<(), EngineError> {
    let size = batch.batch.rows * batch.batch.length;
    let (mlm, sbo) = (&batch.mlm, &batch.sbo);
    let lengths = [
        mlm.places.len() == mlm.pieces.len(),
        [&sbo.left, &sbo.right, &sbo.offset].into_iter().all(|list| list.len() == sbo.pieces.len()),
    ];
    if lengths != [true, true] {
        return Err(EngineError::Defect("targets and their places differ in number".into()));
    }
    for (name, values, limit) in [
        ("masked places", &mlm.places, size),
        ("masked pieces", &mlm.pieces, config.vocab_size),
        ("places before spans", &sbo.left, size),
        ("places after spans", &sbo.right, size),
        ("places within spans", &sbo.offset, SPAN_POSITIONS),
        ("pieces of spans", &sbo.pieces, config.vocab_size),
    ] {
        if let Some(value) = outside(values, limit) {
            let what = format!("{name} hold {value}, allowed is 0 to {}", limit.saturating_sub(1));
            return Err(EngineError::Input { what, remedy: OTHER_VOCABULARY });
        }
    }
    Ok(())
}

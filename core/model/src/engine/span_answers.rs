//! Extractive question answering: start and end of the answer span.

use burn::tensor::Tensor;
use spanbert_backends::{Precision, TrainingBackend};

use super::{
    EngineError, EngineFuture, InferenceEngine, Logits, MicroBatch, StepMetrics, TrainingEngine,
    gradients::{Gradients, Inner, collect},
    inference::{build, check_batch, predict, predict_async},
    learner::{Answering, BurnLearner},
    objective::{Objective, Pass},
    recompute,
};
use crate::{
    batch::Batch,
    config::BertConfig,
    host::Weights,
    model::{DropoutSeeds, ModelInput, SpanBert, span_loss},
};

/// One loss: the weighted cross-entropies of start and end.
pub(super) struct SpanAnswers;

impl<AB: TrainingBackend> Objective<AB> for SpanAnswers {
    type Model = SpanBert<AB>;
    type Part<'a> = MicroBatch<'a>;

    const LOSSES: usize = 1;

    fn build(
        config: &BertConfig,
        weights: &mut Weights,
        precision: Precision,
        device: &AB::Device,
    ) -> Result<SpanBert<AB>, EngineError> {
        build::<AB>(config, weights, precision, device)
    }

    fn check(config: &BertConfig, part: &MicroBatch<'_>) -> Result<(), EngineError> {
        check_batch(config, part.batch)?;
        match &part.batch.targets {
            Some(_) => Ok(()),
            None => Err(EngineError::Defect("a training batch has no targets".into())),
        }
    }

    fn batch<'a>(part: &'a MicroBatch<'_>) -> &'a Batch {
        part.batch
    }

    fn pass(
        pass: &Pass<'_, AB>,
        model: &SpanBert<AB>,
        part: &MicroBatch<'_>,
        sum: &mut Gradients<Inner<AB>>,
    ) -> Result<Tensor<Inner<AB>, 1>, EngineError> {
        let seeds = DropoutSeeds::new(part.seed, part.first_row * part.batch.length);
        let input = ModelInput::for_training(part.batch, pass.config.vocab_size, pass.device);
        let weights = (pass.scaled(part.start_weight), pass.scaled(part.end_weight));
        let loss_of = |logits| span_loss(logits, part.batch, weights.0, weights.1);
        let loss = if pass.recompute {
            let shape = input.input_ids.dims();
            let loss_of = |x, seeds: &mut DropoutSeeds| {
                let loss = loss_of(model.head(x, shape, Some(seeds)));
                (Some(loss.clone()), loss.inner())
            };
            recompute::accumulate(model, model.encoder(), input, seeds, loss_of, sum)?
        } else {
            let loss = loss_of(model.forward(input, Some(seeds)));
            collect(model, loss.backward(), sum);
            loss.inner()
        };
        Ok(pass.unscaled(loss))
    }

    fn metrics(losses: &[f32], grad_norm: f32) -> Option<StepMetrics> {
        let &[loss] = losses else { return None };
        Some(StepMetrics { loss, pretraining: None, grad_norm, overflowed_at: None })
    }
}

impl<AB: TrainingBackend> InferenceEngine for BurnLearner<AB, SpanAnswers> {
    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        let Answering { model, config, device, reserve } = self.answering()?;
        predict::<Inner<AB>>(&model, config, batch, device, reserve)
    }

    fn predict_async<'a>(&'a mut self, batch: &'a Batch) -> EngineFuture<'a, Logits> {
        Box::pin(async move {
            let Answering { model, config, device, reserve } = self.answering()?;
            predict_async::<Inner<AB>>(&model, config, batch, device, reserve).await
        })
    }
}

impl<AB: TrainingBackend> TrainingEngine for BurnLearner<AB, SpanAnswers> {
    fn accumulate(&mut self, micro: &MicroBatch<'_>) -> Result<(), EngineError> {
        self.accumulate_all(std::slice::from_ref(micro))
    }

    fn accumulate_all(&mut self, micros: &[MicroBatch<'_>]) -> Result<(), EngineError> {
        self.accumulate_undivided(micros)
    }

    fn accumulate_parts(&mut self, places: &[usize], micros: &[MicroBatch<'_>]) -> Result<(), EngineError> {
        self.accumulate_micros(places, micros)
    }
}

//! Extractive question answering: start and end of the answer span.

use burn::tensor::Tensor;
use spanbert_backends::{Precision, TrainingBackend};

use super::{
    EngineError, EngineFuture, InferenceEngine, Logits, MicroBatch, SoftTargets, StepMetrics, TrainingEngine,
    adversarial,
    gradients::{Gradients, Inner, add, collect},
    inference::{build, check_batch, predict, predict_async},
    learner::{Answering, BurnLearner},
    objective::{Objective, Pass},
    recompute,
};
use crate::{
    batch::Batch,
    config::BertConfig,
    host::Weights,
    model::{DropoutSeeds, ModelInput, SpanBert, distilled_loss, span_loss},
};

/// One loss: the weighted cross-entropies of start and end, and what a teacher adds to them.
pub(super) struct SpanAnswers;

/// A micro-batch, and a teacher's logits of it if there is a teacher.
pub(super) struct Part<'a> {
    micro: &'a MicroBatch<'a>,
    soft: Option<&'a SoftTargets<'a>>,
}

impl<'a> Part<'a> {
    fn untaught(micros: &'a [MicroBatch<'a>]) -> Vec<Self> {
        micros.iter().map(|micro| Self { micro, soft: None }).collect()
    }
}

impl<AB: TrainingBackend> Objective<AB> for SpanAnswers {
    type Model = SpanBert<AB>;
    type Part<'a> = Part<'a>;

    const LOSSES: usize = 1;

    fn build(
        config: &BertConfig,
        weights: &mut Weights,
        precision: Precision,
        device: &AB::Device,
    ) -> Result<SpanBert<AB>, EngineError> {
        build::<AB>(config, weights, precision, device)
    }

    fn check(config: &BertConfig, part: &Part<'_>) -> Result<(), EngineError> {
        let batch = part.micro.batch;
        check_batch(config, batch)?;
        if batch.targets.is_none() {
            return Err(EngineError::Defect("a training batch has no targets".into()));
        }
        let size = batch.rows * batch.length;
        match part.soft {
            Some(soft) if [soft.start.len(), soft.end.len()] != [size, size] => {
                let given = soft.start.len();
                Err(EngineError::Defect(format!("a teacher gave {given} of {size} logits")))
            }
            _ => Ok(()),
        }
    }

    fn batch<'a>(part: &'a Part<'_>) -> &'a Batch {
        part.micro.batch
    }

    fn pass(
        pass: &Pass<'_, AB>,
        model: &SpanBert<AB>,
        &Part { micro, soft }: &Part<'_>,
        sum: &mut Gradients<Inner<AB>>,
    ) -> Result<Tensor<Inner<AB>, 1>, EngineError> {
        let input = ModelInput::for_training(micro.batch, pass.config.vocab_size, pass.device);
        let weights = (pass.scaled(micro.start_weight), pass.scaled(micro.end_weight));
        let loss_of = |logits| match soft {
            Some(soft) => distilled_loss(logits, micro.batch, soft, weights.0, weights.1),
            None => span_loss(logits, micro.batch, weights.0, weights.1),
        };
        // Both passes drop the same.
        let learn = |input: ModelInput<AB>, sum: &mut Gradients<Inner<AB>>| {
            let seeds = DropoutSeeds::new(micro.seed, micro.first_row * micro.batch.length);
            if pass.recompute {
                let shape = input.input_ids.dims();
                let loss_of = |x, seeds: &mut DropoutSeeds| {
                    let loss = loss_of(model.head(x, shape, Some(seeds)));
                    (Some(loss.clone()), loss.inner())
                };
                return recompute::accumulate(model, model.encoder(), input, seeds, loss_of, sum);
            }
            let perturbation = input.perturbation.clone();
            let loss = loss_of(model.forward(input, Some(seeds)));
            let mut gradients = loss.backward();
            let of_perturbation =
                perturbation.and_then(|perturbation| perturbation.grad_remove(&mut gradients));
            collect(model, gradients, sum);
            Ok((loss.inner(), of_perturbation))
        };
        let loss = match pass.adversarial {
            Some(epsilon) => {
                let width = model.encoder().parts().0.width();
                // Summed by themselves first, as they are where parts are done side by side.
                let mut both = Gradients::new();
                let learn = |input| learn(input, &mut both);
                let loss = adversarial::learn_twice(input, micro.batch, width, epsilon, learn)?;
                add(sum, both);
                loss
            }
            None => learn(input, sum)?.0,
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
        self.accumulate_undivided(&Part::untaught(micros))
    }

    fn accumulate_parts(&mut self, places: &[usize], micros: &[MicroBatch<'_>]) -> Result<(), EngineError> {
        self.accumulate_micros(places, &Part::untaught(micros))
    }

    fn set_adversarial(&mut self, epsilon: Option<f32>) {
        self.perturb(epsilon);
    }

    fn accumulate_distilled(
        &mut self,
        places: &[usize],
        micros: &[MicroBatch<'_>],
        soft: &[SoftTargets<'_>],
    ) -> Result<(), EngineError> {
        if micros.len() != soft.len() {
            let (micros, soft) = (micros.len(), soft.len());
            return Err(EngineError::Defect(format!("a teacher answered {soft} of {micros} micro-batches")));
        }
        let parts: Vec<Part<'_>> =
            micros.iter().zip(soft).map(|(micro, soft)| Part { micro, soft: Some(soft) }).collect();
        self.accumulate_micros(places, &parts)
    }
}

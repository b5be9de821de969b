//! An engine and a development set for tests of the loop: they note what is asked of them.

#![cfg_attr(not(feature = "native"), allow(dead_code, reason = "those tests look at run folders"))]

use std::{cell::RefCell, future::ready, rc::Rc};

use spanbert_backends::MemoryUse;

use super::{Evaluator, EvaluatorError, Scored};
use crate::{
    batch::Batch,
    checkpoint::{Weights, fresh},
    config::BertConfig,
    engine::{
        Engine, EngineError, InferenceEngine, Learner, Logits, MicroBatch, OptimizerState, SoftTargets,
        StepMetrics, TrainingEngine,
    },
    evaluate::{BoxFuture, Monitor},
    features::Window,
    score::Scores,
};

/// A configuration small enough to save in no time.
pub(crate) fn tiny_config() -> BertConfig {
    BertConfig {
        vocab_size: 12,
        hidden_size: 4,
        num_hidden_layers: 1,
        num_attention_heads: 2,
        intermediate_size: 8,
        max_position_embeddings: 64,
        ..BertConfig::default()
    }
}

/// Windows of 4 to 8 pieces, one a question.
pub(crate) fn windows(count: usize) -> Vec<Window> {
    (0..count)
        .map(|index| Window {
            unique_id: 1_000_000_000 + index as u64,
            example_index: index,
            doc_span_index: 0,
            input_ids: vec![1; 4 + index % 5],
            first_segment_length: 2,
            first_doc_token: 2,
            token_to_orig: Vec::new().into(),
            token_is_max_context: Vec::new().into(),
            start_position: Some(2),
            end_position: Some(3),
        })
        .collect()
}

/// What an engine was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    /// Rows, start weight and seed.
    Accumulate(usize, f32, u64),
    /// Learning rate.
    Update(f64),
}

/// The calls of one or several engines.
pub(crate) type Calls = Rc<RefCell<Vec<Call>>>;

/// Loses 1 / update; its weights say how many updates were made.
pub(crate) struct FakeEngine {
    config: BertConfig,
    weights: Weights,
    pub calls: Calls,
    updates: usize,
    waiting: Vec<StepMetrics>,
    /// The update, from 1, whose loss is not a number.
    pub breaks_at: Option<usize>,
}

impl FakeEngine {
    pub fn new(calls: &Calls) -> Self {
        let config = tiny_config();
        let weights = fresh(&config, 1);
        Self { config, weights, calls: calls.clone(), updates: 0, waiting: Vec::new(), breaks_at: None }
    }
}

/// The number of updates behind saved weights of a [`FakeEngine`].
pub(crate) fn updates_behind(weights: &Weights) -> f32 {
    weights["qa_outputs.bias"].values[0]
}

impl Engine for FakeEngine {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn memory(&self) -> Option<MemoryUse> {
        Some(MemoryUse { in_use: 1000, reserved: 1234 })
    }
}

impl InferenceEngine for FakeEngine {
    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        let zeros = vec![0.0; batch.rows * batch.length];
        Ok(Logits { rows: batch.rows, length: batch.length, start: zeros.clone(), end: zeros })
    }
}

impl TrainingEngine for FakeEngine {
    fn accumulate(&mut self, micro: &MicroBatch<'_>) -> Result<(), EngineError> {
        assert_eq!(micro.start_weight, micro.end_weight);
        let call = Call::Accumulate(micro.batch.rows, micro.start_weight, micro.seed);
        self.calls.borrow_mut().push(call);
        Ok(())
    }

    fn accumulate_distilled(
        &mut self,
        _places: &[usize],
        micros: &[MicroBatch<'_>],
        soft: &[SoftTargets<'_>],
    ) -> Result<(), EngineError> {
        for (micro, soft) in micros.iter().zip(soft) {
            assert_eq!(soft.start.len(), micro.batch.rows * micro.batch.length);
        }
        assert_eq!(micros.len(), soft.len());
        self.accumulate_all(micros)
    }
}

impl Learner for FakeEngine {
    fn discard_gradients(&mut self) {}

    fn set_recompute(&mut self, _recompute: bool) {}

    fn update(&mut self, learning_rate: f64) -> Result<(), EngineError> {
        self.calls.borrow_mut().push(Call::Update(learning_rate));
        self.updates += 1;
        let broken = self.breaks_at == Some(self.updates);
        let loss = if broken { f32::NAN } else { 1.0 / self.updates as f32 };
        self.waiting.push(StepMetrics { loss, pretraining: None, grad_norm: 2.0, overflowed_at: None });
        Ok(())
    }

    fn last_loss(&mut self) -> Result<Option<f32>, EngineError> {
        Ok(None)
    }

    fn drain_metrics(&mut self) -> Result<Vec<StepMetrics>, EngineError> {
        Ok(std::mem::take(&mut self.waiting))
    }

    fn weights(&mut self) -> Result<Weights, EngineError> {
        let mut weights = self.weights.clone();
        if let Some(bias) = weights.get_mut("qa_outputs.bias") {
            bias.values[0] = self.updates as f32;
        }
        Ok(weights)
    }

    fn gradients(&mut self) -> Result<Weights, EngineError> {
        Ok(Weights::new())
    }

    fn optimizer_state(&mut self) -> Result<OptimizerState, EngineError> {
        Ok(OptimizerState { first: self.weights()?, second: self.weights()?, ..OptimizerState::default() })
    }

    fn load_optimizer_state(&mut self, _state: OptimizerState) -> Result<(), EngineError> {
        Ok(())
    }
}

/// Gives the scores of a list, one an evaluation, the last one again and again.
pub(crate) struct FakeEvaluator {
    pub scores: Vec<f64>,
    pub done: usize,
}

impl Evaluator for FakeEvaluator {
    fn windows(&self) -> usize {
        10
    }

    fn evaluate<'e>(
        &'e mut self,
        _engine: &'e mut dyn InferenceEngine,
        monitor: &'e mut dyn Monitor,
    ) -> BoxFuture<'e, Result<Option<Scored<Scores>>, EvaluatorError>> {
        if monitor.report(5, 10).is_break() {
            return Box::pin(ready(Ok(None)));
        }
        let f1 = self.scores[self.done.min(self.scores.len() - 1)];
        self.done += 1;
        let scores = Scores { f1, total: 3, best_f1_thresh: Some(-f1), ..Scores::default() };
        Box::pin(ready(Ok(Some(Scored { scores, files: vec![("results.json", b"{}".to_vec())] }))))
    }
}

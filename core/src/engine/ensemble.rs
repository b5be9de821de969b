//! Several models that answer as one.

use spanbert_backends::{BackendKind, MemoryUse};

use super::{
    Engine, EngineError, EngineFuture, InferenceEngine, Logits,
    memory::{Work, estimate},
};
use crate::{batch::Batch, config::BertConfig};

/// Models of one vocabulary whose logits are averaged, position by position. They answer a batch one after another.
pub struct Ensemble {
    members: Vec<Member>,
    /// Of the member with the fewest positions.
    config: BertConfig,
}

struct Member {
    engine: Box<dyn InferenceEngine>,
    /// Bytes of its largest pass so far, by estimate.
    largest: u64,
}

impl Ensemble {
    /// The ensemble of these models, in their order.
    #[must_use]
    pub fn new(first: Box<dyn InferenceEngine>, others: Vec<Box<dyn InferenceEngine>>) -> Self {
        let mut config = first.config().clone();
        let members: Vec<Member> =
            std::iter::once(first).chain(others).map(|engine| Member { engine, largest: 0 }).collect();
        for member in &members {
            if member.engine.config().max_position_embeddings < config.max_position_embeddings {
                config = member.engine.config().clone();
            }
        }
        Self { members, config }
    }

    /// Tells each member what the others take on the device.
    fn share(&mut self, batch: &Batch) {
        for member in &mut self.members {
            let config = member.engine.config();
            let takes = estimate(config, batch.rows, batch.length, BackendKind::Cuda, Work::Inference);
            member.largest = member.largest.max(takes.total);
        }
        let all: u64 = self.members.iter().map(|member| member.largest).sum();
        for member in &mut self.members {
            member.engine.share_device(all.saturating_sub(member.largest));
        }
    }
}

impl Engine for Ensemble {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn memory(&self) -> Option<MemoryUse> {
        // Of the thread, whichever is asked.
        self.members.first()?.engine.memory()
    }
}

impl InferenceEngine for Ensemble {
    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        self.share(batch);
        let mut sum = Sum::default();
        for member in &mut self.members {
            sum.add(member.engine.predict(batch)?)?;
        }
        sum.mean()
    }

    fn predict_async<'a>(&'a mut self, batch: &'a Batch) -> EngineFuture<'a, Logits> {
        Box::pin(async move {
            self.share(batch);
            let mut sum = Sum::default();
            for member in &mut self.members {
                sum.add(member.engine.predict_async(batch).await?)?;
            }
            sum.mean()
        })
    }
}

/// Logits of some models, added up in order.
#[derive(Clone, Default)]
pub(super) struct Sum {
    count: u16,
    logits: Option<Logits>,
}

impl Sum {
    pub fn add(&mut self, logits: Logits) -> Result<(), EngineError> {
        self.count += 1;
        let Some(sum) = &mut self.logits else {
            self.logits = Some(logits);
            return Ok(());
        };
        if (sum.rows, sum.length) != (logits.rows, logits.length) {
            return Err(EngineError::Defect("models of an ensemble gave logits of different shapes".into()));
        }
        let pairs = [(&mut sum.start, logits.start), (&mut sum.end, logits.end)];
        for (sum, values) in pairs {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        Ok(())
    }

    pub fn mean(self) -> Result<Logits, EngineError> {
        let mut logits =
            self.logits.ok_or_else(|| EngineError::Defect("an ensemble without models".into()))?;
        let count = f32::from(self.count);
        logits.start.iter_mut().chain(&mut logits.end).for_each(|value| *value /= count);
        Ok(logits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every position with one value.
    struct Constant(BertConfig, f32);

    impl Engine for Constant {
        fn config(&self) -> &BertConfig {
            &self.0
        }

        fn memory(&self) -> Option<MemoryUse> {
            None
        }
    }

    impl InferenceEngine for Constant {
        fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
            let size = batch.rows * batch.length;
            let (start, end) = (vec![self.1; size], vec![-2.0 * self.1; size]);
            Ok(Logits { rows: batch.rows, length: batch.length, start, end })
        }
    }

    #[test]
    fn logits_are_averaged_and_the_shortest_model_limits_windows() {
        let model = |positions, value| -> Box<dyn InferenceEngine> {
            let config = BertConfig { max_position_embeddings: positions, ..BertConfig::default() };
            Box::new(Constant(config, value))
        };
        let mut ensemble = Ensemble::new(model(512, 1.0), vec![model(128, 2.0), model(256, 6.0)]);
        assert_eq!(ensemble.config().max_position_embeddings, 128);
        let batch = Batch {
            rows: 2,
            length: 3,
            input_ids: vec![0; 6],
            segment_ids: vec![0; 6],
            attention_mask: vec![1; 6],
            targets: None,
        };
        let expected = Logits { rows: 2, length: 3, start: vec![3.0; 6], end: vec![-6.0; 6] };
        assert_eq!(ensemble.predict(&batch).unwrap(), expected);
        assert_eq!(pollster::block_on(ensemble.predict_async(&batch)).unwrap(), expected);
    }
}

//! What is measured: an engine that learns or answers.

use crate::{
    engine::{EngineError, InferenceEngine, TrainingEngine, forward_flops, training_flops},
    train::Prepared,
};

/// Small, as in fine-tuning; its value costs nothing.
const LEARNING_RATE: f64 = 2e-5;

/// Does one step after the other, and waits for the device when told to.
pub trait Subject {
    /// Begins a step, and may end it.
    ///
    /// # Errors
    /// If the batch does not fit the model or the device fails.
    fn step(&mut self, batch: &Prepared) -> Result<(), EngineError>;
    /// Waits until the device has done all steps.
    ///
    /// # Errors
    /// If the device fails.
    fn wait(&mut self) -> Result<(), EngineError>;
    /// Operations that the model asks for in a step.
    fn flops(&self, batch: &Prepared) -> f64;
    /// Memory taken from the device, in bytes, where known.
    fn device_bytes(&self) -> Option<u64>;
    /// The last loss, where there is one.
    fn loss(&self) -> Option<f32> {
        None
    }
}

/// Fine-tuning: forward, backward and update, none of which waits for the device.
pub struct Learning {
    engine: Box<dyn TrainingEngine>,
    loss: Option<f32>,
}

impl Learning {
    /// Measures this engine.
    #[must_use]
    pub fn new(engine: Box<dyn TrainingEngine>) -> Self {
        Self { engine, loss: None }
    }
}

impl Subject for Learning {
    fn step(&mut self, batch: &Prepared) -> Result<(), EngineError> {
        self.engine.accumulate_all(&batch.micro_batches())?;
        self.engine.update(LEARNING_RATE)
    }

    fn wait(&mut self) -> Result<(), EngineError> {
        self.loss = self.engine.drain_metrics()?.last().map(|metrics| metrics.loss).or(self.loss);
        Ok(())
    }

    fn flops(&self, batch: &Prepared) -> f64 {
        batch.parts.iter().map(|part| training_flops(self.engine.config(), part.rows, part.length)).sum()
    }

    fn device_bytes(&self) -> Option<u64> {
        self.engine.memory().map(|memory| memory.reserved)
    }

    fn loss(&self) -> Option<f32> {
        self.loss
    }
}

/// Answering: forward, and the logits on the host, as an evaluation needs them; every step waits for the device.
pub struct Answering {
    engine: Box<dyn InferenceEngine>,
}

impl Answering {
    /// Measures this engine.
    #[must_use]
    pub fn new(engine: Box<dyn InferenceEngine>) -> Self {
        Self { engine }
    }
}

impl Subject for Answering {
    fn step(&mut self, batch: &Prepared) -> Result<(), EngineError> {
        batch.parts.iter().try_for_each(|part| self.engine.predict(part).map(drop))
    }

    fn wait(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    fn flops(&self, batch: &Prepared) -> f64 {
        batch.parts.iter().map(|part| forward_flops(self.engine.config(), part.rows, part.length)).sum()
    }

    fn device_bytes(&self) -> Option<u64> {
        self.engine.memory().map(|memory| memory.reserved)
    }
}

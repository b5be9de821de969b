//! What a toy SpanBERT does on a device.

use spanbert_backends::{BackendError, DeviceChoice, DeviceInfo, Fusion, Precision};

use super::toy;
use crate::{
    batch::Batch,
    checkpoint::Weights,
    engine::{EngineError, Logits, MicroBatch, OptimizerConfig, StepMetrics, TrainingEngine, open_training},
};

/// Learning rate of the updates: each moves a weight by about a hundredth of its size.
const LEARNING_RATE: f64 = 1e-3;
/// Updates after which the logits are compared once more.
const UPDATES: usize = 3;

/// Which shapes are run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// Rows and length of each batch.
    shapes: &'static [(usize, usize)],
    precision: Precision,
}

impl Plan {
    /// [`toy::shapes`], in a precision.
    pub(super) fn for_device(device: &DeviceInfo, precision: Precision) -> Self {
        Self { shapes: toy::shapes(device), precision }
    }

    /// What is computed in, by the processor too.
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }
}

/// What was seen with one batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observation {
    pub(super) logits: Logits,
    pub(super) gradients: Weights,
    pub(super) metrics: StepMetrics,
}

/// All that was seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Observations {
    pub(super) batches: Vec<Observation>,
    pub(super) after_updates: Logits,
}

/// Why nothing was seen, in one line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    /// The device computes, and not what it should.
    Wrong(String),
    /// It broke down, which may have been another program's doing.
    Broke(String),
}

impl From<EngineError> for Trouble {
    /// Without the words on which device: whoever asked knows.
    fn from(error: EngineError) -> Self {
        Self::Broke(match error {
            EngineError::Backend(BackendError::Failed { reason, .. }) | EngineError::Read(reason) => reason,
            EngineError::Fault(fault) => fault.to_string(),
            other => other.to_string(),
        })
    }
}

/// [`observe_async`] where a device can be waited for.
///
/// # Errors
/// As [`observe_async`].
#[cfg(feature = "native")]
pub(super) fn observe(
    choice: &DeviceChoice,
    fusion: Fusion,
    plan: Plan,
    step: &dyn Fn(),
) -> Result<Observations, Trouble> {
    pollster::block_on(observe_async(choice, fusion, plan, step))
}

/// Runs the plan on a device; `step` is called after each of [`steps`] things that it has computed.
///
/// # Errors
/// If the device fails, or if two runs of the same step with the same dropout seed differ.
pub(super) async fn observe_async(
    choice: &DeviceChoice,
    fusion: Fusion,
    plan: Plan,
    step: &dyn Fn(),
) -> Result<Observations, Trouble> {
    let observations = observe_plain(choice, fusion, plan, step).await?;
    check_dropout(choice, fusion, plan, step).await?;
    Ok(observations)
}

/// How often [`observe_async`] calls `step`: logits, gradients and metrics of each batch, the updates and what comes of them, and
/// each batch with three dropout seeds.
pub(super) fn steps(plan: Plan) -> usize {
    6 * plan.shapes.len() + UPDATES + 1
}

async fn observe_plain(
    choice: &DeviceChoice,
    fusion: Fusion,
    plan: Plan,
    step: &dyn Fn(),
) -> Result<Observations, Trouble> {
    let mut engine = open(choice, fusion, plan, 0.0)?;
    let batches: Vec<Batch> = plan.shapes.iter().map(|&(rows, length)| toy::batch(rows, length)).collect();
    let mut observed = Vec::new();
    for batch in &batches {
        let logits = engine.predict_async(batch).await?;
        step();
        engine.accumulate(&micro(batch, 0))?;
        let gradients = engine.gradients_async().await?;
        step();
        // A learning rate of 0 runs the optimizer and leaves the weights.
        engine.update(0.0)?;
        let metrics = metrics(engine.as_mut()).await?;
        step();
        observed.push(Observation { logits, gradients, metrics });
    }
    let Some(last) = batches.last() else {
        return Err(EngineError::Defect("the self-test has no shapes".into()).into());
    };
    for _ in 0..UPDATES {
        engine.accumulate(&micro(last, 0))?;
        engine.update(LEARNING_RATE)?;
        metrics(engine.as_mut()).await?;
        step();
    }
    let after_updates = engine.predict_async(last).await?;
    step();
    Ok(Observations { batches: observed, after_updates })
}

/// The same step with the same dropout seed must give the same loss, and another seed another loss.
async fn check_dropout(
    choice: &DeviceChoice,
    fusion: Fusion,
    plan: Plan,
    step: &dyn Fn(),
) -> Result<(), Trouble> {
    let mut engine = open(choice, fusion, plan, 0.1)?;
    for &(rows, length) in plan.shapes {
        let batch = toy::batch(rows, length);
        let mut loss = async |seed| {
            engine.accumulate(&micro(&batch, seed))?;
            engine.update(0.0)?;
            let loss = metrics(engine.as_mut()).await?.loss;
            step();
            Ok::<_, Trouble>(loss)
        };
        let (first, again, other) = (loss(1).await?, loss(1).await?, loss(2).await?);
        // Sums may be added in another order.
        if (first - again).abs() > 1e-4 * first.abs() {
            return Err(Trouble::Wrong(format!(
                "a step repeated with the same dropout seed has loss {again}, before {first}"
            )));
        }
        if (first - other).abs() < 1e-6 * first.abs() {
            return Err(Trouble::Wrong(format!("two dropout seeds give the same loss {first}")));
        }
    }
    Ok(())
}

fn open(
    choice: &DeviceChoice,
    fusion: Fusion,
    plan: Plan,
    dropout: f64,
) -> Result<Box<dyn TrainingEngine>, EngineError> {
    let config = toy::config(dropout);
    let weights = toy::weights(&config);
    open_training(choice, fusion, &config, weights, OptimizerConfig::bert_adam(), plan.precision)
}

async fn metrics(engine: &mut dyn TrainingEngine) -> Result<StepMetrics, Trouble> {
    match engine.drain_metrics_async().await?.as_slice() {
        [metrics] if metrics.loss.is_finite() && metrics.grad_norm.is_finite() => Ok(*metrics),
        other => Err(Trouble::Wrong(format!("one update reports {other:?}"))),
    }
}

fn micro(batch: &Batch, seed: u64) -> MicroBatch<'_> {
    let weight = 0.5 / batch.rows as f32;
    MicroBatch { batch, first_row: 0, start_weight: weight, end_weight: weight, seed }
}

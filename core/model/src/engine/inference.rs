//! A model that answers, on one backend, and what all engines share.

use burn::tensor::{
    Tensor, TensorData, Transaction,
    backend::{Backend, ExecutionError},
};
use spanbert_backends::{BertBackend, MemoryUse, Precision, fault, memory_in_use};

use super::{
    Engine, EngineError, EngineFuture, InferenceEngine, Logits, OTHER_VOCABULARY,
    memory::Work,
    reserve::{Pass, Reserve},
};
use crate::{
    batch::Batch,
    config::BertConfig,
    host::Weights,
    model::{ModelInput, SpanBert, prepared},
};

/// Model on a device, without gradients.
pub(super) struct BurnInference<B: Backend> {
    config: BertConfig,
    device: B::Device,
    model: SpanBert<B>,
    reserve: Reserve,
}

impl<B: BertBackend> BurnInference<B> {
    pub fn new(
        config: BertConfig,
        mut weights: Weights,
        precision: Precision,
        device: B::Device,
    ) -> Result<Self, EngineError> {
        let model = build::<B>(&config, &mut weights, precision, &device)?;
        let model = fault::guard(|| prepared(model, precision))?;
        Ok(Self { config, device, model, reserve: Reserve::default() })
    }
}

impl<B: BertBackend> Engine for BurnInference<B> {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn memory(&self) -> Option<MemoryUse> {
        memory_in_use::<B>(&self.device)
    }

    fn share_device(&mut self, others: u64) {
        self.reserve.share(others);
    }
}

impl<B: BertBackend> InferenceEngine for BurnInference<B> {
    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        predict(&self.model, &self.config, batch, &self.device, &mut self.reserve)
    }

    fn predict_async<'a>(&'a mut self, batch: &'a Batch) -> EngineFuture<'a, Logits> {
        Box::pin(predict_async(&self.model, &self.config, batch, &self.device, &mut self.reserve))
    }
}

/// Builds the model on a device that has the precision.
pub(super) fn build<B: Backend>(
    config: &BertConfig,
    weights: &mut Weights,
    precision: Precision,
    device: &B::Device,
) -> Result<SpanBert<B>, EngineError> {
    check_precision::<B>(precision, device)?;
    fault::guard(|| SpanBert::from_weights(config, weights, device, precision))?.map_err(EngineError::weights)
}

/// Refuses a half precision that the device lacks.
pub(super) fn check_precision<B: Backend>(
    precision: Precision,
    device: &B::Device,
) -> Result<(), EngineError> {
    if let Some(half) = precision.half()
        && !fault::guard(|| B::supports_dtype(device, half.into()))?
    {
        return Err(EngineError::Input {
            what: format!("this device does not compute in {precision}"),
            remedy: "use f32, or another device (`spanbert devices` names the precisions of each)",
        });
    }
    Ok(())
}

/// Forward pass and read-back.
pub(super) fn predict<B: BertBackend>(
    model: &SpanBert<B>,
    config: &BertConfig,
    batch: &Batch,
    device: &B::Device,
    reserve: &mut Reserve,
) -> Result<Logits, EngineError> {
    prepare::<B>(config, batch, device, reserve)?;
    let values = fault::guard(|| {
        B::bert_inside(|| {
            let logits = model.forward(ModelInput::from_batch(batch, device), None);
            read([logits.start, logits.end])
        })
    })??;
    logits(batch, values)
}

/// [`predict`] without keeping the thread.
pub(super) async fn predict_async<B: BertBackend>(
    model: &SpanBert<B>,
    config: &BertConfig,
    batch: &Batch,
    device: &B::Device,
    reserve: &mut Reserve,
) -> Result<Logits, EngineError> {
    prepare::<B>(config, batch, device, reserve)?;
    let values = fault::guard_async(async {
        let logits = B::bert_inside(|| model.forward(ModelInput::from_batch(batch, device), None));
        read_async([logits.start, logits.end]).await
    });
    logits(batch, values.await??)
}

/// Checks a batch and makes room for it.
fn prepare<B: Backend>(
    config: &BertConfig,
    batch: &Batch,
    device: &B::Device,
    reserve: &mut Reserve,
) -> Result<(), EngineError> {
    check_batch(config, batch)?;
    let Batch { rows, length, .. } = *batch;
    let pass = Pass { rows, length, work: Work::Inference, head: 0, without_moments: false };
    reserve.make_room::<B>(config, device, pass)
}

fn logits(batch: &Batch, values: Vec<Vec<f32>>) -> Result<Logits, EngineError> {
    let mut values = values.into_iter();
    let (start, end) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
    let size = batch.rows * batch.length;
    if start.len() != size || end.len() != size {
        return Err(EngineError::Read(format!("{} of {size} logits came back", start.len())));
    }
    Ok(Logits { rows: batch.rows, length: batch.length, start, end })
}

/// Reads tensors back with one wait for the device.
pub(super) fn read<B: Backend, const D: usize>(
    tensors: impl IntoIterator<Item = Tensor<B, D>>,
) -> Result<Vec<Vec<f32>>, EngineError> {
    to_host(transaction(tensors).try_execute())
}

/// [`read`] without keeping the thread.
pub(super) async fn read_async<B: Backend, const D: usize>(
    tensors: impl IntoIterator<Item = Tensor<B, D>>,
) -> Result<Vec<Vec<f32>>, EngineError> {
    to_host(transaction(tensors).execute_async().await)
}

fn transaction<B: Backend, const D: usize>(
    tensors: impl IntoIterator<Item = Tensor<B, D>>,
) -> Transaction<B> {
    tensors.into_iter().fold(Transaction::default(), Transaction::register)
}

fn to_host(data: Result<Vec<TensorData>, ExecutionError>) -> Result<Vec<Vec<f32>>, EngineError> {
    data.map_err(read_error)?
        .into_iter()
        .map(|data| data.convert::<f32>().into_vec().map_err(|error| EngineError::Read(format!("{error:?}"))))
        .collect()
}

/// An error of Burn in one line.
pub(super) fn read_error(error: ExecutionError) -> EngineError {
    EngineError::Read(fault::explain(&error.to_string()))
}

/// The first value that is not in `0..limit`.
pub(super) fn outside(values: &[i32], limit: usize) -> Option<i32> {
    values.iter().copied().find(|&value| usize::try_from(value).map_or(true, |value| value >= limit))
}

/// Refuses what the device would read out of bounds or turn into garbage.
pub(super) fn check_batch(config: &BertConfig, batch: &Batch) -> Result<(), EngineError> {
    let size = batch.rows * batch.length;
    if size == 0 {
        return Err(EngineError::Defect("an empty batch".into()));
    }
    if batch.length > config.max_position_embeddings {
        let what = format!(
            "inputs of {} pieces, but the model has {} positions",
            batch.length, config.max_position_embeddings
        );
        return Err(EngineError::Input { what, remedy: "lower max_seq_length" });
    }
    // A model of one segment type takes both for that.
    let segments = config.type_vocab_size.max(2);
    for (name, values, limit) in [
        ("input_ids", &batch.input_ids, config.vocab_size),
        ("segment_ids", &batch.segment_ids, segments),
        ("attention_mask", &batch.attention_mask, 2),
    ] {
        if values.len() != size {
            return Err(EngineError::Defect(format!("{name} has {} of {size} values", values.len())));
        }
        if let Some(value) = outside(values, limit) {
            let what = format!("{name} holds {value}, allowed is 0 to {}", limit.saturating_sub(1));
            return Err(EngineError::Input { what, remedy: OTHER_VOCABULARY });
        }
    }
    if let Some(targets) = &batch.targets
        && (targets.start.len() != batch.rows || targets.end.len() != batch.rows)
    {
        return Err(EngineError::Defect("targets and rows differ in number".into()));
    }
    Ok(())
}

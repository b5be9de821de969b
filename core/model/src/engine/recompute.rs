//! Forward and backward layer by layer: only the layers' inputs are kept, all else is computed a second time.
//!
//! A first pass without gradients keeps each layer's input. Then, from the top down, each layer runs once more, with
//! the same dropout, and hands its input's gradient to the layer below. Dropout depends on place and seed alone, so
//! the second pass computes what the first did, and the gradients are those of the direct pass.

use burn::{
    module::{AutodiffModule, Module},
    tensor::Tensor,
};
use spanbert_backends::{TrainingBackend, ops::backward_from};

use super::{
    EngineError,
    adversarial::Learnt,
    gradients::{Gradients, Inner, collect, collect_from},
};
use crate::{
    config::names,
    model::{Bert, DropoutSeeds, ModelInput},
};

/// Adds the gradients of a batch to `sum` and returns its losses, and the gradient of the perturbation if there is one. `loss_of`
/// computes the losses from the last layer's output `[batch * length, hidden]`: the loss `[1]` that gradients are of, if there is
/// one, and what is returned.
pub(super) fn accumulate<AB: TrainingBackend>(
    model: &impl Module<AB>,
    encoder: &Bert<AB>,
    input: ModelInput<AB>,
    mut seeds: DropoutSeeds,
    loss_of: impl FnOnce(Tensor<AB, 2>, &mut DropoutSeeds) -> (Option<Tensor<AB, 1>>, Tensor<Inner<AB>, 1>),
    sum: &mut Gradients<Inner<AB>>,
) -> Result<Learnt<AB>, EngineError> {
    let ModelInput { input_ids, segment_ids, additive_mask, places, perturbation } = input;
    let first_seeds = seeds.clone();
    let plain = encoder.valid();
    let (embeddings, layers) = plain.parts();
    let mask = additive_mask.clone().inner();
    let (ids, segments) = (input_ids.clone().inner(), segment_ids.clone().inner());
    let moved = perturbation.clone().map(Tensor::inner);
    let mut x = embeddings.forward(ids, segments, None, moved, Some(&mut seeds));
    let mut inputs = Vec::with_capacity(layers.len());
    for layer in layers {
        inputs.push((x.clone(), seeds.clone()));
        x = layer.forward(x, mask.clone(), Some(&mut seeds));
    }

    let top = Tensor::<AB, 2>::from_inner(x).require_grad();
    let (loss, losses) = loss_of(top.clone(), &mut seeds);
    let Some(loss) = loss else { return Ok((losses, None)) };
    let mut pass = loss.backward();
    let mut grad = top.grad_remove(&mut pass).ok_or_else(|| missing("the head"))?;
    collect(model, pass, sum);

    let (embeddings, layers) = encoder.parts();
    for (index, (layer, (x, mut seeds))) in layers.iter().zip(inputs).enumerate().rev() {
        let x = Tensor::<AB, 2>::from_inner(x).require_grad();
        let y = layer.forward(x.clone(), additive_mask.clone(), Some(&mut seeds));
        let mut pass = backward_from(y, grad);
        grad = x.grad_remove(&mut pass).ok_or_else(|| missing(&format!("layer {index}")))?;
        collect_from(layer, &format!("{}.{index}", names::LAYERS), pass, sum);
    }

    let (places, seeds) = (places.as_ref(), Some(&mut { first_seeds }));
    let y = embeddings.forward(input_ids, segment_ids, places, perturbation.clone(), seeds);
    let mut pass = backward_from(y, grad);
    let of_perturbation = perturbation.and_then(|perturbation| perturbation.grad_remove(&mut pass));
    collect_from(embeddings, names::EMBEDDINGS, pass, sum);
    Ok((losses, of_perturbation))
}

fn missing(part: &str) -> EngineError {
    EngineError::Defect(format!("the input of {part} got no gradient"))
}

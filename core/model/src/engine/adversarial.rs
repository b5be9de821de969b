//! Adversarial training (Miyato, Dai and Goodfellow, 2017; "FGM"): a batch is learnt from as it is, and once more with its words'
//! embeddings moved in the direction in which the loss rises most.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use spanbert_backends::TrainingBackend;

use super::{EngineError, gradients::Inner};
use crate::{batch::Batch, model::ModelInput};

/// The loss of a pass, `[1]`, and the gradient of the perturbation, `[rows * length, width]`.
pub(super) type Learnt<AB> = (Tensor<Inner<AB>, 1>, Option<Tensor<Inner<AB>, 2>>);

/// Has `learn` add the gradients of both passes and returns the loss of the first, `[1]`. `width` is that of the words' embeddings.
pub(super) fn learn_twice<AB: TrainingBackend>(
    input: ModelInput<AB>,
    batch: &Batch,
    width: usize,
    epsilon: f32,
    mut learn: impl FnMut(ModelInput<AB>) -> Result<Learnt<AB>, EngineError>,
) -> Result<Tensor<Inner<AB>, 1>, EngineError> {
    let device = input.additive_mask.device();
    // Nothing is added, but its gradient is that of the words.
    let nothing = Tensor::<AB, 2>::zeros([batch.rows * batch.length, width], &device).require_grad();
    let (loss, gradient) = learn(ModelInput { perturbation: Some(nothing), ..input.clone() })?;
    let gradient =
        gradient.ok_or_else(|| EngineError::Defect("the words' embeddings got no gradient".into()))?;
    let perturbation = Tensor::<AB, 2>::from_inner(perturbation(gradient, batch, epsilon));
    learn(ModelInput { perturbation: Some(perturbation), ..input })?;
    Ok(loss)
}

/// `epsilon * g / ||g||` for each window by itself, `g` being the gradient of its words; padding is left out, which no update moves
/// either. A factor on the loss does not matter, so that micro-batches and loss scales change nothing. Shapes:
/// `[rows * length, width]`.
fn perturbation<B: Backend>(gradient: Tensor<B, 2>, batch: &Batch, epsilon: f32) -> Tensor<B, 2> {
    let [positions, width] = gradient.dims();
    let is_word: Vec<f32> =
        batch.attention_mask.iter().map(|&mask| if mask == 0 { 0.0 } else { 1.0 }).collect();
    let is_word = Tensor::<B, 2>::from_data(TensorData::new(is_word, [positions, 1]), &gradient.device());
    let by_window = (gradient * is_word).reshape([batch.rows, batch.length * width]);
    // Squares of such small values would vanish.
    let largest = by_window.clone().abs().max_dim(1).add_scalar(f32::MIN_POSITIVE);
    let by_window = by_window / largest;
    // About 1 or more, unless all is 0.
    let norm = (by_window.clone() * by_window.clone()).sum_dim(1).sqrt().clamp_min(0.5);
    (by_window / norm).mul_scalar(epsilon).reshape([positions, width])
}

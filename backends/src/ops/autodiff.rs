//! The same operations on Burn's autodiff decorator, with their own backward steps.

use burn::{
    backend::{
        Autodiff,
        autodiff::{
            NodeId,
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
    },
    tensor::{backend::Backend, ops::FloatTensor},
};

use super::{AttentionScale, BertBackend, BertKernels, SelfAttention};

#[derive(Debug)]
struct Gelu;

impl<B: BertKernels> Backward<B, 1> for Gelu {
    /// The input; the derivative needs nothing else.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::gelu_backward_exact(ops.state, grad));
        }
    }
}

#[derive(Debug)]
struct AttentionProbabilities;

impl<B: BertKernels> Backward<B, 1> for AttentionProbabilities {
    /// The probabilities; neither scores nor exponentials are kept.
    type State = (FloatTensor<B>, AttentionScale);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (probabilities, scale) = ops.state;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::attention_backward(probabilities, grad, scale));
        }
    }
}

#[derive(Debug)]
struct Linear;

impl<B: BertKernels> Backward<B, 3> for Linear {
    /// Input and weight.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight) = ops.state;
        register_all::<B, 3>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            B::linear_backward(x, weight, grad),
            grads,
        );
    }
}

#[derive(Debug)]
struct OneOperationAttention;

impl<B: BertKernels> Backward<B, 3> for OneOperationAttention {
    /// Query, key and value; probabilities; shapes and dropout.
    type State = ([FloatTensor<B>; 3], FloatTensor<B>, SelfAttention);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (inputs, probabilities, spec) = ops.state;
        let parts = B::self_attention_backward(inputs, probabilities, grad, &spec);
        register_all::<B, 3>(ops.parents.map(|parent| parent.map(|node| node.id)), parts, grads);
    }
}

/// Adds each part to the gradient of its parent, if that wants one.
fn register_all<B: Backend, const N: usize>(
    parents: [Option<NodeId>; N],
    parts: [FloatTensor<B>; N],
    grads: &mut Gradients,
) {
    for (parent, part) in parents.into_iter().zip(parts) {
        if let Some(node) = parent {
            grads.register::<B>(node, part);
        }
    }
}

#[derive(Debug)]
struct LayerNorm;

impl<B: BertKernels> Backward<B, 3> for LayerNorm {
    /// Normalised input, inverse deviation, gamma.
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (normalized, inverse_deviation, gamma) = ops.state;
        let parts = B::layer_norm_backward(normalized, inverse_deviation, gamma, grad);
        register_all::<B, 3>(ops.parents.map(|parent| parent.map(|node| node.id)), parts, grads);
    }
}

#[derive(Debug)]
struct Dropout;

impl<B: BertKernels> Backward<B, 1> for Dropout {
    /// The mask, where it cannot be drawn again from the seed.
    type State = (Option<FloatTensor<B>>, f32, u64);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (mask, p, seed) = ops.state;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::dropout_backward(grad, mask, p, seed));
        }
    }
}

impl<B: BertKernels, C: CheckpointStrategy> BertBackend for Autodiff<B, C> {
    fn bert_gelu(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match Gelu.prepare::<C>([x.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                let state = x.primitive.clone();
                step.finish(state, B::gelu_forward(x.primitive))
            }
            OpsKind::UnTracked(step) => step.finish(B::gelu_forward(x.primitive)),
        }
    }

    fn bert_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let output = B::linear_forward(x.primitive.clone(), weight.primitive.clone(), bias.primitive);
        match Linear.prepare::<C>([x.node, weight.node, bias.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x.primitive, weight.primitive), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn bert_self_attention(
        [query, key, value]: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> Option<FloatTensor<Self>> {
        let inputs = [query.primitive, key.primitive, value.primitive];
        let output = B::self_attention_forward(inputs.clone(), mask.primitive, spec, true)?;
        let probabilities = output.probabilities?;
        let prepared = OneOperationAttention.prepare::<C>([query.node, key.node, value.node]);
        Some(match prepared.compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((inputs, probabilities, *spec), output.context),
            OpsKind::UnTracked(step) => step.finish(output.context),
        })
    }

    fn bert_attention_probabilities(
        scores: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        scale: AttentionScale,
    ) -> FloatTensor<Self> {
        let probabilities = B::attention_forward(scores.primitive, mask.primitive, scale);
        match AttentionProbabilities.prepare::<C>([scores.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((probabilities.clone(), scale), probabilities),
            OpsKind::UnTracked(step) => step.finish(probabilities),
        }
    }

    fn bert_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
    ) -> FloatTensor<Self> {
        let result = B::layer_norm_forward(x.primitive, gamma.primitive.clone(), beta.primitive, eps);
        match LayerNorm.prepare::<C>([x.node, gamma.node, beta.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                step.finish((result.normalized, result.inverse_deviation, gamma.primitive), result.output)
            }
            OpsKind::UnTracked(step) => step.finish(result.output),
        }
    }

    fn bert_dropout(x: FloatTensor<Self>, p: f32, seed: u64) -> FloatTensor<Self> {
        let (output, mask) = B::dropout_forward(x.primitive, p, seed);
        match Dropout.prepare::<C>([x.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((mask, p, seed), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }
}

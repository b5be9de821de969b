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
    tensor::{
        Shape, TensorMetadata,
        backend::{AutodiffBackend, Backend},
        ops::{FloatTensor, IntTensor},
    },
};

use super::{
    Activation, AttentionOutput, BertBackend, BertKernels, CrossEntropyOutput, PlacesLayout, SelfAttention,
    dropout::Dropout, embedding::lookup, round,
};
use crate::Precision;

#[derive(Debug)]
struct Activate;

impl<B: BertKernels> Backward<B, 1> for Activate {
    /// The input; the derivative needs nothing else.
    type State = (FloatTensor<B>, Activation);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(node) = parent {
            let (x, activation) = ops.state;
            grads.register::<B>(node.id, B::activation_backward(x, grad, activation));
        }
    }
}

#[derive(Debug)]
struct Linear;

impl<B: BertKernels> Backward<B, 3> for Linear {
    /// Input and weight, as they were multiplied.
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
struct Matmul;

impl<B: BertKernels> Backward<B, 2> for Matmul {
    /// Both factors; what the gradient of one needs is the other.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (left, right) = ops.state;
        let [of_left, of_right] = ops.parents;
        if let Some(node) = of_left {
            let right = B::float_swap_dims(right, 0, 1);
            grads.register::<B>(node.id, B::matmul(grad.clone(), right));
        }
        if let Some(node) = of_right {
            grads.register::<B>(node.id, B::matmul(B::float_swap_dims(left, 0, 1), grad));
        }
    }
}

#[derive(Debug)]
struct NarrowLinear;

impl<B: BertKernels> Backward<B, 3> for NarrowLinear {
    /// Input and weight.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, weight) = ops.state;
        register_all::<B, 3>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            B::narrow_linear_backward(x, weight, grad),
            grads,
        );
    }
}

#[derive(Debug)]
struct CrossEntropy;

impl<B: BertKernels> Backward<B, 1> for CrossEntropy {
    /// What the forward kept, targets and weights.
    type State = (FloatTensor<B>, IntTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (kept, targets, weights) = ops.state;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::cross_entropy_backward(kept, targets, weights, grad));
        }
    }
}

#[derive(Debug)]
struct Rounded;

impl<B: BertKernels> Backward<B, 1> for Rounded {
    type State = ();

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(node) = parent {
            grads.register::<B>(node.id, grad);
        }
    }
}

#[derive(Debug)]
struct Attention;

impl<B: BertKernels> Backward<B, 3> for Attention {
    /// Query, key and value as the forward kept them, and probabilities, in the format of the precision; shapes and
    /// dropout.
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
struct ResidualLayerNorm;

impl<B: BertKernels> Backward<B, 4> for ResidualLayerNorm {
    /// Normalised input, inverse deviation, gamma; what decides the mask.
    type State = ([FloatTensor<B>; 3], Option<Dropout>);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let ([normalized, inverse_deviation, gamma], dropout) = ops.state;
        let parts = B::residual_layer_norm_backward(normalized, inverse_deviation, gamma, grad, dropout);
        register_all::<B, 4>(ops.parents.map(|parent| parent.map(|node| node.id)), parts, grads);
    }
}

#[derive(Debug)]
struct Embedding;

impl<B: BertKernels> Backward<B, 1> for Embedding {
    /// The positions by token; the table itself is not needed.
    type State = (IntTensor<B>, PlacesLayout);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (index, layout) = ops.state;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::embedding_gradient(grad, index, layout));
        }
    }
}

#[derive(Debug)]
struct DropoutStep;

impl<B: BertKernels> Backward<B, 1> for DropoutStep {
    /// What decides the mask, which is drawn again.
    type State = Dropout;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::dropout(grad, ops.state));
        }
    }
}

impl<B: BertKernels, C: CheckpointStrategy> BertBackend for Autodiff<B, C> {
    fn bert_activation(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self> {
        match Activate.prepare::<C>([x.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                let state = x.primitive.clone();
                step.finish((state, activation), B::activation_forward(x.primitive, activation))
            }
            OpsKind::UnTracked(step) => step.finish(B::activation_forward(x.primitive, activation)),
        }
    }

    fn bert_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        let [input, matrix] = [x.primitive, weight.primitive].map(|part| round::<B>(part, precision));
        let output = B::linear_forward(input.clone(), matrix.clone(), bias.primitive);
        match Linear.prepare::<C>([x.node, weight.node, bias.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((input, matrix), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn bert_matmul(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        let output = B::matmul(left.primitive.clone(), right.primitive.clone());
        match Matmul.prepare::<C>([left.node, right.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((left.primitive, right.primitive), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn bert_narrow_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let output = B::narrow_linear_forward(x.primitive.clone(), weight.primitive.clone(), bias.primitive);
        match NarrowLinear.prepare::<C>([x.node, weight.node, bias.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((x.primitive, weight.primitive), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn bert_cross_entropy(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let weights = weights.primitive;
        let CrossEntropyOutput { loss, kept } =
            B::cross_entropy_forward(logits.primitive, targets.clone(), weights.clone());
        match CrossEntropy.prepare::<C>([logits.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((kept, targets, weights), loss),
            OpsKind::UnTracked(step) => step.finish(loss),
        }
    }

    fn bert_rounded(x: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        if precision.half().is_none() {
            return x;
        }
        let output = round::<B>(x.primitive, precision);
        match Rounded.prepare::<C>([x.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish((), output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn bert_self_attention(
        [query, key, value]: [FloatTensor<Self>; 3],
        mask: FloatTensor<Self>,
        spec: &SelfAttention,
    ) -> FloatTensor<Self> {
        let inputs =
            [query.primitive, key.primitive, value.primitive].map(|input| round::<B>(input, spec.precision));
        match Attention.prepare::<C>([query.node, key.node, value.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                let AttentionOutput { context, query_key_value, probabilities } =
                    B::self_attention_keeping(inputs, mask.primitive, spec);
                step.finish((query_key_value, probabilities, *spec), context)
            }
            OpsKind::UnTracked(step) => step.finish(B::self_attention(inputs, mask.primitive, spec)),
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

    fn bert_residual_layer_norm(
        [x, residual]: [FloatTensor<Self>; 2],
        [gamma, beta]: [FloatTensor<Self>; 2],
        eps: f32,
        dropout: Option<Dropout>,
    ) -> FloatTensor<Self> {
        let parents = [x.node, residual.node, gamma.node, beta.node];
        let (inputs, gamma) = ([x.primitive, residual.primitive], gamma.primitive);
        let affine = [gamma.clone(), beta.primitive];
        let result = B::residual_layer_norm_forward(inputs, affine, eps, dropout);
        match ResidualLayerNorm.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(step) => {
                let kept = [result.normalized, result.inverse_deviation, gamma];
                step.finish((kept, dropout), result.output)
            }
            OpsKind::UnTracked(step) => step.finish(result.output),
        }
    }

    fn bert_embedding(
        table: FloatTensor<Self>,
        ids: IntTensor<Self>,
        places: Option<(IntTensor<Self>, PlacesLayout)>,
    ) -> FloatTensor<Self> {
        let Some(places) = places else { return lookup::<Self>(table, ids) };
        let rows = lookup::<B>(table.primitive, ids);
        match Embedding.prepare::<C>([table.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(places, rows),
            OpsKind::UnTracked(step) => step.finish(rows),
        }
    }

    fn bert_dropout(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        let output = B::dropout(x.primitive, dropout);
        match DropoutStep.prepare::<C>([x.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(dropout, output),
            OpsKind::UnTracked(step) => step.finish(output),
        }
    }

    fn bert_lanes() -> usize {
        B::lanes()
    }

    fn bert_inside<R: Send>(work: impl FnOnce() -> R + Send) -> R {
        B::inside(work)
    }

    fn bert_side_by_side<T: Send, R: Send>(jobs: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        B::side_by_side(jobs, work)
    }
}

#[derive(Debug)]
struct Start;

impl<B: Backend> Backward<B, 1> for Start {
    /// The gradient that the parent is given.
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [parent] = ops.parents;
        grads.consume::<B>(&ops.node);
        if let Some(node) = parent {
            grads.register::<B>(node.id, ops.state);
        }
    }
}

/// Backward passes that start from the gradient of any tensor, not from a scalar.
pub trait BackwardFrom: AutodiffBackend {
    /// Gradients of what `y` was computed from, `grad` (of the same shape) being the gradient of `y`: the
    /// vector-Jacobian product, without the product and the sum that would make a scalar first.
    fn backward_from(y: FloatTensor<Self>, grad: FloatTensor<Self::InnerBackend>) -> Self::Gradients;
}

impl<B: BertKernels, C: CheckpointStrategy> BackwardFrom for Autodiff<B, C> {
    fn backward_from(y: FloatTensor<Self>, grad: FloatTensor<B>) -> Gradients {
        let device = B::float_device(&y.primitive);
        // Burn starts a backward pass from a one in the root's shape; this root passes `grad` on instead.
        let root = B::float_zeros(Shape::new([1]), &device, grad.dtype().into());
        let root = match Start.prepare::<C>([y.node]).compute_bound().stateful() {
            OpsKind::Tracked(step) => step.finish(grad, root),
            OpsKind::UnTracked(step) => step.finish(root),
        };
        <Self as AutodiffBackend>::backward(root)
    }
}

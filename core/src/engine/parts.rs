//! Passes over the parts of a batch: one after another, or of a small model side by side on a processor.

use burn::module::Module;
use spanbert_backends::TrainingBackend;

use super::{
    gradients::{Gradients, add},
    optimizer::Inner,
};

/// Runs `pass` for every part and gives what it returns, in order. `pass` adds a part's gradients to what it is handed;
/// in the end `sum` has grown by all of them, added in the order of the parts, whichever was done first.
///
/// `small` says that several parts may hold gradients of their own at once.
pub(super) fn accumulate<AB, M, P, R>(
    model: &M,
    device: &AB::Device,
    small: bool,
    parts: &[P],
    sum: &mut Gradients<Inner<AB>>,
    pass: impl Fn(&M, &P, &mut Gradients<Inner<AB>>) -> R + Sync,
) -> Vec<R>
where
    AB: TrainingBackend,
    M: Module<AB> + Sync,
    P: Sync,
    R: Send,
{
    if !small || parts.len() < 2 || AB::bert_lanes() < 2 {
        let one = |part| AB::bert_side_by_side(vec![&mut *sum], |sum| pass(model, part, sum));
        return parts.iter().flat_map(one).collect();
    }
    // Autodiff keeps what hangs together under one lock: each part has parameters of its own.
    let jobs = parts.iter().map(|part| (part, model.clone().fork(device))).collect();
    let passed = AB::bert_side_by_side(jobs, |(part, model)| {
        let mut gradients = Gradients::new();
        (pass(&model, part, &mut gradients), gradients)
    });
    let mut results = Vec::with_capacity(parts.len());
    for (result, gradients) in passed {
        add(sum, gradients);
        results.push(result);
    }
    results
}

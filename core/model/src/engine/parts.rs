//! Passes over the parts of a batch: one after another, or of a small model side by side on a processor.

use burn::{
    module::Module,
    tensor::{Tensor, backend::Backend},
};
use spanbert_backends::{
    TrainingBackend,
    fault::{self, Fault},
};

use super::gradients::{Gradients, Inner, add};

/// Runs `pass` for every part and gives what it returns, in order. `pass` adds a part's gradients to what it is handed;
/// in the end `sum` has grown by all of them, added in the order of the parts, whichever was done first.
///
/// `small` says that several parts may hold gradients of their own at once.
///
/// # Errors
/// If the device fails.
pub(super) fn accumulate<AB, M, P, R>(
    model: &M,
    device: &AB::Device,
    small: bool,
    parts: &[P],
    sum: &mut Gradients<Inner<AB>>,
    pass: impl Fn(&M, &P, &mut Gradients<Inner<AB>>) -> R + Sync,
) -> Result<Vec<R>, Fault>
where
    AB: TrainingBackend,
    M: Module<AB> + Sync,
    P: Sync,
    R: Send,
{
    fault::guard(|| {
        if !small || parts.len() < 2 || AB::bert_lanes() < 2 {
            return parts.iter().map(|part| AB::bert_inside(|| pass(model, part, sum))).collect();
        }
        // Autodiff keeps what hangs together under one lock: each part has parameters of its own.
        let jobs = parts.iter().map(|part| (part, model.clone().fork(device))).collect();
        let passed = AB::bert_side_by_side(jobs, |(part, model)| {
            let mut gradients = Gradients::new();
            (pass(&model, part, &mut gradients), gradients)
        });
        let (results, gradients): (Vec<R>, Vec<_>) = passed.into_iter().unzip();
        gradients.into_iter().for_each(|gradients| add(sum, gradients));
        results
    })
}

/// Adds a part's losses to those of the parts before.
pub(super) fn add_losses<B: Backend>(sum: &mut Option<Tensor<B, 1>>, losses: Tensor<B, 1>) {
    *sum = Some(match sum.take() {
        Some(earlier) => earlier + losses,
        None => losses,
    });
}

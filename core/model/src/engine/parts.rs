//! Passes over the parts of a batch: one after another, or of a small model side by side on a processor.

use burn::{
    module::Module,
    tensor::{Tensor, backend::Backend},
};
use spanbert_backends::{
    TrainingBackend,
    fault::{self, Fault},
};

use super::{
    gradients::{Gradients, Inner, add},
    sums::PartSums,
};

/// Runs `pass` for every micro-batch and gives what it returns, in order. `pass` adds a micro-batch's gradients to what it is
/// handed; in the end the sum of the part that it belongs to, by `places`, has grown by them, in the order of the micro-batches,
/// whichever was done first.
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
    places: &[usize],
    sums: &mut PartSums<Inner<AB>>,
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
            let placed = parts.iter().zip(places);
            let passed = placed.map(|(part, place)| {
                let sum = &mut sums.entry(*place).or_default().gradients;
                AB::bert_inside(|| pass(model, part, sum))
            });
            return passed.collect();
        }
        // Autodiff keeps what hangs together under one lock: each part has parameters of its own.
        let jobs = parts.iter().map(|part| (part, model.clone().fork(device))).collect();
        let passed = AB::bert_side_by_side(jobs, |(part, model)| {
            let mut gradients = Gradients::new();
            (pass(&model, part, &mut gradients), gradients)
        });
        let (results, gradients): (Vec<R>, Vec<_>) = passed.into_iter().unzip();
        for (gradients, place) in gradients.into_iter().zip(places) {
            add(&mut sums.entry(*place).or_default().gradients, gradients);
        }
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

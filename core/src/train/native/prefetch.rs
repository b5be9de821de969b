//! Batches made on another thread while the device works on the one before.

use std::{sync::mpsc::sync_channel, thread::Scope};

use pollster::block_on;

use super::{Ending, Place, Task, TrainError, Trainer, Training};

/// Batches waiting for the device; more only cost memory.
const AHEAD: usize = 2;

/// Starts a thread that takes from `batches` ahead of whoever takes from what is returned; it ends when that is dropped.
pub fn ahead<'scope, I>(
    scope: &'scope Scope<'scope, '_>,
    batches: I,
) -> impl Iterator<Item = I::Item> + use<'scope, I>
where
    I: Iterator<Item: Send> + Send + 'scope,
{
    let (sender, receiver) = sync_channel(AHEAD);
    scope.spawn(move || {
        for batch in batches {
            // The receiver is gone: the training has ended early.
            if sender.send(batch).is_err() {
                return;
            }
        }
    });
    receiver.into_iter()
}

/// [`Trainer::train`] with batches made on a thread of their own.
pub(crate) fn train_ahead<'env, T>(
    trainer: &mut Trainer<'_, T>,
    engine: &mut T::Engine,
    training: Training,
    from: Option<Place>,
) -> Result<Ending, TrainError>
where
    T: Task<Batch: Send, Batches: Send + 'env>,
{
    std::thread::scope(|scope| {
        block_on(trainer.train(engine, training, from, |batches| ahead(scope, batches)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_in_order() {
        std::thread::scope(|scope| {
            assert_eq!(ahead(scope, 0..100).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        });
    }

    #[test]
    fn a_dropped_receiver_ends_the_thread() {
        // The scope only ends when the thread does.
        std::thread::scope(|scope| drop(ahead(scope, 0..)));
    }
}

//! Who follows an evaluation while it goes on.

use std::{
    future::{Future, ready},
    ops::ControlFlow,
    pin::Pin,
};

/// A future in a box, for traits that are used as objects. It need not be `Send`: a device's tensors stay on one thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Follows an evaluation and may break it off. A function of windows done, of all, is one.
pub trait Monitor {
    /// `done` of `total` windows are answered; [`ControlFlow::Break`] ends the evaluation here.
    fn report(&mut self, done: usize, total: usize) -> ControlFlow<()>;

    /// Gives others a turn between two batches: in a browser's worker nothing is received while one computation goes on.
    fn yield_now(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

impl<F: FnMut(usize, usize) -> ControlFlow<()>> Monitor for F {
    fn report(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        self(done, total)
    }
}

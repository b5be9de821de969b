//! Who watches a training.

use crate::run::{Event, Phase};

/// Sees everything that is recorded, for a progress bar or a test. Runs on the training's thread: be quick.
pub trait Observer {
    /// Something was recorded in the run folder.
    fn event(&mut self, event: &Event) {
        let _ = event;
    }

    /// `done` of `total` parts of a phase (questions, windows) are through; not recorded.
    fn progress(&mut self, phase: Phase, done: usize, total: usize) {
        let _ = (phase, done, total);
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

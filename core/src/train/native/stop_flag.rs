//! Who may end a training.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::interrupt;

/// Asks a training to end after the current step, with everything saved.
#[derive(Clone, Debug, Default)]
pub struct StopFlag {
    requested: Arc<AtomicBool>,
    heeds_interrupt: bool,
}

impl StopFlag {
    /// A flag that only [`request`](Self::request) raises.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that Ctrl-C (and SIGTERM) raises too, from now on. A second Ctrl-C ends the process at once.
    #[must_use]
    pub fn on_interrupt() -> Self {
        interrupt::install();
        Self { requested: Arc::default(), heeds_interrupt: true }
    }

    /// Raises it.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed) || self.heeds_interrupt && interrupt::received() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_request() {
        let flag = StopFlag::new();
        let clone = flag.clone();
        assert!(!clone.is_requested());
        flag.request();
        assert!(clone.is_requested());
        assert!(!StopFlag::new().is_requested());
    }
}

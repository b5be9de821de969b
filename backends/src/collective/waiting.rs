//! Waiting for other processes, with an end.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use super::{CollectiveError, LastWords};

/// Asking again and again without a pause: what comes from a process that is ready comes within this time.
const BUSY: Duration = Duration::from_millis(2);
/// Pause between two questions after that, while another process still computes.
const PAUSE: Duration = Duration::from_micros(100);

/// A time until which is waited.
pub(super) struct Waiting {
    began: Instant,
    deadline: Duration,
}

impl Waiting {
    pub fn new(deadline: Duration) -> Self {
        Self { began: Instant::now(), deadline }
    }

    /// Pauses before the next question; false beyond the deadline.
    pub fn pause(&self) -> bool {
        let waited = self.began.elapsed();
        if waited < BUSY {
            std::thread::yield_now();
        } else {
            std::thread::sleep(PAUSE);
        }
        waited < self.deadline
    }

    /// What there is to say beyond the deadline.
    pub fn over(&self) -> CollectiveError {
        CollectiveError::Deadline { seconds: self.deadline.as_secs() }
    }
}

/// Calls what may never return, since it waits for other processes and asks nobody how long. Beyond the deadline the process says
/// `error` and ends.
pub(super) fn within<T>(
    deadline: Duration,
    error: CollectiveError,
    last_words: &LastWords,
    work: impl FnOnce() -> T,
) -> T {
    let (returned, waits) = channel::<()>();
    let last_words = Arc::clone(last_words);
    std::thread::spawn(move || {
        if waits.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
            last_words(&error);
            end(1);
        }
    });
    let result = work();
    drop(returned);
    result
}

/// Ends the process without running anything more: what runs at its end could wait for the call that hangs.
#[allow(unsafe_code, reason = "declares a function of the C library")]
pub(super) fn end(code: i32) -> ! {
    // SAFETY: POSIX.1-2017, `_exit`.
    unsafe extern "C" {
        safe fn _exit(code: std::ffi::c_int) -> !;
    }
    _exit(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_returns_in_time_is_let_go() {
        let words: LastWords = Arc::new(|_| panic!("nothing is to be said"));
        let deadline = Duration::from_millis(50);
        let result = within(deadline, CollectiveError::Gone, &words, || 7);
        std::thread::sleep(2 * deadline);
        assert_eq!(result, 7);
    }

    #[test]
    fn a_wait_has_an_end() {
        let waiting = Waiting::new(Duration::from_millis(5));
        while waiting.pause() {}
        assert_eq!(waiting.over(), CollectiveError::Deadline { seconds: 0 });
    }
}

//! Ctrl-C as a request instead of an end.

// Installing a signal handler is unsafe because most functions may not be called in one. Ours stores to an atomic
// and calls `signal`, both of which may.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

static RECEIVED: AtomicBool = AtomicBool::new(false);

extern "C" fn receive(signal: libc::c_int) {
    RECEIVED.store(true, Ordering::Relaxed);
    // The next one ends the process, should the training hang.
    // SAFETY: `signal` with SIG_DFL is async-signal-safe (POSIX.1-2017, 2.4.3).
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// From now on the first SIGINT and SIGTERM are noted; a second ends the process as usual.
pub(super) fn install() {
    let handler = receive as extern "C" fn(libc::c_int) as libc::sighandler_t;
    for signal in [libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the handler has the signature `signal` expects and does only async-signal-safe things.
        unsafe { libc::signal(signal, handler) };
    }
}

/// Whether one was received.
pub(super) fn was_received() -> bool {
    RECEIVED.load(Ordering::Relaxed)
}

#[cfg(all(test, unix))]
mod tests {
    use crate::train::StopFlag;

    #[test]
    fn a_signal_raises_the_flags_that_heed_it() {
        let (heeds, does_not) = (StopFlag::on_interrupt(), StopFlag::new());
        assert!(!heeds.is_requested());
        // SAFETY: the handler just installed takes this signal.
        unsafe { libc::raise(libc::SIGTERM) };
        assert!(heeds.is_requested());
        assert!(!does_not.is_requested());
    }
}

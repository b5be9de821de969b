//! Ctrl-C as a request instead of an end.

#![allow(
    unsafe_code,
    reason = "most functions may not be called in a signal handler; ours stores to an atomic and calls `signal`, which may"
)]

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

static RECEIVED: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicI32 = AtomicI32::new(0);
static ONLY_COUNTS: AtomicBool = AtomicBool::new(false);

/// What asks a process to end. On Windows Ctrl-Break is all that can be sent to one group of processes, and a console that is closed
/// comes as the same.
const REQUESTS: [libc::c_int; 2] = [libc::SIGINT, if cfg!(windows) { 21 } else { libc::SIGTERM }];

extern "C" fn receive(signal: libc::c_int) {
    LAST.store(signal, Ordering::Relaxed);
    RECEIVED.fetch_add(1, Ordering::Relaxed);
    // The next one ends the process, should the training hang.
    let next = if ONLY_COUNTS.load(Ordering::Relaxed) { handler() } else { libc::SIG_DFL };
    // SAFETY: `signal` is async-signal-safe (POSIX.1-2017, 2.4.3). Windows has forgotten the handler by now, and has to be told again.
    unsafe { libc::signal(signal, next) };
}

fn handler() -> libc::sighandler_t {
    receive as extern "C" fn(libc::c_int) as libc::sighandler_t
}

/// From now on the first Ctrl-C is noted; a second ends the process as usual. So for a request to end (SIGTERM) and a
/// lost terminal (SIGHUP), unless `nohup` has that ignored.
pub fn install() {
    for signal in REQUESTS {
        // SAFETY: the handler has the signature `signal` expects and does only async-signal-safe things.
        unsafe { libc::signal(signal, handler()) };
    }
    #[cfg(unix)]
    // SAFETY: as above; a signal that was ignored is ignored again at once.
    unsafe {
        if libc::signal(libc::SIGHUP, handler()) == libc::SIG_IGN {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
        }
    }
}

/// As [`install`], but later ones are only counted too: for a process that ends another one first.
pub fn install_counter() {
    ONLY_COUNTS.store(true, Ordering::Relaxed);
    install();
}

/// The number of the last one; none before the first.
pub fn last() -> Option<i32> {
    Some(LAST.load(Ordering::Relaxed)).filter(|signal| *signal > 0)
}

/// How many were received.
pub fn received() -> usize {
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
        assert_eq!(super::last(), Some(libc::SIGTERM));
        assert!(!does_not.is_requested());
    }
}

//! Faults of a device: panics on the threads on which CubeCL drives it.
//!
//! CubeCL catches these panics, logs them, and goes on; later reads may then return wrong numbers as if nothing
//! had happened. So a panic hook keeps the first of them. Whoever reads from a device asks [`check`] before
//! trusting what was read; after a fault nothing on that device can be trusted until the process is replaced.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo, resume_unwind},
    sync::{Mutex, Once, PoisonError},
    thread::LocalKey,
};

/// The first panic on a device thread.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What the panic said, in one line.
    pub message: String,
    /// The device thread.
    pub thread: String,
    /// Source file and line of the panic.
    pub location: String,
}

impl Fault {
    /// Whether the device ran out of memory: then a smaller batch is the remedy.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        is_out_of_memory(&self.message)
    }
}

/// Whether an error text of Burn, CubeCL, wgpu or the CUDA driver means that the device is out of memory.
///
/// Their errors carry no kind that says so.
#[must_use]
pub fn is_out_of_memory(message: &str) -> bool {
    const SIGNS: [&str; 6] = [
        "can't allocate buffer",
        "buffertoobig",
        "outofmemory",
        "out of memory",
        "out_of_memory",
        "not enough memory",
    ];
    let message = message.to_ascii_lowercase();
    SIGNS.iter().any(|sign| message.contains(sign))
}

static FIRST: Mutex<Option<Fault>> = Mutex::new(None);

thread_local! {
    /// How many [`quietly`] calls this thread is in.
    static QUIET: Cell<usize> = const { Cell::new(0) };
    /// How many [`contain`] calls this thread is in.
    static CONTAINED: Cell<usize> = const { Cell::new(0) };
    /// Text of the panic that was last kept from being printed on this thread.
    static SILENCED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Watches the device threads from now on; call it first in `main`. Further calls do nothing.
///
/// Panics of device threads are no longer printed (the error that reports the fault tells them); set
/// `SPANBERT_DEVICE_LOG` to see them as they happen. Other panics reach the hook that was there before.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let verbose = std::env::var_os("SPANBERT_DEVICE_LOG").is_some();
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if let Some(thread) = device_thread() {
                record(panic, thread);
            } else if QUIET.get() > 0 || (CONTAINED.get() > 0 && check().is_err()) {
                SILENCED.set(Some(describe(panic)));
            } else {
                return previous(panic);
            }
            if verbose {
                eprintln!("device: {}", describe(panic));
            }
        }));
    });
}

/// Fails if a device thread has panicked since the start or the last [`take`].
///
/// # Errors
/// The first fault.
pub fn check() -> Result<(), Fault> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
}

/// Removes and returns the first fault. Only for tests of a device, which expect faults; see the module's text.
pub fn take() -> Option<Fault> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Records a fault as a panic of a device thread with this message would, unless there is one already: from now on
/// [`check`] and [`guard`] fail.
///
/// For tests of what goes on above a device, which cannot make one fail at a chosen moment.
#[track_caller]
pub fn inject(message: &str) {
    let location = panic::Location::caller().to_string();
    let fault = Fault { message: one_line(message), thread: "injected".to_owned(), location };
    FIRST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
}

/// Runs work on a device and trusts its result only if no device thread has panicked.
///
/// # Errors
/// The fault, if a device thread panicked before or during the call, even if `work` itself returned normally.
///
/// # Panics
/// As [`contain`].
pub fn guard<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    let outcome = contain(work)?;
    check()?;
    Ok(outcome)
}

/// Runs work on a device; a panic of `work` that a fault caused becomes that fault.
///
/// # Errors
/// The fault, if `work` panicked and a device thread had panicked before.
///
/// # Panics
/// If `work` panics and no device thread did: that is a bug of `work`, and goes on as it would without this call.
pub fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch(&CONTAINED, work).or_else(|payload| {
        check()?;
        resume_unwind(payload)
    })
}

/// Runs work that may panic because of what is installed on the machine; the panic's text becomes the error.
#[cfg(any(with_any, test))]
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch(&QUIET, work)
        .map_err(|payload| SILENCED.take().unwrap_or_else(|| one_line(&payload_text(&*payload))))
}

fn catch<T>(depth: &'static LocalKey<Cell<usize>>, work: impl FnOnce() -> T) -> std::thread::Result<T> {
    install();
    depth.set(depth.get() + 1);
    // After a panic nothing of `work` is used again but what it shares with a device: see the module's text.
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    depth.set(depth.get() - 1);
    outcome
}

/// The name of the current thread if CubeCL drives a device on it.
fn device_thread() -> Option<String> {
    let thread = std::thread::current();
    let name = thread.name()?;
    (name.starts_with("DSD-") || name.starts_with("DSU-")).then(|| name.to_owned())
}

fn record(panic: &PanicHookInfo<'_>, thread: String) {
    let location = panic.location().map_or_else(String::new, ToString::to_string);
    let text = one_line(&payload_text(panic.payload()));
    let message = essence(&text).to_owned();
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    first.get_or_insert(Fault { message, thread, location });
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    let location = panic.location().map_or_else(String::new, |location| format!(" at {location}"));
    let name = thread.name().unwrap_or("unnamed");
    format!("'{name}' panicked{location}: {}", one_line(&payload_text(panic.payload())))
}

fn payload_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// Joins the lines of a message, so that it fits into a log line or a label.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The part of a message that says what happened: without the words of `unwrap`, and of CubeCL's empty backtrace.
fn essence(message: &str) -> &str {
    let unwrapped = message.strip_prefix("called `Result::unwrap()` on an `Err` value: ").unwrap_or(message);
    unwrapped.strip_suffix(" No backtrace available").unwrap_or(unwrapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first fault is one per process: tests that make faults must not overlap.
    static ALONE: Mutex<()> = Mutex::new(());

    fn panic_on(thread: &str, message: &'static str) {
        let thread =
            std::thread::Builder::new().name(thread.into()).spawn(move || panic!("{message}")).unwrap();
        thread.join().unwrap_err();
    }

    #[test]
    fn the_first_panic_of_a_device_thread_is_kept() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        install();
        install();
        assert_eq!(check(), Ok(()));
        panic_on("DSD-0-0", "BufferTooBig(12)\n  more");
        panic_on("DSU-0-0", "Ordering is bigger than operations");
        let fault = check().unwrap_err();
        assert_eq!(fault.message, "BufferTooBig(12) more");
        assert_eq!(fault.thread, "DSD-0-0");
        assert!(fault.location.contains("fault.rs"), "{}", fault.location);
        assert!(fault.is_out_of_memory());
        assert_eq!(take(), Some(fault));
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn messages_lose_what_only_programmers_read() {
        let message = "called `Result::unwrap()` on an `Err` value: can't allocate buffer of size: 12 No backtrace available";
        assert_eq!(essence(message), "can't allocate buffer of size: 12");
        assert!(is_out_of_memory(message));
        assert_eq!(essence("device lost"), "device lost");
        assert!(!is_out_of_memory("device lost"));
    }

    #[test]
    fn other_threads_do_not_count() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        install();
        assert_eq!(quietly(|| panic!("a\n b")).unwrap_err().split(": ").last(), Some("a b"));
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn a_guard_returns_the_fault_behind_a_panic() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = guard(|| {
            panic_on("DSD-1-0", "device lost");
            panic!("RecvError")
        })
        .map(|(): ()| ());
        assert_eq!(fault.unwrap_err().message, "device lost");
        // Wrong numbers instead of a panic are caught as well.
        assert_eq!(guard(|| 0.0f32).unwrap_err().message, "device lost");
        assert!(take().is_some());
        assert_eq!(guard(|| 7), Ok(7));
    }

    #[test]
    fn an_injected_fault_is_one() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        inject("CUDA_ERROR_OUT_OF_MEMORY:\n out of memory");
        inject("a later one");
        let fault = guard(|| 7).unwrap_err();
        assert_eq!(fault.message, "CUDA_ERROR_OUT_OF_MEMORY: out of memory");
        assert!(fault.is_out_of_memory() && fault.location.contains("fault.rs"), "{fault:?}");
        assert_eq!(take(), Some(fault));
        assert_eq!(guard(|| 7), Ok(7));
    }

    #[test]
    fn a_bug_goes_on_through_a_guard() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = panic::catch_unwind(|| guard(|| panic!("a bug")).map(|(): ()| ()));
        assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"a bug"));
    }
}

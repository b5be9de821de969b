//! Faults of a device: panics on the threads on which CubeCL drives it.
//!
//! CubeCL catches these panics, logs them, and goes on; later reads may then return wrong numbers as if nothing
//! had happened. So a panic hook keeps the first of them. Whoever reads from a device asks [`check`] before
//! trusting what was read; after a fault nothing on that device can be trusted until the process is replaced.

mod summary;

use std::{
    any::Any,
    cell::{Cell, RefCell},
    fs::OpenOptions,
    future::poll_fn,
    io::Write,
    panic::{self, AssertUnwindSafe, PanicHookInfo, resume_unwind},
    path::{Path, PathBuf},
    pin::pin,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    task::Poll,
    thread::LocalKey,
};

use summary::{one_line, summary};

/// Set to have everything that device threads say printed as it happens.
const VERBOSE: &str = "SPANBERT_DEVICE_LOG";

/// Most that a process writes into the file of [`log_to`], in bytes: a broken device repeats itself.
const LONGEST_LOG: usize = 1 << 20;

/// The first panic on a device thread.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What happened, in one line of at most a few hundred characters.
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
    const SIGNS: [&str; 8] = [
        "can't allocate buffer",
        "buffertoobig",
        "outofmemory",
        "out of memory",
        "out_of_memory",
        "not enough memory",
        // wgpu: a buffer beyond what the adapter binds, or makes.
        "buffer_binding_size",
        "maximum buffer size",
    ];
    let message = message.to_ascii_lowercase();
    SIGNS.iter().any(|sign| message.contains(sign))
}

static FIRST: Mutex<Option<First>> = Mutex::new(None);

/// The first fault of this process.
struct First {
    fault: Fault,
    /// Whether the driver has been asked what it knows about it.
    explained: bool,
}

fn first() -> MutexGuard<'static, Option<First>> {
    FIRST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where whole messages go.
struct Log {
    path: PathBuf,
    written: usize,
}

static LOG: Mutex<Option<Log>> = Mutex::new(None);

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
/// Panics of device threads are no longer printed (the error that reports the fault tells what happened); [`log_to`] and
/// `SPANBERT_DEVICE_LOG` keep and show all they say. Other panics reach the hook that was there before.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if let Some(thread) = device_thread() {
                record(panic, thread);
            } else if QUIET.get() > 0 || (CONTAINED.get() > 0 && first().is_some()) {
                SILENCED.set(Some(describe(panic)));
            } else {
                return previous(panic);
            }
            log(&describe(panic));
        }));
    });
}

/// Appends all that device threads say from now on, and every error that [`explain`] shortens, to a file. It is made when
/// there is something to write; a file that cannot be written is done without.
pub fn log_to(path: impl Into<PathBuf>) {
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(Log { path: path.into(), written: 0 });
}

/// The file of [`log_to`], if something has been written into it.
#[must_use]
pub fn logged() -> Option<PathBuf> {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    log.as_ref().filter(|log| log.written > 0).map(|log| log.path.clone())
}

/// Whether all that devices say is to be printed as it happens.
#[must_use]
pub fn is_verbose() -> bool {
    std::env::var_os(VERBOSE).is_some()
}

fn log(text: &str) {
    if is_verbose() {
        eprintln!("device: {text}");
    }
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(log) = log.as_mut().filter(|log| log.written < LONGEST_LOG) else { return };
    if append(&log.path, text).is_ok() {
        log.written += text.len() + 1;
    }
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{text}\n").as_bytes())
}

/// Fails if a device thread has panicked since the start or the last [`take`].
///
/// # Errors
/// The first fault.
pub fn check() -> Result<(), Fault> {
    let unexplained = match &*first() {
        None => return Ok(()),
        Some(known) if known.explained => return Err(known.fault.clone()),
        Some(known) => known.fault.message.clone(),
    };
    // Without the lock: asking may panic, and the hook takes it.
    let message = with_standing_error(unexplained);
    let mut first = first();
    let Some(known) = &mut *first else { return Ok(()) };
    known.explained = true;
    known.fault.message = message;
    Err(known.fault.clone())
}

/// One readable sentence for an error of a device's runtime, with what the driver knows about it; the whole text goes to the
/// log.
#[must_use]
pub fn explain(error: &str) -> String {
    log(&one_line(error));
    with_standing_error(summary(error))
}

/// The error that the GPU is in, if the driver tells one, else what is known already. A lack of memory is no such error,
/// and known from what the runtime says.
fn with_standing_error(known: String) -> String {
    #[cfg(with_cuda)]
    if !is_out_of_memory(&known)
        && let Some(error) = crate::cuda::standing_error()
    {
        log(&format!("the driver says: {error}"));
        return error;
    }
    known
}

/// Removes and returns the first fault: for the self-test of a device, which expects faults, and for work on another device,
/// which the fault does not concern. See the module's text.
pub fn take() -> Option<Fault> {
    first().take().map(|first| first.fault)
}

/// Records a fault as a panic of a device thread with this message would, unless there is one already: from now on
/// [`check`] and [`guard`] fail.
///
/// For tests of what goes on above a device, which cannot make one fail at a chosen moment.
#[track_caller]
pub fn inject(message: &str) {
    report(message, "injected");
}

/// Records what went wrong with a device somewhere else than in a panic, unless there is a fault already; `thread` says where.
#[track_caller]
pub(crate) fn report(message: &str, thread: &str) {
    log(&one_line(message));
    let location = panic::Location::caller().to_string();
    let fault = Fault { message: summary(message), thread: thread.to_owned(), location };
    first().get_or_insert(First { fault, explained: true });
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

/// [`guard`] for work that waits for a device without keeping the thread.
///
/// # Errors
/// As [`guard`].
///
/// # Panics
/// As [`contain`].
pub async fn guard_async<T>(work: impl Future<Output = T>) -> Result<T, Fault> {
    let mut work = pin!(work);
    let outcome = poll_fn(|context| match contain(|| work.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(fault) => Poll::Ready(Err(fault)),
    });
    let outcome = outcome.await?;
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
#[cfg(any(all(with_any, not(target_family = "wasm")), test))]
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch(&QUIET, work)
        .map_err(|payload| summary(&SILENCED.take().unwrap_or_else(|| payload_text(&*payload))))
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
    let message = summary(&payload_text(panic.payload()));
    first().get_or_insert(First { fault: Fault { message, thread, location }, explained: false });
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

    /// Polls work that is never waiting.
    fn now<T>(work: impl Future<Output = T>) -> T {
        match pin!(work).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn work_that_waits_is_guarded_as_well() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(now(guard_async(async { 7 })), Ok(7));
        let fault = now(guard_async(async {
            panic_on("DSD-1-0", "device lost");
            panic!("RecvError")
        }))
        .map(|(): ()| ());
        assert_eq!(fault.unwrap_err().message, "device lost");
        assert_eq!(now(guard_async(async { 0.0f32 })).unwrap_err().message, "device lost");
        assert!(take().is_some());
        let outcome = panic::catch_unwind(|| now(guard_async(async { panic!("a bug") })).map(|(): ()| ()));
        assert_eq!(outcome.unwrap_err().downcast_ref::<&str>(), Some(&"a bug"));
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

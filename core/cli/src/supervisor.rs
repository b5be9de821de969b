//! The process that watches over the one that trains.
//!
//! After a fault of its device a process can trust nothing any more, so trainings run in a worker: this program started
//! again with the same arguments. When the worker reports a fault, it has already noted a smaller split of batches in
//! the run folder; another worker goes on from the last checkpoint. A pipe to the worker's standard input tells it,
//! by its end, to finish the step and save: on Ctrl-C, or when this process is gone.

use std::{
    ffi::OsString,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use spanbert_backends::fault::{self, Fault};

use super::{error::CliError, output};
use spanbert_core::{
    interrupt,
    run::{Event, EventLog, Layout, RunState, TrainLog},
    train::{Activity, Fit, InjectedFault, StopFlag, resume_command},
};

/// Exit code of a worker whose device failed and whose run can go on.
const DEVICE_FAULT: u8 = 3;

/// Set for a worker: the run folder.
const WORKER: &str = "SPANBERT_WORKER";

/// Set for a worker of a group of runs: the seed of its run.
const SEED: &str = "SPANBERT_WORKER_SEED";

/// For tests: when the first worker's device is made to fail.
const INJECT_FAULT: &str = "SPANBERT_INJECT_FAULT";

/// Time between looks at the worker.
const POLL: Duration = Duration::from_millis(20);

/// The run folder if this process is a worker.
pub(super) fn worker_folder() -> Option<PathBuf> {
    std::env::var_os(WORKER).map(PathBuf::from)
}

/// The seed of the run if this process is a worker of a group of runs.
pub(super) fn worker_seed() -> Option<u64> {
    std::env::var(SEED).ok()?.parse().ok()
}

/// What the first worker of a run is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// This process's own arguments.
    AsTyped,
    /// The same, for the run with this seed.
    WithSeed(u64),
    /// `train --resume`, or `pretrain --resume`.
    Resume,
}

/// When a test wants the device to fail.
pub(super) fn injected_fault() -> Option<InjectedFault> {
    std::env::var(INJECT_FAULT).ok()?.parse().ok()
}

/// In a worker: a flag raised by signals and by the end of standard input.
pub(super) fn stop_flag() -> StopFlag {
    let flag = StopFlag::on_interrupt();
    let raised = flag.clone();
    // Ends with the process; nothing else reads standard input in a training.
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while std::io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        raised.request();
    });
    flag
}

/// Has workers train in `folder` until one of them succeeds.
///
/// # Errors
/// If one fails for another reason than its device, or nothing smaller is left to try. The worker has said why.
pub(super) fn supervise(folder: &Path, first: First) -> Result<(), CliError> {
    interrupt::install_counter();
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let through_app = arguments.first().is_some_and(|first| first == "cli");
    let resuming = || {
        let program = through_app.then(|| "cli".into());
        let command = Layout::new(folder).resuming_command();
        program.into_iter().chain([command.into(), "--resume".into(), folder.into()]).collect()
    };
    if first == First::Resume {
        arguments = resuming();
    }
    let seed = if let First::WithSeed(seed) = first { Some(seed) } else { None };
    let mut is_first = true;
    loop {
        let faults = Fit::read(&Layout::new(folder)).map_or(0, |fit| fit.faults);
        let status = Worker::start(&arguments, folder, seed, is_first)?.wait()?;
        match status.code() {
            Some(0) => return Ok(()),
            Some(code) if code == i32::from(DEVICE_FAULT) && interrupt::received() == 0 => {}
            Some(code) => return Err(CliError::silent(u8::try_from(code).unwrap_or(1))),
            None => after_death(folder, status, faults)?,
        }
        is_first = false;
        arguments = resuming();
    }
}

/// Ends a worker at once. What drivers do at the end of a process may crash it, most of all after a fault (seen with
/// lavapipe), and would turn its exit code into a signal.
pub(super) fn end_worker(code: u8) -> ! {
    let _ = std::io::stdout().flush();
    #[cfg(unix)]
    // SAFETY: ends the process without running anything more; all files are written and synced.
    #[allow(unsafe_code)]
    unsafe {
        libc::_exit(code.into())
    }
    #[cfg(not(unix))]
    std::process::exit(code.into())
}

/// What to do about a device that failed with this message: `smaller` helps where memory was short, `elsewhere` always.
fn remedy(message: &str, smaller: &str, elsewhere: &str) -> String {
    if fault::is_out_of_memory(message) {
        format!("close other programs that use the device, {smaller}, or {elsewhere}")
    } else {
        format!("update its driver, test it with `spanbert devices --check`, or {elsewhere}")
    }
}

/// Says where all that the device has said is, if that is anywhere.
fn say_what_is_logged() {
    if let Some(log) = fault::logged().filter(|log| log.exists()) {
        output::note(format_args!("all that the device said is in {}", log.display()));
    }
}

/// In a worker whose run failed, because of its device or not: the error to end with, with how to resume if the run has come to
/// something and is not `over`.
pub(super) fn after_failure(
    folder: &Path,
    device_fault: Option<(Activity, Fault)>,
    error: impl Into<CliError>,
    over: bool,
) -> CliError {
    if let Some((activity, fault)) = device_fault {
        return after_fault(folder, activity, &fault.message);
    }
    say_what_is_logged();
    let can_be_resumed = !over && RunState::read(&Layout::new(folder)).is_ok_and(|state| state.step > 0);
    let error = error.into();
    if can_be_resumed {
        error.or_try(format_args!("then resume from the last checkpoint with `{}`", resume_command(folder)))
    } else {
        error
    }
}

/// In a worker whose device failed: notes a smaller split for the next one. Gives the error to end with.
fn after_fault(folder: &Path, activity: Activity, message: &str) -> CliError {
    let layout = Layout::new(folder);
    say_what_is_logged();
    let Some(fit) = Fit::read(&layout) else {
        return CliError::new(
            format_args!("the device failed while the model was put on it: {message}"),
            remedy(message, "use a smaller model", "use --backend cpu"),
        );
    };
    let Some(smaller) = fit.smaller(activity) else {
        return CliError::new(
            format_args!(
                "the device failed with the smallest split ({}): {message}",
                fit.describe(layout.row())
            ),
            remedy(
                message,
                "start a run with a lower --max-seq-length or a smaller model",
                &format!("resume it with `{} --backend cpu`", resume_command(folder)),
            ),
        );
    };
    match smaller.write(&layout) {
        Ok(()) => {
            output::note(format_args!("the device failed: {message}"));
            output::note(format_args!(
                "going on from the last checkpoint, {}",
                smaller.describe(layout.row())
            ));
            CliError::silent(DEVICE_FAULT)
        }
        Err(error) => CliError::from(error),
    }
}

struct Worker {
    child: Child,
}

impl Worker {
    fn start(
        arguments: &[OsString],
        folder: &Path,
        seed: Option<u64>,
        is_first: bool,
    ) -> Result<Self, CliError> {
        let failed = |error| CliError::system("the training's process cannot be started", &error);
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(arguments).env(WORKER, folder).stdin(Stdio::piped());
        match seed {
            Some(seed) => command.env(SEED, seed.to_string()),
            None => command.env_remove(SEED),
        };
        if !is_first {
            command.env_remove(INJECT_FAULT);
        }
        Ok(Self { child: command.spawn().map_err(failed)? })
    }

    /// Waits for its end; passes on what the user asks for.
    fn wait(mut self) -> Result<ExitStatus, CliError> {
        let mut asked = false;
        loop {
            let failed = |error| CliError::system("the training's process cannot be watched", &error);
            if let Some(status) = self.child.try_wait().map_err(failed)? {
                return Ok(status);
            }
            match interrupt::received() {
                0 => {}
                1 if !asked => {
                    asked = true;
                    output::note("\nfinishing the step, then saving; Ctrl-C again stops at once");
                    drop(self.child.stdin.take());
                }
                1 => {}
                // It may be gone by now.
                _ => drop(self.child.kill()),
            }
            std::thread::sleep(POLL);
        }
    }
}

/// A worker that was ended by a signal: by the user, by the system, or by a driver that crashed.
fn after_death(folder: &Path, status: ExitStatus, faults_before: usize) -> Result<(), CliError> {
    let resume = resume_command(folder);
    if interrupt::received() > 1 {
        output::note(format_args!(
            "stopped at once; what was done since the last checkpoint is lost\n{resume}"
        ));
        return Err(CliError::silent(130));
    }
    let layout = Layout::new(folder);
    let fit = Fit::read(&layout);
    if fit.map_or(0, |fit| fit.faults) > faults_before {
        // It noted its fault and crashed on its way out.
        return Ok(());
    }
    if crashed(status)
        && let Some(smaller) = fit.and_then(|fit| fit.smaller(Activity::Training))
    {
        smaller.write(&layout)?;
        let told = format!("the training crashed ({status}); resuming, {}", smaller.describe(layout.row()));
        output::warn(&told);
        record_warning(&layout, &told);
        return Ok(());
    }
    Err(CliError::new(
        format_args!("the training was ended from outside ({status}), by the system if its memory was short"),
        format_args!("resume it with `{resume}`, and --micro-batch 1 if memory is short"),
    ))
}

/// Puts a warning into the records of a run whose worker is gone. If they cannot be written, the next worker ends with that
/// as its error.
fn record_warning(layout: &Layout, message: &str) {
    let event = Event::Warning { message: message.to_owned() };
    let _ = EventLog::open(&layout.events()).and_then(|mut log| log.append(&event));
    let _ = TrainLog::open(&layout.train_log()).and_then(|mut log| log.line(&format!("warning: {message}")));
}

/// Whether it ended by a signal that a driver's crash raises.
#[cfg(unix)]
fn crashed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let signal = status.signal();
    signal.is_some_and(|signal| [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS].contains(&signal))
}

#[cfg(not(unix))]
fn crashed(_status: ExitStatus) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use spanbert_core::advice::is_remedy;

    use super::*;

    #[test]
    fn a_smaller_model_is_no_remedy_for_a_broken_device() {
        let of = |message| remedy(message, "use a smaller model", "use --backend cpu");
        let short = of("out of memory, 131072 more bytes were wanted");
        assert_eq!(
            short,
            "close other programs that use the device, use a smaller model, or use --backend cpu"
        );
        let broken = of("unspecified launch failure (CUDA_ERROR_LAUNCH_FAILED)");
        assert!(!broken.contains("smaller") && broken.contains("devices --check"), "{broken}");
        assert!(is_remedy(&short) && is_remedy(&broken));
    }
}

//! An attempt in a process of its own.
//!
//! After a kernel's error every call on the GPU returns that error until the process ends, and a driver may take the
//! process with it. So each attempt is made by this program, started again with a hidden command. The request goes to the
//! worker's standard input, which then stays open: its end tells the worker that nobody waits for it any more.

use std::{
    ffi::OsString,
    io::{BufRead, Read, Write},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        OnceLock,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use spanbert_backends::{DeviceInfo, Fusion, Precision, fault};

use super::{Outcome, attempt_here};

/// Name of the hidden command.
pub const COMMAND: &str = "self-test";
/// Begins the line of the answer; drivers may print, too.
const MARK: &str = "spanbert-self-test ";
/// Kernels may have to be tuned and compiled.
const PATIENCE: Duration = Duration::from_secs(20 * 60);
/// Time between looks at the worker.
const POLL: Duration = Duration::from_millis(10);
/// How long an ended worker's output may take to arrive.
const DELIVERY: Duration = Duration::from_secs(5);
/// Most that is kept of a worker's output, in bytes.
const LONGEST: u64 = 1 << 20;

/// What a worker is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) device: DeviceInfo,
    pub(super) fusion: Fusion,
    pub(super) precision: Precision,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// How the device did.
    Device(Outcome),
    /// The processor itself could not run the test.
    NoReference(String),
}

/// A program that makes attempts: itself, and its arguments.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) patience: Duration,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// Says that this program, called with these arguments, is the `spanbert` command line, so that self-tests may be made by
/// processes of their own. Without it they are made in the calling process, and after a fault of the device in the first
/// attempt the second may fail because of it.
pub fn use_worker(arguments: &[&str]) {
    // Where the system does not say what this program is, there is no worker.
    if let Ok(path) = std::env::current_exe() {
        let arguments = arguments.iter().copied().chain([COMMAND]).map(OsString::from).collect();
        let _ = PROGRAM.set(Program { path, arguments, patience: PATIENCE });
    }
}

/// Makes an attempt: in a worker if there is a program for it that starts, else here.
pub(super) fn attempt(request: &Request) -> Answer {
    PROGRAM.get().and_then(|program| ask(program, request)).unwrap_or_else(|| attempt_here(request))
}

/// Makes an attempt in a worker; none if it cannot be started.
pub(super) fn ask(program: &Program, request: &Request) -> Option<Answer> {
    let mut line = serde_json::to_string(request).ok()?;
    line.push('\n');
    let mut child = start(program).ok()?;
    let failed = |why: String| Some(Answer::Device(Outcome::Failed(why)));
    let (Some(mut input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return failed(ended(child.wait().ok(), ""));
    };
    let (output, errors) = (collect(output), collect(errors));
    // A worker that is gone already shows below. The pipe stays open until this function ends.
    let _ = input.write_all(line.as_bytes()).and_then(|()| input.flush());
    let Some(status) = wait(&mut child, program.patience) else {
        return failed(format!("it gave no result within {} s", program.patience.as_secs()));
    };
    let text = |from: Receiver<Vec<u8>>| {
        from.recv_timeout(DELIVERY)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    };
    let (output, errors) = (text(output), text(errors));
    if fault::is_verbose() {
        eprint!("{errors}");
    }
    if let Some(answer) = output.lines().rev().find_map(|line| line.strip_prefix(MARK)) {
        return serde_json::from_str(answer).ok().or_else(|| {
            Some(Answer::Device(Outcome::Failed("its process gave no readable result".to_owned())))
        });
    }
    failed(ended(Some(status), &errors))
}

fn start(program: &Program) -> std::io::Result<Child> {
    let mut command = Command::new(&program.path);
    command.args(&program.arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C is for the program that the user started; what it decides reaches the worker through the pipe.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn()
}

/// Reads a pipe on a thread, to its end or the limit.
fn collect(pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut pipe = pipe;
        let mut bytes = Vec::new();
        // What could be read counts, and nobody may be there any more to take it.
        let _ = pipe.by_ref().take(LONGEST).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        let _ = sender.send(bytes);
    });
    receiver
}

/// Waits for the end of a worker; after the patience it is killed and there is none.
fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < patience {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(POLL),
            Ok(Some(status)) => return Some(status),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Why there is no answer: how the process ended, and its last words.
fn ended(status: Option<ExitStatus>, errors: &str) -> String {
    let how = status.map_or_else(
        || "its process was lost".to_owned(),
        |status| format!("its process ended with {status}"),
    );
    let last = errors.lines().map(str::trim).rfind(|line| !line.is_empty());
    fault::explain(&last.map_or_else(|| how.clone(), |last| format!("{how}: {last}")))
}

/// In a worker: reads the request, makes the attempt, prints the answer. Nothing if there is no readable request. `end` ends
/// the process at once.
pub fn answer(end: fn(u8) -> !) -> Option<()> {
    let mut line = String::new();
    std::io::stdin().lock().take(LONGEST).read_line(&mut line).ok()?;
    let request: Request = serde_json::from_str(&line).ok()?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        // Nobody waits for the answer.
        end(1)
    });
    let answer = serde_json::to_string(&attempt_here(&request)).ok()?;
    let mut output = std::io::stdout().lock();
    // On a line of its own, whatever a driver has printed.
    writeln!(output, "\n{MARK}{answer}").and_then(|()| output.flush()).ok()
}

#[cfg(all(test, unix))]
#[path = "worker_tests.rs"]
mod tests;

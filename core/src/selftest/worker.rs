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
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use spanbert_backends::{DeviceInfo, Fusion, Precision, fault};

use super::{
    REPEATS,
    device::{News, Outcome, attempt_here, steps_of_a_run},
};

/// Name of the hidden command.
pub const COMMAND: &str = "self-test";
/// Begins the line of the answer; drivers may print, too.
const MARK: &str = "spanbert-self-test ";
/// A line of the worker for each step that is done.
const STEP: &[u8] = b"\nspanbert-self-test-step\n";
/// How long the device's first run may take from one step to the next: kernels are tuned and compiled.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Later runs have their kernels: so many times their longest step so far, but no less than a part of the first patience.
const SLOWER: u32 = 10;
const LATER: u32 = 5;
/// When it is first told that the test goes on; then after twice the time, and so on.
const FIRST_NEWS: Duration = Duration::from_secs(30);
/// Time between looks at the worker.
const POLL: Duration = Duration::from_millis(10);
/// How long an ended worker's output may take to arrive.
const DELIVERY: Duration = Duration::from_secs(5);
/// Most that is kept of a worker's output, in bytes.
const LONGEST: usize = 1 << 20;

/// The process is not told of Ctrl-C (Windows, `CreateProcess`).
#[cfg(windows)]
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

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
    /// It broke down, or took the worker with it.
    Broke(String),
    /// The processor itself could not run the test.
    NoReference(String),
}

/// A program that makes attempts: itself, and its arguments.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) patience: Duration,
    pub(super) first_news: Duration,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// Says that this program, called with these arguments, is the `spanbert` command line, so that self-tests may be made by
/// processes of their own. Without it they are made in the calling process, and after a fault of the device in the first
/// attempt the second may fail because of it.
pub fn use_worker(arguments: &[&str]) {
    // Where the system does not say what this program is, there is no worker.
    if let Ok(path) = std::env::current_exe() {
        let arguments = arguments.iter().copied().chain([COMMAND]).map(OsString::from).collect();
        let _ = PROGRAM.set(Program { path, arguments, patience: PATIENCE, first_news: FIRST_NEWS });
    }
}

/// Makes an attempt: in a worker if there is a program for it that starts, else here.
pub(super) fn attempt(request: &Request, tell: &mut dyn FnMut(News)) -> Answer {
    PROGRAM
        .get()
        .and_then(|program| ask(program, request, tell))
        .unwrap_or_else(|| attempt_here(request, &|| ()))
}

/// Makes an attempt in a worker; none if it cannot be started.
pub(super) fn ask(program: &Program, request: &Request, tell: &mut dyn FnMut(News)) -> Option<Answer> {
    let mut line = serde_json::to_string(request).ok()?;
    line.push('\n');
    let mut child = start(program).ok()?;
    let broke = |why: String| Some(Answer::Broke(why));
    let (Some(mut input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return broke(ended(child.wait().ok(), ""));
    };
    let watch = Watch { run: steps_of_a_run(request), ..Watch::default() };
    let (output, errors) = (collect(output, watch.done.clone()), collect(errors, Arc::default()));
    // A worker that is gone already shows below. The pipe stays open until this function ends.
    let _ = input.write_all(line.as_bytes()).and_then(|()| input.flush());
    let status = match wait(&mut child, program, &watch, tell) {
        Ok(status) => status,
        // Not a breakdown to be tried once more: that would take as long again.
        Err(why) => return Some(Answer::Device(Outcome::Failed(why))),
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
        return serde_json::from_str(answer)
            .ok()
            .or_else(|| broke("its process gave no readable result".to_owned()));
    }
    broke(ended(Some(status), &errors))
}

fn start(program: &Program) -> std::io::Result<Child> {
    let mut command = Command::new(&program.path);
    command.args(&program.arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Ctrl-C is for the program that the user started; what it decides reaches the worker through the pipe.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NEW_PROCESS_GROUP);
    command.spawn()
}

/// What is known of a worker while it works.
#[derive(Default)]
struct Watch {
    /// Steps done.
    done: Arc<AtomicUsize>,
    /// Steps of the processor's run, and of each of the device's.
    run: usize,
}

/// Reads a pipe on a thread, to its end; keeps what is within the limit, and counts the steps that it tells of.
fn collect(pipe: impl Read + Send + 'static, steps: Arc<AtomicUsize>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut pipe = std::io::BufReader::new(pipe);
        let (mut kept, mut matched) = (Vec::new(), 0);
        // What could be read counts.
        while let Ok(bytes @ [_, ..]) = pipe.fill_buf() {
            for byte in bytes {
                // No part of a step's line is its beginning again but the end of line.
                matched = if *byte == STEP[matched] { matched + 1 } else { usize::from(*byte == STEP[0]) };
                if matched == STEP.len() {
                    steps.fetch_add(1, Ordering::Relaxed);
                    matched = 1;
                }
            }
            let read = bytes.len();
            kept.extend_from_slice(&bytes[..read.min(LONGEST.saturating_sub(kept.len()))]);
            pipe.consume(read);
        }
        // Nobody may be there any more to take it.
        let _ = sender.send(kept);
    });
    receiver
}

/// Waits for the end of a worker. One that takes too long over a step is killed: then this says why.
fn wait(
    child: &mut Child,
    program: &Program,
    watch: &Watch,
    tell: &mut dyn FnMut(News),
) -> Result<ExitStatus, String> {
    let started = Instant::now();
    let (mut done, mut since, mut longest) = (0, started, Duration::ZERO);
    let mut news = program.first_news;
    let of = watch.run * (1 + REPEATS);
    loop {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(POLL),
            Ok(Some(status)) => return Ok(status),
            Err(error) => {
                end(child);
                return Err(format!("its process was lost: {error}"));
            }
        }
        let now = watch.done.load(Ordering::Relaxed);
        let compiled = done >= 2 * watch.run;
        if now > done {
            if compiled {
                longest = longest.max(since.elapsed());
            }
            (done, since) = (now, Instant::now());
        }
        if started.elapsed() >= news {
            tell(News::GoesOn { elapsed: started.elapsed(), done, of });
            news *= 2;
        }
        let patience = if compiled {
            program.patience.min((longest * SLOWER).max(program.patience / LATER))
        } else {
            program.patience
        };
        if since.elapsed() >= patience {
            end(child);
            return Err(format!(
                "it hung: nothing came for {} s, after step {done} of {of}",
                patience.as_secs()
            ));
        }
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
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
    std::io::stdin().lock().take(LONGEST as u64).read_line(&mut line).ok()?;
    let request: Request = serde_json::from_str(&line).ok()?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        // Nobody waits for the answer.
        end(1)
    });
    let step = || {
        let mut output = std::io::stdout().lock();
        // Whoever waits may be gone: then the other thread ends this process.
        let _ = output.write_all(STEP).and_then(|()| output.flush());
    };
    let answer = serde_json::to_string(&attempt_here(&request, &step)).ok()?;
    let mut output = std::io::stdout().lock();
    // On a line of its own, whatever a driver has printed.
    writeln!(output, "\n{MARK}{answer}").and_then(|()| output.flush()).ok()
}

#[cfg(all(test, unix))]
#[path = "worker_tests.rs"]
mod tests;

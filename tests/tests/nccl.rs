//! `spanbert train --distributed` over NCCL: the program on the stand-ins for driver, NVRTC and NCCL, started as torchrun and
//! mpirun start it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![cfg(all(unix, feature = "cuda"))]

use std::{
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;
use spanbert_core::run::{Environment, Event, Lock, RunState, read_events};
use spanbert_tests::{
    command::{Case, signal, succeeded},
    cuda_on_host::CudaOnHost,
    launchers::launchers,
    trace::Trace,
};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

/// The workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Two GPUs for as many processes.
struct Gpus(&'static CudaOnHost);

impl Gpus {
    /// Their self-tests have been made, so that no worker makes them.
    fn get() -> Option<Self> {
        let gpus = Self(CudaOnHost::get()?);
        static TESTED: OnceLock<()> = OnceLock::new();
        TESTED.get_or_init(|| {
            for device in ["cuda:0", "cuda:1"] {
                let mut command = Command::new(CLI);
                command.args([
                    "ask",
                    "--model",
                    "demo",
                    "--device",
                    device,
                    "--passage",
                    "README.md",
                    "Who?",
                ]);
                succeeded(&gpus.set(command.current_dir(ROOT)).output().unwrap());
            }
        });
        Some(gpus)
    }

    fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.0
            .set(command)
            .env("CUDAHOST_CAPABILITY", "8.0")
            .env("CUDAHOST_DEVICES", "2")
            .env("VK_DRIVER_FILES", "/nowhere")
            .env("XDG_CACHE_HOME", self.0.cache(CLI))
    }

    /// A worker as torchrun starts it.
    fn worker(&self, command: Command, rank: usize, size: usize) -> Command {
        let mut command = command;
        self.set(&mut command);
        for (name, value) in [("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", size)] {
            command.env(name, value.to_string());
        }
        command.env("TORCHELASTIC_RUN_ID", "none").env("TORCHELASTIC_RESTART_COUNT", "0");
        command.env("MASTER_ADDR", "localhost").env("MASTER_PORT", "29500");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Two workers at work.
    fn pair(&self, case: &Case, run: &str, of: impl Fn(usize, &mut Command)) -> [Child; 2] {
        [0, 1].map(|rank| {
            let mut command = case.begin(run);
            command.args(["--distributed", "--parts=4"]);
            let mut command = self.worker(command, rank, 2);
            command.env("TMPDIR", case.folder.path(""));
            of(rank, &mut command);
            command.spawn().unwrap()
        })
    }
}

fn case(epochs: usize) -> Case {
    Case { backend: "cuda".into(), ..Case::new(CLI, epochs) }
}

/// What both have said, once both have ended.
fn outputs(pair: [Child; 2]) -> [(Output, String); 2] {
    pair.map(|child| {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, text)
    })
}

/// What both have said, each having failed in a way of its own.
fn both_failed(pair: [Child; 2]) -> [String; 2] {
    outputs(pair).map(|(output, text)| {
        assert_eq!(output.status.code(), Some(1), "{text}");
        text
    })
}

/// Files that processes meet by are hidden.
fn hidden(case: &Case) -> Vec<String> {
    let entries = std::fs::read_dir(case.folder.path("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with('.') || name.starts_with("cudahost")).collect()
}

/// Whether the run's records say why it failed.
fn records(case: &Case, run: &str, what: &str) -> bool {
    let told = read_events(&case.layout(run).events()).unwrap();
    told.iter().any(|record| matches!(&record.event, Event::Error { message } if message.contains(what)))
}

/// A run that failed is resumed by one worker, without losing what was saved.
fn is_resumed(gpus: &Gpus, case: &Case, run: &str) {
    while Lock::is_held(&case.layout(run)) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let steps = RunState::read(&case.layout(run)).unwrap().step + 2;
    let mut command = case.resume(run);
    command.args(["--distributed", "--max-steps", &steps.to_string()]);
    succeeded(&gpus.worker(command, 0, 1).output().unwrap());
    assert_eq!(RunState::read(&case.layout(run)).unwrap().step, steps);
}

#[test]
fn workers_over_nccl_give_the_bits_of_one_process() {
    let Some(gpus) = Gpus::get() else { return };
    let case = case(1);
    succeeded(&gpus.set(case.begin("alone").arg("--parts=4")).output().unwrap());
    let expected = Trace::of(&case.layout("alone"));
    let [(first, text), (second, silent)] = outputs(gpus.pair(&case, "two", |_, _| {}));
    assert!(first.status.success() && second.status.success(), "{text}{silent}");
    assert_eq!(Trace::of(&case.layout("two")), expected);
    assert_eq!(hidden(&case), [""; 0]);
    // Each on its own GPU, and only the first speaks.
    assert!(text.contains("device: cuda:0") && !silent.contains("device: "), "{text}{silent}");
    assert!(second.stdout.is_empty());
    let workers = Environment::read(&case.layout("two")).unwrap().workers.unwrap();
    assert_eq!((workers.count, workers.connection.as_str()), (2, "NCCL 2.27.3"));
    let shown = String::from_utf8(case.ask("show", "two").stdout).unwrap();
    assert!(shown.contains("workers 2 by NCCL 2.27.3") && shown.contains("2 workers, exchange "), "{shown}");

    // A world of one, which needs no meeting.
    let mut command = case.begin("one");
    command.args(["--distributed", "--parts=4"]);
    succeeded(&gpus.worker(command, 0, 1).output().unwrap());
    assert_eq!(Trace::of(&case.layout("one")), expected);
}

#[test]
fn mpi_connects_what_nccl_then_exchanges() {
    let Some(gpus) = Gpus::get() else { return };
    let case = case(1);
    succeeded(&gpus.set(case.begin("alone").arg("--parts=4")).output().unwrap());
    let expected = Trace::of(&case.layout("alone"));
    for launcher in launchers() {
        for (devices, told) in [("2", "NCCL 2.27.3 and "), ("1", "")] {
            let run = format!("{}-{devices}", launcher.name.replace(' ', "-"));
            let mut command = case.begin(&run);
            command.args(["--distributed", "--parts=4"]);
            let mut started = launcher.launch(&case, &[(2, &command)]);
            let output = gpus.set(&mut started).env("CUDAHOST_DEVICES", devices).output().unwrap();
            let text = succeeded(&output);
            assert_eq!(Trace::of(&case.layout(&run)), expected, "{text}");
            let workers = Environment::read(&case.layout(&run)).unwrap().workers.unwrap();
            assert!(workers.connection.starts_with(told) && workers.connection.contains(launcher.name));
            // NCCL wants a GPU for each.
            let same = "travel by MPI, not by NCCL: workers 0 and 1 compute on the same GPU";
            assert_eq!(text.contains(same), devices == "1", "{text}");
        }
    }
}

#[test]
fn a_failure_that_nccl_reports_ends_all_and_is_told() {
    let Some(gpus) = Gpus::get() else { return };
    let case = case(400);
    let failing = |rank: usize, command: &mut Command| {
        if rank == 1 {
            command.env("CUDAHOST_FAIL", "nccl:300:2");
        }
    };
    let [first, second] = both_failed(gpus.pair(&case, "run", failing));
    assert!(second.contains("error: NCCL failed in "), "{second}");
    assert!(second.contains("unhandled system error (2)\n  try: resume the run"), "{second}");
    assert!(first.contains("remote process exited or there was a network error (6)"), "{first}");
    assert!(
        first.contains("  try: ") && first.contains("spanbert train --distributed --resume run"),
        "{first}"
    );
    assert!(records(&case, "run", "remote process exited"));
    is_resumed(&gpus, &case, "run");
}

#[test]
fn a_worker_that_is_killed_ends_the_others() {
    let Some(gpus) = Gpus::get() else { return };
    let case = case(400);
    let mut pair = gpus.pair(&case, "run", |_, _| {});
    case.wait_for("run", |state| state.step > 6);
    pair[1].kill().unwrap();
    let [(first, text), _] = outputs(pair);
    assert_eq!(first.status.code(), Some(1));
    assert!(text.contains("error: NCCL failed in ") && text.contains("remote process exited"), "{text}");
    is_resumed(&gpus, &case, "run");
}

/// Also where NCCL's own end hangs.
#[test]
fn a_worker_that_hangs_is_given_up_within_the_deadline() {
    let Some(gpus) = Gpus::get() else { return };
    for abort in ["", "ncclCommAbort:1:1000"] {
        let case = case(400);
        let mut pair = gpus.pair(&case, "run", |_, command| {
            command.arg("--worker-timeout=0.1").env("CUDAHOST_FAIL", abort);
        });
        case.wait_for("run", |state| state.step > 6);
        let hangs = pair[1].id().to_string();
        signal("STOP", &hangs);
        let began = Instant::now();
        let status = loop {
            if let Some(status) = pair[0].try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < Duration::from_secs(90), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        signal("KILL", &hangs);
        let [(_, text), _] = outputs(pair);
        assert_eq!(status.code(), Some(1), "{text}");
        assert!(
            text.contains("error: the other workers did not answer within 6 s\n  try: look for"),
            "{text}"
        );
        assert!(records(&case, "run", "did not answer"));
        is_resumed(&gpus, &case, "run");
    }
}

#[test]
fn what_is_missing_is_told_clearly() {
    let Some(gpus) = Gpus::get() else { return };
    let case = case(1);
    let alone = |variables: &[(&str, &str)]| {
        let mut command = case.begin("run");
        command.args(["--distributed", "--worker-timeout=0.03"]);
        let output = gpus.worker(command, 0, 2).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let text = alone(&[("CUDAHOST_NCCL", "2.12.12")]);
    assert!(
        text.contains("error: libnccl.so.2 is NCCL 2.12.12, 2.14.0 is needed\n  try: install NCCL"),
        "{text}"
    );
    let text = alone(&[("SPANBERT_NCCL_LIBRARY", "/nowhere/libnccl.so")]);
    assert!(text.contains("error: no NCCL library can be loaded (/nowhere/libnccl.so: cannot"), "{text}");
    let text = alone(&[]);
    assert!(text.contains("error: worker 1 has not come to ") && text.contains("within 1 s"), "{text}");
    let text = alone(&[("LOCAL_RANK", "2")]);
    assert!(text.contains("this machine has 2 NVIDIA GPUs, and this is its worker 3"), "{text}");
    let text = alone(&[("CUDAHOST_FAIL", "ncclCommInitRankConfig:1:5")]);
    assert!(text.contains("NCCL failed in ncclCommInitRankConfig: invalid usage (5)"), "{text}");
    assert!(!case.folder.path("run").exists());
    assert_eq!(hidden(&case), [""; 0]);
    // The second waits for the first in vain, too.
    let mut command = case.begin("run");
    command.args(["--distributed", "--worker-timeout=0.03"]);
    let output = gpus.worker(command, 1, 2).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("worker 0 has not come to "), "{output:?}");
    assert_eq!(hidden(&case), [""; 0]);
}

/// What the program says of a run over NCCL to other programs.
#[test]
fn a_run_is_told_for_programs() {
    let Some(gpus) = Gpus::get() else { return };
    let case = case(1);
    let [(first, text), _] = outputs(gpus.pair(&case, "run", |_, command| {
        command.args(["--max-steps=4", "--json"]);
    }));
    assert!(first.status.success(), "{text}");
    let told: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(told["steps"], 4);
    let shown = case.command(&["runs", "show", "run", "--json"]).output().unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    println!("{shown}");
    assert_eq!(shown["workers"]["count"], 2);
}

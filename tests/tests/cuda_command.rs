//! The command line on CUDA: the program on the stand-in for driver and NVRTC.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![cfg(unix)]

use std::{
    collections::BTreeMap,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use serde_json::Value;
use spanbert_core::run::{Event, Layout, Lock, read_events};
use spanbert_tests::{
    command::{Case, kill_all, succeeded},
    cuda_on_host::CudaOnHost,
    small::{many_heads, steps, write_model_of},
    trace::{Trace, close_weights},
};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

/// What a device is asked to compute in, and how far its logits and losses may then be from the processor's, which rounds
/// operands alike in the half formats but not in TF32.
struct Mode {
    capability: &'static str,
    precision: &'static str,
    logits: f64,
    losses: f64,
}

/// Single precision before and with tensor cores for TF32, and each half format.
const MODES: [Mode; 4] = [
    Mode { capability: "7.5", precision: "f32", logits: 1e-4, losses: 1e-5 },
    Mode { capability: "7.5", precision: "fp16", logits: 1e-2, losses: 2e-3 },
    Mode { capability: "8.0", precision: "f32", logits: 5e-3, losses: 2e-3 },
    Mode { capability: "8.0", precision: "bf16", logits: 5e-2, losses: 1e-2 },
];

/// A GPU of some compute capability, and nothing else that the program could choose.
struct Gpu {
    host: &'static CudaOnHost,
    capability: &'static str,
}

impl Gpu {
    fn of(capability: &'static str) -> Option<Self> {
        CudaOnHost::get().map(|host| Self { host, capability })
    }

    fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.host
            .set(command)
            .env("CUDAHOST_CAPABILITY", self.capability)
            .env("VK_DRIVER_FILES", "/nowhere")
            .env("XDG_CACHE_HOME", self.host.cache(CLI))
    }

    /// Waits until the device's self-test in a precision has been made, so that it is made once. What `devices --check` told
    /// about it in single precision.
    fn tested_in(&self, precision: &'static str) -> Option<Value> {
        static TESTED: Mutex<BTreeMap<(&str, &str), Option<Value>>> = Mutex::new(BTreeMap::new());
        let mut tested = TESTED.lock().unwrap_or_else(PoisonError::into_inner);
        let test = || {
            if precision != "f32" {
                ask(self, "cuda", precision);
                return None;
            }
            let mut command = Command::new(CLI);
            let output = self.set(command.args(["devices", "--check", "--json"])).output().unwrap();
            succeeded(&output);
            Some(serde_json::from_slice(&output.stdout).unwrap())
        };
        tested.entry((self.capability, precision)).or_insert_with(test).clone()
    }
}

/// What the demo model answers to two questions.
fn ask(gpu: &Gpu, backend: &str, precision: &str) -> Vec<Value> {
    let passage =
        "In 1842, Marra built the mill of Kelford. The library of Norwick was built by Torik in 1790.";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("passage.txt"), passage).unwrap();
    let mut command = Command::new(CLI);
    command.current_dir(folder.path()).args(["ask", "--model", "demo", "--json", "--passage", "passage.txt"]);
    command.args(["--backend", backend, "--precision", precision]);
    command.args(["Who built the mill of Kelford?", "When was the library of Norwick built?"]);
    let output = gpu.set(&mut command).output().unwrap();
    succeeded(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_device_passes_its_check() {
    let Some(gpu) = Gpu::of("8.0") else { return };
    let told = gpu.tested_in("f32").unwrap();
    let checks = told["checks"].as_array().unwrap();
    assert_eq!((checks.len(), &told["automatic"]), (1, &"cuda:0".into()), "{told}");
    println!("{}", checks[0]["fused"]);
    assert!(checks[0]["fused"]["passed"].is_object(), "{told}");
}

#[test]
fn the_demo_model_answers_as_on_the_processor() {
    for Mode { capability, precision, logits, .. } in MODES {
        let Some(gpu) = Gpu::of(capability) else { return };
        gpu.tested_in(precision);
        let (ours, theirs) = (ask(&gpu, "cuda", precision), ask(&gpu, "cpu", precision));
        let mut worst = 0.0f64;
        for ((ours, theirs), expected) in ours.iter().zip(&theirs).zip(["Marra", "1790"]) {
            assert_eq!(ours["answers"][0]["text"], expected, "{ours}");
            let scores = [ours, theirs].map(|answer| answer["score_diff"].as_f64().unwrap());
            worst = worst.max((scores[0] - scores[1]).abs() / scores[1].abs().max(1.0));
        }
        println!("capability {capability}, {precision}: scores differ by {worst:.1e}");
        assert!(worst <= logits, "capability {capability}, {precision}: {worst}");
    }
}

fn case(backend: &str, epochs: usize) -> Case {
    Case { backend: backend.into(), ..Case::new(CLI, epochs) }
}

#[test]
fn losses_are_the_processor_s() {
    let (ours, theirs) = (case("cuda", 1), case("cpu", 1));
    for Mode { capability, precision, losses, .. } in MODES {
        let Some(gpu) = Gpu::of(capability) else { return };
        gpu.tested_in(precision);
        let run = format!("{capability}-{precision}");
        for case in [&ours, &theirs] {
            let mut command = case.begin(&run);
            // A processor pads to shorter lengths, and padding takes part in the softmax over positions.
            gpu.set(command.args(["--max-steps=8", "--pad-to-max-length", "--precision", precision]));
            succeeded(&command.output().unwrap());
        }
        let (ours, theirs) = (steps(&ours.layout(&run)), steps(&theirs.layout(&run)));
        assert_eq!((ours.len(), theirs.len()), (8, 8));
        let apart =
            ours.iter().zip(&theirs).map(|(ours, theirs)| (ours.loss - theirs.loss).abs() / theirs.loss);
        let worst = apart.fold(0.0, f64::max);
        println!("capability {capability}, {precision}: losses differ by {worst:.1e}");
        assert!(worst <= losses, "capability {capability}, {precision}: {worst}");
    }
}

/// The stand-in computes everything in one order, so that an interruption shows in the bits.
#[test]
fn a_training_that_was_killed_is_resumed_bitwise() {
    let Some(gpu) = Gpu::of("8.0") else { return };
    gpu.tested_in("f32");
    let case = case("cuda", 1);
    succeeded(&gpu.set(&mut case.begin("whole")).output().unwrap());
    let mut command = case.begin("killed");
    gpu.set(&mut command).stderr(Stdio::null()).stdout(Stdio::null()).process_group(0);
    let child = command.spawn().unwrap();
    case.wait_for("killed", |state| state.step >= 7);
    kill_all(child);
    let layout = case.layout("killed");
    while Lock::is_held(&layout) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(steps(&layout).len() < 24, "it was over before it was killed");
    succeeded(&gpu.set(&mut case.resume("killed")).output().unwrap());
    assert_eq!(Trace::of(&layout), Trace::of(&case.layout("whole")));
}

fn faults(layout: &Layout) -> Vec<Event> {
    let records = read_events(&layout.events()).unwrap().into_iter();
    records.map(|record| record.event).filter(|event| matches!(event, Event::Fault { .. })).collect()
}

/// The 2500th kernel and all that comes after it fail, in the first process that gets there.
#[test]
fn a_device_that_is_lost_costs_no_more_than_the_steps_since_the_last_checkpoint() {
    let Some(gpu) = Gpu::of("8.0") else { return };
    gpu.tested_in("f32");
    let case = case("cuda", 1);
    succeeded(&gpu.set(&mut case.begin("whole")).output().unwrap());
    let mut command = case.begin("lost");
    gpu.set(&mut command).env("CUDAHOST_FAIL", "kernel:2500:700");
    let text = succeeded(&command.env("CUDAHOST_FAIL_ONCE", case.folder.path("once")).output().unwrap());
    assert!(
        text.contains("the device failed: ") && text.contains("going on from the last checkpoint"),
        "{text}"
    );
    let layout = case.layout("lost");
    let told = faults(&layout);
    assert!(matches!(told[..], [Event::Fault { out_of_memory: false, step: 1.., .. }]), "{told:?}");
    let (ours, theirs) = (steps(&layout), steps(&case.layout("whole")));
    assert_eq!(ours.len(), theirs.len());
    // The rest is trained on half as many windows at once, whose sums are made in another order.
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!((ours.loss - theirs.loss).abs() <= 2e-3 * theirs.loss, "{ours:?} {theirs:?}");
    }
}

#[test]
fn a_device_that_fails_again_and_again_ends_the_run_which_can_be_resumed() {
    let Some(gpu) = Gpu::of("7.5") else { return };
    gpu.tested_in("f32");
    let case = case("cuda", 1);
    succeeded(&gpu.set(&mut case.begin("whole")).output().unwrap());
    let output = gpu.set(&mut case.begin("broken")).env("CUDAHOST_FAIL", "kernel:1500:719").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error: the device failed with the smallest split"), "{text}");
    // The remedy's command goes on.
    assert!(
        text.contains("test it with `spanbert devices --check`, or resume it with `spanbert train --resume "),
        "{text}"
    );
    succeeded(&gpu.set(&mut case.resume("broken")).output().unwrap());
    close_weights(&case.layout("broken").last(), &case.layout("whole").last(), 1e-3);
}

/// Other programs leave half of what the whole batch took.
#[test]
fn a_batch_beyond_the_memory_is_split() {
    let Some(gpu) = Gpu::of("7.5") else { return };
    gpu.tested_in("f32");
    let case = case("cuda", 1);
    write_model_of(&case.folder.path("model"), &many_heads(64));
    let train = |run: &str, setting: &str, value: &str| {
        let files = ["--model", "model", "--train-file", "train.json", "--output-dir", run];
        let recipe = [
            "--train-batch-size=32",
            "--micro-batch=32",
            "--learning-rate=1e-3",
            "--max-seq-length=64",
            "--max-query-length=12",
            "--pad-to-max-length",
            "--max-steps=2",
        ];
        let mut command = case.command(&["train", "--backend", &case.backend]);
        gpu.set(command.args(files).args(recipe)).env("CUDAHOST_MEMORY", "1024M").env(setting, value);
        succeeded(&command.output().unwrap())
    };
    let log = case.folder.path("log");
    let text = train("whole", "CUDAHOST_LOG", log.to_str().unwrap());
    assert!(faults(&case.layout("whole")).is_empty(), "{text}");
    let log = std::fs::read_to_string(log).unwrap();
    let used =
        log.lines().filter(|line| line.starts_with("alloc ")).filter_map(|line| line.split(' ').next_back());
    let peak = used.map(|bytes| bytes.parse::<u64>().unwrap()).max().unwrap();
    // Attention probabilities alone are 6.3 MB.
    assert!(peak > 6_300_000, "{peak}");

    let taken = (1 << 30) - peak / 2;
    let text = train("short", "CUDAHOST_TAKEN", &taken.to_string());
    let told = faults(&case.layout("short"));
    assert!(!told.is_empty(), "{peak} {text}");
    assert!(told.iter().all(|fault| matches!(fault, Event::Fault { out_of_memory: true, .. })), "{told:?}");
    close_weights(&case.layout("short").last(), &case.layout("whole").last(), 1e-5);
}

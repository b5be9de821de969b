//! What the program says when CUDA cannot be used, or fails while it is: seen on the stand-in for driver and NVRTC.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use spanbert_core::advice::is_remedy;
use spanbert_tests::{command::Case, cuda_on_host::CudaOnHost};

const CLI: &str = env!("CARGO_BIN_EXE_spanbert_cli");

/// Longest line that a person reads; the whole text of an error is in the log.
const LONGEST: usize = 600;

/// The stand-in with the small model.
struct Bench {
    host: &'static CudaOnHost,
    case: Case,
}

impl Bench {
    fn new() -> Option<Self> {
        let mut case = Case::new(CLI, 1);
        case.backend = "cuda".into();
        Some(Self { host: CudaOnHost::get()?, case })
    }

    /// A command on the stand-in.
    fn set(&self, mut command: Command, settings: &[(&str, &str)]) -> Command {
        self.host.set(&mut command);
        command.env_remove("SPANBERT_DEVICE_LOG").envs(settings.iter().copied());
        command
    }

    fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
        self.set(self.case.command(arguments), settings).output().unwrap()
    }

    /// `spanbert devices --json`.
    fn listing(&self, settings: &[(&str, &str)]) -> Value {
        let output = self.run(&["devices", "--json"], settings);
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Cause and remedy of CUDA's absence, which `devices` and a command that asks for CUDA tell alike.
    fn absence(&self, settings: &[(&str, &str)]) -> (String, String) {
        let listing = self.listing(settings);
        let cuda = backend(&listing, "cuda");
        assert_eq!(cuda["devices"], serde_json::json!([]));
        assert_ne!(listing["automatic"], "cuda:0");
        let (cause, remedy) = told(&cuda["unavailable"]);
        let shown = String::from_utf8(self.run(&["devices"], settings).stdout).unwrap();
        assert!(shown.contains(&format!("cuda is not available: {cause}\n  try: {remedy}\n")), "{shown}");
        let (error, help) = self.refusal("cuda", settings);
        assert_eq!(error, format!("cuda is not available: {cause}"));
        assert_eq!(help, format!("{remedy}, or choose another device with --device"));
        (cause, remedy)
    }

    /// What a command says that asks for a device which cannot be used.
    fn refusal(&self, device: &str, settings: &[(&str, &str)]) -> (String, String) {
        let files = ["--model", "model", "--data", "dev.json", "--output-dir", "answers"];
        let output = self.run(&[&["predict", "--backend", device][..], &files].concat(), settings);
        assert_eq!(output.status.code(), Some(1));
        failure(&output)
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn backend<'a>(listing: &'a Value, kind: &str) -> &'a Value {
    let backends = listing["backends"].as_array().unwrap();
    backends.iter().find(|backend| backend["kind"] == kind).unwrap()
}

/// An obstacle of the listing.
fn told(obstacle: &Value) -> (String, String) {
    let part = |name: &str| obstacle[name].as_str().unwrap_or_else(|| panic!("{obstacle}")).to_owned();
    let (cause, remedy) = (part("cause"), part("remedy"));
    for line in [&cause, &remedy] {
        assert!(line.len() < LONGEST && !line.contains(['\n', ';']), "{line}");
    }
    assert!(is_remedy(&remedy), "{remedy}");
    println!("{cause}\n  {remedy}");
    (cause, remedy)
}

/// The two lines of a failure.
fn failure(output: &Output) -> (String, String) {
    let text = stderr(output);
    for line in text.lines() {
        assert!(line.len() < LONGEST, "{} bytes: {line}", line.len());
    }
    let line = |start: &str| text.lines().rev().find_map(|line| line.strip_prefix(start));
    let (error, help) = (line("error: "), line("  try: "));
    let (Some(error), Some(help)) = (error, help) else { panic!("{text}") };
    assert!(is_remedy(help), "{help}");
    println!("error: {error}\n  try: {help}");
    (error.to_owned(), help.to_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_is_missing_is_named_with_what_to_install() {
    let Some(bench) = Bench::new() else { return };
    let said = |settings: &[(&str, &str)], cause: &str, remedy: &str| {
        let told = bench.absence(settings);
        assert!(told.0.contains(cause), "{told:?}");
        assert!(told.1.contains(remedy), "{told:?}");
    };
    said(&[("CUDAHOST_DEVICES", "0")], "finds no GPU", "CUDA_VISIBLE_DEVICES");
    said(
        &[("CUDAHOST_DRIVER", "11.8"), ("CUDAHOST_NVRTC", "11.8")],
        "CUDA 11.8 at most",
        "version 525 or newer",
    );
    said(&[("CUDAHOST_NVRTC", "13.0")], "NVRTC 13.0 is newer than the driver", "CUDA 12.8 toolkit");
    said(&[("CUDAHOST_FAIL", "cuInit:1:803")], "unsupported display driver", "nvidia-smi");
    said(&[("CUDA_PATH", "/nonexistent")], "CUDA_PATH names /nonexistent", "CUDA 12.8 toolkit, or unset it");
    let empty = tempfile::tempdir().unwrap();
    said(&[("CUDA_PATH", text(empty.path()))], "include/cuda_runtime.h", "cuda-cudart-dev-12-8");
    // As NVIDIA's packages of the runtime have it.
    let toolkit = bench.host.toolkit();
    std::fs::remove_dir_all(toolkit.join("include/crt")).unwrap();
    said(&[("CUDA_PATH", text(&toolkit))], "include/crt/mma.h", "cuda-nvcc-12-8");

    // The driver without NVRTC, and neither.
    let folder = tempfile::tempdir().unwrap();
    for library in ["libcuda.so", "libcuda.so.1"] {
        let from = bench.host.folder().join("lib").join(library);
        std::fs::copy(from, folder.path().join(library)).unwrap();
    }
    // On a machine that has them, they would be found.
    if !["/proc/driver/nvidia", "/usr/local/cuda"].iter().any(|path| Path::new(path).exists()) {
        let only_driver = [("LD_LIBRARY_PATH", text(folder.path()))];
        said(&only_driver, "NVRTC, which compiles the kernels, was not found", "CUDA 12.8 toolkit");
        said(&[("LD_LIBRARY_PATH", "")], "no NVIDIA driver found", "install the NVIDIA driver");
    }
}

#[test]
fn a_gpu_that_nvrtc_does_not_know_is_listed_and_passed_over() {
    let Some(bench) = Bench::new() else { return };
    let settings = [("CUDAHOST_DEVICES", "3"), ("CUDAHOST_CAPABILITY", "12.1,8.0,3.7")];
    let listing = bench.listing(&settings);
    assert_eq!(listing["automatic"], "cuda:1");
    let cuda = backend(&listing, "cuda");
    assert_eq!(cuda["unavailable"], Value::Null);
    let (cause, remedy) = told(&cuda["devices"][0]["unusable"]);
    assert!(cause.contains("compute capability 12.1"), "{cause}");
    assert!(remedy.contains("CUDA 12.9 toolkit"), "{remedy}");
    assert_eq!(cuda["devices"][1].get("unusable"), None);
    assert_eq!(told(&cuda["devices"][2]["unusable"]).1, "use another GPU, this one is too old");
    let shown = String::from_utf8(bench.run(&["devices"], &settings).stdout).unwrap();
    assert!(shown.contains("compute capability 12.1, unusable"), "{shown}");
    assert!(shown.contains(&format!("cuda:0 cannot be used: {cause}\n  try: {remedy}\n")), "{shown}");
    // Asked for by name.
    let (error, help) = bench.refusal("cuda:0", &settings);
    assert_eq!(error, format!("device cuda:0 (CUDA on the host) cannot be used: {cause}"));
    assert_eq!(help, format!("{remedy}, or choose another device with --device"));
    // If no GPU is left, the automatic choice is another backend.
    let alone = bench.listing(&[("CUDAHOST_CAPABILITY", "12.1")]);
    assert_ne!(alone["automatic"], "cuda:0");
    assert_eq!(backend(&alone, "cuda")["devices"].as_array().unwrap().len(), 1);
}

/// After an error of a kernel every call of the process returns it: only another process can try again. Plain kernels are not
/// used for ever because of one breakdown.
#[test]
fn a_fault_in_the_first_attempt_of_the_self_test_leaves_another_one_a_chance() {
    let Some(bench) = Bench::new() else { return };
    let once = bench.case.folder.path("failed-once");
    let settings = [("CUDAHOST_FAIL", "kernel:5:700"), ("CUDAHOST_FAIL_ONCE", text(&once))];
    let output = bench.run(&["devices", "--check", "--json"], &settings);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(once.exists());
    let listing: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = listing["checks"].as_array().unwrap();
    let verdict = checks.iter().find(|verdict| verdict["device"]["choice"] == "cuda:0").unwrap();
    assert!(verdict["fused"]["passed"]["logits"].is_number(), "{verdict}");
    let told = "CUDA on the host: it broke down while it was compared with the processor (an illegal memory access was \
                encountered (CUDA_ERROR_ILLEGAL_ADDRESS)), once more…";
    assert!(stderr(&output).lines().any(|line| line.ends_with(told)), "{}", stderr(&output));
}

/// What would take an hour on the GPU takes days on the processor: a machine with both says why it takes the latter.
#[test]
fn a_gpu_that_the_automatic_choice_passes_over_is_told_of() {
    let Some(bench) = Bench::new() else { return };
    let files = ["predict", "--model", "model", "--data", "dev.json", "--output-dir"];
    let warned = |folder: &str, settings: &[(&str, &str)]| {
        let settings = [settings, &[("VK_DRIVER_FILES", "/nonexistent")]].concat();
        let output = bench.run(&[&files[..], &[folder, "--backend", "auto"]].concat(), &settings);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output).lines().find(|line| line.contains("NVIDIA GPU")).map(ToOwned::to_owned)
    };
    let told = warned("toolkit", &[("CUDA_PATH", "/nonexistent")]).unwrap();
    assert!(told.contains("the NVIDIA GPU is not used: the variable CUDA_PATH names"), "{told}");
    assert!(told.contains("; set CUDA_PATH to"), "{told}");
    let told = warned("new", &[("CUDAHOST_CAPABILITY", "12.1")]).unwrap();
    assert!(told.contains("does not compile for compute capability 12.1; "), "{told}");
    assert!(told.contains("install the CUDA"), "{told}");
    // Nobody's business: a driver without a GPU.
    assert_eq!(warned("none", &[("CUDAHOST_DEVICES", "0")]), None);
}

#[test]
fn a_device_that_always_fails_is_refused_in_two_lines() {
    let Some(bench) = Bench::new() else { return };
    let settings = [("CUDAHOST_FAIL", "kernel:5:719")];
    let (error, help) = bench.refusal("cuda", &settings);
    let cause = "unspecified launch failure (CUDA_ERROR_LAUNCH_FAILED)";
    assert_eq!(error, format!("device cuda:0 (CUDA on the host) failed its self-test: {cause}"));
    assert_eq!(help, "update its driver, or choose another device with --device");
    let (error, help) = bench.refusal("cuda", &[("CUDAHOST_MEMORY", "1M")]);
    assert!(error.contains("out of memory"), "{error}");
    assert_eq!(help, "close other programs that use the GPU, or choose another device with --device");
    // `devices --check` names the device.
    let cpu = ("VK_DRIVER_FILES", "/nonexistent");
    let output = bench.run(&["devices", "--check"], &[settings[0], cpu]);
    assert_eq!(failure(&output).0, "cuda:0 computes wrong results or breaks down");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains(&format!("cuda:0, plain kernels: failed: {cause}\n")), "{shown}");
}

#[test]
fn a_kernel_that_does_not_compile_is_told_without_its_source() {
    let Some(bench) = Bench::new() else { return };
    // The folder of compiled kernels is another one: what is there already would not be compiled.
    let kernels = tempfile::tempdir().unwrap();
    let settings = [("CUDAHOST_LARGEST", "200"), ("CUDAHOST_CACHE", text(kernels.path()))];
    let (error, _) = bench.refusal("cuda", &settings);
    assert!(error.contains(" does not compile: the source is larger than CUDAHOST_LARGEST"), "{error}");
}

/// A training that meets an error of a kernel tells it in a line, keeps the rest in its folder, and goes on.
#[test]
fn a_fault_in_training_is_one_line_and_the_rest_is_in_the_log() {
    let Some(bench) = Bench::new() else { return };
    // The device has been tested.
    let output = bench.set(bench.case.begin("whole"), &[]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let once = bench.case.folder.path("failed-once");
    let settings = [("CUDAHOST_FAIL", "kernel:1500:700"), ("CUDAHOST_FAIL_ONCE", text(&once))];
    let output = bench.set(bench.case.begin("faulted"), &settings).output().unwrap();
    let text = stderr(&output);
    assert!(once.exists(), "the training has too few kernels: {text}");
    assert!(output.status.success(), "{text}");
    for line in text.lines() {
        assert!(line.len() < LONGEST, "{} bytes: {line}", line.len());
    }
    let cause = "an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS)";
    assert!(text.contains(&format!("the device failed: {cause}")), "{text}");
    let log = std::fs::read_to_string(bench.case.layout("faulted").device_log()).unwrap();
    assert!(log.contains("CUDA_ERROR_ILLEGAL_ADDRESS"), "{log}");
    assert!(!bench.case.layout("whole").device_log().exists());
}

/// A driver without memory pools (801, not supported) is only slower. That it was asked shows in the file.
#[test]
fn freed_memory_stays_in_the_drivers_pool_where_there_is_one() {
    let Some(bench) = Bench::new() else { return };
    let asked = bench.case.folder.path("asked");
    let settings =
        [("CUDAHOST_FAIL", "cuMemPoolSetAttribute:1:801"), ("CUDAHOST_FAIL_ONCE", asked.to_str().unwrap())];
    let files = ["--model", "model", "--data", "dev.json", "--output-dir", "answers"];
    let output = bench.run(&[&["predict", "--backend", "cuda"][..], &files].concat(), &settings);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(asked.exists());
}

//! CUDA without a GPU: the stand-in for driver and NVRTC by its own checks (`tests/cuda_on_host/check`), each in a process.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeSet,
    process::{Command, Output},
};

use spanbert_tests::cuda_on_host::CudaOnHost;

/// A check's name, the variables that it needs, and what it has to say besides.
type Settings = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const SET: [Settings; 12] = [
    ("memory_is_limited", &[("CUDAHOST_MEMORY", "1M"), ("CUDAHOST_TAKEN", "100K")], "no allocation"),
    ("new_memory_is_poisoned", &[("CUDAHOST_POISON", "1")], ""),
    ("a_dry_run_executes_the_first_launches_only", &[("CUDAHOST_DRY_AFTER", "1")], ""),
    (
        "devices_have_memory_of_their_own",
        &[
            ("CUDAHOST_DEVICES", "2"),
            ("CUDAHOST_NAME", "A,B"),
            ("CUDAHOST_CAPABILITY", "7.5,9.0"),
            ("CUDAHOST_MEMORY", "1M,2M"),
        ],
        "signal 11",
    ),
    ("functions_fail_on_demand", &[("CUDAHOST_FAIL", "cuMemAllocAsync:2:2")], "injected: call 2"),
    ("kernels_fail_on_demand", &[("CUDAHOST_FAIL", "kernel:2:719")], "injected: call 2 of kernel"),
    ("without_devices_there_are_none", &[("CUDAHOST_DEVICES", "0")], ""),
    ("unknown_architectures_are_refused", &[("CUDAHOST_ARCHS", "80,90")], ""),
    ("a_write_beyond_an_allocation_is_an_illegal_address", &[], "kernel kernel, block 0 0 0, thread 0 0 0"),
    ("threads_that_wait_for_ever_end_the_launch", &[], "deadlock"),
    ("threads_at_different_barriers_are_told", &[], "threads of a block meet at different places"),
    ("tensor_cores_want_a_whole_warp", &[], "fewer than 32 lanes"),
];
/// Checks that need more than variables: they have tests of their own.
const OWN: [&str; 2] = ["one_process_has_the_failure", "tensor_cores_need_their_header"];

fn check(host: &CudaOnHost, name: &str) -> Command {
    let mut command = Command::new(host.folder().join("check"));
    // Kernels of its own, some of them wrong: not among those of the tests.
    host.set(&mut command).arg(name).env("CUDAHOST_CACHE", host.folder().join("checks"));
    command
}

fn passes(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (told, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{told}{errors}");
    errors.into_owned()
}

#[test]
fn the_stand_in_computes_and_fails_as_a_gpu_does() {
    let Some(host) = CudaOnHost::get() else { return };
    let mut list = Command::new(host.folder().join("check"));
    let names = String::from_utf8(host.set(&mut list).output().unwrap().stdout).unwrap();
    let names: BTreeSet<&str> = names.lines().collect();
    assert!(SET.iter().map(|row| row.0).chain(OWN).all(|name| names.contains(name)), "{names:?}");
    for name in names.into_iter().filter(|name| !OWN.contains(name)) {
        let (variables, word) =
            SET.iter().find(|row| row.0 == name).map_or((&[][..], ""), |row| (row.1, row.2));
        let told = passes(check(host, name).envs(variables.iter().copied()));
        assert!(told.contains(word), "{name}: {told}");
        println!("{name}: passed");
    }
}

#[test]
fn an_injected_failure_can_be_that_of_one_process() {
    let Some(host) = CudaOnHost::get() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut command = check(host, OWN[0]);
    command.env("CUDAHOST_FAIL", "cuInit:1:999").env("CUDAHOST_FAIL_ONCE", folder.path().join("once"));
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    passes(&mut command);
}

#[test]
fn a_toolkit_without_the_header_of_tensor_cores_compiles_none() {
    let Some(host) = CudaOnHost::get() else { return };
    let toolkit = host.toolkit();
    std::fs::remove_file(toolkit.join("include/crt/mma.h")).unwrap();
    passes(check(host, OWN[1]).env("CUDA_PATH", &toolkit));
}

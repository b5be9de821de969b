//! Names the conditions under which a backend is compiled, so that the source need not spell them out.
//!
//! A `feature` is what was asked for, `with_*` what of it this platform has.

use std::env;

fn main() {
    let feature = |name: &str| env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let target = |key: &str| env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    let nvidia_platform = target("ARCH") == "x86_64" && ["linux", "windows"].contains(&target("OS").as_str());
    let cpu = feature("CPU");
    let wgpu = feature("WGPU");
    let cuda = feature("CUDA") && nvidia_platform;
    let nccl = cuda && target("OS") == "linux";
    for (name, holds) in [
        ("with_wgpu", wgpu),
        ("with_cuda", cuda),
        ("with_nccl", nccl),
        ("with_gpu", wgpu || cuda),
        ("with_any", cpu || wgpu || cuda),
    ] {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if holds {
            println!("cargo::rustc-cfg={name}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
}

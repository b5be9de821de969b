//! Names the conditions under which a backend is compiled, so that the source need not spell them out.
//!
//! A `feature` is what was asked for: its types exist wherever Burn builds them, in a browser, too. `with_*` is what this platform
//! can list and open at once.

use std::env;

fn main() {
    let feature = |name: &str| env::var_os(format!("CARGO_FEATURE_{name}")).is_some();
    let target = |key: &str| env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    let nvidia_platform = target("ARCH") == "x86_64" && ["linux", "windows"].contains(&target("OS").as_str());
    let cpu = feature("CPU");
    // In a browser devices are opened asynchronously, by code of its own.
    let wgpu = feature("WGPU") && target("FAMILY") != "wasm";
    let cuda = feature("CUDA") && nvidia_platform;
    for (name, holds) in [
        ("with_wgpu", wgpu),
        ("with_cuda", cuda),
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

//! For build scripts: what a program says of itself, in `--version` and to Windows.
//!
//! Only the crates whose build scripts call this are compiled again when there is a new commit.

use std::{env, path::Path, process::Command};

use winresource::WindowsResource;

/// The workspace, seen from this crate.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Gives the crate `SPANBERT_VERSION`: `0.1.0 (abc1234 2026-11-30)`, of a checkout's newest commit, or `0.1.0` without git.
///
/// Builds for debugging and tests have the bare version, so that they are not linked anew after every commit.
pub fn version() {
    println!("cargo::rustc-env=SPANBERT_VERSION={}", long_version());
    println!("cargo::rerun-if-changed=build.rs");
}

fn long_version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let is_for_debugging = env::var("DEBUG").is_ok_and(|debug| debug != "false");
    // A folder above may be a checkout of something else.
    let is_checkout = || git(&["rev-parse", "--show-cdup"]).is_some_and(|above| above.is_empty());
    if is_for_debugging || !is_checkout() {
        return version.to_owned();
    }
    // HEAD changes when a branch is checked out, its log with every commit.
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name]).map(|path| Path::new(ROOT).join(path));
        if let Some(path) = path.filter(|path| path.is_file()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    let commit = git(&["log", "-1", "--abbrev=7", "--format=%h %cs"]);
    commit.map_or_else(|| version.to_owned(), |commit| format!("{version} ({commit})"))
}

/// What git says of the workspace, if there is git.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(ROOT).args(arguments).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim_end().to_owned())
}

/// On Windows, gives a program of the crate an icon, and what is shown as its properties.
///
/// Without a resource compiler the program is built all the same.
pub fn windows_resource(program: &str, description: &str) {
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "windows") {
        let icon = format!("{ROOT}/assets/icon/icon.ico");
        println!("cargo::rerun-if-changed={icon}");
        let mut resource = WindowsResource::new();
        resource
            .set_icon(&icon)
            .set("ProductName", "SpanBERT Studio")
            .set("ProductVersion", &long_version())
            .set("FileDescription", description)
            .set("OriginalFilename", &format!("{program}.exe"))
            .set("LegalCopyright", "MIT or Apache 2.0");
        if let Err(error) = resource.compile_for(program) {
            println!("cargo::warning={program} has no icon: {error}");
        }
    }
}

//! The stand-in for the CUDA driver and NVRTC (`tests/cuda_on_host`): CUDA without a GPU, in a child process.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    ffi::OsStr,
    io,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use tempfile::TempDir;

/// Makes the stand-in's absence a failure instead of a reason to skip.
const REQUIRE: &str = "SPANBERT_REQUIRE_CUDA_ON_HOST";

/// The stand-in for the CUDA driver and NVRTC, built.
pub struct CudaOnHost {
    built: PathBuf,
}

impl CudaOnHost {
    /// Builds it once (kept under the target directory by a hash of its sources and compiler). `None`, with the word
    /// "skipped: …", where there is no g++ or not x86-64 Linux.
    ///
    /// # Panics
    /// If it cannot be built although `SPANBERT_REQUIRE_CUDA_ON_HOST` is set: then its absence is the failure. If there is
    /// a compiler that does not compile it: then it is broken.
    pub fn get() -> Option<&'static Self> {
        static BUILT: OnceLock<Result<CudaOnHost, String>> = OnceLock::new();
        match BUILT.get_or_init(build) {
            Ok(built) => Some(built),
            Err(reason) if std::env::var_os(REQUIRE).is_some() => panic!("no CUDA on the host: {reason}"),
            Err(reason) => {
                eprintln!("skipped: no CUDA on the host ({reason})");
                None
            }
        }
    }

    /// Lets a program load it: `LD_LIBRARY_PATH` (prepended), `CUDA_PATH`, and `CUDAHOST_CACHE` for compiled kernels, which
    /// all tests share. Other variables of the stand-in that this process
    /// has are not handed on, but for the choice of the compiler.
    pub fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let compiler = ["CUDAHOST_CXX", "CUDAHOST_CXXFLAGS"];
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CUDAHOST_") && !compiler.contains(&&*text) {
                command.env_remove(name);
            }
        }
        let others = std::env::var_os("LD_LIBRARY_PATH");
        let others = others.iter().flat_map(std::env::split_paths);
        let paths = std::env::join_paths(std::iter::once(self.built.join("lib")).chain(others)).unwrap();
        command
            .env("LD_LIBRARY_PATH", paths)
            .env("CUDA_PATH", self.built.join("toolkit"))
            .env("CUDAHOST_CACHE", self.built.join("kernels"))
    }

    /// A fresh copy of the toolkit folder, in which a test may remove or add headers; to be set as `CUDA_PATH` after
    /// [`set`](Self::set). It goes with the value.
    pub fn toolkit(&self) -> Toolkit {
        let folder = tempfile::tempdir().unwrap();
        copy(&self.built.join("toolkit"), folder.path()).unwrap();
        Toolkit(folder)
    }

    /// A cache for `program`, with verdicts and kernels, which all tests share: a self-test takes minutes here. A program that was built
    /// anew has another.
    pub fn cache(&self, program: &str) -> PathBuf {
        let modified = std::fs::metadata(program).unwrap().modified().unwrap();
        let age = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        self.built.join(format!("cache-{}", age.as_nanos()))
    }

    /// The folder with what was built: `lib`, `toolkit`, `kernels`.
    pub fn folder(&self) -> &Path {
        &self.built
    }
}

/// A copy of the toolkit folder.
pub struct Toolkit(TempDir);

impl Deref for Toolkit {
    type Target = Path;

    fn deref(&self) -> &Path {
        self.0.path()
    }
}

impl AsRef<OsStr> for Toolkit {
    fn as_ref(&self) -> &OsStr {
        self.0.path().as_os_str()
    }
}

fn build() -> Result<CudaOnHost, String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("it runs on x86-64 Linux".into());
    }
    let compiler = std::env::var_os("CUDAHOST_CXX").unwrap_or_else(|| "g++".into());
    Command::new(compiler).arg("--version").output().map_err(|error| format!("no g++: {error}"))?;
    // This program is <target>/<profile>/deps/<name>.
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = program.ancestors().nth(3).ok_or("this program is in no target directory")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/cuda_on_host/build.sh");
    let Output { status, stdout, stderr } = Command::new("bash")
        .arg(script)
        .arg(target.join("cuda_on_host"))
        .output()
        .map_err(|error| format!("no bash: {error}"))?;
    assert!(status.success(), "{script}: {}", String::from_utf8_lossy(&stderr));
    Ok(CudaOnHost { built: PathBuf::from(String::from_utf8_lossy(&stdout).trim_end()) })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

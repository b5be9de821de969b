//! Trainings by the command line.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "helpers of tests fail like tests")]

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use spanbert_core::run::{Layout, RunState};

use crate::small::{Folder, dataset, write_model};

/// A model, data, and trainings of them by the command line.
pub struct Case {
    /// Where everything is.
    pub folder: Folder,
    /// The program.
    pub program: PathBuf,
    /// Passes over the training data, 24 batches each.
    pub epochs: usize,
    /// As for `--backend`.
    pub backend: String,
}

impl Case {
    /// The small model and its data.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, epochs: usize) -> Self {
        let folder = Folder::new();
        write_model(&folder.path("model"));
        folder.data("train.json", &dataset(64, true));
        folder.data("dev.json", &dataset(8, true));
        Self { folder, program: program.into(), epochs, backend: "cpu".into() }
    }

    /// The paths of a run.
    #[must_use]
    pub fn layout(&self, run: &str) -> Layout {
        Layout::new(self.folder.path(run))
    }

    /// A command in the folder.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path("")).stdin(Stdio::null());
        command.env("XDG_CACHE_HOME", self.folder.path("cache")).env_remove("SPANBERT_INJECT_FAULT");
        command
    }

    /// A new run.
    #[must_use]
    pub fn begin(&self, run: &str) -> Command {
        let (epochs, backend) = (self.epochs.to_string(), self.backend.as_str());
        let files = ["--model", "model", "--train-file", "train.json", "--dev-file", "dev.json"];
        let recipe = [
            "--train-batch-size=8",
            "--eval-batch-size=16",
            "--learning-rate=2e-3",
            "--max-seq-length=32",
            "--max-query-length=12",
            "--doc-stride=8",
            "--eval-per-epoch=2",
            "--eval-metric=best_f1",
            "--checkpoint-steps=5",
        ];
        let mut command = self.command(&["train"]);
        command.args(files).args(recipe).args(["--output-dir", run, "--backend", backend]);
        command.args(["--num-train-epochs", &epochs]);
        command
    }

    /// The rest of a run.
    #[must_use]
    pub fn resume(&self, run: &str) -> Command {
        self.command(&["train", "--resume", run])
    }

    /// Waits until a run is where it should be.
    pub fn wait_for(&self, run: &str, reached: impl Fn(&RunState) -> bool) {
        let began = Instant::now();
        while !RunState::read(&self.layout(run)).is_ok_and(|state| reached(&state)) {
            assert!(began.elapsed() < Duration::from_secs(120), "{:?}", RunState::read(&self.layout(run)));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `spanbert runs` …
    #[must_use]
    pub fn ask(&self, what: &str, run: &str) -> Output {
        self.command(&["runs", what, run]).output().unwrap()
    }
}

/// What a command said; it must not have failed.
pub fn succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{:?}: {text}", output.status);
    text
}

/// Sends a signal to a process, or to a group of them by its negative number.
#[cfg(unix)]
pub fn signal(name: &str, target: &str) {
    let name = format!("-{name}");
    Command::new("kill").args([&name, "--", target]).stderr(Stdio::null()).status().unwrap();
}

/// The processes of a command are a group of their own, for [`interrupt`] and [`kill_all`].
pub fn as_a_group(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    command
}

/// What Ctrl-C in their terminal does to a command and the processes that it has started, which are a group.
#[cfg(unix)]
pub fn interrupt(child: &Child) {
    signal("INT", &format!("-{}", child.id()));
}

/// Kills a trainer and the process that watches over it, as a power cut would. They have to be a group.
pub fn kill_all(mut child: Child) {
    #[cfg(unix)]
    signal("KILL", &format!("-{}", child.id()));
    #[cfg(windows)]
    kill_tree(child.id());
    child.wait().unwrap();
}

/// Kills a process and those that it has started, by one program: a trainer that nobody watches over saves and ends by itself.
#[cfg(windows)]
fn kill_tree(watcher: u32) {
    let watcher = sysinfo::Pid::from_u32(watcher);
    let mut system = sysinfo::System::new();
    system.refresh_processes(sysinfo::ProcessesToUpdate::All, true);
    let trainers = system.processes().values().filter(|process| process.parent() == Some(watcher));
    let mut command = Command::new("taskkill");
    command.arg("/F");
    for pid in std::iter::once(watcher).chain(trainers.map(sysinfo::Process::pid)) {
        command.args(["/PID", &pid.to_string()]);
    }
    // One of them may have ended meanwhile.
    let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

//! Trainers as processes of their own: closing the window, or its death, does not touch them.

use std::{
    ffi::OsString,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
};

use egui::Context;
use spanbert_core::advice::Advice;
use spanbert_core::run::{Layout, reserve_run, run_name};

use crate::background;

/// Bytes read from the end of a trainer's output.
const TAIL: u64 = 16 * 1024;

/// A command line of `spanbert` that makes or goes on with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The run folder.
    pub run: PathBuf,
    /// What comes after `spanbert`.
    pub arguments: Vec<OsString>,
    /// Text of a recipe that is handed over as a file with `--recipe`.
    pub recipe: Option<String>,
}

impl Launch {
    /// The built-in example.
    #[must_use]
    pub fn demo(run: PathBuf, backend: &str) -> Self {
        let arguments = vec![
            "demo".into(),
            "--backend".into(),
            backend.into(),
            "--output-dir".into(),
            run.clone().into(),
        ];
        Self { run, arguments, recipe: None }
    }

    /// Going on with a run that has ended early.
    #[must_use]
    pub fn resume(run: PathBuf) -> Self {
        let command = Layout::new(&run).resuming_command();
        let arguments = vec![command.into(), "--resume".into(), run.clone().into()];
        Self { run, arguments, recipe: None }
    }
}

/// A folder of its own for a run that is about to be started, made at once so that no other gets it. If it cannot be made,
/// the trainer is left to say why.
#[must_use]
pub fn new_run_folder(runs: &Path, name: &str) -> PathBuf {
    reserve_run(runs, name, "")
        .map_or_else(|_| runs.join(run_name(jiff::Timestamp::now(), name)), |reserved| reserved.keep())
}

/// The program that trains, and where its output is kept.
#[derive(Clone, Debug)]
pub struct Trainer {
    /// The program.
    pub program: PathBuf,
    /// What comes before the arguments of `spanbert`.
    pub prefix: Vec<OsString>,
    /// Folder for the output of trainers.
    pub logs: PathBuf,
}

impl Trainer {
    /// This program itself, started as `spanbert-studio cli …`.
    ///
    /// # Errors
    /// If the system does not say where this program is.
    pub fn of_this_program() -> std::io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            prefix: vec!["cli".into()],
            logs: spanbert_core::user_folders::cache_folder().join("launches"),
        })
    }
}

/// How a trainer that this window started has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its run folder.
    pub run: PathBuf,
    /// Its exit code; none if it was killed.
    pub code: Option<i32>,
    /// The last lines it wrote.
    pub output: String,
}

/// Why a trainer could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Its output has nowhere to go.
    #[error("cannot write {path}: {source}")]
    Log {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The program does not start.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Advice for LaunchError {
    fn remedy(&self) -> String {
        match self {
            Self::Log { .. } => "make room, or make the folder writable".into(),
            Self::Start { .. } => "start SpanBERT Studio again".into(),
        }
    }
}

/// Starts trainers and hears of their ends.
pub struct Launcher {
    trainer: Trainer,
    sender: Sender<Ended>,
    ended: Receiver<Ended>,
    context: Context,
}

impl Launcher {
    /// Starts nothing yet.
    #[must_use]
    pub fn new(context: &Context, trainer: Trainer) -> Self {
        let (sender, ended) = channel();
        Self { trainer, sender, ended, context: context.clone() }
    }

    /// The folder in which pages may leave files for a trainer, such as a recipe.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.trainer.logs
    }

    /// Starts a trainer that outlives this window.
    ///
    /// # Errors
    /// If its log cannot be written or the program does not start.
    pub fn start(&self, launch: &Launch) -> Result<(), LaunchError> {
        let name = launch.run.file_name().unwrap_or(launch.run.as_os_str()).to_string_lossy();
        let log = self.trainer.logs.join(format!("{name}.log"));
        let failed = |source| LaunchError::Log { path: log.display().to_string(), source };
        std::fs::create_dir_all(&self.trainer.logs).map_err(failed)?;
        // A file, not a pipe: a pipe's reader dies with the window, and the trainer's next line would end it.
        let output = File::create(&log).map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let mut arguments = launch.arguments.clone();
        if let Some(recipe) = &launch.recipe {
            let path = self.trainer.logs.join(format!("{name}.recipe.toml"));
            let failed = |source| LaunchError::Log { path: path.display().to_string(), source };
            std::fs::write(&path, recipe).map_err(failed)?;
            arguments.extend(["--recipe".into(), path.into_os_string()]);
        }
        let mut command = Command::new(&self.trainer.program);
        command
            .args(&self.trainer.prefix)
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        detach(&mut command);
        let child = command.spawn().map_err(|source| LaunchError::Start {
            program: self.trainer.program.display().to_string(),
            source,
        })?;
        self.wait_for(child, launch.run.clone(), log);
        Ok(())
    }

    /// Trainers that have ended since the last call.
    pub fn poll(&self) -> Vec<Ended> {
        self.ended.try_iter().collect()
    }

    /// Waits on a thread of its own; without it the ended process would stay in the system's table.
    fn wait_for(&self, mut child: Child, run: PathBuf, log: PathBuf) {
        let (sender, context) = (self.sender.clone(), self.context.clone());
        let wait = async move {
            let code = child.wait().ok().and_then(|status| status.code());
            // A folder that was made for it stays empty if it was refused; one that is not empty cannot be removed so.
            let _ = std::fs::remove_dir(&run);
            // The window may be closing.
            let _ = sender.send(Ended { run, code, output: tail(&log) });
            context.request_repaint();
        };
        // Without a thread its end is only seen in the run folder.
        let _ = background::start("trainer", wait);
    }
}

/// Puts the trainer out of reach of the signals that a terminal sends to this window.
#[cfg(unix)]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(windows)]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    const DETACHED_PROCESS: u32 = 0x8;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    command.creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP);
}

#[cfg(not(any(unix, windows)))]
fn detach(_command: &mut Command) {}

/// The last lines of a file, without colours.
fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut text = Vec::new();
        file.take(TAIL).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// Cause and remedy out of a trainer's output.
pub(crate) fn last_words(output: &str) -> String {
    let told: Vec<&str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("error: ").or_else(|| line.trim_start().strip_prefix("try: ")))
        .collect();
    if told.is_empty() {
        output.lines().last().unwrap_or("it was ended from outside").to_owned()
    } else {
        told.join("; ")
    }
}

#[cfg(test)]
mod words_tests {
    use super::last_words;

    #[test]
    fn cause_and_remedy_are_taken_out_of_the_output() {
        assert_eq!(last_words("device: cpu\nerror: no file a\n  try: name one"), "no file a; name one");
        assert_eq!(last_words("Killed"), "Killed");
        assert_eq!(last_words(""), "it was ended from outside");
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn launcher(logs: &Path) -> Launcher {
        let trainer = Trainer { program: "/bin/sh".into(), prefix: vec!["-c".into()], logs: logs.to_owned() };
        Launcher::new(&Context::default(), trainer)
    }

    fn wait(launcher: &Launcher) -> Ended {
        let start = Instant::now();
        loop {
            if let Some(ended) = launcher.poll().pop() {
                return ended;
            }
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn the_end_of_a_trainer_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let launcher = launcher(folder.path());
        let script = "echo error: no such file >&2; exit 1";
        launcher
            .start(&Launch { run: "/r/one".into(), arguments: vec![script.into()], recipe: None })
            .unwrap();
        let ended = wait(&launcher);
        assert_eq!((ended.code, ended.output.as_str()), (Some(1), "error: no such file"));
        assert!(folder.path().join("one.log").exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let trainer = Trainer {
            program: "/nonexistent/trainer".into(),
            prefix: Vec::new(),
            logs: folder.path().into(),
        };
        let launcher = Launcher::new(&Context::default(), trainer);
        let error = launcher.start(&Launch::resume("/r/one".into())).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/trainer"), "{error}");
    }
}

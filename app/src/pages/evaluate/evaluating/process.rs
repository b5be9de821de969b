//! An evaluation as a process of its own.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
};

use egui::Context;
use spanbert_core::message::Message;

use super::{FOLDER, Heard};
use crate::{
    background,
    launch::{Trainer, new_run_folder},
    settings::Settings,
    widgets::checkpoint_name,
};

/// The program that evaluates.
pub(in super::super) type Means = Trainer;

/// Where an evaluation stays, as the form says it.
pub(super) const KEPT: &str = "in evaluations of the runs folder";

/// What is to be done.
pub(super) struct Order<'a> {
    /// Folder or name of the checkpoint.
    pub(super) model: &'a str,
    /// File or name of the questions.
    pub(super) data: &'a str,
    pub(super) settings: &'a Settings,
}

/// The process.
pub(super) struct Job {
    child: Child,
    messages: Receiver<Message>,
    folder: PathBuf,
    /// Whether it has ended, and how.
    ended: Option<bool>,
}

impl Job {
    /// Starts it.
    ///
    /// # Errors
    /// Why it does not start.
    pub(super) fn start(context: &Context, trainer: &Trainer, order: &Order<'_>) -> Result<Self, String> {
        let evaluations = order.settings.runs_folder.join(FOLDER);
        let folder = new_run_folder(&evaluations, &checkpoint_name(Path::new(order.model)));
        let mut command = Command::new(&trainer.program);
        command
            .args(&trainer.prefix)
            .args(["evaluate", "--model", order.model, "--data", order.data])
            .args(["--message-format", "json", "--backend", &order.settings.backend, "--output-dir"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        match command.spawn() {
            Ok(mut child) => {
                let (sender, messages) = channel();
                if let Some(errors) = child.stderr.take() {
                    follow(errors, sender, context.clone());
                }
                Ok(Self { child, messages, folder, ended: None })
            }
            Err(error) => {
                let _ = std::fs::remove_dir(&folder);
                Err(format!("{} does not start: {error}", trainer.program.display()))
            }
        }
    }

    /// Where the evaluation is, once it has ended well.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has said since the last call, or that it has ended.
    pub(super) fn hear(&mut self) -> Heard {
        match self.messages.try_recv() {
            Ok(message) => Heard::Said(message),
            Err(TryRecvError::Empty) => Heard::Nothing,
            // The reader is gone, and with it the process's output: it does not take long to end.
            Err(TryRecvError::Disconnected) => {
                let well = self.child.wait().is_ok_and(|status| status.success());
                self.ended = Some(well);
                Heard::Ended(well)
            }
        }
    }

    /// Ends it.
    pub(super) fn cancel(&mut self) {
        // If it has ended meanwhile, there is nothing to end.
        let _ = self.child.kill();
    }
}

impl Drop for Job {
    /// Without the page nobody would hear of it: an evaluation is repeated in minutes.
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may have ended by itself.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if self.ended != Some(true) {
            // Made before the work began; it goes only if nothing is in it.
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

/// Reads what the process says until it closes its output.
fn follow(errors: impl Read + Send + 'static, sender: Sender<Message>, context: Context) {
    let read = async move {
        // A name within a line need not be UTF-8.
        for line in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            let other = || Message::Note { text: line.trim_end().to_owned() };
            // The page may be gone.
            let _ = sender.send(Message::parse(&line).unwrap_or_else(other));
            context.request_repaint();
        }
        drop(sender);
        context.request_repaint();
    };
    // Without a thread nothing is heard, and the poll finds the channel closed.
    let _ = background::start("evaluation progress", read);
}

/// The evaluations in the runs folder, newest first.
pub(in super::super) fn stored(runs_folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(runs_folder.join(FOLDER)) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("results.json").is_file())
        .collect();
    folders.sort_unstable_by(|a, b| b.cmp(a));
    folders
}

//! A checkpoint evaluated on a file, by a process of its own, started and followed from here.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
};

use egui::{ComboBox, Context, ProgressBar, RichText, TextEdit, Ui};
use egui_phosphor::regular as icon;
use spanbert_core::message::Message;

use crate::{
    action::Action,
    dialogs::Purpose,
    launch::{Trainer, new_run_folder},
    page_view::Env,
    theme::{CAPTION_SIZE, Tokens},
    widgets::{
        Severity, card, checkpoint_name, count, duration, labelled, notice, primary_button, symbol_button,
    },
};

/// The folder for evaluations within the runs folder.
pub(super) const FOLDER: &str = "evaluations";

/// An evaluation that has ended well.
pub(super) struct Evaluated {
    pub(super) folder: PathBuf,
    /// What it warned of.
    pub(super) warnings: Vec<String>,
    /// What it decided by itself, such as whether the model may abstain.
    pub(super) notes: Vec<String>,
}

/// An evaluation that is running.
struct Running {
    child: Child,
    messages: Receiver<Message>,
    folder: PathBuf,
    done: usize,
    total: usize,
    started: std::time::Instant,
    notes: Vec<String>,
    warnings: Vec<String>,
    /// What went wrong.
    failure: Option<String>,
    cancelled: bool,
}

/// The form and what was started with it.
#[derive(Default)]
pub(super) struct Evaluating {
    pub(super) open: bool,
    model: String,
    data: String,
    running: Option<Running>,
    error: Option<String>,
}

impl Evaluating {
    /// Fills in a path that was chosen.
    pub(super) fn take(&mut self, purpose: Purpose, path: &Path) -> bool {
        match purpose {
            Purpose::EvaluateCheckpoint => self.model = path.display().to_string(),
            Purpose::EvaluateData => self.data = path.display().to_string(),
            _ => return false,
        }
        self.open = true;
        true
    }

    /// Hears from the process. Gives the evaluation that has just ended well.
    pub(super) fn poll(&mut self) -> Option<Evaluated> {
        let running = self.running.as_mut()?;
        loop {
            match running.messages.try_recv() {
                Ok(Message::Progress { done, total, .. }) => (running.done, running.total) = (done, total),
                Ok(Message::Warning { text }) => running.warnings.push(text),
                Ok(Message::Note { text }) => running.notes.push(text),
                Ok(Message::Error { cause, remedy }) => running.failure = Some(format!("{cause}; {remedy}")),
                Err(TryRecvError::Empty) => return None,
                // The reader is gone, and with it the process's output.
                Err(TryRecvError::Disconnected) => break,
            }
        }
        let mut running = self.running.take()?;
        // It has closed its output, so it does not take long.
        let status = running.child.wait().ok();
        if status.is_some_and(|status| status.success()) {
            self.open = false;
            // The device is the one that was chosen here.
            let notes = running.notes.into_iter().filter(|note| !note.starts_with("device: "));
            return Some(Evaluated {
                folder: running.folder,
                warnings: running.warnings,
                notes: notes.collect(),
            });
        }
        // Made before the work began; it goes only if nothing is in it.
        let _ = std::fs::remove_dir(&running.folder);
        if !running.cancelled {
            // A process that dies without a message may still have said something.
            let last_words = running.notes.pop().unwrap_or_else(|| "it was ended from outside".to_owned());
            self.error = Some(running.failure.unwrap_or(last_words));
        }
        None
    }

    /// Draws the form, or how far the evaluation is.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, trainer: Option<&Trainer>) {
        if !self.open && self.running.is_none() {
            return;
        }
        card(ui, "New evaluation", |ui| {
            if self.running.is_some() {
                self.progress_ui(ui);
                for warning in self.running.iter().flat_map(|running| &running.warnings) {
                    notice(ui, Severity::Warning, warning);
                }
            } else {
                self.form_ui(ui, env, trainer);
            }
            if let Some(error) = &self.error {
                notice(ui, Severity::Error, error);
            }
        });
        ui.add_space(6.0);
    }

    fn form_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, trainer: Option<&Trainer>) {
        let width = (ui.available_width() / 2.0 - 110.0).max(140.0);
        ui.horizontal_wrapped(|ui| {
            labelled(ui, "Checkpoint to evaluate", |ui| {
                ui.add(TextEdit::singleline(&mut self.model).hint_text("Folder or name").desired_width(width))
            });
            if symbol_button(ui, icon::FOLDER_OPEN, "Choose checkpoint…", true).clicked() {
                env.ask(Action::Browse(Purpose::EvaluateCheckpoint));
            }
            if !env.settings.recent_checkpoints.is_empty() {
                ComboBox::new("recent checkpoints", "").selected_text("Recent").width(90.0).show_ui(
                    ui,
                    |ui| {
                        for path in &env.settings.recent_checkpoints {
                            if ui.selectable_label(false, checkpoint_name(path)).clicked() {
                                self.model = path.display().to_string();
                            }
                        }
                    },
                );
            }
        });
        ui.horizontal_wrapped(|ui| {
            labelled(ui, "SQuAD file to evaluate on", |ui| {
                ui.add(
                    TextEdit::singleline(&mut self.data)
                        .hint_text("File, or squad2:dev")
                        .desired_width(width),
                )
            });
            if symbol_button(ui, icon::FILE, "Choose file…", true).clicked() {
                env.ask(Action::Browse(Purpose::EvaluateData));
            }
        });
        ui.horizontal(|ui| {
            let ready = trainer.is_some() && !self.model.trim().is_empty() && !self.data.trim().is_empty();
            if primary_button(ui, "Start evaluation", ready).clicked()
                && let Some(trainer) = trainer
            {
                self.start(ui.ctx(), env, trainer);
            }
            if ui.button("Close").clicked() {
                self.open = false;
                self.error = None;
            }
            let text =
                format!("On {}; the evaluation is kept in {FOLDER} of the runs folder", env.settings.backend);
            ui.label(RichText::new(text).size(CAPTION_SIZE).color(Tokens::of(ui).text_muted));
        });
    }

    fn progress_ui(&mut self, ui: &mut Ui) {
        let Some(running) = &mut self.running else { return };
        let share = running.done as f32 / running.total.max(1) as f32;
        let text = if running.total == 0 {
            "Loading the model".to_owned()
        } else {
            let left = running.started.elapsed().as_secs_f64() * f64::from((1.0 - share) / share.max(1e-6));
            format!("{} of {} windows, {} left", count(running.done), count(running.total), duration(left))
        };
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 130.0).max(100.0);
            ui.add(ProgressBar::new(share).desired_width(width).text(text));
            if ui.add_enabled(!running.cancelled, egui::Button::new("Cancel")).clicked() {
                running.cancelled = true;
                // If it has ended meanwhile, there is nothing to end.
                let _ = running.child.kill();
            }
        });
    }

    fn start(&mut self, context: &Context, env: &Env<'_>, trainer: &Trainer) {
        let model = self.model.trim().trim_matches('"').to_owned();
        let evaluations = env.settings.runs_folder.join(FOLDER);
        let folder = new_run_folder(&evaluations, &checkpoint_name(Path::new(&model)));
        let mut command = Command::new(&trainer.program);
        command
            .args(&trainer.prefix)
            .args(["evaluate", "--model", &model, "--data", self.data.trim().trim_matches('"')])
            .args(["--message-format", "json", "--backend", &env.settings.backend, "--output-dir"])
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        self.error = None;
        match command.spawn() {
            Ok(mut child) => {
                let (sender, messages) = channel();
                if let Some(errors) = child.stderr.take() {
                    follow(errors, sender, context.clone());
                }
                self.running = Some(Running {
                    child,
                    messages,
                    folder,
                    done: 0,
                    total: 0,
                    started: std::time::Instant::now(),
                    notes: Vec::new(),
                    warnings: Vec::new(),
                    failure: None,
                    cancelled: false,
                });
            }
            Err(error) => {
                let _ = std::fs::remove_dir(&folder);
                self.error = Some(format!("{} does not start: {error}", trainer.program.display()));
            }
        }
    }
}

impl Drop for Evaluating {
    /// Without the page nobody would hear of it: an evaluation is repeated in minutes.
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            // It may have ended by itself.
            let _ = running.child.kill();
            let _ = running.child.wait();
            // Of use to nobody if nothing was written yet.
            let _ = std::fs::remove_dir(&running.folder);
        }
    }
}

/// Reads what the process says until it closes its output.
fn follow(errors: impl Read + Send + 'static, sender: Sender<Message>, context: Context) {
    let read = move || {
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
    let _ = std::thread::Builder::new().name("evaluation progress".to_owned()).spawn(read);
}

/// The evaluations in the runs folder, newest first.
pub(super) fn stored(runs_folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(runs_folder.join(FOLDER)) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("results.json").is_file())
        .collect();
    folders.sort_unstable_by(|a, b| b.cmp(a));
    folders
}

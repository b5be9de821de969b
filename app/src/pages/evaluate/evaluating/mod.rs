//! A checkpoint evaluated on a file, started and followed from here: by a process of its own or, in a browser, a Web Worker.

#[cfg(not(target_family = "wasm"))]
mod process;
#[cfg(target_family = "wasm")]
mod web_worker;

use std::path::{Path, PathBuf};

use crate::symbols as icon;
use egui::{ComboBox, ProgressBar, RichText, TextEdit, Ui};
use spanbert_core::{demo, message::Message};
use web_time::Instant;

pub(super) use self::host::{Means, stored};
#[cfg(not(target_family = "wasm"))]
use self::process as host;
#[cfg(target_family = "wasm")]
use self::web_worker as host;
use crate::{
    action::Action,
    dialogs::Purpose,
    files,
    page_view::Env,
    theme::{CAPTION_SIZE, Tokens},
    widgets::{
        Severity, card, checkpoint_name, count, duration, labelled, name_entry, name_list, notice,
        primary_button, symbol_button,
    },
};

/// The folder for evaluations within the runs folder.
pub(super) const FOLDER: &str = "evaluations";

/// Narrower than this, how far an evaluation is stands above its bar instead of on it.
const NARROW: f32 = 400.0;

/// An evaluation that has ended well.
pub(super) struct Evaluated {
    pub(super) folder: PathBuf,
    /// What it warned of.
    pub(super) warnings: Vec<String>,
    /// What it decided by itself, such as whether the model may abstain.
    pub(super) notes: Vec<String>,
}

/// What is heard of whoever evaluates.
enum Heard {
    /// Nothing new.
    Nothing,
    /// A message.
    Said(Message),
    /// It has ended, and whether well.
    Ended(bool),
}

/// An evaluation that is running.
struct Running {
    job: host::Job,
    done: usize,
    total: usize,
    started: Instant,
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

    /// Fills in a path that was dropped on the open form. Questions open it: they are of no other use on this page.
    pub(super) fn take_dropped(&mut self, path: &Path) -> bool {
        if self.running.is_some() {
            return false;
        }
        let purpose = if files::is_checkpoint(path) {
            Purpose::EvaluateCheckpoint
        } else if files::is_file(path) {
            Purpose::EvaluateData
        } else {
            return false;
        };
        let questions = purpose == Purpose::EvaluateData && is_json(path);
        (self.open || questions) && self.take(purpose, path)
    }

    /// Whether an evaluation is running.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Hears from whoever evaluates. Gives the evaluation that has just ended well.
    pub(super) fn poll(&mut self) -> Option<Evaluated> {
        let running = self.running.as_mut()?;
        let well = loop {
            match running.job.hear() {
                Heard::Nothing => return None,
                Heard::Said(Message::Progress { done, total, .. }) => {
                    (running.done, running.total) = (done, total);
                }
                Heard::Said(Message::Warning { text }) => running.warnings.push(text),
                Heard::Said(Message::Note { text }) => running.notes.push(text),
                Heard::Said(Message::Error { cause, remedy }) => {
                    running.failure = Some(format!("{cause}; {remedy}"));
                }
                Heard::Ended(well) => break well,
            }
        };
        let mut running = self.running.take()?;
        if well {
            self.open = false;
            // The device is the one that was chosen here.
            let notes = running.notes.into_iter().filter(|note| !note.starts_with("device: "));
            return Some(Evaluated {
                folder: running.job.folder().to_owned(),
                warnings: running.warnings,
                notes: notes.collect(),
            });
        }
        if !running.cancelled {
            // A process that dies without a message may still have said something.
            let last_words = running.notes.pop().unwrap_or_else(|| "it was ended from outside".to_owned());
            self.error = Some(running.failure.unwrap_or(last_words));
        }
        None
    }

    /// Draws the form, or how far the evaluation is.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, means: Option<&Means>) {
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
                self.form_ui(ui, env, means);
            }
            if let Some(error) = &self.error {
                notice(ui, Severity::Error, error);
            }
        });
        ui.add_space(6.0);
    }

    fn form_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, means: Option<&Means>) {
        let width = (ui.available_width() / 2.0 - 110.0).max(140.0);
        let model = Field { caption: "Checkpoint to evaluate", hint: "Folder or name", width };
        let data = Field { caption: "SQuAD file to evaluate on", hint: "File, or squad2:dev", width };
        ui.horizontal_wrapped(|ui| {
            model.ui(ui, &mut self.model, demo::MODEL_NAME);
            if symbol_button(ui, icon::FOLDER_OPEN, "Choose checkpoint…", true).clicked() {
                env.ask(Action::Browse(Purpose::EvaluateCheckpoint));
            }
            if files::ON_DISK && !env.settings.recent_checkpoints.is_empty() {
                ComboBox::new("recent checkpoints", "").selected_text("Recent").width(90.0).show_ui(
                    ui,
                    |ui| {
                        for path in &env.settings.recent_checkpoints {
                            if name_entry(ui, false, &checkpoint_name(path)).clicked() {
                                self.model = path.display().to_string();
                            }
                        }
                    },
                );
            }
        });
        ui.horizontal_wrapped(|ui| {
            data.ui(ui, &mut self.data, demo::DEV_NAME);
            if symbol_button(ui, icon::FILE, "Choose file…", true).clicked() {
                env.ask(Action::Browse(Purpose::EvaluateData));
            }
        });
        ui.horizontal_wrapped(|ui| {
            let ready = means.is_some() && !self.model.trim().is_empty() && !self.data.trim().is_empty();
            if primary_button(ui, "Start evaluation", ready).clicked()
                && let Some(means) = means
            {
                self.start(ui, env, means);
            }
            if ui.button("Close").clicked() {
                self.open = false;
                self.error = None;
            }
            let text = format!("On {}; the evaluation is kept {}", env.settings.backend, host::KEPT);
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
        let narrow = ui.available_width() < NARROW;
        if narrow {
            ui.label(&text);
        }
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 90.0).max(100.0);
            let bar = ProgressBar::new(share).desired_width(width);
            ui.add(if narrow { bar } else { bar.text(text) });
            if ui.add_enabled(!running.cancelled, egui::Button::new("Cancel")).clicked() {
                running.cancelled = true;
                running.job.cancel();
            }
        });
    }

    fn start(&mut self, ui: &Ui, env: &Env<'_>, means: &Means) {
        let order = host::Order {
            model: self.model.trim().trim_matches('"'),
            data: self.data.trim().trim_matches('"'),
            settings: env.settings,
        };
        self.error = None;
        match host::Job::start(ui.ctx(), means, &order) {
            Ok(job) => {
                self.running = Some(Running {
                    job,
                    done: 0,
                    total: 0,
                    started: Instant::now(),
                    notes: Vec::new(),
                    warnings: Vec::new(),
                    failure: None,
                    cancelled: false,
                });
            }
            Err(error) => self.error = Some(error),
        }
    }
}

/// Whether a file is JSON by its name, as questions are: packed or not, in one piece or by lines.
fn is_json(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".json", ".jsonl"].iter().any(|ending| name.ends_with(ending))
}

/// What is evaluated: typed where there are paths, else chosen.
struct Field {
    caption: &'static str,
    hint: &'static str,
    width: f32,
}

impl Field {
    /// Draws the field; `built_in` comes with the program.
    fn ui(&self, ui: &mut Ui, value: &mut String, built_in: &str) {
        if files::ON_DISK {
            labelled(ui, self.caption, |ui| {
                ui.add(TextEdit::singleline(value).hint_text(self.hint).desired_width(self.width))
            });
            return;
        }
        if value.is_empty() {
            built_in.clone_into(value);
        }
        let known = (value != built_in).then(|| value.clone());
        labelled(ui, self.caption, |ui| {
            let shown = value.clone();
            name_list(ui, self.caption, (self.caption, &shown), self.width, |ui| {
                for choice in known.into_iter().chain([built_in.to_owned()]) {
                    if name_entry(ui, choice == shown, &choice).clicked() {
                        *value = choice;
                    }
                }
            })
        });
    }
}

//! Moving run folders to the trash, after a question.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
};

use egui::{Context, Id, Label, Modal, RichText};

use crate::{
    action::Action,
    background,
    library::RunEntry,
    page_view::Env,
    theme::{GAP, Tokens},
    toasts::Toast,
    widgets::{Severity, busy, bytes, notice, run_title},
};

/// How to move folders to the trash; a test passes its own.
pub type MoveToTrash = fn(&[PathBuf]) -> Result<(), String>;

/// How many names are listed.
const NAMED: usize = 8;

/// Moves folders to the system's trash.
pub(super) fn system_trash(folders: &[PathBuf]) -> Result<(), String> {
    trash::delete_all(folders).map_err(|error| error.to_string())
}

/// What is asked.
struct Question {
    /// Runs that nobody works in.
    runs: Vec<RunEntry>,
    /// Names of those that a trainer works in.
    live: Vec<String>,
    size: Option<u64>,
    measuring: Option<Receiver<u64>>,
}

/// Folders on their way to the trash.
struct Moving {
    folders: Vec<PathBuf>,
    outcome: Receiver<Result<(), String>>,
}

/// The question and the work after it.
pub(super) struct Deletion {
    trash: MoveToTrash,
    question: Option<Question>,
    moving: Option<Moving>,
}

impl Deletion {
    pub(super) fn new(trash: MoveToTrash) -> Self {
        Self { trash, question: None, moving: None }
    }

    /// Whether the question is on the screen.
    pub(super) fn is_asking(&self) -> bool {
        self.question.is_some()
    }

    /// Asks whether these runs may go.
    pub(super) fn ask(&mut self, context: &Context, chosen: Vec<RunEntry>) {
        let (live, runs): (Vec<RunEntry>, Vec<RunEntry>) = chosen.into_iter().partition(RunEntry::is_live);
        let paths: Vec<PathBuf> = runs.iter().map(|run| run.summary.path.clone()).collect();
        let measure = move || paths.iter().map(|path| size_of(path)).sum();
        // Without a thread the size stays unknown.
        let measuring = background::find(context, "size", measure).ok();
        let live = live.into_iter().map(|run| run_title(&run.summary.name).to_owned()).collect();
        self.question = Some(Question { runs, live, size: None, measuring });
    }

    /// Takes in how the moving went.
    pub(super) fn poll(&mut self, env: &mut Env<'_>) {
        if let Some(question) = &mut self.question
            && let Some(Ok(size)) = question.measuring.as_ref().map(Receiver::try_recv)
        {
            question.size = Some(size);
        }
        let Some(Moving { folders, outcome }) = &self.moving else { return };
        let Ok(outcome) = outcome.try_recv() else { return };
        let toast = match outcome {
            Ok(()) => {
                env.settings.opened_runs.retain(|run| !folders.contains(run));
                Toast::done(format!("{} moved to the trash", runs_word(folders.len())))
            }
            Err(error) => Toast::error(format!(
                "The run could not be moved to the trash: {error}; delete the folder with the file manager"
            )),
        };
        self.moving = None;
        env.ask(Action::Say(toast));
        env.ask(Action::RescanRuns);
    }

    /// Draws the question.
    pub(super) fn ui(&mut self, context: &Context, _env: &mut Env<'_>) {
        let Some(question) = &self.question else { return };
        let (mut close, mut go) = (false, false);
        let response = Modal::new(Id::new("delete runs")).show(context, |ui| {
            ui.set_width(420.0_f32.min(ui.ctx().content_rect().width() - 60.0));
            let tokens = Tokens::of(ui);
            ui.label(RichText::new("Move to the trash?").size(17.0).strong());
            ui.add_space(6.0);
            for run in question.runs.iter().take(NAMED) {
                ui.add(Label::new(run.summary.name.as_str()).truncate());
            }
            if question.runs.len() > NAMED {
                ui.label(format!("and {} more", question.runs.len() - NAMED));
            }
            if !question.live.is_empty() {
                ui.add_space(4.0);
                let text = format!(
                    "Not deleted because still running: {}. Stop them first",
                    question.live.join(", ")
                );
                notice(ui, Severity::Warning, &text);
            }
            ui.add_space(4.0);
            match question.size {
                _ if question.runs.is_empty() => {}
                Some(size) => {
                    let text = format!(
                        "{}, {} on disk, weights included",
                        runs_word(question.runs.len()),
                        bytes(size)
                    );
                    ui.label(RichText::new(text).color(tokens.text_muted));
                }
                None => busy(ui, "Measuring"),
            }
            ui.add_space(GAP);
            ui.horizontal(|ui| {
                close = ui.button("Cancel").clicked();
                let button = egui::Button::new(RichText::new("Move to trash").color(tokens.error));
                go = ui.add_enabled(!question.runs.is_empty(), button).clicked();
            });
        });
        if go {
            self.go(context);
        } else if close || response.should_close() {
            self.question = None;
        }
    }

    fn go(&mut self, context: &Context) {
        let Some(question) = self.question.take() else { return };
        let paths: Vec<PathBuf> = question.runs.iter().map(|run| run.summary.path.clone()).collect();
        let (trash, folders) = (self.trash, paths.clone());
        let work = move || {
            // Somebody may have resumed one of them since the question.
            let live = folders.iter().find(|path| {
                spanbert_core::run::Lock::is_held(&spanbert_core::run::Layout::new(path.as_path()))
            });
            match live {
                Some(path) => Err(format!("a trainer has begun to work in {}", path.display())),
                None => trash(&folders),
            }
        };
        if let Ok(receiver) = background::find(context, "trash", work) {
            self.moving = Some(Moving { folders: paths, outcome: receiver });
        }
    }
}

fn runs_word(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

/// Bytes of all files in a folder.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size_of(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_summed_over_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/1"), [0; 100]).unwrap();
        std::fs::write(folder.path().join("2"), [0; 23]).unwrap();
        assert_eq!(size_of(folder.path()), 123);
        assert_eq!(size_of(&folder.path().join("gone")), 0);
    }
}

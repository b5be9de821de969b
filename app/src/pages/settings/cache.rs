//! What is kept to start faster: how much it is, and clearing it.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
};

use egui::{Context, Id, Label, Modal, RichText, Ui};

use crate::{
    background,
    theme::{CARD_TITLE_SIZE, GAP, Tokens},
    widgets::{bytes, primary_button, short_path},
};

/// The card's state.
pub(super) struct CacheCard {
    context: Context,
    folder: PathBuf,
    size: Option<u64>,
    work: Option<Receiver<(u64, Option<String>)>>,
    error: Option<String>,
    asking: bool,
}

impl CacheCard {
    /// Measures nothing before it is shown.
    pub(super) fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            folder: spanbert_core::user_folders::cache_folder(),
            size: None,
            work: None,
            error: None,
            asking: false,
        }
    }

    /// Takes in what was measured.
    pub(super) fn poll(&mut self) {
        if let Some(work) = &self.work
            && let Ok((size, error)) = work.try_recv()
        {
            (self.size, self.error, self.work) = (Some(size), error, None);
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui) {
        if self.size.is_none() && self.work.is_none() {
            self.start(false);
        }
        let muted = Tokens::of(ui).text_muted;
        let text = "Compiled kernels, self-test results of devices, and the output of trainings started here. Safe to delete at any time; the next training only starts more slowly.";
        ui.add(Label::new(RichText::new(text).color(muted)).wrap());
        let size = self.size.map_or_else(|| "…".to_owned(), bytes);
        ui.label(format!("{size} in {}", short_path(&self.folder, 60)));
        if let Some(error) = &self.error {
            ui.label(RichText::new(error).color(Tokens::of(ui).error));
        }
        let enabled = self.work.is_none() && self.size.is_some_and(|size| size > 0);
        if ui.add_enabled(enabled, egui::Button::new("Clear cache…")).clicked() {
            self.asking = true;
        }
        if self.asking {
            self.confirm(ui.ctx());
        }
    }

    fn confirm(&mut self, context: &Context) {
        let response = Modal::new(Id::new("clear cache")).show(context, |ui| {
            ui.set_width(380.0_f32.min(context.content_rect().width() - 48.0));
            ui.label(RichText::new("Clear the cache?").size(CARD_TITLE_SIZE).strong());
            ui.add_space(4.0);
            ui.label("Runs, checkpoints and settings are kept. Running trainings are not affected.");
            ui.add_space(GAP);
            ui.horizontal(|ui| {
                let clear = primary_button(ui, "Clear", true).clicked();
                (clear, ui.button("Cancel").clicked())
            })
            .inner
        });
        let (clear, cancel) = response.inner;
        if clear {
            self.start(true);
        }
        if clear || cancel || response.should_close() {
            self.asking = false;
        }
    }

    /// Measures the folder on a thread, cleared before if asked.
    fn start(&mut self, clear: bool) {
        let folder = self.folder.clone();
        let work = move || {
            let error = if clear { clear_folder(&folder) } else { None };
            (size_of(&folder), error)
        };
        match background::find(&self.context, "cache", work) {
            Ok(receiver) => self.work = Some(receiver),
            Err(error) => (self.size, self.error) = (Some(0), Some(error.to_string())),
        }
    }
}

/// Bytes of all files below; what cannot be read counts nothing.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => size_of(&entry.path()),
            Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |metadata| metadata.len()),
            _ => 0,
        })
        .sum()
}

/// Removes what is in the folder; gives what could not be removed.
fn clear_folder(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut error = None;
    for entry in entries.flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_folder { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        if let Err(failed) = removed {
            error = Some(format!("{} could not be removed: {failed}", path.display()));
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_measured_and_cleared() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/a"), [0; 100]).unwrap();
        std::fs::write(folder.path().join("b"), [0; 11]).unwrap();
        assert_eq!(size_of(folder.path()), 111);
        assert_eq!(clear_folder(folder.path()), None);
        assert_eq!(size_of(folder.path()), 0);
        assert_eq!(clear_folder(Path::new("/nonexistent/cache")), None);
    }
}

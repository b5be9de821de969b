//! Several files of a kind, each a path that is looked into.

use std::path::{Path, PathBuf};

use crate::symbols as icon;
use egui::{Button, Context, Label, RichText, Ui};

use super::{checked_path::CheckedPath, sources::told_ui};
use crate::{
    action::Action,
    dialogs::Purpose,
    page_view::Env,
    theme::{CAPTION_SIZE, Tokens},
    widgets::icon_button,
};

/// What is known of a file of a list.
pub(super) trait Facts {
    /// In a few words each.
    fn facts(&self) -> &[String];
}

/// The list's state: the last field is empty, for one more file.
pub(super) struct FileList<T> {
    files: Vec<CheckedPath<T>>,
    check: fn(&Path) -> Result<T, String>,
}

impl<T: Facts + Send + 'static> FileList<T> {
    /// Empty; `check` looks into a file, on a thread.
    pub(super) fn new(check: fn(&Path) -> Result<T, String>) -> Self {
        Self { files: vec![CheckedPath::new(check)], check }
    }

    /// Adds a file, unless it is in the list.
    pub(super) fn add(&mut self, context: &Context, path: &Path) {
        if self.paths().iter().any(|known| known == path) {
            return;
        }
        if let Some(last) = self.files.last_mut() {
            last.set(context, path);
        }
        self.leave_room();
    }

    /// Replaces all files.
    pub(super) fn set(&mut self, context: &Context, paths: &[PathBuf]) {
        self.files = vec![CheckedPath::new(self.check)];
        paths.iter().for_each(|path| self.add(context, path));
    }

    /// The paths, in order.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().filter_map(CheckedPath::path).collect()
    }

    /// The files that are of use.
    pub(super) fn good(&self) -> Vec<&std::sync::Arc<T>> {
        self.files.iter().filter_map(CheckedPath::good).collect()
    }

    /// What keeps them from being used; `name` as in "a file of the corpus".
    pub(super) fn missing(&self, name: &str) -> Option<String> {
        self.files.iter().find_map(|file| file.missing(name, false))
    }

    /// Takes in what was found.
    pub(super) fn poll(&mut self, context: &Context) {
        self.files.iter_mut().for_each(|file| file.poll(context));
    }

    /// Draws the list.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, caption: &str, hint: &str, purpose: Purpose) {
        let muted = Tokens::of(ui).text_muted;
        ui.label(RichText::new(caption).size(CAPTION_SIZE).color(muted));
        let mut removed = None;
        let last = self.files.len().saturating_sub(1);
        for (place, file) in self.files.iter_mut().enumerate() {
            let name = if place == 0 { caption.to_owned() } else { format!("{caption}, file {}", place + 1) };
            ui.horizontal(|ui| {
                let width = (ui.available_width() - 96.0).max(120.0);
                file.bare_ui(ui, &name, if place == last { hint } else { "" }, width);
                if place == last {
                    if ui.add(Button::new("Browse…")).clicked() {
                        env.ask(Action::Browse(purpose));
                    }
                } else if icon_button(ui, icon::X, &format!("Remove file {}", place + 1)).clicked() {
                    removed = Some(place);
                }
            });
            file.busy_ui(ui);
            match file.found() {
                Some(Ok(found)) => told_ui(ui, "", found.facts()),
                Some(Err(error)) => {
                    ui.add(Label::new(RichText::new(error).color(Tokens::of(ui).error)).wrap());
                }
                None => {}
            }
        }
        if let Some(place) = removed {
            self.files.remove(place);
        }
        self.leave_room();
    }

    /// Ends the list with one empty field.
    fn leave_room(&mut self) {
        if self.files.last().is_none_or(|last| last.path().is_some()) {
            self.files.push(CheckedPath::new(self.check));
        }
    }
}

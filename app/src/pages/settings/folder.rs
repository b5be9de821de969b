//! The folder for runs: typed, checked, and taken over once it makes sense.

use std::path::{Path, PathBuf};

use egui::{Margin, RichText, TextEdit, Ui};

use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::labelled,
};

/// The field's state.
#[derive(Debug, Default)]
pub(super) struct RunsFolderField {
    /// What is typed, while it is not what is set.
    typed: Option<String>,
    error: Option<String>,
}

impl RunsFolderField {
    /// Draws the field. Gives whether the folder was changed.
    pub(super) fn ui(&mut self, ui: &mut Ui, folder: &mut PathBuf) -> bool {
        let mut text = self.typed.clone().unwrap_or_else(|| folder.display().to_string());
        let field =
            TextEdit::singleline(&mut text).desired_width(f32::INFINITY).margin(Margin::symmetric(8, 5));
        let response = labelled(ui, "Folder for new runs", |ui| ui.add(field));
        if response.changed() {
            self.typed = Some(text.clone());
            self.error = None;
        }
        let mut changed = false;
        if response.lost_focus()
            && let Some(typed) = self.typed.take()
        {
            match check(&typed) {
                Ok(path) => {
                    changed = path != *folder;
                    *folder = path;
                }
                Err(error) => {
                    self.error = Some(error);
                    self.typed = Some(typed);
                }
            }
        }
        if let Some(error) = &self.error {
            ui.label(RichText::new(error).color(Tokens::of(ui).error).size(CAPTION_SIZE + 1.0));
        }
        changed
    }
}

/// The folder that was typed, if runs can be made in it; a folder that is not there yet is made with the first run.
fn check(typed: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(typed.trim());
    if path.as_os_str().is_empty() {
        return Err("Name a folder".to_owned());
    }
    if !path.is_absolute() {
        return Err(format!("{} is not a full path; begin at the root of the disk", path.display()));
    }
    if path.exists() && !path.is_dir() {
        return Err(format!("{} is a file; name a folder", path.display()));
    }
    let Some(existing) = path.ancestors().find(|ancestor| ancestor.is_dir()) else {
        return Err(format!("No part of {} exists", path.display()));
    };
    if is_read_only(existing) {
        return Err(format!("{} cannot be written to; choose another folder", existing.display()));
    }
    Ok(path)
}

fn is_read_only(folder: &Path) -> bool {
    folder.metadata().is_ok_and(|metadata| metadata.permissions().readonly())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_a_folder_that_can_hold_runs_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let new = folder.path().join("new/deep");
        assert_eq!(check(&format!(" {} ", new.display())).unwrap(), new);
        assert!(check(&file.display().to_string()).unwrap_err().contains("is a file"));
        assert!(check("runs").unwrap_err().contains("not a full path"));
        assert!(check("  ").is_err());
    }
}

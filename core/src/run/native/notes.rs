//! A run folder's `notes.json`.

use std::path::Path;

use super::{Layout, RunError, RunNotes, write_json};

impl RunNotes {
    /// Reads a run's notes; none if there is no file or it is no such file.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        std::fs::read(Layout::new(root).notes())
            .map_or_else(|_| Self::default(), |text| Self::from_json(&text))
    }

    /// Writes them into a run folder that is there.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, root: &Path) -> Result<(), RunError> {
        Ok(write_json(&Layout::new(root).notes(), self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_and_damage_is_no_note() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(RunNotes::read(folder.path()), RunNotes::default());
        let notes = RunNotes { tags: vec!["baseline".into()], note: "first try".into() };
        notes.write(folder.path()).unwrap();
        assert_eq!(RunNotes::read(folder.path()), notes);
        std::fs::write(Layout::new(folder.path()).notes(), "[").unwrap();
        assert_eq!(RunNotes::read(folder.path()), RunNotes::default());
    }
}

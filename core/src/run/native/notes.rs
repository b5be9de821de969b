//! `notes.json`: what people write down about a run.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Layout, RunError, write_json};

/// Tags and a note of a run; the trainer neither reads nor writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunNotes {
    /// Short words to filter by.
    pub tags: Vec<String>,
    /// Free text.
    pub note: String,
}

impl RunNotes {
    /// Reads a run's notes; none if there is no file or it is no such file.
    #[must_use]
    pub fn read(root: &Path) -> Self {
        let text = std::fs::read(Layout::new(root).notes());
        text.ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
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

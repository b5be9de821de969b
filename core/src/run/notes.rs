//! `notes.json`: what people write down about a run.

use serde::{Deserialize, Serialize};

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
    /// Reads the content of a `notes.json`; no notes if it says nothing usable.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Self {
        serde_json::from_slice(text).unwrap_or_default()
    }
}

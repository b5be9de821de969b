//! The browser's storage of the settings.

use std::path::PathBuf;

use eframe::web::storage::{local_storage_get, local_storage_set};

use super::{Settings, legible};

/// The place of the settings in the storage.
const KEY: &str = "spanbert-studio";

/// The settings as they were last stored. Where a browser keeps nothing for pages, as in some private windows, they last as long as
/// the page.
#[derive(Debug)]
pub struct SettingsFile {
    written: Settings,
}

impl SettingsFile {
    /// Reads the settings; without any, or where they cannot be understood, they are the defaults. There is no file and no warning.
    #[must_use]
    pub fn read(_: Option<PathBuf>) -> (Self, Settings, Option<String>) {
        let stored = local_storage_get(KEY).and_then(|text| serde_json::from_str(&text).ok());
        let settings = legible(stored.unwrap_or_default());
        (Self { written: settings.clone() }, settings, None)
    }

    /// Stores the settings if they have changed.
    ///
    /// # Errors
    /// Never in practice: settings always serialise.
    pub fn write(&mut self, settings: &Settings) -> Result<(), spanbert_core::run::WriteError> {
        if self.written != *settings {
            self.written = settings.clone();
            if let Ok(text) = serde_json::to_string(settings) {
                local_storage_set(KEY, &text);
            }
        }
        Ok(())
    }
}

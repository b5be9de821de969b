//! The file of the settings.

use std::path::PathBuf;

use spanbert_core::run::{WriteError, write_json};

use super::{Settings, legible};

/// The file the settings are kept in, and what it holds.
#[derive(Debug)]
pub struct SettingsFile {
    path: Option<PathBuf>,
    written: Settings,
}

impl SettingsFile {
    /// The file of this user.
    #[must_use]
    pub fn of_user() -> Option<PathBuf> {
        directories::ProjectDirs::from("", "", "spanbert").map(|dirs| dirs.config_dir().join("studio.json"))
    }

    /// Reads the settings; without a file they are the defaults. A damaged file is set aside, not overwritten, and
    /// the text says so. `None` keeps nothing between starts.
    #[must_use]
    pub fn read(path: Option<PathBuf>) -> (Self, Settings, Option<String>) {
        let mut warning = None;
        let read = path.as_deref().and_then(|path| {
            let text = std::fs::read(path).ok()?;
            match serde_json::from_slice::<Settings>(&text) {
                Ok(settings) => Some(settings),
                Err(error) => {
                    let aside = path.with_extension("damaged.json");
                    let kept = std::fs::rename(path, &aside).is_ok();
                    warning = Some(format!(
                        "The settings in {} could not be read ({error}); the defaults are used{}",
                        path.display(),
                        if kept {
                            format!("; the file is kept as {}", aside.display())
                        } else {
                            String::new()
                        },
                    ));
                    None
                }
            }
        });
        let settings = legible(read.unwrap_or_default());
        (Self { path, written: settings.clone() }, settings, warning)
    }

    /// Writes the settings if they have changed.
    ///
    /// # Errors
    /// If the file cannot be written; it is tried again with the next change.
    pub fn write(&mut self, settings: &Settings) -> Result<(), WriteError> {
        if self.written == *settings {
            return Ok(());
        }
        self.written = settings.clone();
        let Some(path) = &self.path else { return Ok(()) };
        if let Some(folder) = path.parent() {
            // If this fails, so does the write, which says where.
            let _ = std::fs::create_dir_all(folder);
        }
        write_json(path, settings)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn settings_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/studio.json");
        let (mut file, mut settings, warning) = SettingsFile::read(Some(path.clone()));
        assert_eq!((settings.backend.as_str(), warning), ("auto", None));
        settings.backend = "cpu".into();
        settings.remember_checkpoint(Path::new("/a"));
        settings.remember_checkpoint(Path::new("/b"));
        settings.remember_checkpoint(Path::new("/a"));
        file.write(&settings).unwrap();
        let (_, again, _) = SettingsFile::read(Some(path));
        assert_eq!(again, settings);
        assert_eq!(again.recent_checkpoints, [Path::new("/a"), Path::new("/b")]);
    }

    #[test]
    fn a_damaged_file_is_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studio.json");
        std::fs::write(&path, "{\"zoom\": ").unwrap();
        let (_, settings, warning) = SettingsFile::read(Some(path));
        assert_eq!(settings, Settings::default());
        assert!(warning.unwrap().contains("studio.damaged.json"));
        assert!(folder.path().join("studio.damaged.json").exists());
    }

    #[test]
    fn a_file_of_another_version_is_read() {
        let settings: Settings = serde_json::from_str(r#"{"backend":"cpu","unknown":1}"#).unwrap();
        assert_eq!(settings.backend, "cpu");
    }
}

//! What is kept between starts, in one small file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spanbert_core::run::{WriteError, write_json};

use crate::{page::Page, theme::ThemeChoice};

/// How many checkpoints and run folders are remembered.
const REMEMBERED: usize = 12;
/// How small and how large everything can be made.
const ZOOM: std::ops::RangeInclusive<f32> = 0.2..=5.0;

/// What the last training was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastSources {
    /// The checkpoint folder.
    pub model: Option<PathBuf>,
    /// The training data.
    pub train: Option<PathBuf>,
    /// The development data.
    pub dev: Option<PathBuf>,
}

/// What the last pre-training was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastTexts {
    /// The checkpoint folder, if there was one.
    pub model: Option<PathBuf>,
    /// The corpus.
    pub corpus: Vec<PathBuf>,
    /// Text to evaluate on.
    pub held_out: Vec<PathBuf>,
}

/// A slice of an evaluation that the user has saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedSlice {
    /// What it is called.
    pub name: String,
    /// The query that finds its questions.
    pub query: String,
}

/// What the user has set, and what the window remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where new runs are made and looked for.
    pub runs_folder: PathBuf,
    /// Run folders from elsewhere, newest first.
    pub opened_runs: Vec<PathBuf>,
    /// Checkpoints asked before, newest first.
    pub recent_checkpoints: Vec<PathBuf>,
    /// What `--backend` would say: `auto`, `cpu`, `wgpu:0`, …
    pub backend: String,
    /// What the last training was started with.
    pub train: LastSources,
    /// What the last pre-training was started with.
    pub pretrain: LastTexts,
    /// Slices of evaluations, by query.
    pub slices: Vec<SavedSlice>,
    /// Dark or light.
    pub theme: ThemeChoice,
    /// Size of everything, 1 being the system's.
    pub zoom: f32,
    /// The page shown last.
    pub page: Page,
    /// Whether the first-run screen has been left.
    pub welcomed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            runs_folder: default_runs_folder(),
            opened_runs: Vec::new(),
            recent_checkpoints: Vec::new(),
            backend: "auto".into(),
            train: LastSources::default(),
            pretrain: LastTexts::default(),
            slices: Vec::new(),
            theme: ThemeChoice::System,
            zoom: 1.0,
            page: Page::Runs,
            welcomed: false,
        }
    }
}

impl Settings {
    /// Puts a checkpoint first among those remembered.
    pub fn remember_checkpoint(&mut self, path: &Path) {
        remember(&mut self.recent_checkpoints, path);
    }

    /// Puts a run folder first among those opened from elsewhere.
    pub fn remember_run(&mut self, path: &Path) {
        remember(&mut self.opened_runs, path);
    }
}

fn remember(list: &mut Vec<PathBuf>, path: &Path) {
    list.retain(|known| known != path);
    list.insert(0, path.to_owned());
    list.truncate(REMEMBERED);
}

/// `SpanBERT runs` among the user's documents, else beside the program's other data, else here.
fn default_runs_folder() -> PathBuf {
    let documents = directories::UserDirs::new().and_then(|dirs| dirs.document_dir().map(Path::to_owned));
    let data = || directories::ProjectDirs::from("", "", "spanbert").map(|dirs| dirs.data_dir().to_owned());
    documents.or_else(data).unwrap_or_default().join("SpanBERT runs")
}

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
        let mut settings = read.unwrap_or_default();
        // What the keys and the menu cannot have set, nobody can read.
        if !ZOOM.contains(&settings.zoom) {
            settings.zoom = 1.0;
        }
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

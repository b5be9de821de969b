//! What is kept between starts: in one small file or, in a browser, in the storage that it has for pages.

#[cfg(not(target_family = "wasm"))]
mod file;
#[cfg(target_family = "wasm")]
mod storage;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[cfg(not(target_family = "wasm"))]
pub use self::file::SettingsFile;
#[cfg(target_family = "wasm")]
pub use self::storage::SettingsFile;
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
            page: Page::default(),
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
#[cfg(not(target_family = "wasm"))]
fn default_runs_folder() -> PathBuf {
    let documents = directories::UserDirs::new().and_then(|dirs| dirs.document_dir().map(Path::to_owned));
    let data = || directories::ProjectDirs::from("", "", "spanbert").map(|dirs| dirs.data_dir().to_owned());
    documents.or_else(data).unwrap_or_default().join("SpanBERT runs")
}

/// A browser has none.
#[cfg(target_family = "wasm")]
fn default_runs_folder() -> PathBuf {
    PathBuf::new()
}

/// What the keys and the menu cannot have set, nobody can read.
fn legible(mut settings: Settings) -> Settings {
    if !ZOOM.contains(&settings.zoom) {
        settings.zoom = 1.0;
    }
    settings
}

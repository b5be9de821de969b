//! `environment.json`: with what a training was made.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Layout, RunError, write_json};
use crate::{hash::Fingerprint, json};

/// The contents of `environment.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of this program.
    pub spanbert_studio: String,
    /// Version of Burn.
    pub burn: String,
    /// Operating system and processor architecture.
    pub platform: String,
    /// Number of processors this process may use.
    pub processors: usize,
    /// Name of the machine, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The device the model runs on, as `spanbert devices` names it.
    pub device: String,
    /// The command line.
    pub command: Vec<String>,
    /// When the training started, RFC 3339, UTC.
    pub started: String,
    /// What `--backend` says to choose that device.
    #[serde(default)]
    pub backend: String,
    /// Where the starting model is; absent for one made by the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// The checkpoint's files.
    pub checkpoint: Vec<Fingerprint>,
    /// The training data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_data: Option<Fingerprint>,
    /// The development data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev_data: Option<Fingerprint>,
    /// Each time the run was resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Resumption>,
}

/// One resumption of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// When, RFC 3339, UTC.
    pub time: String,
    /// Updates before it.
    pub step: usize,
    /// Version of this program.
    pub spanbert_studio: String,
    /// The device.
    pub device: String,
    /// The command line.
    pub command: Vec<String>,
}

impl Environment {
    /// This process, on a device; what goes in is added by the caller.
    #[must_use]
    pub fn of_this_process(device: &str) -> Self {
        Self {
            spanbert_studio: env!("CARGO_PKG_VERSION").into(),
            // Pinned exactly in the workspace's Cargo.toml; a test compares.
            burn: "0.21.0".into(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            machine: sysinfo::System::host_name(),
            device: device.to_owned(),
            command: command(),
            started: super::now(),
            backend: String::new(),
            model: None,
            checkpoint: Vec::new(),
            train_data: None,
            dev_data: None,
            resumed: Vec::new(),
        }
    }

    /// Reads a run's environment.
    ///
    /// # Errors
    /// If there is none or it is damaged.
    pub fn read(layout: &Layout) -> Result<Self, RunError> {
        let path = layout.environment();
        let text = std::fs::read(&path).map_err(RunError::read(&path))?;
        Self::from_json(&text, &path)
    }

    /// Reads the content of an `environment.json`; `path` names it in errors.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn from_json(text: &[u8], path: &Path) -> Result<Self, RunError> {
        let damaged = |error: serde_json::Error| RunError::Damaged {
            path: path.to_owned(),
            message: error.to_string(),
        };
        json::parse(text).map_err(damaged)
    }

    /// Notes that this process goes on with the run.
    pub fn resume(&mut self, step: usize, device: &str) {
        self.resumed.push(Resumption {
            time: super::now(),
            step,
            spanbert_studio: env!("CARGO_PKG_VERSION").into(),
            device: device.to_owned(),
            command: command(),
        });
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), RunError> {
        Ok(write_json(&layout.environment(), self)?)
    }
}

fn command() -> Vec<String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_the_burn_version_in_the_manifest() {
        let manifest = include_str!("../../../../Cargo.toml");
        let version = Environment::of_this_process("cpu").burn;
        assert!(manifest.contains(&format!("burn = {{ version = \"={version}\"")), "{version}");
    }

    #[test]
    fn round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let environment = Environment::of_this_process("cpu");
        environment.write(&layout).unwrap();
        assert_eq!(Environment::read(&layout).unwrap(), environment);
    }
}

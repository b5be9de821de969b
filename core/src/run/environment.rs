//! `environment.json`: with what a training was made.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spanbert_backends::{
    PORTABLE,
    collective::{Launcher, Ranks, World},
};

use super::RunError;
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
    /// Whether results on a processor had the bits of every other one ([`portable`](spanbert_backends::portable())).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub portable: bool,
    /// Where the starting model is; absent for one made by the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// The checkpoint's files.
    pub checkpoint: Vec<Fingerprint>,
    /// The teacher's files, if there was one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teacher: Vec<Fingerprint>,
    /// The training data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_data: Option<Fingerprint>,
    /// The development data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev_data: Option<Fingerprint>,
    /// The workers that trained together, if there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<Workers>,
    /// Each time the run was resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Resumption>,
}

/// Workers that train together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// How many.
    pub count: usize,
    /// What connects them.
    pub connection: String,
    /// The command that starts several processes, where one has: `mpirun`, `srun` or `torchrun`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launcher: Option<String>,
}

impl Workers {
    /// These.
    #[must_use]
    pub fn of(ranks: &Ranks) -> Self {
        let launcher = World::of_this_process().and_then(|world| world.launcher.command());
        Self { count: ranks.size(), connection: ranks.name(), launcher: launcher.map(str::to_owned) }
    }

    /// What a command has to begin with to be started by as many; none for one, or where no launcher is known.
    #[must_use]
    pub fn start(&self) -> Option<String> {
        let launcher = self.launcher.as_ref().filter(|_| self.count > 1)?;
        // Others have options that depend on the machines.
        let is_mpirun = Launcher::OpenMpi.command() == Some(launcher);
        Some(if is_mpirun { format!("{launcher} -n {}", self.count) } else { format!("{launcher} …") })
    }
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
    /// What is to be said when a run of this environment goes on in another one, whose results on a processor have other bits.
    #[must_use]
    pub fn other_bits(&self, now: &Self) -> Option<String> {
        if self.portable == now.portable {
            return None;
        }
        let set = |environment: &Self| if environment.portable { "with" } else { "without" };
        Some(format!(
            "the run began {} {PORTABLE} and goes on {} it: on a processor last digits differ from those of a run that was not \
             resumed",
            set(self),
            set(now)
        ))
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
}

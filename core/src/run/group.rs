//! `group.json`: runs that differ by their seed only.

use serde::{Deserialize, Serialize};

use crate::json;

/// What marks a run as one of a group: `spanbert train --seeds 1,2,3` writes it into each run's folder before the run
/// begins. Runs of a group lie in the same folder and have the same [`name`](Self::name) here; each folder is called
/// `<name>-seed<seed>`. [`RunSummary::group`](super::RunSummary) holds the mark of a listed run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunGroup {
    /// The group's name, the same in all its runs.
    pub name: String,
    /// The seeds that were asked for, in the order in which they are trained with.
    pub seeds: Vec<u64>,
    /// This run's.
    pub seed: u64,
    /// SHA-256 of what the runs have in common (recipe, model, data): a sweep that is started again finds its runs by it.
    pub digest: String,
}

impl RunGroup {
    /// Reads the content of a `group.json`.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Self> {
        json::parse(text).ok()
    }

    /// What the folder of the run with this seed is called.
    #[must_use]
    pub fn folder_name(&self) -> String {
        format!("{}{}", self.name, Self::tail(self.seed))
    }

    /// The end of a run folder's name that carries the seed.
    #[must_use]
    pub fn tail(seed: u64) -> String {
        format!("-seed{seed}")
    }
}

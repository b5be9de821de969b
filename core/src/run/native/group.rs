//! `group.json`: runs that differ by their seed only.

use serde::{Deserialize, Serialize};

use super::{Layout, RunError, write_json};
use crate::json;

/// What marks a run as one of a group: `spanbert train --seeds 1,2,3` writes it into each run's folder before the run
/// begins. Runs of a group lie in the same folder and have the same [`name`](Self::name) here; each folder is called
/// `<name>-seed<seed>`. [`RunSummary::group`](super::RunSummary) holds the mark of a listed run, and
/// [`GroupScores`](super::GroupScores) the group's table.
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
    /// Reads a run's mark; `None` if it belongs to no group or the file says nothing usable.
    #[must_use]
    pub fn read(layout: &Layout) -> Option<Self> {
        Self::from_json(&std::fs::read(layout.group()).ok()?)
    }

    /// Reads the content of a `group.json`.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Self> {
        json::parse(text).ok()
    }

    /// Writes it into a folder that exists.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), RunError> {
        Ok(write_json(&layout.group(), self)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_comes_back_and_damage_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(RunGroup::read(&layout), None);
        let group = RunGroup { name: "a".into(), seeds: vec![1, 2], seed: 2, digest: "00".into() };
        group.write(&layout).unwrap();
        assert_eq!(RunGroup::read(&layout), Some(group.clone()));
        assert_eq!(group.folder_name(), "a-seed2");
        std::fs::write(layout.group(), "[").unwrap();
        assert_eq!(RunGroup::read(&layout), None);
    }
}

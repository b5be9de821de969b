//! A run folder's `group.json`.

use super::{Layout, RunError, RunGroup, write_json};

impl RunGroup {
    /// Reads a run's mark; `None` if it belongs to no group or the file says nothing usable.
    #[must_use]
    pub fn read(layout: &Layout) -> Option<Self> {
        Self::from_json(&std::fs::read(layout.group()).ok()?)
    }

    /// Writes it into a folder that exists.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), RunError> {
        Ok(write_json(&layout.group(), self)?)
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

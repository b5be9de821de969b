//! `sweep.json`: a run that is one part of a learning-rate sweep.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    evaluate::Shard,
    hash::Fingerprint,
    json,
    run::{Layout, RunError, write_json},
};

/// Which of a sweep's trainings a run makes. Written before the run begins; a run without it makes all.
///
/// Step numbers, shuffles and dropout of a training depend on its place in the whole sweep, so that each part has the bits that
/// it has in a run of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepPart {
    /// Which part, of how many.
    pub shard: Shard,
    /// Of the command's recipe, model and data: a part that is started again finds its own run by it.
    pub digest: String,
    /// Once the part is finished, digests of the files that a merge takes from it, by their paths in the run folder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

impl SweepPart {
    /// Reads a run's; `None` if the run is a whole one, or the file says nothing usable.
    #[must_use]
    pub fn read(layout: &Layout) -> Option<Self> {
        let part: Self = json::parse(&std::fs::read(layout.sweep()).ok()?).ok()?;
        // As the flag is read.
        part.shard.to_string().parse::<Shard>().ok().map(|_| part)
    }

    /// Writes it into a folder that exists.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), RunError> {
        Ok(write_json(&layout.sweep(), self)?)
    }

    /// Writes it with the digests of what the finished run holds, unless it has them.
    ///
    /// # Errors
    /// If a file cannot be read, or the mark cannot be written.
    pub fn seal(mut self, layout: &Layout) -> Result<(), RunError> {
        if self.files.is_empty() {
            for path in files_of(layout)? {
                let name = path.strip_prefix(layout.root()).unwrap_or(&path).to_string_lossy().into_owned();
                self.files.insert(name, Fingerprint::of(&path)?.sha256);
            }
            self.write(layout)?;
        }
        Ok(())
    }

    /// The first file of a finished run that is not what it was, and what is wrong with it.
    #[must_use]
    pub fn damaged(&self, layout: &Layout) -> Option<(PathBuf, &'static str)> {
        self.files.iter().find_map(|(name, digest)| {
            let path = layout.root().join(name);
            match Fingerprint::of(&path) {
                Ok(file) if file.sha256 == *digest => None,
                Ok(_) => Some((path, "it is not what was written")),
                Err(_) => Some((path, "it is missing or cannot be read")),
            }
        })
    }
}

/// What a merge takes from a run.
fn files_of(layout: &Layout) -> Result<Vec<PathBuf>, RunError> {
    let mut found = Vec::new();
    for path in [
        layout.events(),
        layout.recipe(),
        layout.environment(),
        layout.skipped(),
        layout.eval_results(),
        layout.evaluations(),
        layout.best(),
        layout.last(),
    ] {
        collect(&path, &mut found)?;
    }
    Ok(found)
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), RunError> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(RunError::read(path))? {
            collect(&entry.map_err(RunError::read(path))?.path(), found)?;
        }
    } else if path.exists() {
        found.push(path.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_part_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(SweepPart::read(&layout), None);
        let shard = Shard { index: 2, count: 3 };
        let part = SweepPart { shard, digest: "d".into(), files: BTreeMap::new() };
        part.write(&layout).unwrap();
        assert_eq!(SweepPart::read(&layout), Some(part.clone()));
        std::fs::create_dir(layout.best()).unwrap();
        std::fs::write(layout.best().join("model.safetensors"), "w").unwrap();
        part.seal(&layout).unwrap();
        let sealed = SweepPart::read(&layout).unwrap();
        assert_eq!(sealed.files.len(), 1);
        assert_eq!(sealed.damaged(&layout), None);
        std::fs::write(layout.best().join("model.safetensors"), "").unwrap();
        let (path, what) = sealed.damaged(&layout).unwrap();
        assert!(path.ends_with("best/model.safetensors") && what.contains("not what was written"));
        std::fs::write(layout.sweep(), r#"{"shard":{"index":4,"count":3},"digest":"d"}"#).unwrap();
        assert_eq!(SweepPart::read(&layout), None);
    }

    #[test]
    fn parts_cover_a_sweep_once() {
        for count in 1..=8 {
            let all: Vec<usize> = (1..=count).flat_map(|index| Shard { index, count }.range(8)).collect();
            assert_eq!(all, (0..8).collect::<Vec<_>>());
            assert!((1..=count).all(|index| !Shard { index, count }.range(8).is_empty()));
        }
    }
}

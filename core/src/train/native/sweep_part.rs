//! `sweep.json`: a run that is one part of a learning-rate sweep.

use serde::{Deserialize, Serialize};

use crate::{
    evaluate::Shard,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_part_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(SweepPart::read(&layout), None);
        let part = SweepPart { shard: Shard { index: 2, count: 3 }, digest: "d".into() };
        part.write(&layout).unwrap();
        assert_eq!(SweepPart::read(&layout), Some(part));
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

//! Where everything is in a run folder, and how run folders are named.

use std::path::{Path, PathBuf};

/// Names that show that a folder holds a run, of ours or of the reference's.
/// `environment.json` alone shows none: a trainer that was killed at once wrote it first.
pub(super) const MARKERS: [&str; 10] = [
    "recipe.toml",
    "pretrain.toml",
    "events.jsonl",
    "state.json",
    "checkpoints",
    "best",
    "last",
    "eval",
    "eval_results.txt",
    "pytorch_model.bin",
];

/// The paths of a run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of the run in `root`; touches nothing.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The run folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every hyper-parameter, resolved.
    #[must_use]
    pub fn recipe(&self) -> PathBuf {
        self.root.join("recipe.toml")
    }

    /// Versions, device and fingerprints of what went in.
    #[must_use]
    pub fn environment(&self) -> PathBuf {
        self.root.join("environment.json")
    }

    /// How batches are split to fit on the device.
    #[must_use]
    pub fn fit(&self) -> PathBuf {
        self.root.join("fit.json")
    }

    /// Where the training is now.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// Everything that happened, one JSON object a line.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }

    /// The same for people.
    #[must_use]
    pub fn train_log(&self) -> PathBuf {
        self.root.join("train.log")
    }

    /// All that the device said when it failed; made when it does.
    #[must_use]
    pub fn device_log(&self) -> PathBuf {
        self.root.join("device.log")
    }

    /// Folder of the TensorBoard event file.
    #[must_use]
    pub fn tensorboard(&self) -> PathBuf {
        self.root.join("tb")
    }

    /// Folder of the training checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// The training checkpoint after `step` updates.
    #[must_use]
    pub fn checkpoint(&self, step: usize) -> PathBuf {
        self.checkpoints().join(format!("step-{step}"))
    }

    /// The weights with the best development score, as a Hugging Face directory.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.root.join("best")
    }

    /// The weights at the end, as a Hugging Face directory.
    #[must_use]
    pub fn last(&self) -> PathBuf {
        self.root.join("last")
    }

    /// Folder of the evaluations.
    #[must_use]
    pub fn evaluations(&self) -> PathBuf {
        self.root.join("eval")
    }

    /// The evaluation after `step` updates.
    #[must_use]
    pub fn evaluation(&self, step: usize) -> PathBuf {
        self.evaluations().join(format!("step-{step}"))
    }

    /// The reference's result file, of the best weights.
    #[must_use]
    pub fn eval_results(&self) -> PathBuf {
        self.root.join("eval_results.txt")
    }

    /// Requests from other processes.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.root.join("control")
    }

    /// What people write down about the run.
    #[must_use]
    pub fn notes(&self) -> PathBuf {
        self.root.join("notes.json")
    }

    /// What the run has in common with others that differ from it by their seed; see [`RunGroup`](super::RunGroup).
    #[must_use]
    pub fn group(&self) -> PathBuf {
        self.root.join("group.json")
    }

    /// Which part of a learning-rate sweep the run is, if it is only one.
    #[must_use]
    pub fn sweep(&self) -> PathBuf {
        self.root.join("sweep.json")
    }

    /// Held by the process that works through a group of runs, in the folder of the group's first.
    #[must_use]
    pub fn group_lock(&self) -> PathBuf {
        self.root.join("group.lock")
    }

    /// The training questions that were left out, one JSON object a line: `id`, `kind` (why), `place` in the data and
    /// `answer`. Absent if all were learnt from.
    #[must_use]
    pub fn skipped(&self) -> PathBuf {
        self.root.join("skipped.jsonl")
    }

    /// Held by the trainer.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// What a pre-training began with; such a run has no recipe.
    #[must_use]
    pub fn pretraining(&self) -> PathBuf {
        self.root.join("pretrain.toml")
    }

    /// The command of `spanbert` that goes on with the run.
    #[must_use]
    pub fn resuming_command(&self) -> &'static str {
        if self.pretraining().is_file() { "pretrain" } else { "train" }
    }

    /// What a row of the run's batches is: a window of a context, or a text of the corpus.
    #[must_use]
    pub fn row(&self) -> &'static str {
        if self.pretraining().is_file() { "text" } else { "window" }
    }

    /// The first sign of a run in the folder.
    #[must_use]
    pub fn marker(&self) -> Option<&'static str> {
        MARKERS.into_iter().find(|name| self.root.join(name).symlink_metadata().is_ok())
    }
}

/// How a run folder's name begins.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// A run folder's name, `<utc-stamp>-<name>` such as `20260301T120000Z-squad2`; characters that trouble shells or
/// file systems become `-`. Runs that start in the same second have the same name: see
/// [`reserve_run`](super::reserve_run).
#[must_use]
pub fn run_name(time: jiff::Timestamp, name: &str) -> String {
    let mut clean: String = name
        .chars()
        .map(|letter| if letter.is_alphanumeric() || matches!(letter, '.' | '_') { letter } else { '-' })
        .take(80)
        .collect();
    if clean.trim_matches(['-', '.']).is_empty() {
        clean = "run".into();
    }
    format!("{}-{}", time.strftime(STAMP), clean.trim_matches(['-', '.']))
}

/// The time that a name of [`run_name`]'s making begins with.
pub(super) fn time_of_name(name: &str) -> Option<jiff::Timestamp> {
    let (stamp, _) = name.split_once('-').unwrap_or((name, ""));
    let time = jiff::civil::DateTime::strptime(STAMP, stamp).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_are_plain() {
        let time: jiff::Timestamp = "2026-03-01T12:00:00.5Z".parse().unwrap();
        assert_eq!(run_name(time, "squad 2/base"), "20260301T120000Z-squad-2-base");
        assert_eq!(run_name(time, "../.."), "20260301T120000Z-run");
        assert_eq!(run_name(time, ""), "20260301T120000Z-run");
        let read = time_of_name("20260301T120000Z-squad-2-base").unwrap();
        assert_eq!(read, "2026-03-01T12:00:00Z".parse().unwrap());
        assert_eq!((time_of_name("squad-2"), time_of_name("20269901T120000Z-x")), (None, None));
    }

    #[test]
    fn a_run_is_recognised_by_any_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(layout.marker(), None);
        std::fs::create_dir(layout.best()).unwrap();
        assert_eq!(layout.marker(), Some("best"));
    }
}

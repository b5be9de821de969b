//! The runs in a folder, as `spanbert runs list` and the app show them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Layout, Lock, Outcome, Phase, RunError, RunState};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// A trainer is at work.
    Running,
    /// A trainer waits to be told to go on.
    Paused,
    /// All steps done.
    Completed,
    /// Ended on request.
    Stopped,
    /// Ended by an error it could report.
    Failed,
    /// Its trainer is gone without a word (killed, power cut).
    Interrupted,
}

/// One run of a listing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run folder's name.
    pub name: String,
    /// The run folder.
    pub path: PathBuf,
    /// Where it stands.
    pub status: RunStatus,
    /// Its `state.json`, if readable.
    pub state: Option<RunState>,
}

/// The runs in `runs_folder`, newest name first. Folders that hold no run are left out; a folder that does not
/// exist holds none.
///
/// # Errors
/// If the folder cannot be read.
pub fn list(runs_folder: &Path) -> Result<Vec<RunSummary>, RunError> {
    let entries = match std::fs::read_dir(runs_folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::read(runs_folder)(error)),
    };
    let mut runs: Vec<RunSummary> = entries.flatten().filter_map(|entry| summarise(&entry.path())).collect();
    runs.sort_by(|a, b| b.name.cmp(&a.name));
    Ok(runs)
}

/// The summary of one run folder, `None` if it holds no run.
#[must_use]
pub fn summarise(root: &Path) -> Option<RunSummary> {
    let layout = Layout::new(root);
    if !layout.recipe().is_file() && !layout.events().is_file() && !layout.state().is_file() {
        return None;
    }
    let held = Lock::is_held(&layout);
    let state = RunState::read(&layout).ok();
    let status = match state.as_ref().and_then(|state| state.outcome) {
        _ if held && state.as_ref().is_some_and(|state| state.phase == Phase::Paused) => RunStatus::Paused,
        _ if held => RunStatus::Running,
        Some(Outcome::Completed) => RunStatus::Completed,
        Some(Outcome::Stopped) => RunStatus::Stopped,
        Some(Outcome::Failed) => RunStatus::Failed,
        None => RunStatus::Interrupted,
    };
    let name = root.file_name().unwrap_or(root.as_os_str()).to_string_lossy().into_owned();
    Some(RunSummary { name, path: root.to_owned(), status, state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunFolder;

    #[test]
    fn runs_are_listed_newest_first_with_their_status() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("notes")).unwrap();
        let outcomes = [("1", Some(Outcome::Completed)), ("2", Some(Outcome::Failed)), ("3", None)];
        for (name, outcome) in outcomes {
            let run = RunFolder::create(&path(name)).unwrap();
            RunState { outcome, ..RunState::starting() }.write(run.layout()).unwrap();
        }
        let live = RunFolder::create(&path("4")).unwrap();
        RunState::starting().write(live.layout()).unwrap();
        let runs = list(folder.path()).unwrap();
        let found: Vec<_> = runs.iter().map(|run| (run.name.as_str(), run.status)).collect();
        let expected = [
            ("4", RunStatus::Running),
            ("3", RunStatus::Interrupted),
            ("2", RunStatus::Failed),
            ("1", RunStatus::Completed),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn no_folder_no_runs() {
        assert_eq!(list(Path::new("/nonexistent/runs")).unwrap(), []);
    }
}

//! The runs in a folder, as `spanbert runs list` and the app show them.

use std::{
    cmp::Ordering,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Environment, EventRecord, Layout, Lock, Outcome, Phase, RunError, RunGroup, RunState, TIME_FORMAT,
    layout::time_of_name,
};

/// Longest line of a log that is looked at for its time.
const LONGEST_LINE: u64 = 1 << 16;

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
    /// When it started, RFC 3339 in UTC with milliseconds: as its state says, else its environment, its first event, its
    /// name, or the folder's last change.
    pub started: Option<String>,
    /// The group of runs it belongs to, if it was started with `--seeds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<RunGroup>,
    /// Its `state.json`, if readable.
    pub state: Option<RunState>,
}

/// The order of a listing: the one that started last comes first. Of those that started in the same millisecond the later
/// name does; a run that does not say when it started comes last.
#[must_use]
pub fn newest_first(a: &RunSummary, b: &RunSummary) -> Ordering {
    b.started.cmp(&a.started).then_with(|| b.name.cmp(&a.name)).then_with(|| a.path.cmp(&b.path))
}

/// The runs in `runs_folder`, [`newest_first`], whatever their folders are called and whichever machine made them. Folders
/// that hold no run are left out; a folder that does not exist holds none.
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
    runs.sort_by(newest_first);
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
    let started = started(&layout, state.as_ref(), &name);
    let group = RunGroup::read(&layout);
    Some(RunSummary { name, path: root.to_owned(), status, started, group, state })
}

/// When a run started, by the first of its files that says so in a way that can be read.
fn started(layout: &Layout, state: Option<&RunState>, name: &str) -> Option<String> {
    let parsed = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let time = state
        .and_then(|state| parsed(&state.started))
        .or_else(|| parsed(&Environment::read(layout).ok()?.started))
        .or_else(|| parsed(&first_event(layout)?.time))
        .or_else(|| time_of_name(name))
        .or_else(|| jiff::Timestamp::try_from(layout.root().metadata().ok()?.modified().ok()?).ok());
    time.map(|time| time.strftime(TIME_FORMAT).to_string())
}

fn first_event(layout: &Layout) -> Option<EventRecord> {
    let file = std::fs::File::open(layout.events()).ok()?;
    let mut line = Vec::new();
    BufReader::new(file.take(LONGEST_LINE)).read_until(b'\n', &mut line).ok()?;
    EventRecord::from_line(&line)
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
    fn the_newest_is_first_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, state: &str| {
            let layout = Layout::new(folder.path().join(name));
            std::fs::create_dir(layout.root()).unwrap();
            std::fs::write(layout.recipe(), "").unwrap();
            std::fs::write(layout.state(), state).unwrap();
            layout
        };
        let state = |started: &str| {
            let state = RunState { started: started.to_owned(), ..RunState::starting() };
            serde_json::to_string(&state).unwrap()
        };
        // A name of one's own, and a clock with another offset and no milliseconds: an hour after "20260301...".
        make("zebra", &state("2026-03-01T12:00:00.000Z"));
        make("20260301T130000Z-squad", &state("2026-03-01T13:00:00.000Z"));
        make("baseline", &state("2026-03-01T16:00:00+02:00"));
        // States that say nothing: the environment, the first event, the name, in this order.
        let layout = make("no-state", "{");
        let started = "2026-03-01T15:00:00.000Z".to_owned();
        Environment { started, ..Environment::of_this_process("cpu") }.write(&layout).unwrap();
        let layout = make("events-only", "{");
        let event = r#"{"time":"2026-03-01T11:00:00.000Z","event":"phase","phase":"loading"}"#;
        std::fs::write(layout.events(), format!("{event}\n")).unwrap();
        make("20260301T100000Z-old", "");
        // Ties: the later name first, again and again.
        make("tie-1", &state("2026-03-01T09:00:00.000Z"));
        make("tie-2", &state("2026-03-01T09:00:00.000Z"));
        let names: Vec<String> =
            list(folder.path()).unwrap().into_iter().map(|run| run.name.clone()).collect();
        let expected = [
            "no-state",
            "baseline",
            "20260301T130000Z-squad",
            "zebra",
            "events-only",
            "20260301T100000Z-old",
            "tie-2",
            "tie-1",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn no_folder_no_runs() {
        assert_eq!(list(Path::new("/nonexistent/runs")).unwrap(), []);
    }
}

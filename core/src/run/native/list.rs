//! The runs in a folder, as `spanbert runs list` and the app show them.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
};

use super::{
    Environment, EventRecord, Layout, Lock, Phase, RunError, RunGroup, RunState, RunStatus, RunSummary,
    TIME_FORMAT, layout::time_of_name, newest_first,
};

/// Longest line of a log that is looked at for its time.
const LONGEST_LINE: u64 = 1 << 16;

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
        outcome => RunStatus::without_trainer(outcome),
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
    use crate::run::{Outcome, RunFolder};

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

//! A run folder's files in memory, read as they are shown.

use std::{collections::BTreeSet, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    Curves, Environment, EventRecord, RunError, RunGroup, RunNotes, RunState, RunStatus, RunSummary,
};
use crate::checkpoint::Files;

/// Files of which any makes a folder a run.
const RECORDS: [&str; 4] = ["recipe.toml", "pretrain.toml", "events.jsonl", "state.json"];

/// What the files of a run folder say of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedRun {
    /// Name, state and status; nobody is at work in files.
    pub summary: RunSummary,
    /// What it was made with, if that is readable.
    pub environment: Option<Environment>,
    /// Losses, evaluations and messages.
    pub curves: Curves,
    /// Name and text of its recipe.
    pub recipe: Option<(String, String)>,
    /// What people wrote down about it.
    pub notes: RunNotes,
    /// Updates before each evaluation whose files are there.
    pub evaluations: Vec<usize>,
    /// The folder that the run's files are in, within those that were read: empty, or with a `/` at its end.
    pub folder: String,
    /// Files that are there and say nothing usable.
    pub damaged: Vec<String>,
}

impl RecordedRun {
    /// Reads a run's files. They may lie in a folder of their own within `files`, as in an archive of a run folder; of several
    /// runs the one that lies highest is read, the first by name.
    ///
    /// # Errors
    /// If there is no run among them.
    pub fn read(files: &Files) -> Result<Self, RunError> {
        let none = || RunError::NoRecords(files.name().to_owned());
        let folder = folder_of_run(files).ok_or_else(none)?;
        let file = |name: &str| files.get(&format!("{folder}{name}"));
        let mut damaged = Vec::new();
        let state = usable(file("state.json"), "state.json", &mut damaged, |text| {
            RunState::from_json(text, "state.json".as_ref()).ok()
        });
        let environment = usable(file("environment.json"), "environment.json", &mut damaged, |text| {
            Environment::from_json(text, "environment.json".as_ref()).ok()
        });
        let group = usable(file("group.json"), "group.json", &mut damaged, RunGroup::from_json);
        let recipe = RECORDS.into_iter().take(2).find_map(|name| {
            let read = |text: &[u8]| Some((name.to_owned(), String::from_utf8(text.to_vec()).ok()?));
            usable(file(name), name, &mut damaged, read)
        });
        let log = file("events.jsonl").unwrap_or_default();
        let mut curves = Curves::default();
        let mut started = state
            .as_ref()
            .map(|state| &state.started)
            .or(environment.as_ref().map(|made| &made.started))
            .cloned();
        for record in EventRecord::from_log(log) {
            started.get_or_insert_with(|| record.time.clone());
            curves.add(record);
        }
        if !log.is_empty() && curves == Curves::default() {
            damaged.push("events.jsonl".to_owned());
        }
        let outcome = state.as_ref().map_or(curves.outcome, |state| state.outcome);
        let status = RunStatus::without_trainer(outcome);
        let name = name_of(files, &folder);
        Ok(Self {
            summary: RunSummary { path: PathBuf::from(&name), name, status, started, group, state },
            environment,
            curves,
            recipe,
            notes: file("notes.json").map(RunNotes::from_json).unwrap_or_default(),
            evaluations: evaluations(files, &folder),
            folder,
            damaged,
        })
    }
}

/// The folder of the run among the files that lies highest.
fn folder_of_run(files: &Files) -> Option<String> {
    let folder = |path: &str| {
        let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
        RECORDS.contains(&name).then(|| if folder.is_empty() { String::new() } else { format!("{folder}/") })
    };
    files.names().filter_map(folder).min_by_key(|folder| folder.matches('/').count())
}

/// The run's name: of its own folder, else of what holds its files.
fn name_of(files: &Files, folder: &str) -> String {
    match folder.trim_end_matches('/').rsplit('/').next() {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => files.name().display().to_string(),
    }
}

/// The steps of `eval/step-<n>/`.
fn evaluations(files: &Files, folder: &str) -> Vec<usize> {
    let step = |path: &str| {
        let path = path.strip_prefix(folder)?.strip_prefix("eval/step-")?;
        path.split_once('/')?.0.parse().ok()
    };
    files.names().filter_map(step).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What a file says, if it is there; notes it if it says nothing usable.
fn usable<T>(
    text: Option<&[u8]>,
    name: &str,
    damaged: &mut Vec<String>,
    read: impl FnOnce(&[u8]) -> Option<T>,
) -> Option<T> {
    let read = read(text?);
    if read.is_none() {
        damaged.push(name.to_owned());
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Event, Outcome, Phase, StepEvent};

    fn line(event: Event) -> String {
        let record = EventRecord { time: "2026-03-01T12:00:00.000Z".into(), event };
        serde_json::to_string(&record).unwrap() + "\n"
    }

    fn log() -> Vec<u8> {
        let step = |step| Event::Step(StepEvent { step, loss: 1.0 / step as f64, ..StepEvent::default() });
        let outcome = Outcome::Completed;
        let end = Event::Finished { outcome, step: 2, elapsed_secs: 1.0, reason: None };
        [Event::Phase { phase: Phase::Training, detail: None }, step(1), step(2), end]
            .map(line)
            .concat()
            .into_bytes()
    }

    fn files(folder: &str, content: &[(&str, &[u8])]) -> Files {
        let mut files = Files::new("dropped");
        for (name, content) in content {
            files.insert(format!("{folder}{name}"), content.to_vec());
        }
        files
    }

    #[test]
    fn a_run_is_found_in_its_folder_and_read() {
        let log = log();
        let content: [(&str, &[u8]); 6] = [
            ("recipe.toml", b"seed = 7\n"),
            ("events.jsonl", &log),
            ("eval/step-10/results.json", b"{}"),
            ("eval/step-2/results.json", b"{}"),
            ("eval/step-2/records.jsonl", b""),
            ("notes.json", br#"{"tags": ["baseline"]}"#),
        ];
        for (folder, name) in [("", "dropped"), ("runs/demo/", "demo")] {
            let run = RecordedRun::read(&files(folder, &content)).unwrap();
            assert_eq!((run.summary.name.as_str(), run.folder.as_str()), (name, folder));
            assert_eq!(run.summary.status, RunStatus::Completed);
            assert_eq!(run.summary.started.as_deref(), Some("2026-03-01T12:00:00.000Z"));
            assert_eq!(run.curves.steps.iter().map(|step| step.loss).collect::<Vec<_>>(), [1.0, 0.5]);
            assert_eq!(
                (run.evaluations.as_slice(), run.notes.tags.as_slice()),
                (&[2, 10][..], &["baseline".into()][..])
            );
            assert_eq!(run.recipe, Some(("recipe.toml".into(), "seed = 7\n".into())));
            assert_eq!(run.damaged, [""; 0]);
            let text = serde_json::to_string(&run).unwrap();
            assert_eq!(serde_json::from_str::<RecordedRun>(&text).unwrap(), run);
        }
    }

    #[test]
    fn of_several_runs_the_highest_is_read() {
        let mut all = files("a/deeper/", &[("recipe.toml", b"seed = 1")]);
        all.insert("b/recipe.toml", &b"seed = 2"[..]);
        assert_eq!(RecordedRun::read(&all).unwrap().folder, "b/");
    }

    #[test]
    fn damage_is_named_and_the_rest_is_read() {
        let log = [&b"\xff\xfe{\n"[..], &log(), b"{\"time\":"].concat();
        let content: [(&str, &[u8]); 4] = [
            ("state.json", b"{"),
            ("environment.json", b"[]"),
            ("recipe.toml", b"\xff"),
            ("events.jsonl", &log),
        ];
        let run = RecordedRun::read(&files("", &content)).unwrap();
        assert_eq!(run.damaged, ["state.json", "environment.json", "recipe.toml"]);
        assert_eq!((run.curves.steps.len(), run.summary.status), (2, RunStatus::Completed));
        let run = RecordedRun::read(&files("", &[("events.jsonl", b"\x89PNG\r\n")])).unwrap();
        assert_eq!(run.damaged, ["events.jsonl"]);
        assert_eq!(run.summary.status, RunStatus::Interrupted);
    }

    #[test]
    fn files_without_a_run_are_refused() {
        for content in [&[][..], &[("config.json", &b"{}"[..])]] {
            let error = RecordedRun::read(&files("", content)).unwrap_err();
            assert!(error.to_string().starts_with("dropped holds no run"), "{error}");
        }
    }

    #[cfg(feature = "native")]
    #[test]
    fn files_are_read_as_their_folder_is() {
        use crate::run::{EventLog, Layout, read_events, summarise};

        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().join("run"));
        std::fs::create_dir(layout.root()).unwrap();
        RunState { outcome: Some(Outcome::Stopped), step: 3, ..RunState::starting() }.write(&layout).unwrap();
        Environment::of_this_process("cpu").write(&layout).unwrap();
        let mut events = EventLog::open(&layout.events()).unwrap();
        for event in [
            Event::Step(StepEvent { step: 1, ..StepEvent::default() }),
            Event::Warning { message: "w".into() },
        ] {
            events.append(&event).unwrap();
        }
        let mut files = Files::new("run");
        for name in ["state.json", "environment.json", "events.jsonl"] {
            files.insert(name, std::fs::read(layout.root().join(name)).unwrap());
        }
        let (read, shown) = (RecordedRun::read(&files).unwrap(), summarise(layout.root()).unwrap());
        assert_eq!(RunSummary { path: shown.path.clone(), ..read.summary }, shown);
        assert_eq!(read.environment, Environment::read(&layout).ok());
        let mut curves = Curves::default();
        read_events(&layout.events()).unwrap().into_iter().for_each(|record| curves.add(record));
        assert_eq!(read.curves, curves);
    }
}

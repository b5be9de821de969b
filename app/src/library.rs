//! The run folders, looked at by a thread of their own so that a slow disk never holds up a frame.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use egui::Context;
use spanbert_core::advice::Advice;
use spanbert_core::run::{
    BestScore, GroupScores, Layout, RunNotes, RunStatus, RunSummary, list, newest_first, summarise,
};

use crate::background;

/// Time between looks while a training is at work.
const LIVELY: Duration = Duration::from_millis(700);
/// Time between looks otherwise.
const QUIET: Duration = Duration::from_secs(2);

/// Where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The folder whose subfolders are runs.
    pub folder: PathBuf,
    /// Run folders elsewhere.
    pub opened: Vec<PathBuf>,
}

/// A run of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// Where it stands.
    pub summary: RunSummary,
    /// What the user wrote down about it.
    pub notes: RunNotes,
}

impl RunEntry {
    /// Whether a trainer is at work or waits in it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.summary.status, RunStatus::Running | RunStatus::Paused)
    }
}

/// What one look found.
#[derive(Clone, Debug, Default, PartialEq)]
struct Found {
    runs: Arc<Vec<RunEntry>>,
    groups: Arc<Vec<GroupScores>>,
    error: Option<String>,
}

/// The run folders as last seen.
pub struct Library {
    places: Sender<Option<Places>>,
    found: Receiver<Found>,
    latest: Option<Found>,
}

impl Library {
    /// Starts to look, now and from time to time; the window is woken when something has changed.
    #[must_use]
    pub fn start(context: &Context, places: Places) -> Self {
        let (wake, orders) = channel();
        let (sender, found) = channel();
        let context = context.clone();
        let thread = background::start("library", async move { watch(places, &orders, &sender, &context) });
        let latest = thread.err().map(|error| Found {
            error: Some(format!("the search for runs could not start: {error}")),
            ..Found::default()
        });
        Self { places: wake, found, latest }
    }

    /// Takes in what was found; never waits. Gives whether something has changed.
    pub fn poll(&mut self) -> bool {
        let newest = self.found.try_iter().last();
        let changed = newest.is_some();
        self.latest = newest.or_else(|| self.latest.take());
        changed
    }

    /// Looks at once, elsewhere if `places` are given.
    pub fn look(&self, places: Option<Places>) {
        // The thread is gone only if it never started, which has been said.
        let _ = self.places.send(places);
    }

    /// Whether the first look is over.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.latest.is_some()
    }

    /// The runs, those at work first, then newest name first.
    #[must_use]
    pub fn runs(&self) -> &[RunEntry] {
        self.latest.as_ref().map_or(&[], |found| &found.runs)
    }

    /// Those with an evaluation to look at.
    pub fn evaluated_runs(&self) -> impl Iterator<Item = &Path> {
        self.best_scores().map(|(run, _)| run.summary.path.as_path())
    }

    /// The best checkpoint of each run that answers questions, and its score. Pre-training leaves no head that does.
    pub fn checkpoints(&self) -> impl Iterator<Item = (PathBuf, &BestScore)> {
        self.best_scores().map(|(run, best)| (Layout::new(&run.summary.path).best(), best))
    }

    fn best_scores(&self) -> impl Iterator<Item = (&RunEntry, &BestScore)> {
        let scored =
            self.runs().iter().filter_map(|run| Some((run, run.summary.state.as_ref()?.best.as_ref()?)));
        scored.filter(|(_, best)| !best.is_loss())
    }

    /// Runs that differ by their seed, with what their scores come to.
    #[must_use]
    pub fn groups(&self) -> &[GroupScores] {
        self.latest.as_ref().map_or(&[], |found| &found.groups)
    }

    /// The run in this folder.
    #[must_use]
    pub fn run(&self, path: &Path) -> Option<&RunEntry> {
        self.runs().iter().find(|run| run.summary.path == path)
    }

    /// Why the runs folder cannot be read.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.latest.as_ref()?.error.as_deref()
    }
}

fn watch(mut places: Places, orders: &Receiver<Option<Places>>, sender: &Sender<Found>, context: &Context) {
    let mut last = None;
    loop {
        let found = look(&places);
        let pause = if found.runs.iter().any(RunEntry::is_live) { LIVELY } else { QUIET };
        if last.as_ref() != Some(&found) {
            if sender.send(found.clone()).is_err() {
                return;
            }
            context.request_repaint();
            last = Some(found);
        }
        match orders.recv_timeout(pause) {
            Ok(Some(elsewhere)) => {
                places = elsewhere;
                last = None;
            }
            // Asked to look again: answered even if nothing has changed.
            Ok(None) => last = None,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn look(places: &Places) -> Found {
    let (mut summaries, error) = match list(&places.folder) {
        Ok(runs) => (runs, None),
        Err(error) => (Vec::new(), Some(error.in_one_line())),
    };
    for path in &places.opened {
        if !summaries.iter().any(|run| run.path == *path) {
            summaries.extend(summarise(path));
        }
    }
    let groups = GroupScores::of(&summaries);
    let entry = |summary: RunSummary| RunEntry { notes: RunNotes::read(&summary.path), summary };
    let mut runs: Vec<RunEntry> = summaries.into_iter().map(entry).collect();
    runs.sort_by(|a, b| b.is_live().cmp(&a.is_live()).then_with(|| newest_first(&a.summary, &b.summary)));
    Found { runs: Arc::new(runs), groups: Arc::new(groups), error }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use spanbert_core::run::{Outcome, RunFolder, RunState};

    use super::*;

    fn wait(library: &mut Library, until: impl Fn(&Library) -> bool) {
        let start = Instant::now();
        while !until(library) {
            assert!(start.elapsed() < Duration::from_secs(20), "waited in vain");
            library.poll();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn runs_come_and_go_and_live_ones_are_first() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let done = RunFolder::create(&path("2")).unwrap();
        let started = |time: &str| RunState { started: time.to_owned(), ..RunState::starting() };
        let state = started("2026-03-02T12:00:00.000Z");
        RunState { outcome: Some(Outcome::Completed), ..state }.write(done.layout()).unwrap();
        drop(done);
        let live = RunFolder::create(&path("1")).unwrap();
        RunState::starting().write(live.layout()).unwrap();
        let other = RunFolder::create(&elsewhere.path().join("0")).unwrap();
        started("2026-03-01T12:00:00.000Z").write(other.layout()).unwrap();
        drop(other);
        let places = Places { folder: folder.path().to_owned(), opened: vec![elsewhere.path().join("0")] };
        let mut library = Library::start(&Context::default(), places);
        wait(&mut library, Library::is_known);
        let names: Vec<_> = library.runs().iter().map(|run| run.summary.name.clone()).collect();
        assert_eq!(names, ["1", "2", "0"]);

        std::fs::remove_dir_all(path("2")).unwrap();
        wait(&mut library, |library| library.runs().len() == 2);
        library.look(Some(Places { folder: elsewhere.path().to_owned(), opened: Vec::new() }));
        wait(&mut library, |library| library.runs().len() == 1);
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let places = Places { folder: file.path().to_owned(), opened: Vec::new() };
        let mut library = Library::start(&Context::default(), places);
        wait(&mut library, Library::is_known);
        assert!(library.error().is_some());
    }
}

//! One model as the window sees it: from loading to ready or failed, as the thread's replies tell.

use std::path::{Path, PathBuf};

use spanbert_backends::DeviceChoice;
use spanbert_core::advice::Advice;
use web_time::Instant;

use super::{Facts, LoadId, Reply, Slot, Worker};

/// What a loading is at before anything is heard of it.
const WAITING: &str =
    if cfg!(target_family = "wasm") { "Starting a worker" } else { "Waiting for the model thread" };

/// How far a model is.
#[derive(Debug)]
pub enum State {
    /// None is wanted.
    Empty,
    /// A checkpoint is being loaded.
    Loading {
        /// Which loading this is.
        load: LoadId,
        /// The checkpoint.
        folder: PathBuf,
        /// What loading is at, in words.
        stage: String,
        /// When it began.
        since: Instant,
    },
    /// It answers.
    Ready(Box<Facts>),
    /// It could not be loaded, or its device has failed.
    Failed {
        /// The checkpoint.
        folder: PathBuf,
        /// Cause and remedy.
        message: String,
    },
}

/// A place for a model, and how far the model there is.
#[derive(Debug)]
pub struct Model {
    slot: Slot,
    state: State,
}

impl Model {
    /// An empty place.
    #[must_use]
    pub fn new(slot: Slot) -> Self {
        Self { slot, state: State::Empty }
    }

    /// Its place.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// About it, if it answers.
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        match &self.state {
            State::Ready(facts) => Some(facts),
            _ => None,
        }
    }

    /// The checkpoint that is here, on its way, or has failed.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.state {
            State::Empty => None,
            State::Ready(facts) => Some(&facts.folder),
            State::Loading { folder, .. } | State::Failed { folder, .. } => Some(folder),
        }
    }

    /// Starts to load a checkpoint on a backend named as for `--backend`; a model that was here is dropped.
    pub fn load(&mut self, worker: &mut Worker, folder: &Path, backend: &str) {
        let folder = folder.to_owned();
        self.state = match backend.parse::<DeviceChoice>() {
            Ok(choice) => State::Loading {
                load: worker.load(self.slot, folder.clone(), choice),
                folder,
                stage: WAITING.to_owned(),
                since: Instant::now(),
            },
            Err(error) => {
                worker.unload(self.slot);
                State::Failed { folder, message: error.in_one_line() }
            }
        };
    }

    /// Gives the model up, loaded or not; its device's memory is freed.
    pub fn unload(&mut self, worker: &mut Worker) {
        worker.unload(self.slot);
        self.state = State::Empty;
    }

    /// Takes in what the thread says, if it is about this model. Gives whether it has just become ready.
    pub fn receive(&mut self, reply: &Reply) -> bool {
        match (reply, &mut self.state) {
            // What is told of an earlier loading in this place no longer matters.
            (Reply::Stage { load: of, text }, State::Loading { load, stage, .. }) if of == load => {
                stage.clone_from(text);
            }
            (Reply::Loaded { load: of, facts }, State::Loading { load, .. }) if of == load => {
                self.state = State::Ready(facts.clone());
                return true;
            }
            (Reply::LoadFailed { load: of, message }, State::Loading { load, .. }) if of == load => {
                self.fail(message);
            }
            (Reply::LoadCancelled { load: of }, State::Loading { load, .. }) if of == load => {
                self.state = State::Empty;
            }
            (Reply::Lost { message, slots }, State::Ready(_)) if slots.contains(&self.slot) => {
                self.fail(message);
            }
            (Reply::Gone { message }, State::Loading { .. } | State::Ready(_)) => self.fail(message),
            _ => {}
        }
        false
    }

    fn fail(&mut self, message: &str) {
        let folder = self.folder().map(Path::to_owned).unwrap_or_default();
        self.state = State::Failed { folder, message: message.to_owned() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loading(load: u64) -> Model {
        let state = State::Loading {
            load: LoadId(load),
            folder: "wanted".into(),
            stage: String::new(),
            since: Instant::now(),
        };
        Model { slot: Slot(1), state }
    }

    #[test]
    fn replies_about_an_earlier_loading_change_nothing() {
        let mut model = loading(2);
        for reply in [
            Reply::Stage { load: LoadId(1), text: "late".into() },
            Reply::LoadCancelled { load: LoadId(1) },
            Reply::LoadFailed { load: LoadId(1), message: "late".into() },
        ] {
            assert!(!model.receive(&reply));
            assert!(matches!(&model.state, State::Loading { stage, .. } if stage.is_empty()), "{reply:?}");
        }
    }

    #[test]
    fn a_loading_is_told_about_fails_and_is_given_up() {
        let mut model = loading(2);
        model.receive(&Reply::Stage { load: LoadId(2), text: "Reading weights".into() });
        assert!(matches!(&model.state, State::Loading { stage, .. } if stage == "Reading weights"));
        model.receive(&Reply::LoadFailed {
            load: LoadId(2),
            message: "no weights; name another folder".into(),
        });
        assert!(
            matches!(&model.state, State::Failed { folder, message } if folder == Path::new("wanted") && message.starts_with("no weights"))
        );
        let mut model = loading(2);
        model.receive(&Reply::LoadCancelled { load: LoadId(2) });
        assert!(matches!(model.state, State::Empty));
    }

    #[test]
    fn a_thread_that_is_gone_fails_what_waits_for_it() {
        let gone = Reply::Gone { message: "gone; start again".into() };
        let mut model = loading(1);
        model.receive(&gone);
        assert!(matches!(model.state, State::Failed { .. }));
        let mut model = Model::new(Slot(1));
        model.receive(&gone);
        assert!(matches!(model.state, State::Empty));
    }

    #[test]
    fn an_unknown_backend_is_told_at_once() {
        let mut worker = Worker::new(&egui::Context::default());
        let mut model = Model::new(Slot(1));
        model.load(&mut worker, Path::new("wanted"), "abacus");
        assert!(matches!(&model.state, State::Failed { message, .. } if message.contains("abacus")));
        assert_eq!(model.folder(), Some(Path::new("wanted")));
    }
}

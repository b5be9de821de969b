//! A training in a Web Worker.

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    rc::Rc,
};

use egui::Context;
use spanbert_backends::{BackendError, DeviceChoice};
use spanbert_core::{
    advice::Advice,
    demo::{DEV, generate::GeneratorOptions, squad_json},
    open::Notice,
    run::{Curves, Event, EventRecord, Phase, Request as Wish},
    train::Demonstration,
};
use spanbert_web::message::{Reply, Request, Trained};

use super::phase_words;
use crate::{
    files::{self, Content},
    widgets::count,
    worker::web::{Contents, Link, in_one_line},
};

/// How far a training is.
pub(super) enum Stage {
    /// It goes on.
    Running {
        /// Whether it waits to be told to go on.
        paused: bool,
        /// What is being done, in words.
        doing: String,
    },
    /// It is over, and its files are in a run folder.
    Trained {
        folder: PathBuf,
        /// Whether an evaluation is among them.
        evaluated: bool,
    },
    /// Why there is nothing.
    Failed(String),
    /// As was asked.
    GivenUp,
}

/// A training.
pub(super) struct Job {
    link: Link,
    request: u32,
    heard: Rc<RefCell<Vec<Heard>>>,
    curves: Curves,
    stage: Stage,
    asked: Option<Wish>,
    device: Option<String>,
    warnings: Vec<String>,
}

/// What the worker has said.
enum Heard {
    /// Why it has ended by itself.
    Lost(String),
    Said(Reply),
    Done(Reply, Vec<Vec<u8>>),
}

thread_local! {
    /// How many trainings there have been.
    static STARTED: Cell<u32> = const { Cell::new(0) };
}

impl Job {
    /// Starts a training on a device named as for `--backend`.
    ///
    /// # Errors
    /// If that names none.
    pub(super) fn start(context: &Context, training: Demonstration, backend: &str) -> Result<Self, String> {
        let device: DeviceChoice = backend.parse().map_err(|error: BackendError| error.in_one_line())?;
        // What its evaluations are looked at with.
        let dev = GeneratorOptions { passages: training.dev_passages, ..DEV };
        let questions = squad_json("dev", &dev).map_err(|error| error.to_string())?;
        files::keep(PathBuf::from(training.dev_name()), Content::Made(questions.into_bytes().into()));
        let heard: Rc<RefCell<Vec<Heard>>> = Rc::default();
        let say = |context: &Context| {
            let (heard, context) = (Rc::clone(&heard), context.clone());
            move |what| {
                heard.borrow_mut().push(what);
                context.request_repaint();
            }
        };
        let (hear, done) = (say(context), say(context));
        let lost = say(context);
        let link = Link::new(move |cause, _| lost(Heard::Lost(cause)));
        let request = Request::Train { training: Box::new(training), device };
        let request = link.ask(
            &request,
            Contents::new(),
            move |said| hear(Heard::Said(said)),
            move |said, contents| done(Heard::Done(said, contents)),
        );
        let stage = Stage::Running { paused: false, doing: "Starting a worker".to_owned() };
        let (asked, device, warnings) = (None, None, Vec::new());
        Ok(Self { link, request, heard, curves: Curves::default(), stage, asked, device, warnings })
    }

    pub(super) fn stage(&self) -> &Stage {
        &self.stage
    }

    pub(super) fn curves(&self) -> &Curves {
        &self.curves
    }

    pub(super) fn asked(&self) -> Option<Wish> {
        self.asked
    }

    pub(super) fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    /// What it is busy with, in words.
    pub(super) fn phase(&self) -> String {
        match &self.stage {
            Stage::Running { paused: true, .. } => "Paused".to_owned(),
            Stage::Running { doing, .. } => doing.clone(),
            _ => "Ended".to_owned(),
        }
    }

    /// Whether something can be asked of it now.
    pub(super) fn can(&self, wish: Wish) -> bool {
        let Stage::Running { paused, .. } = self.stage else { return false };
        let begun = !self.curves.steps.is_empty();
        begun && self.asked.is_none() && (wish != Wish::Resume || paused) && (wish != Wish::Pause || !paused)
    }

    /// Asks something of it.
    pub(super) fn ask(&mut self, wish: Wish) {
        if self.can(wish) {
            self.link.steer(self.request, wish);
            self.asked = Some(wish);
        }
    }

    /// Takes in what was said. Gives whether the training has just ended.
    pub(super) fn poll(&mut self) -> bool {
        let mut ended = false;
        for heard in self.heard.take() {
            match heard {
                Heard::Lost(cause) => {
                    self.stage = Stage::Failed(format!("{cause}; start the training again"));
                    ended = true;
                }
                // What comes after its end says the same.
                _ if !self.is_running() => {}
                Heard::Said(Reply::Happened(record)) => self.happened(*record),
                Heard::Said(Reply::Working { phase, done, total }) => {
                    self.doing(format!("{} {} of {}", phase_words(phase), count(done), count(total)));
                }
                Heard::Said(Reply::Notice(Notice::Stage(text))) => self.doing(text.into_owned()),
                Heard::Said(Reply::Notice(Notice::Note(text))) => {
                    if let Some(device) = text.strip_prefix("device: ") {
                        self.device = Some(device.to_owned());
                    }
                }
                Heard::Said(Reply::Notice(Notice::Warning(text))) => self.warnings.push(text),
                Heard::Said(_) => {}
                Heard::Done(reply, contents) => {
                    self.asked = None;
                    self.stage = match reply {
                        Reply::Trained(trained) => keep(&trained, contents),
                        Reply::Cancelled => Stage::GivenUp,
                        other => Stage::Failed(in_one_line(other)),
                    };
                    // Its memory is free again.
                    self.link.end();
                    ended = true;
                }
            }
        }
        ended
    }

    fn happened(&mut self, record: EventRecord) {
        match &record.event {
            Event::Phase { phase, .. } => {
                let is_paused = *phase == Phase::Paused;
                let fulfilled = match self.asked {
                    Some(Wish::Pause) => is_paused,
                    Some(Wish::Resume) => !is_paused,
                    Some(Wish::Evaluate) => *phase == Phase::Evaluating,
                    Some(Wish::Stop) | None => false,
                };
                if fulfilled {
                    self.asked = None;
                }
                self.stage = Stage::Running { paused: is_paused, doing: phase_words(*phase).to_owned() };
            }
            Event::Step(_) => self.doing(phase_words(Phase::Training).to_owned()),
            Event::Warning { message } => self.warnings.push(message.clone()),
            _ => {}
        }
        self.curves.add(record);
    }

    fn doing(&mut self, what: String) {
        if let Stage::Running { doing, .. } = &mut self.stage {
            *doing = what;
        }
    }
}

/// Keeps the run's files until the page is closed.
fn keep(trained: &Trained, contents: Vec<Vec<u8>>) -> Stage {
    let number = STARTED.get() + 1;
    STARTED.set(number);
    let folder = PathBuf::from("trained here").join(format!("{number} demo"));
    let evaluated = trained.files.iter().any(|name| name.starts_with("eval/"));
    for (name, content) in trained.files.iter().zip(contents) {
        files::keep(folder.join(name), Content::Made(content.into()));
    }
    Stage::Trained { folder, evaluated }
}

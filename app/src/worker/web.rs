//! A Web Worker for each place of a model: what runs out of memory or breaks down there takes no other model with it, and the
//! page lives on. What is said to them are the messages of `spanbert_web`; `spanbert.js` sends them and replaces a worker that
//! has ended.

mod link;

use std::{
    cell::RefCell,
    collections::HashMap,
    path::{Path, PathBuf},
    rc::Rc,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
};

use egui::Context;
use spanbert_backends::{BackendReport, DeviceChoice};
use spanbert_core::{demo, open::Notice};
use spanbert_web::message::{ModelSource, Opened, Reply as Said, Request};
use web_time::Instant;

pub(crate) use self::link::{Contents, Link};
use super::{Answered, Facts, LoadId, Reply, Slot};
use crate::files;

/// The Web Workers, seen from the page.
pub struct Worker {
    context: Context,
    links: HashMap<Slot, Place>,
    replies: Rc<RefCell<Vec<Reply>>>,
    /// Checkpoints loaded so far.
    loads: u64,
}

/// A Web Worker and what it is at.
struct Place {
    link: Link,
    loading: Rc<RefCell<Option<LoadId>>>,
}

impl Worker {
    /// Starts no Web Worker yet.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone(), links: HashMap::new(), replies: Rc::default(), loads: 0 }
    }

    /// Loads a checkpoint into a place; a model that was there is dropped first. Replies about it carry the number given.
    pub fn load(&mut self, slot: Slot, folder: PathBuf, choice: DeviceChoice) -> LoadId {
        self.cancel(slot);
        self.loads += 1;
        let load = LoadId(self.loads);
        let say = self.speaker();
        let place = self.links.entry(slot).or_insert_with(|| Place::new(slot, say.clone()));
        place.loading.replace(Some(load));
        let (model, contents) = source(&folder);
        let request = Request::Open { model, device: choice, lower_case: None };
        let started = Instant::now();
        let told = Rc::new(RefCell::new((Vec::new(), Vec::new())));
        let (telling, hearing) = (Rc::clone(&told), say.clone());
        let hear = move |said| {
            let mut told = telling.borrow_mut();
            let text = match said {
                Said::Notice(Notice::Stage(text)) => text.into_owned(),
                Said::Notice(Notice::Note(text)) => {
                    told.1.push(text.clone());
                    text
                }
                Said::Notice(Notice::Warning(text)) => return told.0.push(text),
                _ => return,
            };
            hearing(Reply::Stage { load, text });
        };
        let loading = Rc::clone(&place.loading);
        place.link.ask(&request, contents, hear, move |said, _| {
            loading.borrow_mut().take_if(|current| *current == load);
            let (warnings, notes) = told.take();
            say(match said {
                Said::Opened(opened) => {
                    let facts = facts(folder, *opened, warnings, notes, started);
                    Reply::Loaded { load, facts: Box::new(facts) }
                }
                Said::Cancelled => Reply::LoadCancelled { load },
                other => Reply::LoadFailed { load, message: in_one_line(other) },
            });
        });
        load
    }

    /// Drops a model; its Web Worker ends, which frees all its memory.
    pub fn unload(&mut self, slot: Slot) {
        if let Some(place) = self.links.remove(&slot) {
            place.link.end();
        }
    }

    /// Asks a model; its answer carries `id`.
    pub fn ask(&mut self, slot: Slot, id: u64, passage: Arc<str>, question: String) {
        let say = self.speaker();
        let Some(place) = self.links.get(&slot) else {
            let message = "there is no model any more; load the checkpoint again".to_owned();
            return say(Reply::AskFailed { slot, id, message });
        };
        let request = Request::Ask { passage: passage.to_string(), question, threshold: None };
        let started = Instant::now();
        let hearing = say.clone();
        let hear = move |said| {
            if let Said::Progress { done, total } = said
                && done > 0
            {
                hearing(Reply::Progress { slot, id, done, total });
            }
        };
        place.link.ask(&request, Contents::new(), hear, move |said, _| {
            say(match said {
                Said::Answered(explained) => {
                    let answered = Answered { explained: *explained, secs: started.elapsed().as_secs_f64() };
                    Reply::Answered { slot, id, answered: Box::new(answered) }
                }
                Said::Cancelled => Reply::AskCancelled { slot, id },
                other => Reply::AskFailed { slot, id, message: in_one_line(other) },
            });
        });
    }

    /// Gives up what a model is asked for, and its loading.
    pub fn cancel(&mut self, slot: Slot) {
        let Some(place) = self.links.get(&slot) else { return };
        if place.loading.borrow().is_some() {
            // A worker that opens a model hears of nothing else until it is done.
            self.unload(slot);
        } else {
            place.link.cancel();
        }
    }

    /// Replies since the last call; never waits.
    pub fn poll(&mut self) -> Vec<Reply> {
        self.replies.take()
    }

    fn speaker(&self) -> impl Fn(Reply) + Clone + 'static {
        let (replies, context) = (Rc::clone(&self.replies), self.context.clone());
        move |reply| {
            replies.borrow_mut().push(reply);
            context.request_repaint();
        }
    }
}

impl Place {
    fn new(slot: Slot, say: impl Fn(Reply) + 'static) -> Self {
        let lost = move |cause: String, remedy: String| {
            let message = format!("{cause}; {remedy}");
            say(Reply::Lost { message, slots: vec![slot] });
        };
        Self { link: Link::new(lost), loading: Rc::default() }
    }
}

/// A model as a Web Worker is told of it, and its files.
pub(crate) fn source(folder: &Path) -> (ModelSource, Contents) {
    if folder == Path::new(demo::MODEL_NAME) {
        return (ModelSource::BuiltIn, Contents::new());
    }
    let (names, contents) =
        files::within(folder).into_iter().map(|(name, file)| (name, file.to_js())).unzip();
    (ModelSource::Files { name: folder.display().to_string(), files: names }, contents)
}

fn facts(
    folder: PathBuf,
    opened: Opened,
    warnings: Vec<String>,
    notes: Vec<String>,
    started: Instant,
) -> Facts {
    // The device is shown with the model.
    let notes = notes.into_iter().filter(|note| !note.starts_with("device: ")).collect();
    Facts {
        folder,
        architecture: opened.architecture,
        parameters: opened.parameters,
        meta: opened.meta,
        device: opened.device,
        lower_case: opened.do_lower_case,
        windows: opened.windows,
        warnings,
        notes,
        load_secs: started.elapsed().as_secs_f64(),
    }
}

/// Why there is no answer.
pub(crate) fn in_one_line(said: Said) -> String {
    match said {
        Said::Failed(failure) => format!("{}; {}", failure.cause, failure.remedy),
        _ => "the worker has answered something else; load the page again".to_owned(),
    }
}

/// Looks for devices in a Web Worker of its own; the channel is closed without an answer if that ends.
pub(crate) fn find_devices(context: &Context) -> Receiver<Vec<BackendReport>> {
    let (sender, receiver) = channel();
    let context = context.clone();
    let link = Rc::new(Link::new(|_, _| {}));
    let ending = Rc::clone(&link);
    link.ask(
        &Request::Devices,
        Contents::new(),
        |_| {},
        move |said, _| {
            if let Said::Devices(reports) = said {
                // The page may be closing.
                let _ = sender.send(reports);
            }
            ending.end();
            drop(sender);
            context.request_repaint();
        },
    );
    receiver
}

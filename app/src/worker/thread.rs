//! The thread for models, seen from the window.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
};

use egui::Context;
use spanbert_backends::DeviceChoice;

use super::{LoadId, Reply, Slot, inference};
use crate::background;

/// What the thread is asked for.
pub(super) enum Request {
    Load { slot: Slot, load: LoadId, folder: PathBuf, choice: DeviceChoice, cancel: Arc<AtomicBool> },
    Unload { slot: Slot },
    Ask { slot: Slot, id: u64, passage: Arc<str>, question: String, cancel: Arc<AtomicBool> },
}

/// The thread, seen from the window.
pub struct Worker {
    context: Context,
    thread: Option<(Sender<Request>, Receiver<Reply>)>,
    /// What is under way, to give it up.
    cancels: HashMap<Slot, Vec<Arc<AtomicBool>>>,
    failures: Vec<Reply>,
    /// Checkpoints loaded so far.
    loads: u64,
}

impl Worker {
    /// Starts no thread yet.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            thread: None,
            cancels: HashMap::new(),
            failures: Vec::new(),
            loads: 0,
        }
    }

    /// Loads a checkpoint into a place; a model that was there is dropped first. Replies about it carry the number given.
    pub fn load(&mut self, slot: Slot, folder: PathBuf, choice: DeviceChoice) -> LoadId {
        self.cancel(slot);
        self.loads += 1;
        let load = LoadId(self.loads);
        let cancel = self.cancellable(slot);
        self.send(Request::Load { slot, load, folder, choice, cancel });
        load
    }

    /// Drops a model.
    pub fn unload(&mut self, slot: Slot) {
        self.cancel(slot);
        if self.thread.is_some() {
            self.send(Request::Unload { slot });
        }
    }

    /// Asks a model; its answer carries `id`.
    pub fn ask(&mut self, slot: Slot, id: u64, passage: Arc<str>, question: String) {
        let cancel = self.cancellable(slot);
        self.send(Request::Ask { slot, id, passage, question, cancel });
    }

    /// Gives up what a model is asked for, and its loading.
    pub fn cancel(&mut self, slot: Slot) {
        for cancel in self.cancels.remove(&slot).into_iter().flatten() {
            cancel.store(true, Ordering::Relaxed);
        }
    }

    /// Replies since the last call; never waits.
    pub fn poll(&mut self) -> Vec<Reply> {
        let mut replies = std::mem::take(&mut self.failures);
        if let Some((_, receiver)) = &self.thread {
            replies.extend(receiver.try_iter());
        }
        replies
    }

    fn cancellable(&mut self, slot: Slot) -> Arc<AtomicBool> {
        let cancels = self.cancels.entry(slot).or_default();
        // Those that only this list still holds are over.
        cancels.retain(|cancel| Arc::strong_count(cancel) > 1);
        let cancel = Arc::new(AtomicBool::new(false));
        cancels.push(cancel.clone());
        cancel
    }

    fn send(&mut self, request: Request) {
        let (sender, _) = match &mut self.thread {
            Some(thread) => thread,
            empty => match begin(&self.context) {
                Ok(thread) => empty.insert(thread),
                Err(error) => {
                    let message =
                        format!("the thread for models could not start: {error}; close other programs");
                    return self.failures.push(Reply::Gone { message });
                }
            },
        };
        if sender.send(request).is_err() {
            let message = "the thread for models has ended; start SpanBERT Studio again".to_owned();
            self.failures.push(Reply::Gone { message });
        }
    }
}

fn begin(context: &Context) -> std::io::Result<(Sender<Request>, Receiver<Reply>)> {
    let (sender, requests) = channel();
    let (replies, receiver) = channel();
    let context = context.clone();
    background::start("models", async move { inference::serve(&requests, &replies, &context) })?;
    Ok((sender, receiver))
}

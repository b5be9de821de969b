//! An evaluation in a Web Worker of its own.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    path::{Path, PathBuf},
    rc::Rc,
};

use egui::Context;
use spanbert_backends::DeviceChoice;
use spanbert_core::{advice::Advice, demo, message::Message, open::Notice};
use spanbert_web::message::{Failure, Reply, Request};

use super::{FOLDER, Heard};
use crate::{
    files::{self, Content},
    settings::Settings,
    widgets::checkpoint_name,
    worker::web::{Link, source},
};

/// Nothing is needed that a page has not.
pub(in super::super) struct Means;

/// Where an evaluation stays, as the form says it.
pub(super) const KEPT: &str = "until the page is closed";

/// What is to be done.
pub(super) struct Order<'a> {
    /// Path of the checkpoint.
    pub(super) model: &'a str,
    /// Path or name of the questions.
    pub(super) data: &'a str,
    pub(super) settings: &'a Settings,
}

/// The Web Worker.
pub(super) struct Job {
    link: Rc<Link>,
    heard: Hearing,
    folder: PathBuf,
}

/// What has been said and not been heard yet.
#[derive(Clone)]
struct Hearing {
    said: Rc<RefCell<VecDeque<Heard>>>,
    /// Whether all has been said.
    over: Rc<Cell<bool>>,
    context: Context,
}

thread_local! {
    /// How many evaluations there have been.
    static STARTED: Cell<u32> = const { Cell::new(0) };
}

impl Job {
    /// Starts it.
    ///
    /// # Errors
    /// If the device is none, or a built-in file cannot be made.
    pub(super) fn start(context: &Context, _: &Means, order: &Order<'_>) -> Result<Self, String> {
        let device: DeviceChoice = order
            .settings
            .backend
            .parse()
            .map_err(|error: spanbert_backends::BackendError| error.in_one_line())?;
        let data = PathBuf::from(order.data);
        let questions = match demo::built_in(order.data) {
            Some(made) => Content::Made(made.map_err(|error| error.to_string())?.into_bytes().into()).to_js(),
            None => files::content(&data).ok_or("the file is not there any more; choose it again")?.to_js(),
        };
        let number = STARTED.get() + 1;
        STARTED.set(number);
        let name = |path: &str| checkpoint_name(Path::new(path));
        let name = format!("{number} · {} on {}", name(order.model), name(order.data));
        let folder = Path::new(FOLDER).join(name);
        let heard = Hearing { said: Rc::default(), over: Rc::default(), context: context.clone() };
        let lost = heard.clone();
        let link = Rc::new(Link::new(move |cause, remedy| {
            lost.failed(Reply::Failed(Failure { cause, remedy, device_failed: false }));
        }));
        let (model, contents) = source(Path::new(order.model));
        let open = Request::Open { model, device, lower_case: None };
        let evaluate = Request::Evaluate { file: order.data.to_owned(), threshold: None };
        let (hearing, then, to) = (heard.clone(), heard.clone(), folder.clone());
        let worker = Rc::clone(&link);
        link.ask(
            &open,
            contents,
            move |said| hearing.hear(said),
            move |said, _| match said {
                Reply::Opened(_) => {
                    let (hearing, end) = (then.clone(), then);
                    worker.ask(
                        &evaluate,
                        vec![questions],
                        move |said| hearing.hear(said),
                        move |said, contents| {
                            end.evaluated(said, contents, &to);
                        },
                    );
                }
                other => then.failed(other),
            },
        );
        Ok(Self { link, heard, folder })
    }

    /// Where the evaluation is, once it has ended well.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has said since the last call, or that it has ended.
    pub(super) fn hear(&mut self) -> Heard {
        self.heard.said.borrow_mut().pop_front().unwrap_or(Heard::Nothing)
    }

    /// Ends it.
    pub(super) fn cancel(&mut self) {
        self.link.end();
    }
}

impl Drop for Job {
    /// The worker's memory is free again.
    fn drop(&mut self) {
        self.link.end();
    }
}

impl Hearing {
    fn say(&self, heard: Heard) {
        self.said.borrow_mut().push_back(heard);
        self.context.request_repaint();
    }

    fn hear(&self, reply: Reply) {
        let message = match reply {
            Reply::Progress { done, total } => Message::Progress { work: "answering".into(), done, total },
            Reply::Notice(Notice::Note(text)) => Message::Note { text },
            Reply::Notice(Notice::Warning(text)) => Message::Warning { text },
            _ => return,
        };
        self.say(Heard::Said(message));
    }

    fn evaluated(&self, reply: Reply, contents: Vec<Vec<u8>>, folder: &Path) {
        match reply {
            Reply::Evaluated(evaluated) => {
                for (name, content) in evaluated.files.iter().zip(contents) {
                    files::keep(folder.join(name), Content::Made(content.into()));
                }
                self.say(Heard::Ended(true));
            }
            other => self.failed(other),
        }
    }

    fn failed(&self, reply: Reply) {
        if self.over.replace(true) {
            return;
        }
        if let Reply::Failed(failure) = reply {
            self.say(Heard::Said(Message::Error { cause: failure.cause, remedy: failure.remedy }));
        }
        self.say(Heard::Ended(false));
    }
}

/// The evaluations of this page, newest first.
pub(in super::super) fn stored(_: &Path) -> Vec<PathBuf> {
    let mut folders = files::folders(Path::new(FOLDER));
    let number = |folder: &PathBuf| {
        let name = folder.file_name()?.to_str()?;
        name.split(' ').next()?.parse::<u32>().ok()
    };
    folders.sort_by_key(|folder| std::cmp::Reverse(number(folder)));
    folders
}

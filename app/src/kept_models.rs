//! The library of a browser, which has no runs: the models that it keeps for this page, and those that are fetched from an address.
//!
//! Nothing is kept or fetched unless the user says so.

use std::{
    cell::{Cell, RefCell},
    path::{Path, PathBuf},
    rc::Rc,
};

use egui::Context;
use js_sys::{Array, Function, JSON, Promise};
use serde::Deserialize;
use spanbert_core::run::BestScore;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::{
    files,
    toasts::Toast,
    widgets::{bytes, checkpoint_name},
};

#[wasm_bindgen]
extern "C" {
    /// Keeps files under a name, all or none.
    #[wasm_bindgen(js_namespace = studio)]
    fn keep(name: &str, files: &Array, contents: &Array) -> Promise;

    /// A promise of `[{name, bytes}]`.
    #[wasm_bindgen(js_namespace = studio)]
    fn kept() -> Promise;

    /// A promise of what [`files::hand_over`] takes.
    #[wasm_bindgen(js_namespace = studio)]
    fn open_kept(name: &str) -> Promise;

    #[wasm_bindgen(js_namespace = studio)]
    fn forget(name: &str) -> Promise;

    /// Fetches the files of a checkpoint. `at` is told the file and its bytes, done and in all, 0 being unknown. A promise of what
    /// [`files::hand_over`] takes.
    #[wasm_bindgen(js_namespace = studio)]
    fn fetch_checkpoint(address: &str, at: &Function) -> Promise;

    #[wasm_bindgen(js_namespace = studio)]
    fn cancel_fetch();
}

/// A model that the browser keeps.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Kept {
    /// What it is called.
    pub name: String,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A file that is being fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetching {
    /// Its name.
    pub file: String,
    /// Bytes that have come.
    pub done: u64,
    /// All of them; 0 while that is unknown.
    pub total: u64,
}

/// What has come of something the user asked for.
pub enum News {
    /// A model is at hand, in a folder of this path.
    Opened(PathBuf),
    /// To be said.
    Said(Toast),
}

/// The models that the browser keeps, and the one that is fetched.
#[derive(Clone)]
pub struct Library {
    context: Context,
    kept: Rc<RefCell<Vec<Kept>>>,
    fetching: Rc<RefCell<Option<Fetching>>>,
    /// Whether something is being written.
    keeping: Rc<Cell<bool>>,
    news: Rc<RefCell<Vec<News>>>,
}

impl Library {
    /// Looks for models that are kept.
    #[must_use]
    pub fn start(context: &Context) -> Self {
        let library = Self {
            context: context.clone(),
            kept: Rc::default(),
            fetching: Rc::default(),
            keeping: Rc::default(),
            news: Rc::default(),
        };
        library.look();
        library
    }

    /// There are no runs.
    pub fn evaluated_runs(&self) -> impl Iterator<Item = &Path> {
        std::iter::empty()
    }

    /// There are no runs.
    pub fn checkpoints(&self) -> impl Iterator<Item = (PathBuf, &BestScore)> {
        std::iter::empty()
    }

    /// The models that are kept.
    #[must_use]
    pub fn kept(&self) -> Vec<Kept> {
        self.kept.borrow().clone()
    }

    /// What is being fetched.
    #[must_use]
    pub fn fetching(&self) -> Option<Fetching> {
        self.fetching.borrow().clone()
    }

    /// Whether a model is being written to the storage.
    #[must_use]
    pub fn is_keeping(&self) -> bool {
        self.keeping.get()
    }

    /// What has come of it since the last call.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        self.news.take()
    }

    /// Keeps the files of a checkpoint.
    pub fn keep(&self, folder: &Path) {
        let (names, contents): (Array, Array) = files::within(folder)
            .into_iter()
            .map(|(name, content)| (JsValue::from(name), content.to_js()))
            .unzip();
        let name = checkpoint_name(folder);
        let promise = keep(&name, &names, &contents);
        self.keeping.set(true);
        self.then(promise, move |library, outcome| {
            library.keeping.set(false);
            library.look();
            library.say(match outcome {
                Ok(_) => Toast::done(format!("{name} is kept in this browser")),
                Err(cause) => Toast::error(format!(
                    "{name} is not kept: {cause}; make room in the settings, or use a window that is not private"
                )),
            });
        });
    }

    /// Deletes a model that is kept.
    pub fn forget(&self, kept: &Kept) {
        let (name, size) = (kept.name.clone(), bytes(kept.bytes));
        self.then(forget(&kept.name), move |library, outcome| {
            library.look();
            library.say(match outcome {
                Ok(_) => Toast::done(format!("{name} is deleted; {size} are free again")),
                Err(cause) => Toast::error(format!("{name} was not deleted: {cause}; load the page again")),
            });
        });
    }

    /// Opens a model that is kept.
    pub fn open(&self, name: &str) {
        self.open_from(open_kept(name), name.to_owned());
    }

    /// Fetches a checkpoint from the address of its folder, or from the hub by its name there.
    pub fn fetch(&self, address: &str) {
        self.fetching.replace(Some(Fetching::default()));
        let (fetching, context) = (Rc::clone(&self.fetching), self.context.clone());
        let at = Closure::<dyn FnMut(String, f64, f64)>::new(move |file, done, total| {
            fetching.replace(Some(Fetching { file, done: done as u64, total: total as u64 }));
            context.request_repaint();
        });
        let promise = fetch_checkpoint(address, at.as_ref().unchecked_ref());
        let address = address.to_owned();
        self.then(promise, move |library, outcome| {
            drop(at);
            library.fetching.take();
            library.opened(outcome, &address);
        });
    }

    /// Gives up what is being fetched.
    pub fn cancel(&self) {
        cancel_fetch();
    }

    fn open_from(&self, promise: Promise, name: String) {
        self.then(promise, move |library, outcome| library.opened(outcome, &name));
    }

    fn opened(&self, outcome: Result<JsValue, String>, name: &str) {
        match outcome {
            Ok(found) => {
                let roots = found.dyn_into().map(|found: Array| files::hand_over(&found, false));
                self.news.borrow_mut().extend(roots.unwrap_or_default().into_iter().map(News::Opened));
            }
            // Given up, as asked.
            Err(cause) if cause.is_empty() => {}
            Err(cause) => self.say(Toast::error(format!("{name} was not opened: {cause}"))),
        }
    }

    fn look(&self) {
        self.then(kept(), |library, outcome| {
            let list = outcome.ok().and_then(|list| JSON::stringify(&list).ok());
            let list = list.and_then(|text| serde_json::from_str(&String::from(text)).ok());
            library.kept.replace(list.unwrap_or_default());
        });
    }

    fn say(&self, toast: Toast) {
        self.news.borrow_mut().push(News::Said(toast));
    }

    fn then(&self, promise: Promise, work: impl FnOnce(&Self, Result<JsValue, String>) + 'static) {
        let library = self.clone();
        spawn_local(async move {
            let told = |error: JsValue| {
                let text = js_sys::Reflect::get(&error, &"message".into()).ok();
                text.and_then(|text| text.as_string())
                    .unwrap_or_else(|| "the browser does not say why".into())
            };
            work(&library, JsFuture::from(promise).await.map_err(told));
            library.context.request_repaint();
        });
    }
}

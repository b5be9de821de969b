//! The library of a browser, which has no runs: the models that it keeps for this page, and those that are fetched from an address.
//!
//! Nothing is kept or fetched unless the user says so.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
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
    files::{self, Trouble},
    toasts::Toast,
    widgets::{bytes, short_path, shortened},
};

#[wasm_bindgen]
extern "C" {
    /// Keeps files under a name, all or none. A model of that name is replaced if so asked, else the promise is broken.
    #[wasm_bindgen(js_namespace = studio)]
    fn keep(name: &str, files: &Array, contents: &Array, replace: bool) -> Promise;

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
    /// Folders whose files are those of a model that is kept: which handing over they came with, and the model's name.
    same: Rc<RefCell<HashMap<PathBuf, (u64, String)>>>,
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
            same: Rc::default(),
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

    /// Whether something would be lost with the page: what is being fetched, or kept.
    #[must_use]
    pub fn is_at_stake(&self) -> bool {
        self.is_keeping() || self.fetching.borrow().is_some()
    }

    /// What has come of it since the last call.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        self.news.take()
    }

    /// Whether the very files of a folder are kept: another checkpoint may have its name.
    #[must_use]
    pub fn keeps(&self, folder: &Path) -> bool {
        let same = self.same.borrow();
        let name = same.get(folder).filter(|(handing, _)| *handing == files::handing(folder));
        name.is_some_and(|(_, name)| self.has(name))
    }

    /// Whether a model of a name is kept.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.kept.borrow().iter().any(|kept| kept.name == name)
    }

    /// A name under which nothing is kept: "mine (2)" beside "mine".
    #[must_use]
    pub fn free_name(&self, name: &str) -> String {
        let mut numbered = (2..).map(|number| format!("{name} ({number})"));
        numbered.find(|name| !self.has(name)).unwrap_or_default()
    }

    /// Keeps the files of a checkpoint under a name, in place of those of that name only if so asked.
    pub fn keep(&self, folder: &Path, name: &str, replace: bool) {
        let (names, contents): (Array, Array) = files::within(folder)
            .into_iter()
            .map(|(name, content)| (JsValue::from(name), content.to_js()))
            .unzip();
        let promise = keep(name, &names, &contents, replace);
        self.keeping.set(true);
        let (name, place, handing) = (name.to_owned(), folder.to_owned(), files::handing(folder));
        self.then(promise, move |library, outcome| {
            library.keeping.set(false);
            library.look();
            let shown = shortened(&name);
            library.say(match outcome {
                Ok(_) => {
                    let mut same = library.same.borrow_mut();
                    same.retain(|_, (_, known)| *known != name);
                    same.insert(place, (handing, name));
                    Toast::done(format!("{shown} is kept in this browser"))
                }
                Err(trouble) => Toast::error(format!("{shown} is not kept: {trouble}")),
            });
        });
    }

    /// Deletes a model that is kept.
    pub fn forget(&self, kept: &Kept) {
        let (name, size) = (shortened(&kept.name), bytes(kept.bytes));
        self.then(forget(&kept.name), move |library, outcome| {
            library.look();
            library.say(match outcome {
                Ok(_) => Toast::done(format!("{name} is deleted; {size} are free again")),
                Err(trouble) if trouble.is_gone() => Toast::info(format!("{name} was deleted before")),
                Err(trouble) => Toast::error(format!("{name} was not deleted: {trouble}")),
            });
        });
    }

    /// Opens a model that is kept.
    pub fn open(&self, name: &str) {
        let name = name.to_owned();
        self.then(open_kept(&name), move |library, outcome| {
            if outcome.is_err() {
                // The list is not what is kept any more.
                library.look();
            }
            for folder in library.opened(outcome, &shortened(&name)) {
                let kept = (files::handing(&folder), name.clone());
                library.same.borrow_mut().insert(folder, kept);
            }
        });
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
        // Its end tells more than its beginning.
        let address = short_path(Path::new(address), 60);
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

    /// Hands on what was opened, or says why it was not. Gives the folders.
    fn opened(&self, outcome: Result<JsValue, Trouble>, name: &str) -> Vec<PathBuf> {
        match outcome {
            Ok(found) => {
                let roots = found.dyn_into().map(|found: Array| files::hand_over(&found, false));
                let roots = roots.unwrap_or_default();
                self.news.borrow_mut().extend(roots.iter().cloned().map(News::Opened));
                roots
            }
            Err(trouble) => {
                if !trouble.is_given_up() {
                    self.say(Toast::error(format!("{name} was not opened: {trouble}")));
                }
                Vec::new()
            }
        }
    }

    /// Reads anew what is kept.
    pub fn look(&self) {
        self.then(kept(), |library, outcome| {
            let list = outcome.ok().and_then(|list| JSON::stringify(&list).ok());
            let list = list.and_then(|text| serde_json::from_str(&String::from(text)).ok());
            library.kept.replace(list.unwrap_or_default());
        });
    }

    fn say(&self, toast: Toast) {
        self.news.borrow_mut().push(News::Said(toast));
    }

    fn then(&self, promise: Promise, work: impl FnOnce(&Self, Result<JsValue, Trouble>) + 'static) {
        let library = self.clone();
        spawn_local(async move {
            work(&library, JsFuture::from(promise).await.map_err(Trouble::from));
            library.context.request_repaint();
        });
    }
}

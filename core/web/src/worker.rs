//! The worker: takes in what the page sends, does one thing after the other, and lets the page in between two batches.

use std::{
    cell::RefCell,
    collections::{HashSet, VecDeque},
    panic,
    pin::Pin,
    rc::Rc,
};

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use spanbert_backends::fault;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::{
    Page, Session,
    message::{Failure, FromWorker, Reply, Request, ToWorker},
    session::Contents,
};

#[wasm_bindgen]
extern "C" {
    /// The worker's own.
    #[wasm_bindgen(js_name = postMessage)]
    fn post_message(message: &JsValue, transfer: &Array);
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::new(Worker::default());
}

/// What is to be done.
#[derive(Default)]
struct Worker {
    waiting: VecDeque<(u32, Request, Contents)>,
    /// Requests that are given up.
    cancelled: HashSet<u32>,
    /// Whether something is being done.
    busy: bool,
    session: Option<Session>,
    pause: Option<Function>,
}

/// Begins to work. `pause` gives a promise that is kept once the messages that wait have been taken in.
#[wasm_bindgen]
pub fn start(pause: Function) {
    fault::install();
    let earlier = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        say(None, Reply::Panicked { message: panic.to_string() }, Vec::new());
        earlier(panic);
    }));
    WORKER.with_borrow_mut(|worker| {
        worker.session = Some(Session::default());
        worker.pause = Some(pause);
    });
    say(None, Reply::Ready, Vec::new());
}

/// Takes in a message of the page: JSON of a [`ToWorker`], and the contents of files.
#[wasm_bindgen]
pub fn take(message: &str, contents: Vec<Uint8Array>) {
    let message = match serde_json::from_str(message) {
        Ok(message) => message,
        Err(error) => {
            let failure = Failure {
                cause: format!("the worker does not understand the page: {error}"),
                remedy: "load the page again".into(),
                device_failed: false,
            };
            return say(None, Reply::Failed(failure), Vec::new());
        }
    };
    let begins = WORKER.with_borrow_mut(|worker| {
        match message {
            ToWorker::Cancel { id } => {
                worker.cancelled.insert(id);
            }
            ToWorker::Do { id, request } => {
                let contents = contents.iter().map(Uint8Array::to_vec).collect();
                worker.waiting.push_back((id, request, contents));
            }
        }
        !std::mem::replace(&mut worker.busy, true)
    });
    if begins {
        spawn_local(work());
    }
}

/// Ends the worker as a defect would: for tests of what the page does then.
#[wasm_bindgen]
pub fn break_down() {
    panic!("the worker was asked to break down");
}

/// Does what waits, one after the other.
async fn work() {
    while let Some((id, request, contents)) = WORKER.with_borrow_mut(|worker| {
        let next = worker.waiting.pop_front();
        worker.busy = next.is_some();
        next
    }) {
        if take_cancelled(id) {
            say(Some(id), Reply::Cancelled, Vec::new());
            continue;
        }
        let mut session = WORKER.with_borrow_mut(|worker| worker.session.take()).unwrap_or_default();
        let page: Rc<dyn Page> = Rc::new(Asker { id });
        let (reply, contents) = session.handle(request, contents, &page).await;
        WORKER.with_borrow_mut(|worker| worker.session = Some(session));
        take_cancelled(id);
        say(Some(id), reply, contents);
    }
    // What was given up and never came, or was done before.
    WORKER.with_borrow_mut(|worker| worker.cancelled.clear());
}

fn take_cancelled(id: u32) -> bool {
    WORKER.with_borrow_mut(|worker| worker.cancelled.remove(&id))
}

/// Whoever made a request.
struct Asker {
    id: u32,
}

impl Page for Asker {
    fn say(&self, reply: Reply) {
        say(Some(self.id), reply, Vec::new());
    }

    fn pause(&self) -> Pin<Box<dyn Future<Output = bool>>> {
        let id = self.id;
        let pause = WORKER.with_borrow(|worker| worker.pause.clone());
        Box::pin(async move {
            let promise = pause.and_then(|pause| pause.call0(&JsValue::NULL).ok());
            if let Some(promise) = promise.and_then(|promise| promise.dyn_into::<Promise>().ok()) {
                // It is kept in any case.
                let _ = JsFuture::from(promise).await;
            }
            !WORKER.with_borrow(|worker| worker.cancelled.contains(&id))
        })
    }
}

/// Tells the page: an object of JSON and the contents of files, which are handed over, not copied.
fn say(id: Option<u32>, reply: Reply, contents: Contents) {
    let Ok(text) = serde_json::to_string(&FromWorker { id, reply }) else { return };
    let (arrays, buffers) = (Array::new(), Array::new());
    for content in contents {
        let array = Uint8Array::from(content.as_slice());
        buffers.push(&array.buffer());
        arrays.push(&array);
    }
    let message = Object::new();
    for (key, value) in [("json", JsValue::from(text)), ("contents", arrays.into())] {
        // A plain object takes every property.
        let _ = Reflect::set(&message, &key.into(), &value);
    }
    post_message(&message, &buffers);
}

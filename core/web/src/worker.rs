//! The worker: takes in what the page sends, does one thing after the other, and lets the page in between two batches.

use std::{
    cell::RefCell,
    collections::{HashSet, VecDeque},
    panic,
    pin::Pin,
    rc::Rc,
    time::Duration,
};

use js_sys::{Array, Date, Function, Object, Promise, Reflect, Uint8Array};
use spanbert_backends::fault;
use spanbert_core::train::Requests;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::{
    Page, Session,
    message::{Failure, FromWorker, MOST_BYTES, Reply, Request, ToWorker},
    session::Contents,
};

#[wasm_bindgen]
extern "C" {
    /// The worker's own.
    #[wasm_bindgen(js_name = postMessage)]
    fn post_message(message: &JsValue, transfer: &Array);

    /// Milliseconds since the worker began.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::new(Worker::default());
}

/// What is to be done.
struct Task {
    id: u32,
    request: Request,
    contents: Contents,
    /// What is asked of it while it goes on.
    steering: Requests,
}

/// All that is to be done, and with what.
#[derive(Default)]
struct Worker {
    waiting: VecDeque<Task>,
    /// What is being done, and what is asked of it.
    current: Option<(u32, Requests)>,
    /// Requests that are given up.
    cancelled: HashSet<u32>,
    /// Whether something is being done.
    busy: bool,
    session: Option<Session>,
    pause: Option<Function>,
}

/// Begins to work. `pause` takes milliseconds and gives a promise that is kept after them, once the messages that wait have been
/// taken in.
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

/// Bytes of files that a request may carry: of more, the contents need not be read.
#[wasm_bindgen]
pub fn most_bytes() -> f64 {
    MOST_BYTES as f64
}

/// Takes in a message of the page: JSON of a [`ToWorker`], and the contents of files, which have so many bytes; those of more than
/// [`most_bytes`] are not looked at.
#[wasm_bindgen]
pub fn take(message: &str, contents: Vec<Uint8Array>, bytes: f64) {
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
            ToWorker::Steer { id, request } => {
                let waiting = worker.waiting.iter().map(|task| (&task.id, &task.steering));
                let mut asked = worker.current.iter().map(|(id, steering)| (id, steering)).chain(waiting);
                if let Some((_, steering)) = asked.find(|(asked, _)| **asked == id) {
                    steering.push(request);
                }
            }
            ToWorker::Do { id, request } => {
                if bytes > most_bytes() {
                    say(Some(id), Reply::Failed(too_large(bytes)), Vec::new());
                } else {
                    let contents = contents.iter().map(Uint8Array::to_vec).collect();
                    worker.waiting.push_back(Task { id, request, contents, steering: Requests::default() });
                }
            }
        }
        !std::mem::replace(&mut worker.busy, true)
    });
    if begins {
        spawn_local(work());
    }
}

fn too_large(bytes: f64) -> Failure {
    let (found, most) = (bytes / 1e6, most_bytes() / 1e6);
    Failure {
        cause: format!(
            "the files have {found:.0} MB, and a browser's memory takes models of {most:.0} MB at most"
        ),
        remedy:
            "use SpanBERT Studio for the desktop, or a smaller model, such as one exported in half precision"
                .into(),
        device_failed: false,
    }
}

/// Ends the worker as a defect would: for tests of what the page does then.
#[wasm_bindgen]
pub fn break_down() {
    panic!("the worker was asked to break down");
}

/// Does what waits, one after the other.
async fn work() {
    while let Some(Task { id, request, contents, steering }) = WORKER.with_borrow_mut(|worker| {
        let next = worker.waiting.pop_front();
        worker.busy = next.is_some();
        worker.current = next.as_ref().map(|task| (task.id, task.steering.clone()));
        next
    }) {
        if take_cancelled(id) {
            say(Some(id), Reply::Cancelled, Vec::new());
            continue;
        }
        let mut session = WORKER.with_borrow_mut(|worker| worker.session.take()).unwrap_or_default();
        let page: Rc<dyn Page> = Rc::new(Asker { id, steering });
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
    steering: Requests,
}

impl Page for Asker {
    fn say(&self, reply: Reply) {
        say(Some(self.id), reply, Vec::new());
    }

    fn clock(&self) -> Duration {
        Duration::from_secs_f64((performance_now() / 1e3).max(0.0))
    }

    fn now(&self) -> String {
        Date::new_0().to_iso_string().into()
    }

    fn requests(&self) -> Requests {
        self.steering.clone()
    }

    fn pause(&self, time: Duration) -> Pin<Box<dyn Future<Output = bool>>> {
        let id = self.id;
        let pause = WORKER.with_borrow(|worker| worker.pause.clone());
        Box::pin(async move {
            let millis = JsValue::from_f64(time.as_secs_f64() * 1e3);
            let promise = pause.and_then(|pause| pause.call1(&JsValue::NULL, &millis).ok());
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

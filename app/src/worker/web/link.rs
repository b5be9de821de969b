//! One Web Worker and the requests to it.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Function, JSON, Promise, Reflect, Uint8Array};
use spanbert_web::message::{Failure, Reply, Request};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Contents of files for a worker: bytes, or files of the browser, which it reads by itself.
pub(crate) type Contents = Vec<JsValue>;

#[wasm_bindgen]
extern "C" {
    /// `spanbert.js` of core/web.
    type Spanbert;

    /// One that has been started already, or another one.
    #[wasm_bindgen(static_method_of = Spanbert)]
    fn take() -> Spanbert;

    /// Gives `{id, done}`, `done` being a promise of `{reply, contents}`.
    #[wasm_bindgen(method)]
    fn ask(this: &Spanbert, request: &JsValue, contents: &Array, hear: &Function) -> JsValue;

    #[wasm_bindgen(method)]
    fn cancel(this: &Spanbert, id: u32);

    /// Asks something of a training that goes on.
    #[wasm_bindgen(method)]
    fn steer(this: &Spanbert, id: u32, request: &str);

    /// Ends the worker for good.
    #[wasm_bindgen(method)]
    fn end(this: &Spanbert);

    /// What hears of a worker that has ended by itself.
    #[wasm_bindgen(method, setter)]
    fn set_lost(this: &Spanbert, lost: &Function);
}

/// A Web Worker; one that ends is replaced.
pub(crate) struct Link {
    worker: Spanbert,
    /// What is not answered yet.
    asked: Rc<RefCell<Vec<u32>>>,
    _lost: Closure<dyn FnMut(String, String)>,
}

impl Link {
    /// Starts a worker. `lost` is told why it has ended, if it does so by itself, and what to do; another one, without a
    /// model, is there then.
    pub(crate) fn new(lost: impl FnMut(String, String) + 'static) -> Self {
        let worker = Spanbert::take();
        let lost = Closure::<dyn FnMut(String, String)>::new(lost);
        worker.set_lost(lost.as_ref().unchecked_ref());
        Self { worker, asked: Rc::default(), _lost: lost }
    }

    /// Has the worker do something. `hear` is told what comes before the last reply, `done` the last one, with the files that
    /// it names. Gives the request's number.
    pub(crate) fn ask(
        &self,
        request: &Request,
        contents: Contents,
        mut hear: impl FnMut(Reply) + 'static,
        done: impl FnOnce(Reply, Vec<Vec<u8>>) + 'static,
    ) -> u32 {
        let request = serde_json::to_string(request).ok().and_then(|text| JSON::parse(&text).ok());
        let hear = Closure::<dyn FnMut(JsValue)>::new(move |said: JsValue| {
            if let Some(reply) = parse(&said) {
                hear(reply);
            }
        });
        let contents: Array = contents.into_iter().collect();
        let asked = self.worker.ask(&request.unwrap_or_default(), &contents, hear.as_ref().unchecked_ref());
        let id = get(&asked, "id").as_f64().unwrap_or_default() as u32;
        let Ok(answer) = get(&asked, "done").dyn_into::<Promise>() else { return id };
        let open = Rc::clone(&self.asked);
        open.borrow_mut().push(id);
        spawn_local(async move {
            // The promise is kept in any case, also when the worker ends.
            let answer = JsFuture::from(answer).await.unwrap_or_default();
            open.borrow_mut().retain(|asked| *asked != id);
            let files = get(&answer, "contents").dyn_into::<Array>().unwrap_or_default();
            let files = files.iter().map(|file| Uint8Array::new(&file).to_vec()).collect();
            done(parse(&get(&answer, "reply")).unwrap_or_else(not_understood), files);
            drop(hear);
        });
        id
    }

    /// Asks something of the training that a request has begun.
    pub(crate) fn steer(&self, id: u32, request: spanbert_core::run::Request) {
        self.worker.steer(id, request.word());
    }

    /// Gives up everything that was asked.
    pub(crate) fn cancel(&self) {
        self.asked.borrow().iter().for_each(|id| self.worker.cancel(*id));
    }

    /// Ends the worker; what was asked is answered with [`Reply::Cancelled`].
    pub(crate) fn end(&self) {
        self.worker.end();
    }
}

impl Drop for Link {
    /// Nobody would hear of it any more.
    fn drop(&mut self) {
        self.worker.end();
    }
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or_default()
}

fn parse(reply: &JsValue) -> Option<Reply> {
    let text = JSON::stringify(reply).ok()?.as_string()?;
    serde_json::from_str(&text).ok()
}

fn not_understood() -> Reply {
    Reply::Failed(Failure {
        cause: "the page does not understand its worker".into(),
        remedy: "load the page again".into(),
        device_failed: false,
    })
}

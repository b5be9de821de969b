//! The app as a page of a browser: how it is opened, and what the page's script hands to it.

mod shown;

use std::cell::RefCell;

use eframe::{WebOptions, WebRunner, web_sys::HtmlCanvasElement};
use egui::Context;
use js_sys::Array;
// The worker's functions are exported by the same module.
use spanbert_web as _;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::{StudioApp, dropped, files};

thread_local! {
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// Opens the app on a canvas.
///
/// # Errors
/// If the browser can draw by neither version of WebGL.
#[wasm_bindgen]
pub async fn open(canvas: HtmlCanvasElement) -> Result<(), JsValue> {
    let runner = WebRunner::new();
    let start = |creation: &eframe::CreationContext<'_>| {
        let context = &creation.egui_ctx;
        CONTEXT.set(Some(context.clone()));
        Ok(Box::new(StudioApp::new(context)) as Box<dyn eframe::App>)
    };
    runner.start(canvas, WebOptions::default(), Box::new(start)).await
}

/// Takes in what the user has dropped on the page: `[{path, file}]`, as [`files::hand_over`] takes it.
#[wasm_bindgen]
pub fn take_dropped(files: &Array) {
    dropped::put(files::hand_over(files, false));
    repaint();
}

/// Says what has gone wrong with what the user has dropped.
#[wasm_bindgen]
pub fn report(trouble: String) {
    dropped::report(trouble);
    repaint();
}

/// Takes in that another tab has kept or deleted a model.
#[wasm_bindgen]
pub fn kept_elsewhere() {
    dropped::kept_elsewhere();
    repaint();
}

/// Whether something would be lost with the page that somebody has waited for.
#[wasm_bindgen]
pub fn at_stake() -> bool {
    dropped::is_at_stake()
}

/// What is on the page, for tests and for whoever drives it by labels: `[{role, label, value, disabled, x, y, width, height}]` in CSS
/// pixels, and `toggled` where something can be. It is gathered from the first call on, so that one gives nothing.
#[wasm_bindgen]
pub fn shown() -> String {
    if let Some(context) = CONTEXT.with_borrow(Clone::clone) {
        shown::gather(&context);
        repaint();
    }
    shown::latest()
}

fn repaint() {
    CONTEXT.with_borrow(|context| context.iter().for_each(Context::request_repaint));
}

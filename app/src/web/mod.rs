//! The app as a page of a browser: how it is opened, and what the page's script hands to it.

mod shown;

use std::{cell::RefCell, path::PathBuf};

use eframe::{WebOptions, WebRunner, web_sys::HtmlCanvasElement};
use egui::Context;
use js_sys::Array;
// The worker's functions are exported by the same module.
use spanbert_web as _;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::{StudioApp, files};

thread_local! {
    /// What was dropped since the last frame.
    static DROPPED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    static TROUBLES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
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
    let paths = files::hand_over(files, false);
    DROPPED.with_borrow_mut(|dropped| dropped.extend(paths));
    repaint();
}

/// Says what has gone wrong with what the user has dropped.
#[wasm_bindgen]
pub fn report(trouble: String) {
    TROUBLES.with_borrow_mut(|troubles| troubles.push(trouble));
    repaint();
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

/// What was dropped since the last call.
pub(crate) fn dropped() -> Vec<PathBuf> {
    DROPPED.take()
}

/// What has gone wrong since the last call.
pub(crate) fn troubles() -> Vec<String> {
    TROUBLES.take()
}

fn repaint() {
    CONTEXT.with_borrow(|context| context.iter().for_each(Context::request_repaint));
}

//! The browser's dialog, which hands files over without a path.

use std::{path::PathBuf, sync::mpsc::Receiver};

use egui::Context;
use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::Purpose;
use crate::{background, files};

#[wasm_bindgen]
extern "C" {
    /// Has the user choose files of these endings. Gives a promise of what [`files::hand_over`] takes.
    #[wasm_bindgen(js_namespace = studio)]
    fn choose_files(endings: &str, several: bool) -> Promise;
}

/// Opens a dialog. Gives where what is chosen arrives. Instead of a folder its files are chosen.
pub(super) fn choose(
    context: &Context,
    purpose: Purpose,
    _: Option<PathBuf>,
) -> Option<Receiver<Vec<PathBuf>>> {
    let (endings, folder) = match purpose.files() {
        Some((_, endings)) => {
            (endings.iter().map(|ending| format!(".{ending}")).collect::<Vec<_>>().join(","), false)
        }
        None => (String::new(), true),
    };
    // At once, as browsers open dialogs only in answer to a click.
    let chosen = choose_files(&endings, folder || purpose.takes_several());
    let work = async move {
        let chosen = JsFuture::from(chosen).await.ok().and_then(|chosen| chosen.dyn_into::<Array>().ok());
        chosen.map_or_else(Vec::new, |chosen| files::hand_over(&chosen, folder))
    };
    background::find_async(context, "dialog", work).ok()
}

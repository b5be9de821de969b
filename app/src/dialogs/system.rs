//! The system's dialogs.

use std::{path::PathBuf, sync::mpsc::Receiver};

use egui::Context;

use super::Purpose;
use crate::background;

/// Opens a dialog. Gives where what is chosen arrives, unless the system has no more threads.
pub(super) fn choose(
    context: &Context,
    purpose: Purpose,
    start: Option<PathBuf>,
) -> Option<Receiver<Vec<PathBuf>>> {
    let mut dialog = rfd::AsyncFileDialog::new().set_title(purpose.title());
    if let Some(start) = start.filter(|start| start.is_dir()) {
        dialog = dialog.set_directory(start);
    }
    // The future is made here, on the window's thread, where macOS wants it; only the waiting is elsewhere.
    let started = if let Some((name, extensions)) = purpose.files() {
        let dialog = dialog.add_filter(name, extensions).add_filter("All files", &["*"]);
        if purpose.takes_several() {
            let chosen = dialog.pick_files();
            background::find_async(context, "dialog", async { paths(chosen.await.unwrap_or_default()) })
        } else {
            let chosen = dialog.pick_file();
            background::find_async(context, "dialog", async { paths(chosen.await.into_iter().collect()) })
        }
    } else {
        let chosen = dialog.pick_folder();
        background::find_async(context, "dialog", async { paths(chosen.await.into_iter().collect()) })
    };
    started.ok()
}

fn paths(handles: Vec<rfd::FileHandle>) -> Vec<PathBuf> {
    handles.iter().map(|handle| handle.path().to_owned()).collect()
}

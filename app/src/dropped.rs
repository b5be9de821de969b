//! What the page's script has handed over since the last frame.

use std::{cell::RefCell, path::PathBuf};

thread_local! {
    static PATHS: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    static TROUBLES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what was dropped for the next frame.
pub(crate) fn put(paths: Vec<PathBuf>) {
    PATHS.with_borrow_mut(|known| known.extend(paths));
}

/// Keeps what has gone wrong with it.
pub(crate) fn report(trouble: String) {
    TROUBLES.with_borrow_mut(|troubles| troubles.push(trouble));
}

/// What was dropped since the last call.
pub(crate) fn paths() -> Vec<PathBuf> {
    PATHS.take()
}

/// What has gone wrong since the last call.
pub(crate) fn troubles() -> Vec<String> {
    TROUBLES.take()
}

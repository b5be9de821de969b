//! What the page's script has handed over or told since the last frame, and what it may ask.

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
};

thread_local! {
    static PATHS: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    static TROUBLES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static KEPT_ELSEWHERE: Cell<bool> = const { Cell::new(false) };
    static AT_STAKE: Cell<bool> = const { Cell::new(false) };
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

/// Keeps that another tab has kept or deleted a model.
pub(crate) fn kept_elsewhere() {
    KEPT_ELSEWHERE.set(true);
}

/// Whether another tab has kept or deleted a model since the last call.
pub(crate) fn was_kept_elsewhere() -> bool {
    KEPT_ELSEWHERE.take()
}

/// Keeps whether something would be lost with the page, for when somebody is about to leave it.
pub(crate) fn put_at_stake(at_stake: bool) {
    AT_STAKE.set(at_stake);
}

/// Whether something would be lost, as of the last frame.
pub(crate) fn is_at_stake() -> bool {
    AT_STAKE.get()
}

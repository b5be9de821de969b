//! What pages share: how they are drawn, what they may look at and what they may ask for.

use std::path::PathBuf;

use egui::Ui;

use crate::{
    action::Action, command::Command, dialogs::Purpose, library::Library, probe::Probe, settings::Settings,
};

/// What a page may look at, and what it may ask the window for.
pub struct Env<'a> {
    /// What the user has set; changes are written by the window.
    pub settings: &'a mut Settings,
    /// The devices, as far as they are known.
    pub devices: &'a Probe,
    /// The runs.
    pub library: &'a Library,
    /// What the window is asked to do after this frame, in order.
    pub actions: &'a mut Vec<Action>,
}

impl Env<'_> {
    /// Asks the window for something.
    pub fn ask(&mut self, action: Action) {
        self.actions.push(action);
    }
}

/// A page's state and how it is drawn.
pub trait PageView {
    /// Takes in what background threads have found; called every frame, also while another page is shown.
    fn poll(&mut self, _env: &mut Env<'_>) {}

    /// Draws the page.
    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>);

    /// A path came from a file dialog opened for `purpose`, or was dropped on the page ([`Purpose::Dropped`]).
    /// Gives whether the page had a use for it.
    fn take_path(&mut self, _purpose: Purpose, _path: PathBuf, _env: &mut Env<'_>) -> bool {
        false
    }

    /// Whether a command of the page makes sense now; those of the window never come here.
    fn can(&self, _command: Command, _env: &Env<'_>) -> bool {
        false
    }

    /// Whether something that somebody has waited for, or waits for, would be lost with the page of a browser.
    fn is_at_stake(&self) -> bool {
        false
    }

    /// Obeys a command that it [`can`](Self::can).
    fn command(&mut self, _command: Command, _env: &mut Env<'_>) {}
}

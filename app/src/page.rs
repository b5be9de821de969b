//! The pages of the window and what they share.

use std::path::PathBuf;

use egui::Ui;
use serde::{Deserialize, Serialize};

use crate::{
    action::Action, command::Command, dialogs::Purpose, library::Library, probe::Probe, settings::Settings,
};

/// A page of the sidebar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// Run folders, and one of them in detail.
    #[default]
    Runs,
    /// The form that starts a training.
    Train,
    /// Scores and predictions of an evaluation.
    Evaluate,
    /// Questions about a passage.
    Ask,
    /// What is kept between starts.
    Settings,
}

impl Page {
    /// All pages in the sidebar's order.
    pub const ALL: [Self; 5] = [Self::Runs, Self::Train, Self::Evaluate, Self::Ask, Self::Settings];

    /// Its name in the sidebar.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Runs => "Runs",
            Self::Train => "Train",
            Self::Evaluate => "Evaluate",
            Self::Ask => "Ask",
            Self::Settings => "Settings",
        }
    }

    /// Its symbol in the sidebar.
    #[must_use]
    pub fn icon(self) -> &'static str {
        use egui_phosphor::regular as icon;
        match self {
            Self::Runs => icon::LIST_DASHES,
            Self::Train => icon::GRADUATION_CAP,
            Self::Evaluate => icon::CHART_BAR,
            Self::Ask => icon::CHAT_TEXT,
            Self::Settings => icon::GEAR_SIX,
        }
    }
}

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

    /// Obeys a command that it [`can`](Self::can).
    fn command(&mut self, _command: Command, _env: &mut Env<'_>) {}
}

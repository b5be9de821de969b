//! The pages of the window, by name.

use serde::{Deserialize, Serialize};

/// A page of the sidebar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page {
    /// Run folders, and one of them in detail.
    #[cfg_attr(not(target_family = "wasm"), default)]
    Runs,
    /// The form that starts a training.
    Train,
    /// Scores and predictions of an evaluation.
    Evaluate,
    /// Questions about a passage.
    #[cfg_attr(target_family = "wasm", default)]
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
        use crate::symbols as icon;
        match self {
            Self::Runs => icon::LIST_DASHES,
            Self::Train => icon::GRADUATION_CAP,
            Self::Evaluate => icon::CHART_BAR,
            Self::Ask => icon::CHAT_TEXT,
            Self::Settings => icon::GEAR_SIX,
        }
    }
}

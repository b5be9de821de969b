//! What a training can be asked for while it goes on.

use serde::{Deserialize, Serialize};

/// What a trainer can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Wait after the current step.
    Pause,
    /// Go on.
    Resume,
    /// Evaluate the development set after the current step.
    Evaluate,
    /// Save and end after the current step.
    Stop,
}

impl Request {
    /// The word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Evaluate => "evaluate",
            Self::Stop => "stop",
        }
    }

    /// The request in the content of the file; `None` for words nobody knows.
    #[must_use]
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let known = [Self::Pause, Self::Resume, Self::Evaluate, Self::Stop];
        known.into_iter().find(|request| request.word().as_bytes() == text.trim_ascii())
    }
}

//! The file dialogs of system or browser, which never hold up a frame.

#[cfg(target_family = "wasm")]
mod browser;
#[cfg(not(target_family = "wasm"))]
mod system;

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, TryRecvError},
};

use egui::Context;

#[cfg(target_family = "wasm")]
use self::browser::choose;
#[cfg(not(target_family = "wasm"))]
use self::system::choose;

/// What a path is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A checkpoint to ask.
    AskCheckpoint,
    /// A text file with a passage.
    Passage,
    /// A checkpoint to fine-tune.
    TrainCheckpoint,
    /// A SQuAD file to train on.
    TrainData,
    /// A SQuAD file to select the best weights on.
    DevData,
    /// Files of text to pre-train on.
    Corpus,
    /// Files of text to evaluate a pre-training on.
    HeldOutText,
    /// The config.json of a new model.
    Architecture,
    /// The vocabulary of a new model.
    Vocabulary,
    /// A recipe.toml.
    Recipe,
    /// A run folder from elsewhere.
    RunFolder,
    /// The folder runs are made in.
    RunsFolder,
    /// A checkpoint to evaluate.
    EvaluateCheckpoint,
    /// A SQuAD file to evaluate a checkpoint on.
    EvaluateData,
    /// The SQuAD file that an evaluation answered.
    AnsweredData,
    /// Not a dialog: a file or folder dropped on the window.
    Dropped,
}

impl Purpose {
    #[cfg(not(target_family = "wasm"))]
    fn title(self) -> &'static str {
        match self {
            Self::AskCheckpoint | Self::TrainCheckpoint | Self::EvaluateCheckpoint => {
                "Open a checkpoint folder"
            }
            Self::Passage => "Open a text file",
            Self::TrainData => "Open a SQuAD file to train on",
            Self::DevData | Self::EvaluateData => "Open a SQuAD file to evaluate on",
            Self::AnsweredData => "Open the SQuAD file that was answered",
            Self::Corpus => "Open text files to pre-train on",
            Self::HeldOutText => "Open text files to evaluate on",
            Self::Architecture => "Open the configuration of a model",
            Self::Vocabulary => "Open a vocabulary",
            Self::Recipe => "Open a recipe",
            Self::RunFolder => "Open a run folder",
            Self::RunsFolder => "Choose the folder for runs",
            Self::Dropped => "",
        }
    }

    /// Kinds of files that make sense; none for a folder.
    fn files(self) -> Option<(&'static str, &'static [&'static str])> {
        match self {
            Self::Passage => Some(("Text", &["txt", "md", "text"])),
            Self::TrainData | Self::DevData | Self::EvaluateData | Self::AnsweredData => {
                Some(("SQuAD", &["json"]))
            }
            Self::Corpus | Self::HeldOutText => Some(("Text or SQuAD", &["txt", "md", "text", "json", "gz"])),
            Self::Architecture => Some(("Configuration", &["json"])),
            Self::Vocabulary => Some(("Vocabulary", &["txt", "json"])),
            Self::Recipe => Some(("Recipe", &["toml"])),
            _ => None,
        }
    }

    /// Whether several files may be chosen at once.
    fn takes_several(self) -> bool {
        matches!(self, Self::Corpus | Self::HeldOutText)
    }
}

/// The dialog that is open, if any.
#[derive(Default)]
pub struct Dialogs {
    open: Option<(Purpose, Receiver<Vec<PathBuf>>)>,
}

impl Dialogs {
    /// Opens a dialog unless one is open. Gives whether it did.
    pub fn open(&mut self, context: &Context, purpose: Purpose, start: Option<PathBuf>) -> bool {
        // A browser does not say whether its dialog was left without a choice, so another one may always be opened.
        if (self.open.is_some() && cfg!(not(target_family = "wasm"))) || purpose == Purpose::Dropped {
            return false;
        }
        self.open = choose(context, purpose, start).map(|chosen| (purpose, chosen));
        self.open.is_some()
    }

    /// What was chosen since the last call, if anything: one path, or several files.
    pub fn poll(&mut self) -> Option<(Purpose, Vec<PathBuf>)> {
        let (purpose, receiver) = self.open.as_ref()?;
        let purpose = *purpose;
        match receiver.try_recv() {
            Err(TryRecvError::Empty) => None,
            chosen => {
                self.open = None;
                Some((purpose, chosen.unwrap_or_default()))
            }
        }
    }
}

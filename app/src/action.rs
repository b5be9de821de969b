//! What a page asks the window to do.

use std::path::PathBuf;

#[cfg(not(target_family = "wasm"))]
use crate::launch::Launch;
use crate::{command::Command, dialogs::Purpose, page::Page, toasts::Toast};

/// A request of a page, done after the frame.
#[derive(Debug)]
pub enum Action {
    /// Show a page.
    Go(Page),
    /// Show a run in detail.
    OpenRun(PathBuf),
    /// Load a checkpoint on the Ask page and go there.
    AskWith(PathBuf),
    /// Show a passage and a question on the Ask page, load a checkpoint and ask it.
    AskAgain {
        /// The checkpoint folder.
        checkpoint: PathBuf,
        /// The passage.
        passage: String,
        /// The question.
        question: String,
    },
    /// Show an evaluation of a run on the Evaluate page: the one after `step` updates, or the best.
    ShowEvaluation {
        /// The run folder.
        run: PathBuf,
        /// Updates before the evaluation.
        step: Option<usize>,
    },
    /// Fill the Train page with a run's recipe and sources.
    TrainLike(PathBuf),
    /// Fill the Train page to resume a run with other settings.
    ResumeWith(PathBuf),
    /// Start a trainer, and show its run.
    #[cfg(not(target_family = "wasm"))]
    Launch(Launch),
    /// Open a file dialog; what is chosen comes back through [`take_path`](crate::page_view::PageView::take_path).
    Browse(Purpose),
    /// Say something in a corner for a while.
    Say(Toast),
    /// Look for devices again.
    ProbeDevices,
    /// Look into the runs folder at once; its settings may have changed.
    RescanRuns,
    /// As if the user had given this command.
    Do(Command),
}

//! Where the model looks in the chosen question's passage: the evaluation keeps answers only, so the checkpoint is asked
//! once more, as long as the part is unfolded.

use std::path::{Path, PathBuf};

use egui::{CollapsingHeader, Context, Label, RichText, Ui};
use spanbert_backends::DeviceChoice;
use spanbert_core::breakdown::Case;

use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{Severity, busy, card, heat, notice},
    worker::{Answered, Reply, Slot, Worker},
};

/// The only model.
const SLOT: Slot = Slot(0);

/// How far the checkpoint is.
enum Model {
    Absent,
    Loading { folder: PathBuf, stage: String },
    Ready { folder: PathBuf },
    Failed { folder: PathBuf, message: String },
}

/// A question asked once more.
struct Asked {
    /// The request's number.
    id: u64,
    question_id: String,
    /// Nothing as long as the model is at work.
    outcome: Option<Result<Box<Answered>, String>>,
}

/// The checkpoint, the last question, and the window looked at.
pub(super) struct Looking {
    worker: Worker,
    model: Model,
    asked: Option<Asked>,
    requests: u64,
    window: Option<usize>,
}

impl Looking {
    /// Nothing loaded.
    pub(super) fn new(context: &Context) -> Self {
        Self { worker: Worker::new(context), model: Model::Absent, asked: None, requests: 0, window: None }
    }

    /// Takes in what the thread for models has to say.
    pub(super) fn poll(&mut self) {
        for reply in self.worker.poll() {
            match (reply, &mut self.model) {
                (Reply::Stage { text, .. }, Model::Loading { stage, .. }) => *stage = text,
                // Another checkpoint may be wanted by now.
                (Reply::Loaded { facts, .. }, Model::Loading { folder, .. }) if facts.folder == *folder => {
                    self.model = Model::Ready { folder: std::mem::take(folder) };
                }
                (
                    Reply::LoadFailed { message, .. }
                    | Reply::DeviceFailed { message, .. }
                    | Reply::Gone { message },
                    Model::Loading { folder, .. } | Model::Ready { folder },
                ) => {
                    self.model = Model::Failed { folder: std::mem::take(folder), message };
                    self.asked = None;
                }
                (Reply::Answered { id, answered, .. }, _) => self.answered(id, Ok(answered)),
                (Reply::AskFailed { id, message, .. }, _) => self.answered(id, Err(message)),
                _ => {}
            }
        }
    }

    fn answered(&mut self, id: u64, outcome: Result<Box<Answered>, String>) {
        if let Some(asked) = self.asked.as_mut().filter(|asked| asked.id == id) {
            asked.outcome = Some(outcome);
        }
    }

    /// Draws the part; unfolding it loads the checkpoint on the backend.
    pub(super) fn ui(&mut self, ui: &mut Ui, checkpoint: &Path, backend: &str, passage: &str, case: &Case) {
        card(ui, "Where the model looks", |ui| {
            let header = CollapsingHeader::new("Where the model looks").id_salt("looking");
            let unfolded = header.show_unindented(ui, |ui| {
                self.follow(checkpoint, backend, passage, case);
                self.body_ui(ui, passage, case);
            });
            if unfolded.body_returned.is_none() && !matches!(self.model, Model::Absent) {
                // A folded part holds no memory of a device.
                self.worker.unload(SLOT);
                (self.model, self.asked) = (Model::Absent, None);
            }
        });
    }

    /// Loads the checkpoint and asks the question, if that has not happened yet.
    fn follow(&mut self, checkpoint: &Path, backend: &str, passage: &str, case: &Case) {
        match &self.model {
            Model::Ready { folder } if folder == checkpoint => {}
            // What failed stays until the part is folded or another checkpoint is wanted.
            Model::Loading { folder, .. } | Model::Failed { folder, .. } if folder == checkpoint => return,
            _ => return self.load(checkpoint, backend),
        }
        if self.asked.as_ref().is_none_or(|asked| asked.question_id != case.id) {
            self.worker.cancel(SLOT);
            self.requests += 1;
            self.window = None;
            self.asked = Some(Asked { id: self.requests, question_id: case.id.clone(), outcome: None });
            self.worker.ask(SLOT, self.requests, passage.into(), case.question.clone());
        }
    }

    fn load(&mut self, checkpoint: &Path, backend: &str) {
        let folder = checkpoint.to_owned();
        self.asked = None;
        self.model = match backend.parse::<DeviceChoice>() {
            Ok(choice) => {
                self.worker.load(SLOT, folder.clone(), choice);
                Model::Loading { folder, stage: "Loading the checkpoint".to_owned() }
            }
            Err(error) => Model::Failed { folder, message: error.to_string() },
        };
    }

    fn body_ui(&mut self, ui: &mut Ui, passage: &str, case: &Case) {
        if let Model::Failed { message, .. } = &self.model {
            notice(ui, Severity::Error, message);
            return;
        }
        if let Model::Loading { stage, .. } = &self.model {
            busy(ui, stage);
            return;
        }
        match self.asked.as_ref().and_then(|asked| asked.outcome.as_ref()) {
            None => busy(ui, "Reading the passage"),
            Some(Err(message)) => notice(ui, Severity::Error, message),
            Some(Ok(answered)) => {
                differs_ui(ui, answered, case);
                heat(ui, passage, &answered.explained, &mut self.window);
            }
        }
    }
}

/// Says so where this checkpoint's best answer is not the evaluation's: a run keeps its best and last weights only.
fn differs_ui(ui: &mut Ui, answered: &Answered, case: &Case) {
    let best = answered.explained.answer.answers.first().map_or("", |best| best.text.as_str());
    if case.prediction.is_empty() || best == case.prediction {
        return;
    }
    let text = format!(
        "These weights answer \u{201c}{best}\u{201d}, not \u{201c}{}\u{201d}: the evaluation's own were not kept, or it ran elsewhere",
        case.prediction
    );
    let muted = Tokens::of(ui).text_muted;
    ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(muted)).wrap());
}

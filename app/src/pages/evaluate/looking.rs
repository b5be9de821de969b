//! Where the model looks in the chosen question's passage: the evaluation keeps answers only, so the checkpoint is asked
//! once more, as long as the part is unfolded.

use std::path::Path;

use egui::{CollapsingHeader, Context, Label, RichText, Ui};
use spanbert_core::breakdown::Case;

use crate::{
    theme::{CAPTION_SIZE, Tokens},
    widgets::{Severity, busy, card, heat, notice, shortened},
    worker::{Answered, Model, Reply, Slot, State, Worker},
};

/// The only model's.
const SLOT: Slot = Slot(0);

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
        Self { worker: Worker::new(context), model: Model::new(SLOT), asked: None, requests: 0, window: None }
    }

    /// Takes in what the thread for models has to say.
    pub(super) fn poll(&mut self) {
        for reply in self.worker.poll() {
            self.model.receive(&reply);
            match reply {
                Reply::Answered { id, answered, .. } => self.answered(id, Ok(answered)),
                Reply::AskFailed { id, message, .. } => self.answered(id, Err(message)),
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
            if unfolded.body_returned.is_none() && self.model.folder().is_some() {
                // A folded part holds no memory of a device.
                self.model.unload(&mut self.worker);
                self.asked = None;
            }
        });
    }

    /// Loads the checkpoint and asks the question, if that has not happened yet.
    fn follow(&mut self, checkpoint: &Path, backend: &str, passage: &str, case: &Case) {
        if self.model.folder() != Some(checkpoint) {
            self.asked = None;
            return self.model.load(&mut self.worker, checkpoint, backend);
        }
        // What failed stays until the part is folded or another checkpoint is wanted.
        if self.model.facts().is_none() {
            return;
        }
        if self.asked.as_ref().is_none_or(|asked| asked.question_id != case.id) {
            self.worker.cancel(SLOT);
            self.requests += 1;
            self.window = None;
            self.asked = Some(Asked { id: self.requests, question_id: case.id.clone(), outcome: None });
            self.worker.ask(SLOT, self.requests, passage.into(), case.question.clone());
        }
    }

    fn body_ui(&mut self, ui: &mut Ui, passage: &str, case: &Case) {
        match self.model.state() {
            State::Failed { message, .. } => return notice(ui, Severity::Error, message),
            State::Loading { stage, .. } => return busy(ui, stage),
            State::Empty | State::Ready(_) => {}
        }
        for warning in self.model.facts().map_or(&[][..], |facts| &facts.warnings) {
            notice(ui, Severity::Warning, warning);
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
    let (here, there) = (shortened(best), shortened(&case.prediction));
    let text = format!(
        "These weights answer \u{201c}{here}\u{201d}, not \u{201c}{there}\u{201d}: the evaluation's own were not kept, or it ran elsewhere",
    );
    let muted = Tokens::of(ui).text_muted;
    ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(muted)).wrap());
}

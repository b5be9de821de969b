//! What the user writes down about a run.

use std::{
    path::Path,
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use egui::{Margin, RichText, TextEdit, Ui};
use spanbert_core::advice::Advice;
use spanbert_core::run::RunNotes;

use crate::{
    background,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::labelled,
};

/// Time after the last key until notes are written.
const DELAY: Duration = Duration::from_millis(700);
/// Time after writing until what is read shows it.
const SETTLED: Duration = Duration::from_secs(3);

/// The fields' state.
#[derive(Default)]
pub(super) struct NotesEditor {
    tags: String,
    /// Whether the user has changed the tags: only then is the text taken apart.
    retagged: bool,
    note: String,
    /// Since when something is not written yet.
    changed: Option<Instant>,
    written: Option<RunNotes>,
    writing: Option<Receiver<Result<(), String>>>,
    saved_at: Option<Instant>,
    error: Option<String>,
}

impl NotesEditor {
    /// Takes in what the folder holds, unless the user has changed it here.
    pub(super) fn take(&mut self, notes: &RunNotes) {
        // What the follower read just before the last writing would put the old text back.
        let stale = self.saved_at.is_some_and(|at| at.elapsed() < SETTLED);
        if self.changed.is_some() || self.writing.is_some() || stale || self.written.as_ref() == Some(notes) {
            return;
        }
        self.tags = notes.tags.join(", ");
        self.retagged = false;
        self.note.clone_from(&notes.note);
        self.written = Some(notes.clone());
    }

    /// Draws the fields.
    pub(super) fn ui(&mut self, ui: &mut Ui) {
        let mut changed = false;
        let mut left = false;
        let field = labelled(ui, "Tags, with commas between them", |ui| {
            let tags =
                TextEdit::singleline(&mut self.tags).desired_width(420.0).margin(Margin::symmetric(8, 5));
            ui.add(tags.hint_text("baseline, seed 42"))
        });
        self.retagged |= field.changed();
        changed |= field.changed();
        left |= field.lost_focus();
        ui.add_space(GAP / 2.0);
        let field = labelled(ui, "Note", |ui| {
            let note = TextEdit::multiline(&mut self.note).desired_width(f32::INFINITY).desired_rows(8);
            ui.add(
                note.hint_text("What this run was for, and what came of it").margin(Margin::symmetric(8, 6)),
            )
        });
        changed |= field.changed();
        left |= field.lost_focus();
        if changed {
            self.changed = Some(Instant::now());
            ui.ctx().request_repaint_after(DELAY);
        }
        if left && let Some(since) = &mut self.changed {
            // Written with the next frame.
            *since = since.checked_sub(DELAY).unwrap_or(*since);
            ui.ctx().request_repaint();
        }
        let tokens = Tokens::of(ui);
        let (text, color) = match (&self.error, self.changed.is_some() || self.writing.is_some()) {
            (Some(error), _) => (error.as_str(), tokens.error),
            (None, true) => ("Not saved yet", tokens.text_muted),
            (None, false) => ("Saved in the run folder", tokens.text_muted),
        };
        ui.label(RichText::new(text).size(CAPTION_SIZE).color(color));
    }

    /// Writes what has changed, on a thread, once the user has stopped typing. `at_once` does not wait for that. Gives whether
    /// something was written.
    pub(super) fn save(&mut self, context: &egui::Context, root: &Path, at_once: bool) -> bool {
        let mut done = false;
        if let Some(outcome) = self.writing.as_ref().and_then(|writing| writing.try_recv().ok()) {
            self.writing = None;
            self.saved_at = Some(Instant::now());
            self.error = outcome.err();
            done = true;
        }
        let due = self.changed.is_some_and(|since| at_once || since.elapsed() >= DELAY);
        if !due || self.writing.is_some() {
            return done;
        }
        self.changed = None;
        let tags = self.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty());
        let tags = match &self.written {
            // A tag with a comma in it, from elsewhere, stays one.
            Some(written) if !self.retagged => written.tags.clone(),
            _ => tags.map(str::to_owned).collect(),
        };
        let notes = RunNotes { tags, note: self.note.clone() };
        self.written = Some(notes.clone());
        let root = root.to_owned();
        let write = move || {
            notes.write(&root).map_err(|error| format!("The notes were not saved: {}", error.in_one_line()))
        };
        match background::find(context, "notes", write) {
            Ok(receiver) => self.writing = Some(receiver),
            Err(error) => self.error = Some(format!("The notes were not saved: {error}")),
        }
        done
    }
}

//! A path that is typed, chosen or dropped, and looked into by a thread as soon as the typing pauses.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::{Duration, Instant},
};

use egui::{Context, Margin, Response, TextEdit, Ui};

use crate::{
    background,
    widgets::{busy, labelled, named},
};

/// Time after the last key until the path is looked into.
const DELAY: Duration = Duration::from_millis(350);

/// What was found at a path, or why it is of no use.
pub(super) type Found<T> = Result<Arc<T>, String>;

/// Looks into a path, on a thread.
type Check<T> = Arc<dyn Fn(&Path) -> Result<T, String> + Send + Sync>;

/// The field's state.
pub(super) struct CheckedPath<T> {
    text: String,
    /// Since when the text is not looked into.
    changed: Option<Instant>,
    looking: Option<Receiver<Result<T, String>>>,
    found: Option<Found<T>>,
    check: Check<T>,
}

impl<T: Send + 'static> CheckedPath<T> {
    /// Empty; `check` looks into a path, on a thread.
    pub(super) fn new(check: impl Fn(&Path) -> Result<T, String> + Send + Sync + 'static) -> Self {
        Self { text: String::new(), changed: None, looking: None, found: None, check: Arc::new(check) }
    }

    /// Puts a path into the field and has it looked into at once.
    pub(super) fn set(&mut self, context: &Context, path: &Path) {
        self.text = path.display().to_string();
        self.look(context);
    }

    /// The path, if there is one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let text = self.text.trim().trim_matches('"');
        (!text.is_empty()).then(|| PathBuf::from(text))
    }

    /// What was found, once it is known.
    pub(super) fn found(&self) -> Option<&Found<T>> {
        self.found.as_ref()
    }

    /// What is of use, if it is.
    pub(super) fn good(&self) -> Option<&Arc<T>> {
        self.found.as_ref()?.as_ref().ok()
    }

    /// Whether the answer is still to come.
    pub(super) fn is_looking(&self) -> bool {
        self.looking.is_some() || self.changed.is_some()
    }

    /// What keeps it from being used; nothing if it may be empty and is.
    pub(super) fn missing(&self, name: &str, needed: bool) -> Option<String> {
        match (self.path(), &self.found) {
            (None, _) => needed.then(|| format!("{name} is not chosen")),
            (Some(_), Some(Err(_))) => Some(format!("{name} cannot be used")),
            (Some(_), _) if self.is_looking() => Some(format!("{name} is being looked into")),
            (Some(_), _) => None,
        }
    }

    /// Takes in what was found; looks once the typing has paused.
    pub(super) fn poll(&mut self, context: &Context) {
        if self.changed.is_some_and(|since| since.elapsed() >= DELAY) {
            self.look(context);
        }
        let Some(receiver) = &self.looking else { return };
        match receiver.try_recv() {
            Ok(found) => self.found = Some(found.map(Arc::new)),
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => {
                self.found = Some(Err(format!("{} could not be looked into; type it again", self.text)));
            }
        }
        self.looking = None;
    }

    /// Draws the field.
    pub(super) fn ui(&mut self, ui: &mut Ui, caption: &str, hint: &str, width: f32) -> Response {
        let text = &mut self.text;
        let response = labelled(ui, caption, |ui| edit(ui, text, hint, width));
        self.heed(ui, &response);
        response
    }

    /// Draws the field without its caption, which only names it for assistive technology.
    pub(super) fn bare_ui(&mut self, ui: &mut Ui, caption: &str, hint: &str, width: f32) -> Response {
        let response = named(edit(ui, &mut self.text, hint, width), caption);
        self.heed(ui, &response);
        response
    }

    /// Forgets what was found once another path is typed.
    fn heed(&mut self, ui: &Ui, response: &Response) {
        if response.changed() {
            self.found = None;
            self.looking = None;
            self.changed = Some(Instant::now());
            ui.ctx().request_repaint_after(DELAY);
        }
    }

    /// Says that it is being looked into.
    pub(super) fn busy_ui(&self, ui: &mut Ui) {
        if self.looking.is_some() {
            busy(ui, "Looking into it");
        }
    }

    fn look(&mut self, context: &Context) {
        self.changed = None;
        self.looking = None;
        self.found = None;
        let Some(path) = self.path() else { return };
        let check = self.check.clone();
        match background::find(context, "check", move || check(&path)) {
            Ok(receiver) => self.looking = Some(receiver),
            Err(error) => self.found = Some(Err(format!("it could not be looked into: {error}"))),
        }
    }
}

fn edit(ui: &mut Ui, text: &mut String, hint: &str, width: f32) -> Response {
    let field = TextEdit::singleline(text).hint_text(hint).desired_width(width);
    ui.add(field.margin(Margin::symmetric(8, 5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &Path) -> Result<usize, String> {
        std::fs::read(path).map(|text| text.len()).map_err(|error| error.to_string())
    }

    fn wait(field: &mut CheckedPath<usize>) {
        let start = Instant::now();
        while field.is_looking() {
            assert!(start.elapsed() < Duration::from_secs(20));
            field.poll(&Context::default());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn a_new_path_forgets_what_was_found_at_the_old_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "four").unwrap();
        let mut field = CheckedPath::new(check);
        field.set(&Context::default(), file.path());
        wait(&mut field);
        assert_eq!(field.good().map(|size| **size), Some(4));
        field.set(&Context::default(), Path::new("/nonexistent/file"));
        assert!(field.good().is_none());
        wait(&mut field);
        assert!(matches!(field.found(), Some(Err(_))));
        field.set(&Context::default(), Path::new(""));
        assert!(field.found().is_none() && !field.is_looking() && field.path().is_none());
    }
}

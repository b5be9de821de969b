//! Ask: a passage, a question, and what loaded models make of them.
//!
//! [`models`] are loaded by the [`Worker`]'s thread; [`passage`] holds the text; [`asked`] keeps questions with their
//! outcomes, [`answer`] draws one model's, [`view`] the page.

mod answer;
mod asked;
#[cfg(target_family = "wasm")]
mod elsewhere;
mod examples;
mod long_text;
mod models;
mod passage;
mod view;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use egui::{Context, Ui};

use self::{
    answer::View,
    asked::{Column, History, Outcome},
    examples::{Sample, Samples, samples},
    models::ModelSlot,
    passage::Passage,
};
use crate::{
    command::Command,
    dialogs::Purpose,
    files,
    page_view::{Env, PageView},
    widgets::checkpoint_name,
    worker::{Reply, Slot, Worker},
};

/// Which field a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Model,
    Passage,
    Question,
}

/// The page's state.
pub struct AskPage {
    context: Context,
    worker: Worker,
    models: Vec<ModelSlot>,
    next_slot: u64,
    passage: Passage,
    question: String,
    /// What kept the last question from being asked.
    problem: Option<(Field, &'static str)>,
    history: History,
    views: HashMap<Slot, View>,
    /// What the pointer was on in the last frame.
    hovered: Option<std::ops::Range<usize>>,
    scroll_to: Option<usize>,
    /// Whether the answers are to be brought into sight where they are below the question.
    look_at_answers: bool,
    samples: Option<Samples>,
    /// The example that was taken last.
    sample: Option<Sample>,
    focus_question: bool,
    /// Whether the question is asked as soon as this checkpoint is loaded.
    ask_when_loaded: Option<PathBuf>,
}

impl AskPage {
    /// No model, no passage.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            worker: Worker::new(context),
            models: Vec::new(),
            next_slot: 0,
            passage: Passage::default(),
            question: String::new(),
            problem: None,
            history: History::default(),
            views: HashMap::new(),
            hovered: None,
            scroll_to: None,
            look_at_answers: false,
            samples: None,
            sample: None,
            focus_question: false,
            ask_when_loaded: None,
        }
    }

    fn add_model(&mut self, backend: &str) -> &mut ModelSlot {
        self.next_slot += 1;
        self.models.push(ModelSlot::new(Slot(self.next_slot), backend));
        let last = self.models.len() - 1;
        &mut self.models[last]
    }

    /// Shows a passage and a question, and asks them of a checkpoint, which is loaded first if need be.
    pub fn ask_about(&mut self, checkpoint: &Path, backend: &str, passage: String, question: String) {
        self.passage.set(passage);
        self.question = question;
        self.sample = None;
        self.problem = None;
        self.focus_question = true;
        let loaded = |model: &ModelSlot| model.facts().is_some_and(|facts| facts.folder == checkpoint);
        if self.models.iter().any(loaded) {
            self.ask();
        } else {
            self.ask_when_loaded = Some(checkpoint.to_owned());
            self.load(checkpoint, backend);
        }
    }

    /// Loads a checkpoint where one of the same folder is, else into a free place, else in place of the first.
    fn load(&mut self, folder: &Path, backend: &str) {
        let same =
            self.models.iter().position(|model| model.facts().is_some_and(|facts| facts.folder == folder));
        let place = same.or_else(|| self.models.iter().position(ModelSlot::is_free));
        match place.or_else(|| (!self.models.is_empty()).then_some(0)) {
            Some(index) => self.models[index].load(folder, &mut self.worker),
            None => {
                self.add_model(backend);
                if let Some(model) = self.models.last_mut() {
                    model.load(folder, &mut self.worker);
                }
            }
        }
    }

    fn receive(&mut self, reply: Reply, env: &mut Env<'_>) {
        if let Reply::Loaded { facts, .. } = &reply {
            env.settings.remember_checkpoint(&facts.folder);
        }
        #[cfg(target_family = "wasm")]
        if let Reply::LoadFailed { .. } = &reply {
            // Its files may have been those of a model that another tab has deleted.
            env.library.look();
        }
        // The thread's end concerns every model.
        let ready: Vec<Slot> = self.models.iter_mut().filter_map(|model| model.receive(&reply)).collect();
        for slot in ready {
            self.became_ready(slot);
        }
        if let Some(id) = self.history.receive(reply) {
            self.look_at_answer(id);
        }
    }

    /// A first example for the demonstration's model, and the question that waited for this checkpoint.
    fn became_ready(&mut self, slot: Slot) {
        let model = self.models.iter().find(|model| model.slot() == slot);
        let Some(facts) = model.and_then(ModelSlot::facts) else { return };
        let is_demo = facts.architecture == demo_architecture();
        let awaited = self.ask_when_loaded.take_if(|wanted| *wanted == facts.folder).is_some();
        self.problem = self.problem.filter(|(field, _)| *field != Field::Model);
        if is_demo && self.passage.is_blank() {
            let samples = self.samples.get_or_insert_with(samples);
            if let Some(first) = samples.invented.first().cloned() {
                self.take_sample(first);
            }
        }
        self.focus_question = !self.context.input(egui::InputState::has_touch_screen);
        if awaited {
            self.ask();
        }
    }

    /// Scrolls to an answer that has just come, and the passage to where it stands there.
    fn look_at_answer(&mut self, id: u64) {
        let Some(asked) = self.history.shown().filter(|asked| asked.id == id) else { return };
        let answered = asked.columns.iter().filter(|column| column.counts()).find_map(Column::answered);
        let best = answered.and_then(|answered| answered.explained.answer.answers.first());
        self.scroll_to = best.map(|best| best.bytes.start);
        self.look_at_answers = true;
    }

    /// Shows an example with its first question.
    fn take_sample(&mut self, sample: Sample) {
        self.passage.set(sample.passage.clone());
        self.question = sample.questions.first().map_or_else(String::new, |first| first.text.clone());
        self.sample = Some(sample);
        self.problem = None;
    }

    /// Asks all models that are ready, or says what is missing.
    fn ask(&mut self) {
        let question = self.question.trim().to_owned();
        let ready: Vec<&ModelSlot> = self.models.iter().filter(|model| model.facts().is_some()).collect();
        let missing = if ready.is_empty() {
            Some((Field::Model, "Load a model first"))
        } else if self.passage.is_blank() {
            Some((Field::Passage, "There is no passage; paste or open a text that may answer the question"))
        } else if question.is_empty() {
            Some((Field::Question, "There is no question; type one"))
        } else {
            None
        };
        self.problem = missing;
        if missing.is_some() {
            return;
        }
        let column = |model: &&ModelSlot| {
            let facts = model.facts()?;
            Some(Column {
                slot: model.slot(),
                model: checkpoint_name(&facts.folder),
                folder: facts.folder.clone(),
                stored: facts.threshold(),
                threshold: model.threshold,
                outcome: Outcome::Running { done: 0, total: None },
            })
        };
        let columns: Vec<Column> = ready.iter().filter_map(column).collect();
        let slots: Vec<Slot> = columns.iter().map(|column| column.slot).collect();
        let passage = self.passage.shared();
        let id = self.history.push(passage.clone(), question.clone(), columns);
        self.views.clear();
        self.look_at_answers = true;
        for slot in slots {
            self.worker.ask(slot, id, passage.clone(), question.clone());
        }
    }
}

/// What the demonstration's checkpoints are told by.
fn demo_architecture() -> String {
    spanbert_core::checkpoint::architecture(&spanbert_core::demo::start::config())
}

impl PageView for AskPage {
    fn poll(&mut self, env: &mut Env<'_>) {
        for reply in self.worker.poll() {
            self.receive(reply, env);
        }
        self.passage.poll();
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        self.draw(ui, env);
    }

    fn take_path(&mut self, purpose: Purpose, path: PathBuf, env: &mut Env<'_>) -> bool {
        match purpose {
            Purpose::AskCheckpoint => {}
            Purpose::Passage => {
                self.passage.read(&self.context, path);
                return true;
            }
            Purpose::Dropped if files::is_checkpoint(&path) => {}
            Purpose::Dropped
                if files::is_file(&path) && path.extension().is_none_or(|kind| kind != "json") =>
            {
                self.passage.read(&self.context, path);
                return true;
            }
            _ => return false,
        }
        let backend = env.settings.backend.clone();
        self.load(&path, &backend);
        true
    }

    fn can(&self, command: Command, _env: &Env<'_>) -> bool {
        match command {
            Command::FocusInput => true,
            Command::Ask => self.models.iter().any(|model| model.facts().is_some()),
            _ => false,
        }
    }

    fn command(&mut self, command: Command, _env: &mut Env<'_>) {
        match command {
            Command::FocusInput => self.focus_question = true,
            Command::Ask => self.ask(),
            _ => {}
        }
    }
}

//! Evaluate: why a model scores what it scores.
//!
//! [`load`] reads an evaluation on a thread, [`live`] holds everything that follows the threshold, [`filter`] says which
//! questions are shown. [`choices`] is the row above, [`layout`] what stands where; the [`view`] draws the [`curve`] and the [`confusion`] at the top, then
//! [`slices`], the [`questions`] table, and the [`passage`] of the chosen question with where the model looks ([`looking`]).
//! [`evaluating`] starts evaluations, [`export`] writes what is shown.

mod choices;
mod confusion;
mod curve;
mod evaluating;
mod export;
mod filter;
mod layout;
mod live;
mod load;
mod looking;
mod passage;
mod questions;
mod slices;
mod view;

use std::{
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
};

use crate::symbols as icon;
use egui::{Context, Ui};

use self::{
    evaluating::{Evaluated, Evaluating, Means},
    load::{Load, Source},
    looking::Looking,
    view::{Part, View},
};
use crate::{
    action::Action,
    command::Command,
    dialogs::Purpose,
    files,
    page_view::{Env, PageView},
    toasts::Toast,
    widgets::{command_button, empty_state, symbol_button},
};

/// What is said where there is no evaluation.
const NO_EVALUATIONS: &str = if cfg!(target_family = "wasm") {
    "Any checkpoint can be evaluated on any SQuAD file, here in the browser; an evaluation of the command line can be dropped as a folder. Scores, slices and predictions are shown here."
} else {
    "Every training evaluates its development set; any checkpoint can be evaluated on any SQuAD file. Scores, slices and predictions are shown here."
};

/// The page's state.
pub struct EvaluatePage {
    context: Context,
    source: Option<Source>,
    load: Load,
    /// What is drawn, once it is loaded.
    view: Option<View>,
    /// The data set's path as typed, for an evaluation that does not know its own.
    data: String,
    other: Option<(Source, Load)>,
    other_error: Option<String>,
    evaluating: Evaluating,
    /// The last evaluation that was started here, and what it said.
    evaluated: Option<Evaluated>,
    /// What evaluates; without it nothing can be started from here.
    means: Option<Means>,
    stored: Vec<PathBuf>,
    stored_in: PathBuf,
    export: Option<Receiver<Result<String, String>>>,
    looking: Looking,
    part: Part,
}

impl EvaluatePage {
    /// Nothing chosen.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self {
            context: context.clone(),
            source: None,
            load: Load::Nothing,
            view: None,
            data: String::new(),
            other: None,
            other_error: None,
            evaluating: Evaluating::default(),
            evaluated: None,
            means: None,
            stored: Vec::new(),
            stored_in: PathBuf::new(),
            export: None,
            looking: Looking::new(context),
            part: Part::default(),
        }
    }

    /// The program that evaluates; without it nothing can be started from here.
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn with_trainer(mut self, trainer: crate::launch::Trainer) -> Self {
        self.means = Some(trainer);
        self
    }

    /// With Web Workers to evaluate in.
    #[cfg(target_family = "wasm")]
    #[must_use]
    pub fn with_workers(mut self) -> Self {
        self.means = Some(Means);
        self
    }

    /// Shows the evaluation of a run after `step` updates, or its best.
    pub fn show(&mut self, run: PathBuf, step: Option<usize>) {
        self.open(Source::Run(run, step), None);
    }

    /// Shows the evaluation in a folder of its own.
    pub fn show_folder(&mut self, folder: PathBuf) {
        self.open(Source::Folder(folder), None);
    }

    fn open(&mut self, source: Source, data: Option<PathBuf>) {
        self.load = Load::start(&self.context, &source, data);
        self.source = Some(source);
        self.view = None;
        self.other = None;
        self.other_error = None;
    }

    /// Compares the evaluation shown with another.
    fn compare(&mut self, source: Option<Source>) {
        self.other_error = None;
        match source {
            Some(source) => {
                let load = Load::start(&self.context, &source, None);
                self.other = Some((source, load));
            }
            None => {
                self.other = None;
                if let Some(view) = &mut self.view {
                    // Nothing to compare with is always comparable.
                    let _ = view.live.compare_with(None);
                    view.filter.change = None;
                }
            }
        }
    }

    /// Takes in what was loaded.
    fn loaded(&mut self, env: &Env<'_>) {
        if let Some(loaded) = self.load.done() {
            self.view = Some(View::new(loaded, &env.settings.slices));
        }
    }

    fn other_loaded(&mut self) {
        let Some((_, load)) = &self.other else { return };
        let result = match load {
            Load::Done(loaded) => match &mut self.view {
                Some(view) => view.live.compare_with(Some(Arc::clone(&loaded.analysis))),
                None => Ok(()),
            },
            Load::Failed(failure) => Err(failure.message.clone()),
            _ => return,
        };
        if let Err(message) = result {
            self.other_error = Some(message);
            self.other = None;
        }
    }
}

impl PageView for EvaluatePage {
    fn poll(&mut self, env: &mut Env<'_>) {
        if self.load.poll() {
            self.loaded(env);
        }
        if self.other.as_mut().is_some_and(|(_, load)| load.poll()) {
            self.other_loaded();
        }
        if let Some(evaluated) = self.evaluating.poll() {
            self.stored = evaluating::stored(&env.settings.runs_folder);
            self.show_folder(evaluated.folder.clone());
            self.evaluated = Some(evaluated);
        }
        if self.stored_in != env.settings.runs_folder {
            self.stored_in.clone_from(&env.settings.runs_folder);
            self.stored = evaluating::stored(&self.stored_in);
        }
        if let Some(result) = self.export.as_ref().and_then(|receiver| receiver.try_recv().ok()) {
            self.export = None;
            env.ask(Action::Say(match result {
                Ok(text) => Toast::done(text),
                Err(text) => Toast::error(text),
            }));
        }
        self.looking.poll();
        if let Some(view) = &mut self.view {
            view.live.poll(&self.context);
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        if self.source.is_none() {
            match self.sources(env).into_iter().next() {
                Some(source) => self.open(source, None),
                None if self.evaluating.open => {}
                None => {
                    empty_state(ui, icon::CHART_BAR, "No evaluations yet", NO_EVALUATIONS, |ui| {
                        if Command::StartDemo.is_offered()
                            && command_button(ui, Command::StartDemo, true).clicked()
                        {
                            env.ask(Action::Do(Command::StartDemo));
                        }
                        if symbol_button(ui, icon::EXAM, "New evaluation…", true).clicked() {
                            self.evaluating.open = true;
                        }
                    });
                    return;
                }
            }
        }
        self.draw(ui, env);
    }

    fn take_path(&mut self, purpose: Purpose, path: PathBuf, env: &mut Env<'_>) -> bool {
        if self.evaluating.take(purpose, &path) {
            return true;
        }
        // An evaluation that waits for its questions has the first say.
        let waits =
            matches!(&self.load, Load::Failed(failure) if failure.wants_data) && !self.evaluating.open;
        let purpose = match purpose {
            Purpose::Dropped if waits && files::is_file(&path) => Purpose::AnsweredData,
            Purpose::Dropped if self.evaluating.is_running() && files::is_file(&path) => {
                let text = "An evaluation is running; drop the file again once it has ended";
                env.ask(Action::Say(Toast::info(text)));
                return true;
            }
            Purpose::Dropped => return self.evaluating.take_dropped(&path),
            other => other,
        };
        if let (Purpose::AnsweredData, Some(source)) = (purpose, self.source.clone()) {
            self.open(source, Some(path));
            return true;
        }
        false
    }

    fn is_at_stake(&self) -> bool {
        self.evaluating.is_running()
    }

    fn can(&self, command: Command, _env: &Env<'_>) -> bool {
        match command {
            Command::FocusInput => self.view.is_some(),
            Command::RevealRun => self.source.is_some(),
            _ => false,
        }
    }

    #[cfg_attr(target_family = "wasm", allow(unused_variables, reason = "nothing to reveal"))]
    fn command(&mut self, command: Command, env: &mut Env<'_>) {
        match (command, &self.source, &mut self.view) {
            (Command::FocusInput, _, Some(view)) => view.table.focus(),
            #[cfg(not(target_family = "wasm"))]
            (Command::RevealRun, Some(source), _) => {
                if let Err(text) = files::open(&source.folder()) {
                    env.ask(Action::Say(Toast::error(text)));
                }
            }
            _ => {}
        }
    }
}

//! What pages ask the window for.

use std::path::{Path, PathBuf};

use egui::Context;
use spanbert_core::advice::Advice;
use spanbert_core::checkpoint::config_file;
use spanbert_core::run::{Layout, RunState, summarise, updates};

use super::{StudioApp, places};
use crate::{
    action::Action,
    dialogs::Purpose,
    launch::{Ended, Launch, last_words, new_run_folder},
    page::Page,
    probe::Probe,
    toasts::Toast,
};

impl StudioApp {
    /// Does what was asked for since the last frame.
    pub(super) fn act(&mut self, context: &Context) {
        for action in std::mem::take(&mut self.actions) {
            self.act_on(context, action);
        }
    }

    fn act_on(&mut self, context: &Context, action: Action) {
        match action {
            Action::Go(page) => self.go(page),
            Action::OpenRun(path) => self.open_run(path),
            Action::AskWith(checkpoint) => {
                self.go(Page::Ask);
                self.take_path(Purpose::AskCheckpoint, checkpoint);
            }
            Action::AskAgain { checkpoint, passage, question } => {
                self.go(Page::Ask);
                let backend = self.settings.backend.clone();
                self.pages.ask.ask_about(&checkpoint, &backend, passage, question);
            }
            Action::ShowEvaluation { run, step } => {
                self.pages.evaluate.show(run, step);
                self.go(Page::Evaluate);
            }
            Action::TrainLike(run) => {
                self.go(Page::Train);
                self.pages.train.fill_from(&run);
            }
            Action::ResumeWith(run) => {
                self.go(Page::Train);
                self.pages.train.resume(&run);
            }
            Action::Launch(launch) => self.launch(context, &launch),
            Action::Browse(purpose) => {
                let start = match purpose {
                    Purpose::RunFolder | Purpose::RunsFolder => Some(self.settings.runs_folder.clone()),
                    _ => None,
                };
                self.dialogs.open(context, purpose, start);
            }
            Action::Say(toast) => self.toasts.say(context, toast),
            Action::ProbeDevices => {
                if !self.probe.is_running() {
                    self.probe = Probe::start(context, self.find_devices);
                }
            }
            Action::RescanRuns => self.library.look(Some(places(&self.settings))),
            Action::Do(command) => self.obey(context, command),
        }
    }

    pub(super) fn go(&mut self, page: Page) {
        self.leave_welcome();
        self.settings.page = page;
    }

    /// Shows a run in detail; one from elsewhere is remembered.
    pub(super) fn open_run(&mut self, path: PathBuf) {
        if path.parent() != Some(&self.settings.runs_folder) {
            self.settings.remember_run(&path);
        }
        self.library.look(Some(places(&self.settings)));
        self.pages.runs.open(path);
        self.go(Page::Runs);
    }

    fn launch(&mut self, context: &Context, launch: &Launch) {
        match self.launcher.start(launch) {
            Ok(()) => self.open_run(launch.run.clone()),
            Err(error) => self.toasts.say(context, Toast::error(error.in_one_line())),
        }
    }

    /// The built-in example, in a new run folder.
    pub(super) fn start_demo(&mut self, context: &Context) {
        let run = new_run_folder(&self.settings.runs_folder, "demo");
        let backend = self.settings.backend.clone();
        self.launch(context, &Launch::demo(run, &backend));
    }

    /// A path for which only the window knows what to do, or the page shown.
    pub(super) fn take_path(&mut self, purpose: Purpose, path: PathBuf) {
        let taken = match purpose {
            Purpose::RunFolder => self.open_run_folder(path.clone()),
            Purpose::RunsFolder => {
                self.settings.runs_folder = path.clone();
                self.library.look(Some(places(&self.settings)));
                true
            }
            Purpose::AskCheckpoint | Purpose::Passage => {
                self.go(Page::Ask);
                self.with_page(Page::Ask, |view, env| view.take_path(purpose, path.clone(), env))
            }
            Purpose::TrainCheckpoint
            | Purpose::TrainData
            | Purpose::DevData
            | Purpose::Corpus
            | Purpose::HeldOutText
            | Purpose::Architecture
            | Purpose::Vocabulary
            | Purpose::Recipe => {
                self.with_page(Page::Train, |view, env| view.take_path(purpose, path.clone(), env))
            }
            Purpose::EvaluateCheckpoint | Purpose::EvaluateData | Purpose::AnsweredData => {
                self.with_page(Page::Evaluate, |view, env| view.take_path(purpose, path.clone(), env))
            }
            Purpose::Dropped => self.take_dropped(&path),
        };
        if !taken {
            let text = format!(
                "{} is neither a checkpoint folder, a run folder, an evaluation, a SQuAD file nor a text for this page",
                path.display()
            );
            self.actions.push(Action::Say(Toast::error(text)));
        }
    }

    /// The page shown has the first say; a run, an evaluation and a checkpoint are of use on any page.
    fn take_dropped(&mut self, path: &Path) -> bool {
        if !self.welcome {
            let page = self.settings.page;
            if self.with_page(page, |view, env| view.take_path(Purpose::Dropped, path.to_owned(), env)) {
                return true;
            }
        }
        if summarise(path).is_some() {
            return self.open_run_folder(path.to_owned());
        }
        if path.join("records.jsonl").is_file() {
            self.pages.evaluate.show_folder(path.to_owned());
            self.go(Page::Evaluate);
            return true;
        }
        if config_file(path).is_some() {
            self.actions.push(Action::AskWith(path.to_owned()));
            return true;
        }
        false
    }

    fn open_run_folder(&mut self, path: PathBuf) -> bool {
        let holds_run = summarise(&path).is_some();
        if holds_run {
            self.open_run(path);
        } else {
            let text = format!(
                "{} holds no run; choose a folder with recipe.toml and events.jsonl in it",
                path.display()
            );
            self.actions.push(Action::Say(Toast::error(text)));
        }
        // It has been said what is wrong.
        true
    }

    /// Says how a trainer ended that this window started.
    pub(super) fn trainer_ended(&mut self, ended: Ended) {
        self.library.look(None);
        let name = ended.run.file_name().unwrap_or(ended.run.as_os_str()).to_string_lossy().into_owned();
        let state = RunState::read(&Layout::new(&ended.run)).ok();
        let toast = match (ended.code, state) {
            (Some(0), Some(state)) if state.outcome == Some(spanbert_core::run::Outcome::Completed) => {
                let best = state.best.map_or_else(String::new, |best| {
                    format!(": {} {:.2} after {}", best.metric, best.value, updates(best.step))
                });
                Toast::done(format!("{name} is trained{best}"))
            }
            (Some(0), _) => Toast::info(format!("{name} has stopped; it can be resumed")),
            (Some(_), Some(state)) if state.error.is_some() => {
                Toast::error(format!("{name} failed: {}", state.error.unwrap_or_default()))
            }
            // It never came to a run folder; all that is known is what it said.
            (_, _) => {
                self.pages.runs.trainer_failed(&ended);
                Toast::error(format!("{name} could not continue: {}", last_words(&ended.output)))
            }
        };
        self.actions.push(Action::Say(toast));
    }
}

//! What pages ask the window for.

use std::path::{Path, PathBuf};

use egui::Context;

use super::StudioApp;
use crate::{action::Action, dialogs::Purpose, files, page::Page, toasts::Toast, widgets::shortened};

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
                    self.find_devices(context);
                }
            }
            Action::Do(command) => self.obey(context, command),
            other => self.act_on_runs(context, other),
        }
    }

    pub(super) fn go(&mut self, page: Page) {
        self.leave_welcome();
        self.settings.page = page;
    }

    /// A path for which only the window knows what to do, or the page shown.
    pub(super) fn take_path(&mut self, purpose: Purpose, path: PathBuf) {
        let taken = match purpose {
            Purpose::AskCheckpoint | Purpose::Passage => {
                self.go(Page::Ask);
                self.with_page(Page::Ask, |view, env| view.take_path(purpose, path.clone(), env))
            }
            Purpose::EvaluateCheckpoint | Purpose::EvaluateData | Purpose::AnsweredData => {
                self.with_page(Page::Evaluate, |view, env| view.take_path(purpose, path.clone(), env))
            }
            Purpose::Dropped => self.take_dropped(&path),
            _ => self.take_path_of_run(purpose, &path),
        };
        if !taken {
            let name = shortened(&path.display().to_string());
            let text = format!("{name} is neither {} for this page", super::KNOWN);
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
        if self.take_run(path) {
            return true;
        }
        if files::is_file(&path.join("records.jsonl")) {
            self.pages.evaluate.show_folder(path.to_owned());
            self.go(Page::Evaluate);
            return true;
        }
        if files::is_checkpoint(path) {
            self.actions.push(Action::AskWith(path.to_owned()));
            return true;
        }
        false
    }
}

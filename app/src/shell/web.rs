//! What only a page of a browser has.

use std::path::Path;

use egui::Context;

use super::StudioApp;
use crate::{
    action::Action,
    dialogs::Purpose,
    dropped, files,
    library::{Library, News},
    page::Page,
    page_view::Env,
    pages::{
        evaluate::EvaluatePage,
        here::{runs::RunsPage, train::TrainPage},
    },
    probe::Probe,
    settings::SettingsFile,
    toasts::Toast,
    worker::web::find_devices,
};

/// What can be dropped on the page.
pub(super) const KNOWN: &str =
    "a checkpoint's folder or files, a run folder, an evaluation's folder nor a text";

/// Files by which a run folder is known.
const RECORDS: [&str; 4] = ["recipe.toml", "pretrain.toml", "events.jsonl", "state.json"];

/// The pages that are others than a window's.
pub(super) struct Host {
    pub(super) runs: RunsPage,
    pub(super) train: TrainPage,
}

impl StudioApp {
    /// Reads the settings and opens the demonstration's model, so that there is something to ask at once.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let (settings_file, mut settings, warning) = SettingsFile::read(None);
        // Its three ways in are those of a window.
        settings.welcomed = true;
        let host = Host { runs: RunsPage::new(context), train: TrainPage::new(context) };
        let evaluate = EvaluatePage::new(context).with_workers();
        let mut studio = Self::around(
            context,
            host,
            (settings_file, settings, warning),
            Library::start(context),
            evaluate,
        );
        // At once, also behind another page that was shown last.
        if let Ok(demo) = files::demo_model() {
            studio.with_page(Page::Ask, |view, env| view.take_path(Purpose::AskCheckpoint, demo, env));
        }
        studio
    }

    /// Takes in what was dropped on the page.
    pub(super) fn poll_host(&mut self, _: &Context) {
        for path in dropped::paths() {
            self.take_path(Purpose::Dropped, path);
        }
        if dropped::was_kept_elsewhere() {
            self.library.look();
        }
        let on_a_page = Page::ALL.into_iter().any(|page| self.with_page(page, |view, _| view.is_at_stake()));
        dropped::put_at_stake(on_a_page || self.library.is_at_stake());
        self.actions
            .extend(dropped::troubles().into_iter().map(|trouble| Action::Say(Toast::error(trouble))));
        for news in self.library.news() {
            self.actions.push(match news {
                News::Opened(folder) => Action::AskWith(folder),
                News::Said(toast) => Action::Say(toast),
            });
        }
    }

    pub(super) fn find_devices(&mut self, context: &Context) {
        self.probe = Probe::Running(find_devices(context));
    }

    /// Runs are read when they are handed over.
    pub(super) fn look_again(&self) {}

    /// Does what a page asked for that concerns runs and trainings.
    pub(super) fn act_on_runs(&mut self, _: &Context, action: Action) {
        if let Action::OpenRun(folder) = action {
            self.host.runs.open(folder);
            self.go(Page::Runs);
        }
    }

    /// Trains the demonstration.
    pub(super) fn start_demo(&mut self, _: &Context) {
        self.go(Page::Train);
        let mut env = Env {
            settings: &mut self.settings,
            devices: &self.probe,
            library: &self.library,
            actions: &mut self.actions,
        };
        self.host.train.start(&mut env);
    }

    /// There are no dialogs for runs and trainings.
    pub(super) fn take_path_of_run(&mut self, _: Purpose, _: &Path) -> bool {
        false
    }

    /// Shows the run in a folder, if it holds one.
    pub(super) fn take_run(&mut self, path: &Path) -> bool {
        let is_record = |name: &str| RECORDS.contains(&name.rsplit('/').next().unwrap_or(name));
        let holds_run = files::below(path).iter().any(|(name, _)| is_record(name));
        if holds_run {
            self.actions.push(Action::OpenRun(path.to_owned()));
        }
        holds_run
    }
}

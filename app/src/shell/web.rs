//! What only a page of a browser has.

use std::path::Path;

use egui::Context;

use super::StudioApp;
use crate::{
    action::Action,
    dialogs::Purpose,
    files,
    library::{Library, News},
    page::Page,
    pages::evaluate::EvaluatePage,
    probe::Probe,
    settings::SettingsFile,
    web,
    worker::web::find_devices,
};

/// What can be dropped on the page.
pub(super) const KNOWN: &str = "a checkpoint's folder or files, an evaluation's folder nor a text";

impl StudioApp {
    /// Reads the settings and opens the demonstration's model, so that there is something to ask at once.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let (settings_file, mut settings, warning) = SettingsFile::read(None);
        // Its three ways in are those of a window.
        settings.welcomed = true;
        let evaluate = EvaluatePage::new(context).with_workers();
        let mut studio =
            Self::around(context, (settings_file, settings, warning), Library::start(context), evaluate);
        // At once, also behind another page that was shown last.
        if let Ok(demo) = files::demo_model() {
            studio.with_page(Page::Ask, |view, env| view.take_path(Purpose::AskCheckpoint, demo, env));
        }
        studio
    }

    /// Takes in what was dropped on the page.
    pub(super) fn poll_host(&mut self, _: &Context) {
        for path in web::dropped() {
            self.take_path(Purpose::Dropped, path);
        }
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

    /// There are no runs to look for.
    pub(super) fn look_again(&self) {}

    /// There are no runs and no trainings.
    pub(super) fn act_on_runs(&mut self, _: &Context, _: Action) {}

    /// There are no runs and no trainings.
    pub(super) fn start_demo(&mut self, _: &Context) {}

    /// There are no runs and no trainings.
    pub(super) fn take_path_of_run(&mut self, _: Purpose, _: &Path) -> bool {
        false
    }

    /// There are no runs.
    pub(super) fn take_run(&mut self, _: &Path) -> bool {
        false
    }
}

//! What only a page of a browser has.

use std::path::Path;

use egui::Context;

use super::StudioApp;
use crate::{
    action::Action, command::Command, dialogs::Purpose, library::Library, pages::evaluate::EvaluatePage,
    probe::Probe, settings::SettingsFile, web, worker::web::find_devices,
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
        let mut studio = Self::around(context, (settings_file, settings, warning), Library, evaluate);
        // The page that was shown last stays.
        let page = studio.settings.page;
        studio.actions.extend([Action::Do(Command::AskDemo), Action::Go(page)]);
        studio
    }

    /// Takes in what was dropped on the page.
    pub(super) fn poll_host(&mut self, _: &Context) {
        for path in web::dropped() {
            self.take_path(Purpose::Dropped, path);
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

//! What each command does, and when it makes sense.

use egui::{Context, ViewportCommand};

use super::StudioApp;
use crate::{
    action::Action, command::Command, dialogs::Purpose, files, page::Page, probe::Probe, toasts::Toast,
};

impl StudioApp {
    /// Whether the command makes sense now.
    pub(super) fn can(&mut self, command: Command) -> bool {
        match command {
            _ if !command.is_offered() => false,
            Command::PauseRun
            | Command::ResumeRun
            | Command::EvaluateRun
            | Command::StopRun
            | Command::RevealRun
            | Command::DeleteRuns
            | Command::CompareRuns
            | Command::FocusInput
            | Command::Ask => {
                let page = self.settings.page;
                !self.welcome && self.with_page(page, |view, env| view.can(command, env))
            }
            _ => true,
        }
    }

    /// Does what the command says, if it makes sense now.
    pub(super) fn obey(&mut self, context: &Context, command: Command) {
        if !self.can(command) {
            return;
        }
        match command {
            Command::Go(page) => self.go(page),
            Command::NewTraining => self.go(Page::Train),
            Command::OpenCheckpoint => self.actions.push(Action::Browse(Purpose::AskCheckpoint)),
            Command::AskDemo => match files::demo_model() {
                Ok(folder) => self.actions.push(Action::AskWith(folder)),
                Err(error) => self.actions.push(Action::Say(Toast::error(error))),
            },
            Command::OpenRun => self.actions.push(Action::Browse(Purpose::RunFolder)),
            Command::StartDemo => self.start_demo(context),
            Command::Refresh => {
                self.look_again();
                if !matches!(self.probe, Probe::Idle) {
                    self.actions.push(Action::ProbeDevices);
                }
            }
            Command::Theme(choice) => {
                self.settings.theme = choice;
                context.set_theme(egui::ThemePreference::from(choice));
            }
            Command::ZoomIn => egui::gui_zoom::zoom_in(context),
            Command::ZoomOut => egui::gui_zoom::zoom_out(context),
            Command::ZoomReset => context.set_zoom_factor(1.0),
            Command::Palette => self.palette.toggle(),
            Command::Welcome => self.welcome = true,
            Command::Shortcuts => self.about.show_shortcuts(),
            Command::About => self.about.show_about(),
            Command::Quit => context.send_viewport_cmd(ViewportCommand::Close),
            _ => {
                let page = self.settings.page;
                self.with_page(page, |view, env| view.command(command, env));
            }
        }
        context.request_repaint();
    }
}

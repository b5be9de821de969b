//! The menu bar.

use egui::{Button, MenuBar, Ui};

use super::StudioApp;
use crate::{command::Command, page::Page, theme::ThemeChoice};

/// Menus and their commands; `None` is a line between groups.
const MENUS: [(&str, &[Option<Command>]); 4] = [
    (
        "File",
        &[
            Some(Command::NewTraining),
            Some(Command::StartDemo),
            None,
            Some(Command::OpenCheckpoint),
            Some(Command::AskDemo),
            Some(Command::OpenRun),
            None,
            Some(Command::Quit),
        ],
    ),
    (
        "Run",
        &[
            Some(Command::PauseRun),
            Some(Command::ResumeRun),
            Some(Command::EvaluateRun),
            Some(Command::StopRun),
            None,
            Some(Command::CompareRuns),
            Some(Command::RevealRun),
            Some(Command::DeleteRuns),
        ],
    ),
    (
        "View",
        &[
            Some(Command::Go(Page::Runs)),
            Some(Command::Go(Page::Train)),
            Some(Command::Go(Page::Evaluate)),
            Some(Command::Go(Page::Ask)),
            Some(Command::Go(Page::Settings)),
            None,
            Some(Command::Palette),
            Some(Command::FocusInput),
            Some(Command::Refresh),
            None,
            Some(Command::Theme(ThemeChoice::System)),
            Some(Command::Theme(ThemeChoice::Light)),
            Some(Command::Theme(ThemeChoice::Dark)),
            None,
            Some(Command::ZoomIn),
            Some(Command::ZoomOut),
            Some(Command::ZoomReset),
        ],
    ),
    ("Help", &[Some(Command::Welcome), Some(Command::Shortcuts), Some(Command::About)]),
];

impl StudioApp {
    pub(super) fn menu_ui(&mut self, ui: &mut Ui) {
        let mut chosen = None;
        MenuBar::new().ui(ui, |ui| {
            for (name, commands) in MENUS {
                if commands.iter().flatten().all(|command| !command.is_offered()) {
                    continue;
                }
                ui.menu_button(name, |ui| {
                    ui.set_min_width(220.0);
                    // A line is drawn before the next command, if there is one on either side.
                    let (mut drawn, mut line) = (false, false);
                    for command in commands {
                        match command {
                            None => line = drawn,
                            Some(command) if !command.is_offered() => {}
                            Some(command) => {
                                if std::mem::take(&mut line) {
                                    ui.separator();
                                }
                                drawn = true;
                                let button =
                                    Button::new(command.name()).shortcut_text(command.keys(ui.ctx()));
                                let enabled = self.can(*command);
                                if ui.add_enabled(enabled, button).on_hover_text(command.tooltip()).clicked()
                                {
                                    chosen = Some(*command);
                                }
                            }
                        }
                    }
                });
            }
        });
        if let Some(command) = chosen {
            let context = ui.ctx().clone();
            self.obey(&context, command);
        }
    }
}

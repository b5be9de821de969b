//! What a run can be asked for: its buttons and commands.

use std::time::Instant;

use crate::symbols as icon;
use egui::Ui;
use spanbert_core::advice::Advice;
use spanbert_core::run::{Phase, Request, RunStatus, request};

use super::{RunDetail, reveal};
use crate::{
    action::Action,
    command::Command,
    launch::Launch,
    page_view::Env,
    toasts::Toast,
    widgets::{command_button, primary_command_button, symbol_button},
};

impl RunDetail {
    /// Draws the buttons.
    pub(super) fn controls_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let status = self.status();
        ui.horizontal_wrapped(|ui| {
            let mut wanted = None;
            if self.is_live() {
                let toggle =
                    if status == Some(RunStatus::Paused) { Command::ResumeRun } else { Command::PauseRun };
                for command in [toggle, Command::EvaluateRun, Command::StopRun] {
                    if command_button(ui, command, self.can(command)).clicked() {
                        wanted = Some(command);
                    }
                }
            } else if self.can(Command::ResumeRun)
                && primary_command_button(ui, Command::ResumeRun, true).clicked()
            {
                wanted = Some(Command::ResumeRun);
            }
            // Pre-training leaves no head that answers.
            let pretrained = self.look.as_ref().is_some_and(|look| look.pretraining.is_some());
            let checkpoint = self.look.as_ref().and_then(|look| look.checkpoint.clone());
            let checkpoint = checkpoint.filter(|_| !pretrained);
            let response = symbol_button(ui, icon::CHAT_TEXT, "Ask this model", checkpoint.is_some());
            let hint = if pretrained {
                "It is only pre-trained: fine-tune its last/ folder first"
            } else {
                "Weights to ask are saved at the first evaluation, or at the end"
            };
            if response.on_disabled_hover_text(hint).clicked()
                && let Some(checkpoint) = checkpoint
            {
                env.ask(Action::AskWith(checkpoint));
            }
            if self.can_be_changed() {
                let change = symbol_button(ui, icon::SLIDERS_HORIZONTAL, "Resume with changes…", true);
                let hint = "Opens the form with the run's settings; those that do not decide what is learnt may change";
                if change.on_hover_text(hint).clicked() {
                    env.ask(Action::ResumeWith(self.root.clone()));
                }
            }
            if symbol_button(ui, icon::COPY, "Train again like this", true).clicked() {
                env.ask(Action::TrainLike(self.root.clone()));
            }
            let folder = symbol_button(ui, icon::FOLDER_SIMPLE, "Folder", true);
            if folder.on_hover_text(Command::RevealRun.tooltip()).clicked() {
                wanted = Some(Command::RevealRun);
            }
            if let Some(command) = wanted {
                self.command(command, env);
            }
            if let Some((asked, _)) = self.asked {
                let what = match asked {
                    Request::Pause => "pause",
                    Request::Resume => "resume",
                    Request::Evaluate => "evaluate",
                    Request::Stop => "save and stop",
                };
                ui.spinner();
                ui.label(format!("Asked to {what} after the current step"));
            }
        });
    }

    /// Whether a command makes sense now.
    pub(in crate::pages::runs) fn can(&self, command: Command) -> bool {
        let status = self.status();
        let busy = |request: Request| self.asked.is_some_and(|(asked, _)| asked == request);
        let stopping = busy(Request::Stop);
        match command {
            Command::PauseRun => status == Some(RunStatus::Running) && !busy(Request::Pause) && !stopping,
            Command::EvaluateRun => {
                let has_data = self.look.as_ref().is_some_and(|look| match &look.pretraining {
                    Some(record) => record.as_ref().is_ok_and(|record| record.evaluates()),
                    None => look.environment.as_ref().is_some_and(|found| found.dev_data.is_some()),
                });
                let evaluating =
                    self.curves.phase.as_ref().is_some_and(|(phase, _)| *phase == Phase::Evaluating);
                self.is_live() && has_data && !evaluating && !busy(Request::Evaluate) && !stopping
            }
            Command::StopRun => self.is_live() && !stopping,
            Command::ResumeRun => match status {
                Some(RunStatus::Paused) => !busy(Request::Resume),
                Some(RunStatus::Stopped | RunStatus::Failed | RunStatus::Interrupted) => {
                    self.resuming.is_none()
                }
                _ => false,
            },
            Command::RevealRun => self.seen,
            _ => false,
        }
    }

    /// Whether nobody works on the run, so that it may be resumed with other settings: also one that is complete, if a
    /// setting ended it.
    fn can_be_changed(&self) -> bool {
        let ended = matches!(
            self.status(),
            Some(RunStatus::Stopped | RunStatus::Failed | RunStatus::Interrupted | RunStatus::Completed)
        );
        ended && self.resuming.is_none()
    }

    /// Obeys a command.
    pub(in crate::pages::runs) fn command(&mut self, command: Command, env: &mut Env<'_>) {
        match command {
            Command::PauseRun => self.ask(Request::Pause, env),
            Command::EvaluateRun => self.ask(Request::Evaluate, env),
            Command::StopRun => self.ask(Request::Stop, env),
            Command::ResumeRun if self.status() == Some(RunStatus::Paused) => self.ask(Request::Resume, env),
            Command::ResumeRun => {
                self.ended = None;
                self.resuming = Some(Instant::now());
                env.ask(Action::Launch(Launch::resume(self.root.clone())));
            }
            Command::RevealRun => reveal(&self.root, env),
            _ => {}
        }
    }

    fn ask(&mut self, wish: Request, env: &mut Env<'_>) {
        match request(&self.layout, wish) {
            Ok(()) => {
                self.asked = Some((wish, Instant::now()));
                if let Ok(follower) = &self.follower {
                    follower.look();
                }
            }
            Err(error) => env.ask(Action::Say(Toast::error(error.in_one_line()))),
        }
    }
}

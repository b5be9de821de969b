//! One run: how it stands, its curves, evaluations, recipe, log and notes.
//!
//! A [`follow`]er reads along in the run folder on a thread; everything here only draws what it has found.

mod charts;
mod evaluations;
pub(super) mod follow;
pub(super) mod header;
mod log;
mod notes;
mod recipe;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use egui::{Context, RichText, Ui};
use egui_phosphor::regular as icon;
use spanbert_core::run::{Curves, Layout, Phase, Request, RunStatus, request};

use self::{
    charts::Charts,
    follow::{Follower, Look, News},
    notes::NotesEditor,
};
use crate::{
    action::Action,
    command::Command,
    launch::{Ended, Launch},
    page::{Env, Page},
    theme::{CAPTION_SIZE, GAP, Tokens},
    toasts::Toast,
    widgets::{
        Severity, busy, card, command_button, count, notice, primary_command_button, segmented, short_path,
        symbol_button,
    },
};

/// How long a run that was just opened may have no trainer without being called interrupted.
const STARTING: Duration = Duration::from_secs(10);
/// Chunks of events taken in per frame.
const CHUNKS: usize = 2;

/// A part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Curves,
    Evaluations,
    Recipe,
    Log,
    Notes,
}

/// A run in detail.
pub(super) struct RunDetail {
    root: PathBuf,
    layout: Layout,
    follower: Result<Follower, String>,
    opened: Instant,
    curves: Curves,
    look: Option<Look>,
    /// Whether the folder was there once.
    seen: bool,
    charts: Charts,
    notes: NotesEditor,
    tab: Tab,
    /// What the trainer was asked for, and when.
    asked: Option<(Request, Instant)>,
    /// How its trainer ended before it came to a run folder.
    ended: Option<Ended>,
    /// Whether a trainer was started to go on with it, until it shows.
    resuming: Option<Instant>,
}

impl RunDetail {
    /// Starts to follow a run, which may not be there yet.
    pub(super) fn new(context: &Context, root: PathBuf) -> Self {
        Self {
            layout: Layout::new(&root),
            follower: Follower::start(context, root.clone()),
            root,
            opened: Instant::now(),
            curves: Curves::default(),
            look: None,
            seen: false,
            charts: Charts::default(),
            notes: NotesEditor::default(),
            tab: Tab::Curves,
            asked: None,
            ended: None,
            resuming: None,
        }
    }

    /// Its folder.
    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// Its trainer has ended without leaving word in the run folder.
    pub(super) fn trainer_failed(&mut self, ended: &Ended) {
        self.ended = Some(ended.clone());
        self.resuming = None;
    }

    /// Takes in what the thread has found.
    pub(super) fn poll(&mut self, env: &mut Env<'_>, context: &Context) {
        let mut chunks = 0;
        if let Ok(follower) = &self.follower {
            while let Some(news) = follower.next() {
                match news {
                    News::Events(records) => {
                        records.into_iter().for_each(|record| self.curves.add(record));
                        chunks += 1;
                    }
                    News::Look(look) => {
                        self.seen |= look.summary.is_some();
                        self.notes.take(&look.notes);
                        self.look = Some(*look);
                    }
                }
                if chunks == CHUNKS {
                    context.request_repaint();
                    break;
                }
            }
        }
        let live = self.is_live();
        if live {
            self.resuming = None;
            self.ended = None;
        }
        if let Some((asked, since)) = self.asked
            && self.is_done(asked, since)
        {
            self.asked = None;
        }
        if self.seen && self.notes.save(context, &self.root, false) {
            env.ask(Action::RescanRuns);
        }
    }

    /// Writes notes that wait.
    pub(super) fn leave(&mut self, context: &Context) {
        if self.seen {
            self.notes.save(context, &self.root, true);
        }
    }

    fn status(&self) -> Option<RunStatus> {
        self.look.as_ref()?.summary.as_ref().map(|summary| summary.status)
    }

    fn is_live(&self) -> bool {
        self.look.as_ref().is_some_and(Look::is_live)
    }

    fn is_done(&self, asked: Request, since: Instant) -> bool {
        let status = self.status();
        let taken = self.look.as_ref().is_some_and(|look| !look.request_waits);
        let over = !self.is_live();
        over || match asked {
            Request::Pause => status == Some(RunStatus::Paused),
            Request::Resume => status == Some(RunStatus::Running),
            Request::Stop => false,
            // The evaluation itself is seen in the phase.
            Request::Evaluate => taken && since.elapsed() > Duration::from_millis(1500),
        }
    }

    /// Draws the run. Gives whether the user wants back to the list.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) -> bool {
        let name = self.root.file_name().unwrap_or(self.root.as_os_str()).to_string_lossy().into_owned();
        let back = header::title_ui(ui, &name, self.look.as_ref());
        ui.add_space(4.0);
        if let Err(error) = &self.follower {
            notice(ui, Severity::Error, error);
            return back;
        }
        let holds_run = self.look.as_ref().is_some_and(|look| look.summary.is_some());
        if !holds_run {
            return self.absent_ui(ui, env) || back;
        }
        self.controls_ui(ui, env);
        ui.add_space(6.0);
        self.notices_ui(ui, env);
        if let Some(look) = &self.look {
            card(ui, "Progress", |ui| header::progress_ui(ui, look, &self.curves));
        }
        ui.add_space(GAP / 2.0);
        self.tabs_ui(ui, env);
        back
    }

    /// What is shown while the folder holds no run. Gives whether the user wants back to the list.
    fn absent_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) -> bool {
        let mut back = false;
        if let Some(ended) = &self.ended {
            let text = format!("The training did not begin. The trainer said:\n\n{}", words_of(ended));
            notice(ui, Severity::Error, &text);
            ui.add_space(GAP);
            ui.horizontal(|ui| {
                if symbol_button(ui, icon::GRADUATION_CAP, "Back to the form", true).clicked() {
                    env.ask(Action::Go(Page::Train));
                }
                back = symbol_button(ui, icon::LIST_DASHES, "All runs", true).clicked();
            });
        } else if self.seen {
            let text = format!(
                "This run folder is gone: {} was moved or deleted while it was shown",
                short_path(&self.root, 90)
            );
            notice(ui, Severity::Warning, &text);
            ui.add_space(GAP);
            back = symbol_button(ui, icon::LIST_DASHES, "All runs", true).clicked();
        } else if self.opened.elapsed() < Duration::from_secs(30) {
            busy(ui, "Starting the trainer");
            let text = format!("Its folder will be {}", short_path(&self.root, 90));
            ui.label(RichText::new(text).size(CAPTION_SIZE).color(Tokens::of(ui).text_muted));
        } else {
            notice(ui, Severity::Warning, &format!("{} holds no run", short_path(&self.root, 90)));
        }
        back
    }

    fn controls_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
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
                "It has learnt text, not to answer: fine-tune its last/ folder first"
            } else {
                "The first evaluation or the end leaves weights to ask"
            };
            if response.on_disabled_hover_text(hint).clicked()
                && let Some(checkpoint) = checkpoint
            {
                env.ask(Action::AskWith(checkpoint));
            }
            if symbol_button(ui, icon::COPY, "Train again like this", !pretrained).clicked() {
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
                    Request::Resume => "go on",
                    Request::Evaluate => "evaluate",
                    Request::Stop => "save and stop",
                };
                ui.spinner();
                ui.label(format!("Asked to {what}; after the current step"));
            }
        });
    }

    fn notices_ui(&self, ui: &mut Ui, _env: &Env<'_>) {
        let Some(look) = &self.look else { return };
        if self.resuming.is_some_and(|since| since.elapsed() < Duration::from_secs(60)) {
            busy(ui, "Starting the trainer");
            ui.add_space(GAP / 2.0);
            return;
        }
        let state = look.summary.as_ref().and_then(|summary| summary.state.as_ref());
        let text = match self.status() {
            Some(RunStatus::Failed) => {
                let why = state
                    .and_then(|state| state.error.clone())
                    .unwrap_or_else(|| "no reason was left".to_owned());
                Some((Severity::Error, format!("The training failed: {why}")))
            }
            Some(RunStatus::Interrupted)
                if self.opened.elapsed() < STARTING && self.curves.steps.is_empty() =>
            {
                ui.ctx().request_repaint_after(STARTING);
                None
            }
            Some(RunStatus::Interrupted) => {
                let from = match self.curves.checkpoint {
                    Some(step) => {
                        format!("nothing up to the checkpoint after update {} is lost", count(step))
                    }
                    None => "it begins again, as there is no checkpoint yet".to_owned(),
                };
                let text = format!(
                    "The trainer ended without a word: it was killed, or the machine went down. Resume it; {from}."
                );
                Some((Severity::Warning, text))
            }
            _ => None,
        };
        if let Some((severity, text)) = text {
            notice(ui, severity, &text);
            ui.add_space(GAP / 2.0);
        }
        if let Some(ended) = &self.ended {
            notice(ui, Severity::Error, &format!("The trainer could not go on:\n{}", words_of(ended)));
            ui.add_space(GAP / 2.0);
        }
        if let Some(error) = &look.error {
            notice(ui, Severity::Error, error);
            ui.add_space(GAP / 2.0);
        }
    }

    fn tabs_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let evaluations = format!("Evaluations {}", count(self.curves.evaluations.len()));
        let tabs = [
            (Tab::Curves, "Curves"),
            (Tab::Evaluations, evaluations.as_str()),
            (Tab::Recipe, "Recipe"),
            (Tab::Log, "Log"),
            (Tab::Notes, "Notes"),
        ];
        segmented(ui, &mut self.tab, &tabs);
        ui.add_space(6.0);
        let Some(look) = &self.look else { return };
        match self.tab {
            Tab::Curves => self.charts.ui(ui, &self.curves),
            Tab::Evaluations => {
                if let Some(step) = evaluations::ui(ui, &self.curves) {
                    env.ask(Action::ShowEvaluation { run: self.root.clone(), step: Some(step) });
                }
            }
            Tab::Recipe => recipe::ui(ui, look),
            Tab::Log => log::ui(ui, &self.curves, &look.log),
            Tab::Notes => self.notes.ui(ui),
        }
    }

    /// Whether a command makes sense now.
    pub(super) fn can(&self, command: Command) -> bool {
        let status = self.status();
        let busy = |request: Request| self.asked.is_some_and(|(asked, _)| asked == request);
        let stopping = busy(Request::Stop);
        match command {
            Command::PauseRun => status == Some(RunStatus::Running) && !busy(Request::Pause) && !stopping,
            Command::EvaluateRun => {
                let has_data = self
                    .look
                    .as_ref()
                    .and_then(|look| look.environment.as_ref())
                    .is_some_and(|environment| environment.dev_data.is_some());
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

    /// Obeys a command.
    pub(super) fn command(&mut self, command: Command, env: &mut Env<'_>) {
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
            Err(error) => env.ask(Action::Say(Toast::error(error.to_string()))),
        }
    }
}

/// The last words of a trainer.
fn words_of(ended: &Ended) -> String {
    if !ended.output.trim().is_empty() {
        return ended.output.clone();
    }
    ended.code.map_or_else(
        || "nothing: it was killed".to_owned(),
        |code| format!("nothing, and ended with code {code}"),
    )
}

/// Opens a folder in the system's file manager.
pub(super) fn reveal(folder: &Path, env: &mut Env<'_>) {
    if let Err(error) = opener::open(folder) {
        let text = format!("{} could not be opened: {error}", folder.display());
        env.ask(Action::Say(Toast::error(text)));
    }
}

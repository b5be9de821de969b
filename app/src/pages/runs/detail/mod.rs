//! One run: how it stands, its curves, evaluations, recipe, log and notes.
//!
//! A [`follow`]er reads along in the run folder on a thread; everything here only draws what it has found.

mod controls;
pub(super) mod follow;
pub(super) mod header;
mod log;
mod notes;
mod notices;
mod recipe;
mod seeds;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use egui::{Context, Ui};
use spanbert_core::run::{Curves, Layout, Request, RunStatus};

use self::{
    follow::{Follower, Look, News},
    notes::NotesEditor,
};
use crate::{
    action::Action,
    launch::Ended,
    page_view::Env,
    pages::curves::{charts::Charts, evaluations},
    theme::GAP,
    toasts::Toast,
    widgets::{Severity, card, count, notice, segmented},
};

/// Chunks of events taken in per frame.
const CHUNKS: usize = 2;

/// A part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Curves,
    Evaluations,
    Recipe,
    /// The runs that differ from this one by their seed.
    Seeds,
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
        self.notices_ui(ui);
        if let Some(look) = &self.look {
            card(ui, "Progress", |ui| header::progress_ui(ui, look, &self.curves));
        }
        ui.add_space(GAP / 2.0);
        self.tabs_ui(ui, env);
        back
    }

    fn tabs_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let evaluations =
            format!("Evaluations {}", count(self.curves.evaluations.len() + self.curves.held_out.len()));
        let Some(look) = &self.look else { return };
        let group = look.summary.as_ref().and_then(|summary| summary.group.as_ref());
        let group = group.and_then(|mark| env.library.groups().iter().find(|group| group.name == mark.name));
        let mut tabs = vec![
            (Tab::Curves, "Curves"),
            (Tab::Evaluations, evaluations.as_str()),
            (Tab::Recipe, "Recipe"),
            (Tab::Log, "Log"),
            (Tab::Notes, "Notes"),
        ];
        let seeds = group.map(|group| format!("Seeds {}", count(group.seeds.len())));
        if let Some(seeds) = &seeds {
            tabs.insert(2, (Tab::Seeds, seeds));
        }
        segmented(ui, &mut self.tab, &tabs);
        ui.add_space(6.0);
        match self.tab {
            Tab::Curves => self.charts.ui(ui, &self.curves),
            Tab::Evaluations => {
                if let Some(step) = evaluations::ui(ui, &self.curves) {
                    env.ask(Action::ShowEvaluation { run: self.root.clone(), step: Some(step) });
                }
            }
            Tab::Recipe => recipe::ui(ui, look),
            Tab::Seeds => {
                if let Some(run) = group.and_then(|group| seeds::ui(ui, group, &self.root)) {
                    env.ask(Action::OpenRun(run));
                }
            }
            Tab::Log => log::ui(ui, &self.curves, &look.log),
            Tab::Notes => self.notes.ui(ui),
        }
    }
}

/// Opens a folder in the system's file manager.
pub(super) fn reveal(folder: &Path, env: &mut Env<'_>) {
    if let Err(error) = opener::open(folder) {
        let text = format!("{} could not be opened: {error}", folder.display());
        env.ask(Action::Say(Toast::error(text)));
    }
}

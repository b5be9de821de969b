//! Runs: the [`list`], one run in [`detail`], and several [`compare`]d.

mod compare;
mod delete;
mod detail;
mod list;
mod row;

use std::{collections::HashMap, path::PathBuf};

use egui::{Context, Key, Modifiers, Ui};

use self::{compare::Compare, delete::Deletion, detail::RunDetail, list::RunsList};
use crate::{
    command::Command,
    launch::Ended,
    page_view::{Env, PageView},
};

pub use self::delete::MoveToTrash;

/// What of the page is shown.
enum View {
    List,
    Detail(Box<RunDetail>),
    Compare(Box<Compare>),
}

/// The page's state.
pub struct RunsPage {
    context: Context,
    list: RunsList,
    view: View,
    deletion: Deletion,
    /// Trainers that ended without a word in their run folder.
    failed: HashMap<PathBuf, Ended>,
}

impl RunsPage {
    /// The list, nothing selected.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self::with_trash(context, delete::system_trash)
    }

    /// The same with another way to throw folders away.
    #[must_use]
    pub fn with_trash(context: &Context, trash: MoveToTrash) -> Self {
        Self {
            context: context.clone(),
            list: RunsList::default(),
            view: View::List,
            deletion: Deletion::new(trash),
            failed: HashMap::new(),
        }
    }

    /// Shows a run in detail; it need not be there yet.
    pub fn open(&mut self, run: PathBuf) {
        // A trainer that is started again has not failed any more.
        self.failed.remove(&run);
        self.show(run);
    }

    /// A trainer of this window ended without a word in its run folder.
    pub fn trainer_failed(&mut self, ended: &Ended) {
        if let View::Detail(detail) = &mut self.view
            && detail.path() == ended.run
        {
            detail.trainer_failed(ended);
        }
        self.failed.insert(ended.run.clone(), ended.clone());
    }

    fn show(&mut self, run: PathBuf) {
        if matches!(&self.view, View::Detail(detail) if detail.path() == run) {
            return;
        }
        self.leave();
        let mut detail = RunDetail::new(&self.context, run);
        if let Some(ended) = self.failed.get(detail.path()) {
            detail.trainer_failed(ended);
        }
        self.view = View::Detail(Box::new(detail));
    }

    fn back(&mut self) {
        self.leave();
        self.view = View::List;
    }

    fn leave(&mut self) {
        if let View::Detail(detail) = &mut self.view {
            detail.leave(&self.context);
        }
    }

    /// The runs that deletion would concern.
    fn deletable(&self) -> Vec<PathBuf> {
        match &self.view {
            View::List => self.list.selected().to_vec(),
            View::Detail(detail) => vec![detail.path().to_owned()],
            View::Compare(_) => Vec::new(),
        }
    }
}

impl PageView for RunsPage {
    fn poll(&mut self, env: &mut Env<'_>) {
        match &mut self.view {
            View::List => {}
            View::Detail(detail) => detail.poll(env, &self.context),
            View::Compare(compare) => compare.poll(&self.context),
        }
        self.deletion.poll(env);
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let escaped = |ui: &Ui| {
            !ui.ctx().text_edit_focused()
                && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape))
        };
        let open = self.deletion.is_asking();
        match &mut self.view {
            View::List => {
                if let Some(run) = self.list.ui(ui, env, !open) {
                    self.show(run);
                    ui.ctx().request_repaint();
                }
            }
            View::Detail(detail) => {
                if detail.ui(ui, env) || (!open && escaped(ui)) {
                    self.back();
                    ui.ctx().request_repaint();
                }
            }
            View::Compare(compare) => {
                let chosen = compare.ui(ui);
                if let Some(run) = chosen.open {
                    self.show(run);
                } else if chosen.back || escaped(ui) {
                    self.back();
                }
            }
        }
        self.deletion.ui(ui.ctx(), env);
    }

    fn can(&self, command: Command, env: &Env<'_>) -> bool {
        match (command, &self.view) {
            (Command::DeleteRuns, View::List | View::Detail(_)) => {
                let runs = self.deletable();
                !runs.is_empty() && runs.iter().any(|run| env.library.run(run).is_some())
            }
            (Command::CompareRuns, View::List) => self.list.selected().len() > 1,
            (Command::FocusInput, View::List) => true,
            (Command::RevealRun, View::List) => self.list.selected().len() == 1,
            (_, View::Detail(detail)) => detail.can(command),
            _ => false,
        }
    }

    fn command(&mut self, command: Command, env: &mut Env<'_>) {
        match command {
            Command::DeleteRuns => {
                let runs = self.deletable();
                let chosen = runs.iter().filter_map(|run| env.library.run(run)).cloned().collect();
                self.deletion.ask(&self.context, chosen);
            }
            Command::CompareRuns => {
                let chosen = self.list.selected().iter().filter_map(|run| env.library.run(run)).cloned();
                self.view = View::Compare(Box::new(Compare::new(&self.context, chosen.collect())));
            }
            Command::FocusInput => self.list.focus(),
            _ => match &mut self.view {
                View::Detail(detail) => detail.command(command, env),
                _ => {
                    if let [run] = self.list.selected() {
                        detail::reveal(run, env);
                    }
                }
            },
        }
    }
}

//! All runs in a table, of which only the visible rows are drawn.

use std::{cmp::Ordering, path::PathBuf};

use crate::symbols as icon;
use egui::{Align, Key, Label, Layout, RichText, Sense, Ui, WidgetInfo, WidgetType};
use egui_extras::{Column, TableBuilder};
use spanbert_core::run::RunStatus;

use super::row::cells;
use crate::{
    action::Action,
    command::Command,
    library::RunEntry,
    page_view::Env,
    theme::{CAPTION_SIZE, Tokens},
    widgets::{
        Severity, busy, command_button, count, empty_state, notice, page_header, primary_command_button,
        run_title, search_field, short_path, tick,
    },
};

const ROW: f32 = 34.0;

/// What decides the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// Those at work first, then the newest.
    #[default]
    Started,
    Status,
    Name,
    Progress,
    Best,
}

/// The list's state.
#[derive(Default)]
pub(super) struct RunsList {
    filter: String,
    order: Order,
    reversed: bool,
    selected: Vec<PathBuf>,
    /// The row that Enter opens.
    cursor: Option<PathBuf>,
    wants_focus: bool,
    scroll_to: Option<usize>,
}

impl RunsList {
    /// The runs with a tick, in the order they got it.
    pub(super) fn selected(&self) -> &[PathBuf] {
        &self.selected
    }

    /// Puts the cursor into the filter.
    pub(super) fn focus(&mut self) {
        self.wants_focus = true;
    }

    /// Draws the list. `keys` says whether it may take keys. Gives the run to show.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, keys: bool) -> Option<PathBuf> {
        // A run that is gone cannot stay selected.
        if env.library.is_known() {
            self.selected.retain(|run| env.library.run(run).is_some());
        }
        page_header(ui, "Runs", "", |ui| {
            if primary_command_button(ui, Command::NewTraining, true).clicked() {
                env.ask(Action::Do(Command::NewTraining));
            }
            if command_button(ui, Command::OpenRun, true).clicked() {
                env.ask(Action::Do(Command::OpenRun));
            }
        });
        if let Some(error) = env.library.error() {
            notice(ui, Severity::Error, error);
            ui.add_space(8.0);
        }
        if env.library.runs().is_empty() {
            self.empty_ui(ui, env);
            return None;
        }
        self.filter_ui(ui, env);
        ui.add_space(4.0);
        let runs = env.library.runs();
        let rows = self.rows(runs);
        if rows.is_empty() {
            ui.add_space(24.0);
            ui.vertical_centered(|ui| {
                ui.label(RichText::new("No run matches the filter").color(Tokens::of(ui).text_muted));
            });
            return None;
        }
        let entered = if keys { self.keys(ui, runs, &rows) } else { None };
        let folder = env.settings.runs_folder.clone();
        entered.or(self.table_ui(ui, runs, &rows, &folder))
    }

    fn empty_ui(&self, ui: &mut Ui, env: &mut Env<'_>) {
        if !env.library.is_known() {
            return busy(ui, "Looking for runs");
        }
        let folder = short_path(&env.settings.runs_folder, 60);
        let text =
            format!("Trainings appear here, those of the command line too. The runs folder is {folder}.");
        let mut wanted = None;
        empty_state(ui, icon::LIST_DASHES, "No runs yet", &text, |ui| {
            // Side by side, in the middle.
            let width = 470.0_f32.min(ui.available_width());
            ui.allocate_ui(egui::vec2(width, 30.0), |ui| {
                ui.horizontal_wrapped(|ui| {
                    for command in [Command::StartDemo, Command::NewTraining, Command::OpenRun] {
                        if command_button(ui, command, true).clicked() {
                            wanted = Some(command);
                        }
                    }
                });
            });
        });
        if let Some(command) = wanted {
            env.ask(Action::Do(command));
        }
    }

    fn filter_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        ui.horizontal_wrapped(|ui| {
            let field = search_field(ui, &mut self.filter, "Filter by name, tag or status", 240.0);
            if std::mem::take(&mut self.wants_focus) {
                field.request_focus();
            }
            if self.selected.is_empty() {
                let muted = Tokens::of(ui).text_muted;
                let all = env.library.runs().len();
                let text = if all == 1 { "1 run".to_owned() } else { format!("{} runs", count(all)) };
                ui.label(RichText::new(text).color(muted));
                return;
            }
            ui.label(format!("{} selected", self.selected.len()));
            if command_button(ui, Command::CompareRuns, self.selected.len() > 1).clicked() {
                env.ask(Action::Do(Command::CompareRuns));
            }
            if command_button(ui, Command::DeleteRuns, true).clicked() {
                env.ask(Action::Do(Command::DeleteRuns));
            }
            if ui.button("Select none").clicked() {
                self.selected.clear();
            }
        });
    }

    /// Indices of the runs that fit the filter, in order.
    fn rows(&self, runs: &[RunEntry]) -> Vec<usize> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let mut rows: Vec<usize> =
            (0..runs.len()).filter(|&row| runs.get(row).is_some_and(|run| fits(run, &words))).collect();
        if self.order != Order::Started {
            rows.sort_by(|&a, &b| match (runs.get(a), runs.get(b)) {
                (Some(a), Some(b)) => compare(a, b, self.order),
                _ => Ordering::Equal,
            });
        }
        if self.reversed {
            rows.reverse();
        }
        rows
    }

    /// Arrows move the cursor, Enter opens, Space selects, while nothing else has the focus.
    fn keys(&mut self, ui: &Ui, runs: &[RunEntry], rows: &[usize]) -> Option<PathBuf> {
        if ui.memory(|memory| memory.focused().is_some()) {
            return None;
        }
        let (down, up, enter, space) = ui.input(|input| {
            let pressed = |key| input.key_pressed(key) && input.modifiers.is_none();
            (pressed(Key::ArrowDown), pressed(Key::ArrowUp), pressed(Key::Enter), pressed(Key::Space))
        });
        let path =
            |place: usize| rows.get(place).and_then(|&row| runs.get(row)).map(|run| run.summary.path.clone());
        let place = (0..rows.len()).find(|&place| path(place) == self.cursor && self.cursor.is_some());
        if down || up {
            let next = match place {
                None => 0,
                Some(place) => {
                    (place + usize::from(down)).saturating_sub(usize::from(up)).min(rows.len() - 1)
                }
            };
            self.cursor = path(next);
            self.scroll_to = Some(next);
        }
        let current = self.cursor.clone().filter(|_| place.is_some());
        if space && let Some(run) = current.clone() {
            self.toggle(run);
        }
        current.filter(|_| enter)
    }

    fn toggle(&mut self, run: PathBuf) {
        match self.selected.iter().position(|selected| *selected == run) {
            Some(place) => {
                self.selected.remove(place);
            }
            None => self.selected.push(run),
        }
    }

    fn table_ui(
        &mut self,
        ui: &mut Ui,
        runs: &[RunEntry],
        rows: &[usize],
        folder: &std::path::Path,
    ) -> Option<PathBuf> {
        let width = ui.available_width();
        let (with_progress, with_start) = (width > 560.0, width > 700.0);
        let height = ui.available_height();
        let mut table = TableBuilder::new(ui)
            .id_salt("runs")
            .striped(true)
            .cell_layout(Layout::left_to_right(Align::Center))
            .sense(Sense::click())
            .min_scrolled_height(height.max(120.0))
            .max_scroll_height(height)
            .auto_shrink(false)
            .column(Column::exact(30.0))
            .column(Column::remainder().at_least(140.0).clip(true))
            .column(Column::exact(104.0));
        if with_progress {
            table = table.column(Column::exact(170.0));
        }
        table = table.column(Column::exact(128.0));
        if with_start {
            table = table.column(Column::exact(110.0));
        }
        if let Some(row) = self.scroll_to.take() {
            table = table.scroll_to_row(row, None);
        }
        let table = table.header(26.0, |mut header| {
            header.col(|ui| {
                ui.label("");
            });
            let mut columns = vec![("Name", Order::Name), ("Status", Order::Status)];
            if with_progress {
                columns.push(("Progress", Order::Progress));
            }
            columns.push(("Best", Order::Best));
            if with_start {
                columns.push(("Started", Order::Started));
            }
            for (name, order) in columns {
                header.col(|ui| self.header_ui(ui, name, order));
            }
        });
        let (mut opened, mut toggled) = (None, None);
        table.body(|body| {
            body.rows(ROW, rows.len(), |mut row| {
                let Some(run) = rows.get(row.index()).and_then(|&index| runs.get(index)) else { return };
                let path = &run.summary.path;
                row.set_selected(self.cursor.as_ref() == Some(path));
                row.col(|ui| {
                    let mut ticked = self.selected.contains(path);
                    if tick(ui, &mut ticked, &format!("Select {}", run.summary.name)) {
                        toggled = Some(path.clone());
                    }
                });
                cells(&mut row, run, folder, with_progress, with_start);
                let response = row.response();
                response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &run.summary.name));
                if response.clicked() {
                    opened = Some(path.clone());
                }
            });
        });
        if let Some(run) = toggled {
            self.toggle(run);
        }
        if opened.is_some() {
            self.cursor.clone_from(&opened);
        }
        opened
    }

    fn header_ui(&mut self, ui: &mut Ui, name: &str, order: Order) {
        let tokens = Tokens::of(ui);
        let mark = match (self.order == order, self.reversed) {
            (false, _) => "",
            (true, false) => icon::CARET_DOWN,
            (true, true) => icon::CARET_UP,
        };
        let text = RichText::new(format!("{name} {mark}")).size(CAPTION_SIZE).color(tokens.text_muted);
        let response = ui.add(Label::new(text).sense(Sense::click()).selectable(false));
        let told = format!("Sort by {}", name.to_lowercase());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &told));
        if response.clicked() {
            self.reversed = self.order == order && !self.reversed;
            self.order = order;
        }
    }
}

fn fits(run: &RunEntry, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let status = match run.summary.status {
        RunStatus::Running => "running",
        RunStatus::Paused => "paused",
        RunStatus::Completed => "completed",
        RunStatus::Stopped => "stopped",
        RunStatus::Failed => "failed",
        RunStatus::Interrupted => "interrupted",
    };
    let group = run.summary.group.as_ref().map_or("", |group| &group.name);
    let (tags, note) = (run.notes.tags.join(" "), &run.notes.note);
    let text = format!("{} {status} {group} {tags} {note}", run.summary.name).to_lowercase();
    words.iter().all(|word| text.contains(word))
}

fn compare(a: &RunEntry, b: &RunEntry, order: Order) -> Ordering {
    let share = |run: &RunEntry| {
        let state = run.summary.state.as_ref();
        state
            .filter(|state| state.total_steps > 0)
            .map_or(-1.0, |state| state.step as f64 / state.total_steps as f64)
    };
    let best = |run: &RunEntry| {
        run.summary
            .state
            .as_ref()
            .and_then(|state| state.best.as_ref())
            .map_or(f64::NEG_INFINITY, |best| if best.is_loss() { -best.value } else { best.value })
    };
    let place = |run: &RunEntry| run.summary.status as usize;
    match order {
        Order::Started => Ordering::Equal,
        Order::Name => {
            run_title(&a.summary.name).to_lowercase().cmp(&run_title(&b.summary.name).to_lowercase())
        }
        Order::Status => place(a).cmp(&place(b)),
        Order::Progress => share(b).total_cmp(&share(a)),
        Order::Best => best(b).total_cmp(&best(a)),
    }
}

//! Runs, in a browser: those that were trained in this page, and folders that were dropped on it.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
};

use crate::symbols as icon;
use egui::{Align, Button, Context, Layout, RichText, TextStyle, Ui, WidgetInfo, WidgetType, vec2};
use spanbert_core::run::RecordedRun;
use spanbert_web::message::{Reply, Request};

use super::detail::Detail;
use crate::{
    action::Action,
    command::Command,
    files,
    page_view::{Env, PageView},
    pages::curves::status_look,
    theme::Tokens,
    widgets::{
        Severity, best_score, busy, command_button, elided, empty_state, notice, page_header, pill,
        run_title, score_name,
    },
    worker::web::{Link, in_one_line},
};

/// What is read of a run folder. Weights, answers and vocabularies are not.
const READ: [&str; 5] = [".json", ".jsonl", ".toml", ".txt", ".log"];
/// Larger ones are left out: they hold answers.
const LARGEST: u64 = 64 << 20;

/// The page's state.
pub struct RunsPage {
    context: Context,
    /// Newest first.
    runs: Vec<Entry>,
    /// The one that is shown in detail.
    shown: Option<PathBuf>,
}

/// A run.
struct Entry {
    folder: PathBuf,
    state: State,
}

enum State {
    Reading(Receiver<Result<Box<RecordedRun>, String>>),
    Read(Box<Detail>),
    Failed(String),
}

impl RunsPage {
    /// No runs yet.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self { context: context.clone(), runs: Vec::new(), shown: None }
    }

    /// Shows the run in a folder, which is read again.
    pub fn open(&mut self, folder: PathBuf) {
        self.runs.retain(|run| run.folder != folder);
        let state = State::Reading(read(&self.context, &folder));
        self.runs.insert(0, Entry { folder: folder.clone(), state });
        self.shown = Some(folder);
    }

    fn list_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        page_header(ui, "Runs", "", |_| {});
        if self.runs.is_empty() {
            let text = "Trainings of this page appear here. Drop a run folder of the command line or of the desktop to look at it: its curves, evaluations, recipe and notes.";
            return empty_state(ui, icon::LIST_DASHES, "No runs yet", text, |ui| {
                if command_button(ui, Command::StartDemo, true).clicked() {
                    env.ask(Action::Do(Command::StartDemo));
                }
            });
        }
        let hint = "Drop a run folder, or a ZIP of one, to look at it here.";
        ui.label(RichText::new(hint).color(Tokens::of(ui).text_muted));
        ui.add_space(6.0);
        for run in &self.runs {
            if run.ui(ui) {
                self.shown = Some(run.folder.clone());
            }
        }
    }
}

impl Entry {
    /// Draws the run in a line. Gives whether it is to be shown.
    fn ui(&self, ui: &mut Ui) -> bool {
        let tokens = Tokens::of(ui);
        let name = run_title(&super::detail::name(&self.folder)).to_owned();
        let mut clicked = false;
        ui.horizontal(|ui| {
            let to_the_left = Layout::top_down_justified(Align::Min);
            // What follows takes as much.
            let width = (ui.available_width() - 210.0).clamp(70.0, 260.0);
            ui.allocate_ui_with_layout(vec2(width, 28.0), to_the_left, |ui| {
                let shown = elided(ui, &name, &TextStyle::Button.resolve(ui.style()), width - 20.0);
                let button = ui.add(Button::new(&shown).frame_when_inactive(false));
                button.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
                clicked = button.clicked();
                if shown != name {
                    button.on_hover_text(name.as_str());
                }
            });
            match &self.state {
                State::Reading(_) => busy(ui, "Reading"),
                State::Failed(_) => {
                    pill(ui, "Not readable", tokens.error, tokens.error_soft);
                }
                State::Read(detail) => {
                    let (word, color, ground) = status_look(detail.run().summary.status, &tokens);
                    pill(ui, word, color, ground);
                    let best = detail.run().summary.state.as_ref().and_then(|state| state.best.as_ref());
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        if let Some(best) = best {
                            ui.label(format!("{} {}", score_name(&best.metric), best_score(best)));
                        }
                    });
                }
            }
        });
        clicked
    }
}

/// Has a Web Worker read a run's files.
fn read(context: &Context, folder: &Path) -> Receiver<Result<Box<RecordedRun>, String>> {
    let (sender, receiver) = channel();
    let context = context.clone();
    let is_read = |name: &str, path: &Path| {
        READ.iter().any(|ending| name.ends_with(ending))
            && files::size(path).is_some_and(|size| size <= LARGEST)
    };
    let (names, contents) = files::below(folder)
        .into_iter()
        .filter(|(name, _)| is_read(name, &folder.join(name)))
        .map(|(name, content)| (name, content.to_js()))
        .unzip();
    let link = std::rc::Rc::new(Link::new(|_, _| {}));
    let ending = std::rc::Rc::clone(&link);
    let request = Request::OpenRun { name: folder.display().to_string(), files: names };
    link.ask(
        &request,
        contents,
        |_| {},
        move |said, _| {
            // The page may be closing.
            let _ = sender.send(match said {
                Reply::Run(run) => Ok(run),
                other => Err(in_one_line(other)),
            });
            ending.end();
            context.request_repaint();
        },
    );
    receiver
}

impl PageView for RunsPage {
    fn poll(&mut self, _: &mut Env<'_>) {
        for run in &mut self.runs {
            if let State::Reading(receiver) = &run.state
                && let Ok(read) = receiver.try_recv()
            {
                run.state = match read {
                    Ok(read) => State::Read(Box::new(Detail::new(run.folder.clone(), *read))),
                    Err(message) => State::Failed(message),
                };
            }
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let shown = self.runs.iter_mut().find(|run| Some(&run.folder) == self.shown.as_ref());
        let Some(run) = shown else { return self.list_ui(ui, env) };
        let back = match &mut run.state {
            State::Read(detail) => detail.ui(ui, env),
            State::Reading(_) => {
                busy(ui, &format!("Reading {}", run.folder.display()));
                false
            }
            State::Failed(message) => {
                notice(ui, Severity::Error, message);
                ui.button("Back to the runs").clicked()
            }
        };
        if back {
            self.shown = None;
        }
    }
}

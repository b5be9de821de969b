//! What a window has and a page of a browser has not: runs, which are folders, and trainings, which are processes.

use std::path::{Path, PathBuf};

use egui::Context;
use spanbert_backends::BackendReport;
use spanbert_core::{
    advice::Advice,
    run::{Layout, Outcome, RunState, summarise, updates},
};

use super::StudioApp;
use crate::{
    action::Action,
    dialogs::Purpose,
    launch::{Ended, Launch, Launcher, Trainer, last_words, new_run_folder},
    library::{Library, Places},
    page::Page,
    pages::{evaluate::EvaluatePage, runs::RunsPage, train::TrainPage},
    probe::Probe,
    settings::{Settings, SettingsFile},
    toasts::Toast,
};

/// What can be dropped on the window.
pub(super) const KNOWN: &str = "a checkpoint folder, a run folder, an evaluation, a SQuAD file nor a text";

/// How to look for devices; a test passes its own.
pub type FindDevices = fn() -> Vec<BackendReport>;

/// With what the window starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// How to look for devices.
    pub find_devices: FindDevices,
    /// Where settings are kept; `None` keeps nothing.
    pub settings_file: Option<PathBuf>,
    /// The runs folder of this session, instead of the one in the settings.
    pub runs_folder: Option<PathBuf>,
    /// The program that trains.
    pub trainer: Trainer,
}

/// What only a window has.
pub(super) struct Host {
    find_devices: FindDevices,
    launcher: Launcher,
    pub(super) runs: RunsPage,
    pub(super) train: TrainPage,
}

/// Where the settings say that runs are.
fn places(settings: &Settings) -> Places {
    Places { folder: settings.runs_folder.clone(), opened: settings.opened_runs.clone() }
}

impl StudioApp {
    /// Reads the settings, starts to look for runs, and opens no device.
    #[must_use]
    pub fn new(context: &Context, options: Options) -> Self {
        let (settings_file, mut settings, warning) = SettingsFile::read(options.settings_file);
        if let Some(folder) = options.runs_folder {
            settings.runs_folder = folder;
        }
        let library = Library::start(context, places(&settings));
        let host = Host {
            find_devices: options.find_devices,
            launcher: Launcher::new(context, options.trainer.clone()),
            runs: RunsPage::new(context),
            train: TrainPage::new(context),
        };
        let evaluate = EvaluatePage::new(context).with_trainer(options.trainer);
        Self::around(context, host, (settings_file, settings, warning), library, evaluate)
    }

    /// Takes in what was dropped on the window, what was found, and which trainers have ended.
    pub(super) fn poll_host(&mut self, context: &Context) {
        self.library.poll();
        // Somebody with runs has been here before, or comes from the command line.
        if self.welcome && !self.settings.welcomed && !self.library.runs().is_empty() {
            self.leave_welcome();
        }
        for file in context.input(|input| input.raw.dropped_files.clone()) {
            if let Some(path) = file.path {
                self.take_path(Purpose::Dropped, path);
            }
        }
        for ended in self.host.launcher.poll() {
            self.trainer_ended(ended);
        }
    }

    pub(super) fn find_devices(&mut self, context: &Context) {
        self.probe = Probe::start(context, self.host.find_devices);
    }

    /// Looks for runs again.
    pub(super) fn look_again(&self) {
        self.library.look(None);
    }

    /// Does what a page asked for that concerns runs and trainings.
    pub(super) fn act_on_runs(&mut self, context: &Context, action: Action) {
        match action {
            Action::OpenRun(path) => self.open_run(path),
            Action::TrainLike(run) => {
                self.go(Page::Train);
                self.host.train.fill_from(&run);
            }
            Action::ResumeWith(run) => {
                self.go(Page::Train);
                self.host.train.resume(&run);
            }
            Action::Launch(launch) => self.launch(context, &launch),
            Action::RescanRuns => self.library.look(Some(places(&self.settings))),
            // The others concern the window, which has done them.
            _ => {}
        }
    }

    /// Shows a run in detail; one from elsewhere is remembered.
    pub(super) fn open_run(&mut self, path: PathBuf) {
        if path.parent() != Some(&self.settings.runs_folder) {
            self.settings.remember_run(&path);
        }
        self.library.look(Some(places(&self.settings)));
        self.host.runs.open(path);
        self.go(Page::Runs);
    }

    fn launch(&mut self, context: &Context, launch: &Launch) {
        match self.host.launcher.start(launch) {
            Ok(()) => self.open_run(launch.run.clone()),
            Err(error) => self.toasts.say(context, Toast::error(error.in_one_line())),
        }
    }

    /// The built-in example, in a new run folder.
    pub(super) fn start_demo(&mut self, context: &Context) {
        let run = new_run_folder(&self.settings.runs_folder, "demo");
        let backend = self.settings.backend.clone();
        self.launch(context, &Launch::demo(run, &backend));
    }

    /// A path that concerns runs and trainings. Gives whether there was a use for it.
    pub(super) fn take_path_of_run(&mut self, purpose: Purpose, path: &Path) -> bool {
        match purpose {
            Purpose::RunFolder => self.open_run_folder(path.to_owned()),
            Purpose::RunsFolder => {
                self.settings.runs_folder = path.to_owned();
                self.library.look(Some(places(&self.settings)));
                true
            }
            _ => self.with_page(Page::Train, |view, env| view.take_path(purpose, path.to_owned(), env)),
        }
    }

    /// Shows the run in a folder, if it holds one.
    pub(super) fn take_run(&mut self, path: &Path) -> bool {
        summarise(path).is_some() && self.open_run_folder(path.to_owned())
    }

    fn open_run_folder(&mut self, path: PathBuf) -> bool {
        let holds_run = summarise(&path).is_some();
        if holds_run {
            self.open_run(path);
        } else {
            let text = format!(
                "{} holds no run; choose a folder with recipe.toml and events.jsonl in it",
                path.display()
            );
            self.actions.push(Action::Say(Toast::error(text)));
        }
        // It has been said what is wrong.
        true
    }

    /// Says how a trainer ended that this window started.
    pub(super) fn trainer_ended(&mut self, ended: Ended) {
        self.library.look(None);
        let name = ended.run.file_name().unwrap_or(ended.run.as_os_str()).to_string_lossy().into_owned();
        let state = RunState::read(&Layout::new(&ended.run)).ok();
        let toast = match (ended.code, state) {
            (Some(0), Some(state)) if state.outcome == Some(Outcome::Completed) => {
                let best = state.best.map_or_else(String::new, |best| {
                    format!(": {} {:.2} after {}", best.metric, best.value, updates(best.step))
                });
                Toast::done(format!("{name} is trained{best}"))
            }
            (Some(0), _) => Toast::info(format!("{name} has stopped; it can be resumed")),
            (Some(_), Some(state)) if state.error.is_some() => {
                Toast::error(format!("{name} failed: {}", state.error.unwrap_or_default()))
            }
            // It never came to a run folder; all that is known is what it said.
            (_, _) => {
                self.host.runs.trainer_failed(&ended);
                Toast::error(format!("{name} could not continue: {}", last_words(&ended.output)))
            }
        };
        self.actions.push(Action::Say(toast));
    }
}

//! The window around the pages: it owns their states, draws what is on every page, and does what pages ask for.

mod about;
mod actions;
mod commands;
mod menu;
mod palette;
mod sidebar;

use std::path::PathBuf;

use egui::{CentralPanel, Context, Frame, Margin, Panel, Ui};
use spanbert_backends::BackendReport;
use spanbert_core::advice::Advice;

use self::palette::Palette;
use crate::{
    action::Action,
    command::Command,
    dialogs::{Dialogs, Purpose},
    launch::{Launcher, Trainer},
    library::{Library, Places},
    page::Page,
    page_view::{Env, PageView},
    pages::{
        ask::AskPage, evaluate::EvaluatePage, runs::RunsPage, settings::SettingsPage, train::TrainPage,
        welcome::WelcomePage,
    },
    probe::Probe,
    settings::{Settings, SettingsFile},
    theme::{self, Tokens},
    toasts::{Toast, Toasts},
};

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

/// The pages' states.
struct Pages {
    runs: RunsPage,
    train: TrainPage,
    evaluate: EvaluatePage,
    ask: AskPage,
    settings: SettingsPage,
    welcome: WelcomePage,
}

impl Pages {
    fn view(&mut self, page: Page) -> &mut dyn PageView {
        match page {
            Page::Runs => &mut self.runs,
            Page::Train => &mut self.train,
            Page::Evaluate => &mut self.evaluate,
            Page::Ask => &mut self.ask,
            Page::Settings => &mut self.settings,
        }
    }
}

/// The application's state.
pub struct StudioApp {
    find_devices: FindDevices,
    settings: Settings,
    settings_file: SettingsFile,
    probe: Probe,
    library: Library,
    launcher: Launcher,
    dialogs: Dialogs,
    toasts: Toasts,
    palette: Palette,
    about: about::About,
    pages: Pages,
    /// Whether the first-run screen covers the pages.
    welcome: bool,
    actions: Vec<Action>,
}

impl StudioApp {
    /// Reads the settings, starts to look for runs, and opens no device.
    #[must_use]
    pub fn new(context: &Context, options: Options) -> Self {
        let (settings_file, mut settings, warning) = SettingsFile::read(options.settings_file);
        if let Some(folder) = options.runs_folder {
            settings.runs_folder = folder;
        }
        theme::install(context);
        context.set_theme(egui::ThemePreference::from(settings.theme));
        context.set_zoom_factor(settings.zoom);
        let mut toasts = Toasts::default();
        if let Some(warning) = warning {
            toasts.say(context, Toast::error(warning));
        }
        Self {
            find_devices: options.find_devices,
            probe: Probe::Idle,
            library: Library::start(context, places(&settings)),
            launcher: Launcher::new(context, options.trainer.clone()),
            dialogs: Dialogs::default(),
            toasts,
            palette: Palette::default(),
            about: about::About::default(),
            pages: Pages {
                runs: RunsPage::new(context),
                train: TrainPage::new(context),
                evaluate: EvaluatePage::new(context).with_trainer(options.trainer),
                ask: AskPage::new(context),
                settings: SettingsPage::new(context),
                welcome: WelcomePage,
            },
            welcome: !settings.welcomed,
            settings,
            settings_file,
            actions: Vec::new(),
        }
    }

    /// What the user has set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes in what threads have found, and does what was asked for in the last frame.
    pub fn update(&mut self, context: &Context) {
        self.probe.poll();
        self.library.poll();
        self.leave_welcome_if_known();
        if let Some((purpose, paths)) = self.dialogs.poll() {
            paths.into_iter().for_each(|path| self.take_path(purpose, path));
        }
        for file in context.input(|input| input.raw.dropped_files.clone()) {
            if let Some(path) = file.path {
                self.take_path(Purpose::Dropped, path);
            }
        }
        if let Some(command) = Command::pressed(context) {
            self.obey(context, command);
        }
        for ended in self.launcher.poll() {
            self.trainer_ended(ended);
        }
        for page in Page::ALL {
            self.with_page(page, |view, env| view.poll(env));
        }
        self.act(context);
        self.settings.zoom = context.zoom_factor();
        if let Err(error) = self.settings_file.write(&self.settings) {
            self.toasts
                .say(context, Toast::error(format!("The settings were not saved: {}", error.in_one_line())));
        }
    }

    /// Draws the window's content.
    pub fn show(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        self.probe_if_needed(ui.ctx());
        let bar = Frame::new().fill(tokens.surface).inner_margin(Margin::symmetric(8, 2));
        Panel::top("menu").frame(bar).show(ui, |ui| self.menu_ui(ui));
        if !self.welcome {
            let side = Frame::new().fill(tokens.surface).inner_margin(Margin::symmetric(8, 10));
            let wide = ui.available_width() >= sidebar::NARROW_WINDOW;
            Panel::left("pages")
                .frame(side)
                .resizable(false)
                .exact_size(if wide { sidebar::WIDTH } else { sidebar::NARROW_WIDTH })
                .show(ui, |ui| self.sidebar_ui(ui, wide));
        }
        let page = Frame::new().fill(tokens.background).inner_margin(Margin::symmetric(20, 14));
        CentralPanel::default().frame(page).show(ui, |ui| {
            if self.welcome {
                let mut env = Env {
                    settings: &mut self.settings,
                    devices: &self.probe,
                    library: &self.library,
                    actions: &mut self.actions,
                };
                self.pages.welcome.ui(ui, &mut env);
            } else {
                let page = self.settings.page;
                self.with_page(page, |view, env| view.ui(ui, env));
            }
        });
        let context = ui.ctx().clone();
        self.palette_ui(&context);
        self.about.ui(&context);
        self.toasts.ui(&context);
        if !self.actions.is_empty() {
            // Done before the next frame, which must come then.
            context.request_repaint();
        }
    }

    fn with_page<R>(&mut self, page: Page, work: impl FnOnce(&mut dyn PageView, &mut Env<'_>) -> R) -> R {
        let mut env = Env {
            settings: &mut self.settings,
            devices: &self.probe,
            library: &self.library,
            actions: &mut self.actions,
        };
        work(self.pages.view(page), &mut env)
    }

    /// Looks for devices once a page is shown that lists them; the others need none.
    fn probe_if_needed(&mut self, context: &Context) {
        let lists = !self.welcome && matches!(self.settings.page, Page::Train | Page::Ask | Page::Settings);
        if lists && matches!(self.probe, Probe::Idle) {
            self.probe = Probe::start(context, self.find_devices);
        }
    }

    /// Somebody with runs has been here before, or comes from the command line.
    fn leave_welcome_if_known(&mut self) {
        if self.welcome && !self.settings.welcomed && !self.library.runs().is_empty() {
            self.leave_welcome();
        }
    }

    fn leave_welcome(&mut self) {
        self.welcome = false;
        self.settings.welcomed = true;
    }
}

/// Where the settings say that runs are.
fn places(settings: &Settings) -> Places {
    Places { folder: settings.runs_folder.clone(), opened: settings.opened_runs.clone() }
}

impl eframe::App for StudioApp {
    fn logic(&mut self, context: &Context, _: &mut eframe::Frame) {
        self.update(context);
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.show(ui);
    }
}

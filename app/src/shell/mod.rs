//! The window around the pages: it owns their states, draws what is on every page, and does what pages ask for.

mod about;
mod actions;
mod commands;
mod menu;
mod palette;
#[cfg(not(target_family = "wasm"))]
mod runs;
mod sidebar;
#[cfg(target_family = "wasm")]
mod web;

use egui::{CentralPanel, Context, Frame, Margin, Panel, Ui};
use spanbert_core::advice::Advice;

use self::palette::Palette;
#[cfg(not(target_family = "wasm"))]
pub use self::runs::{FindDevices, Options};
#[cfg(not(target_family = "wasm"))]
use self::runs::{Host, KNOWN};
#[cfg(target_family = "wasm")]
use self::web::{Host, KNOWN};
use crate::{
    action::Action,
    command::Command,
    dialogs::Dialogs,
    library::Library,
    page::Page,
    page_view::{Env, PageView},
    pages::{ask::AskPage, evaluate::EvaluatePage, settings::SettingsPage, welcome::WelcomePage},
    probe::Probe,
    settings::{Settings, SettingsFile},
    theme::{self, Tokens},
    toasts::{Toast, Toasts},
};

/// Beside the list of pages narrower than this, as on a telephone, a page has a thin margin.
const NARROW: f32 = 480.0;

/// The pages' states, but for those that only a window has.
struct Pages {
    evaluate: EvaluatePage,
    ask: AskPage,
    settings: SettingsPage,
    welcome: WelcomePage,
}

/// The application's state.
pub struct StudioApp {
    /// What a window has and a page of a browser has not, or otherwise.
    host: Host,
    settings: Settings,
    settings_file: SettingsFile,
    probe: Probe,
    library: Library,
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
    /// The window or page around what the host has.
    fn around(
        context: &Context,
        host: Host,
        (settings_file, settings, warning): (SettingsFile, Settings, Option<String>),
        library: Library,
        evaluate: EvaluatePage,
    ) -> Self {
        theme::install(context);
        context.set_theme(egui::ThemePreference::from(settings.theme));
        context.set_zoom_factor(settings.zoom);
        let mut toasts = Toasts::default();
        if let Some(warning) = warning {
            toasts.say(context, Toast::error(warning));
        }
        Self {
            host,
            probe: Probe::Idle,
            library,
            dialogs: Dialogs::default(),
            toasts,
            palette: Palette::default(),
            about: about::About::default(),
            pages: Pages {
                evaluate,
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
        if let Some((purpose, paths)) = self.dialogs.poll() {
            paths.into_iter().for_each(|path| self.take_path(purpose, path));
        }
        self.poll_host(context);
        if let Some(command) = Command::pressed(context) {
            self.obey(context, command);
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
        let narrow = ui.available_width() < NARROW;
        let margin = if narrow { Margin::symmetric(10, 10) } else { Margin::symmetric(20, 14) };
        let page = Frame::new().fill(tokens.background).inner_margin(margin);
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
        let pages = &mut self.pages;
        let view: &mut dyn PageView = match page {
            Page::Runs => &mut self.host.runs,
            Page::Train => &mut self.host.train,
            Page::Evaluate => &mut pages.evaluate,
            Page::Ask => &mut pages.ask,
            Page::Settings => &mut pages.settings,
        };
        work(view, &mut env)
    }

    /// Looks for devices once a page is shown that lists them; the others need none.
    fn probe_if_needed(&mut self, context: &Context) {
        let lists = !self.welcome && matches!(self.settings.page, Page::Train | Page::Ask | Page::Settings);
        if lists && matches!(self.probe, Probe::Idle) {
            self.find_devices(context);
        }
    }

    fn leave_welcome(&mut self) {
        self.welcome = false;
        self.settings.welcomed = true;
    }
}

impl eframe::App for StudioApp {
    fn logic(&mut self, context: &Context, _: &mut eframe::Frame) {
        self.update(context);
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.show(ui);
    }
}

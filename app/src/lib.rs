//! SpanBERT Studio, the desktop application: it draws what the library computes and decides nothing itself.
#![recursion_limit = "256"]

pub mod icon;
pub mod pages;
pub mod probe;
pub mod theme;
pub mod widgets;

use egui::{Align, CentralPanel, Context, Frame, Layout, Margin, Panel, RichText, ThemePreference, Ui};
use spanbert_backends::BackendReport;

use crate::{pages::devices, probe::Probe, theme::Tokens};

/// The window's title.
pub const TITLE: &str = "SpanBERT Studio";

/// How to look for devices; a test passes its own.
pub type FindDevices = fn() -> Vec<BackendReport>;

/// The application's state.
pub struct StudioApp {
    find_devices: FindDevices,
    probe: Probe,
}

impl StudioApp {
    /// Sets the theme and starts to look for devices.
    #[must_use]
    pub fn new(context: &Context, find_devices: FindDevices) -> Self {
        theme::install(context);
        Self { find_devices, probe: Probe::start(context, find_devices) }
    }

    /// Draws the window's content.
    pub fn show(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let bar = Frame::new().fill(tokens.surface).inner_margin(Margin::symmetric(20, 8));
        Panel::top("bar").frame(bar).show(ui, title_bar);
        let page = Frame::new().fill(tokens.background).inner_margin(Margin::symmetric(20, 16));
        CentralPanel::default().frame(page).show(ui, |ui| {
            if let Some(devices::Request::Refresh) = devices::ui(ui, &self.probe) {
                self.probe = Probe::start(ui.ctx(), self.find_devices);
            }
        });
    }
}

impl eframe::App for StudioApp {
    fn logic(&mut self, _: &Context, _: &mut eframe::Frame) {
        self.probe.poll();
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.show(ui);
    }
}

fn title_bar(ui: &mut Ui) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(TITLE).strong());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let mut preference = ui.options(|options| options.theme_preference);
            let before = preference;
            // From the right, so that it reads System, Light, Dark.
            for (value, label, hint) in [
                (ThemePreference::Dark, "Dark", "Dark theme"),
                (ThemePreference::Light, "Light", "Light theme"),
                (ThemePreference::System, "System", "The system's theme"),
            ] {
                ui.selectable_value(&mut preference, value, label).on_hover_text(hint);
            }
            if preference != before {
                ui.ctx().set_theme(preference);
            }
        });
    });
}

//! Settings: what is kept between starts.

#[cfg(not(target_family = "wasm"))]
mod cache;
#[cfg(not(target_family = "wasm"))]
mod folder;
#[cfg(target_family = "wasm")]
mod kept;

use egui::{ComboBox, Context, RichText, ScrollArea, Ui, WidgetInfo, WidgetType};
use spanbert_backends::automatic;

#[cfg(not(target_family = "wasm"))]
use self::{cache::CacheCard, folder::RunsFolderField};
#[cfg(not(target_family = "wasm"))]
use crate::dialogs::Purpose;
use crate::{
    action::Action,
    command::Command,
    page_view::{Env, PageView},
    probe::Probe,
    theme::{CAPTION_SIZE, CARD_TITLE_SIZE, CONTENT_WIDTH, GAP, ThemeChoice, Tokens},
    widgets::{
        NumberSlider, about_text, card, command_button, facts_list_ui, labelled, page_header, segmented,
    },
};

/// The caption of the device.
const DEFAULT_DEVICE: &str = if cfg!(target_family = "wasm") {
    "Default device for asking and evaluating"
} else {
    "Default device for training and asking"
};

/// The page's state.
pub struct SettingsPage {
    #[cfg(not(target_family = "wasm"))]
    folder: RunsFolderField,
    #[cfg(not(target_family = "wasm"))]
    cache: CacheCard,
    /// The size being chosen; it takes hold when the slider is let go, which would move under the pointer otherwise.
    zoom: Option<f32>,
}

impl SettingsPage {
    /// Nothing edited.
    #[must_use]
    #[cfg_attr(target_family = "wasm", allow(unused_variables, reason = "nothing works beside the frames"))]
    pub fn new(context: &Context) -> Self {
        Self {
            #[cfg(not(target_family = "wasm"))]
            folder: RunsFolderField::default(),
            #[cfg(not(target_family = "wasm"))]
            cache: CacheCard::new(context),
            zoom: None,
        }
    }

    #[cfg(not(target_family = "wasm"))]
    fn runs(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        titled(ui, "Runs", |ui| {
            if self.folder.ui(ui, &mut env.settings.runs_folder) {
                env.ask(Action::RescanRuns);
            }
            if ui.button("Browse…").clicked() {
                env.ask(Action::Browse(Purpose::RunsFolder));
            }
        });
        ui.add_space(GAP / 2.0);
    }

    fn appearance(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        titled(ui, "Appearance", |ui| {
            ui.label(RichText::new("Theme").size(CAPTION_SIZE).color(Tokens::of(ui).text_muted));
            let choices =
                [(ThemeChoice::System, "System"), (ThemeChoice::Light, "Light"), (ThemeChoice::Dark, "Dark")];
            let mut theme = env.settings.theme;
            if segmented(ui, &mut theme, &choices) {
                env.ask(Action::Do(Command::Theme(theme)));
            }
            ui.add_space(4.0);
            let current = ui.ctx().zoom_factor();
            let mut zoom = f64::from(self.zoom.unwrap_or(current));
            let name = "Size of everything";
            let slider = NumberSlider {
                name,
                range: 0.5..=3.0,
                decimals: 2,
                step: Some(0.1),
                suffix: "×",
                limited: true,
            };
            let mut slid = None;
            labelled(ui, name, |ui| {
                let shown = slider.show(ui, &mut zoom);
                let response = shown.response.clone();
                slid = Some(shown);
                response
            });
            let Some(slid) = slid else { return };
            if slid.changed {
                self.zoom = Some(zoom as f32);
            }
            if let Some(zoom) = self.zoom
                && !slid.response.dragged()
            {
                ui.ctx().set_zoom_factor(zoom);
                self.zoom = None;
            }
        });
    }
}

/// A card with a title in it.
fn titled(ui: &mut Ui, title: &str, content: impl FnOnce(&mut Ui)) {
    card(ui, title, |ui| {
        ui.label(RichText::new(title).size(CARD_TITLE_SIZE).strong());
        ui.add_space(4.0);
        content(ui);
    });
}

/// The backend that the Train and Ask pages start with.
fn backend(ui: &mut Ui, env: &mut Env<'_>) {
    let mut choices = vec![("auto".to_owned(), "Automatic".to_owned())];
    if let Probe::Done(reports) = env.devices {
        if let Some(device) = automatic(reports) {
            choices[0].1 = format!("Automatic (now {})", device.name);
        }
        let devices =
            reports.iter().flat_map(|report| &report.devices).filter(|device| device.unusable.is_none());
        choices.extend(
            devices.map(|device| (device.choice.to_string(), format!("{}: {}", device.choice, device.name))),
        );
    }
    let current = env.settings.backend.clone();
    let shown = choices.iter().find(|(choice, _)| *choice == current);
    let shown = shown.map_or_else(|| format!("{current} (not found)"), |(_, name)| name.clone());
    labelled(ui, DEFAULT_DEVICE, |ui| {
        let combo = ComboBox::new("default backend", "")
            .selected_text(shown)
            .width(ui.available_width().min(360.0))
            .truncate();
        let response = combo
            .show_ui(ui, |ui| {
                for (choice, name) in &choices {
                    ui.selectable_value(&mut env.settings.backend, choice.clone(), name);
                }
            })
            .response;
        response.widget_info(|| WidgetInfo::labeled(WidgetType::ComboBox, true, "Default device"));
        response
    });
}

impl PageView for SettingsPage {
    #[cfg(not(target_family = "wasm"))]
    fn poll(&mut self, _env: &mut Env<'_>) {
        self.cache.poll();
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(CONTENT_WIDTH.min(ui.available_width()));
            page_header(ui, "Settings", "", |_| {});
            ui.spacing_mut().item_spacing.y = 8.0;
            #[cfg(not(target_family = "wasm"))]
            self.runs(ui, env);
            self.appearance(ui, env);
            ui.add_space(GAP / 2.0);
            titled(ui, "Devices", |ui| {
                backend(ui, env);
                ui.add_space(4.0);
                facts_list_ui(ui, env.devices);
                let idle = !env.devices.is_running();
                if ui.add_enabled(idle, egui::Button::new("Look again")).clicked() {
                    env.ask(Action::ProbeDevices);
                }
            });
            #[cfg(not(target_family = "wasm"))]
            {
                ui.add_space(GAP / 2.0);
                titled(ui, "Cache", |ui| self.cache.ui(ui));
            }
            #[cfg(target_family = "wasm")]
            {
                ui.add_space(GAP / 2.0);
                titled(ui, "Kept models", |ui| kept::ui(ui, env.library));
            }
            ui.add_space(GAP / 2.0);
            titled(ui, "About", |ui| {
                ui.label(format!("{} {}", crate::TITLE, env!("SPANBERT_VERSION")));
                about_text(ui);
                if command_button(ui, Command::Shortcuts, true).clicked() {
                    env.ask(Action::Do(Command::Shortcuts));
                }
            });
        });
    }
}

//! Which devices this machine offers, which one automatic choice takes, and why others cannot be used.

use egui::{Align, Layout, RichText, ScrollArea, Ui};
use spanbert_backends::{BackendKind, BackendReport, DeviceInfo, automatic};

use crate::{
    probe::Probe,
    theme::{CARD_TITLE_SIZE, CONTENT_WIDTH, GAP, TITLE_SIZE, Tokens},
    widgets::{bytes, card, fact, pill},
};

/// What the user asked of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Look for devices again.
    Refresh,
}

/// Draws the page.
pub fn ui(ui: &mut Ui, probe: &Probe) -> Option<Request> {
    let mut request = None;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.set_max_width(CONTENT_WIDTH.min(ui.available_width()));
        ui.horizontal(|ui| {
            ui.label(RichText::new("Devices").size(TITLE_SIZE).strong());
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.add_enabled(!probe.is_running(), egui::Button::new("Refresh")).clicked() {
                    request = Some(Request::Refresh);
                }
            });
        });
        ui.label(RichText::new("Where this machine can train and answer.").color(Tokens::of(ui).text_muted));
        ui.add_space(GAP);
        match probe {
            Probe::Running(_) => {
                ui.horizontal(|ui| {
                    ui.spinner();
                    ui.label("Looking for devices");
                });
            }
            Probe::Failed(reason) => {
                ui.colored_label(Tokens::of(ui).error, reason);
            }
            Probe::Done(reports) => list(ui, reports),
        }
    });
    request
}

fn list(ui: &mut Ui, reports: &[BackendReport]) {
    ui.spacing_mut().item_spacing.y = GAP;
    let automatic = automatic(reports).map(|device| &device.choice);
    for report in reports {
        for device in &report.devices {
            available(ui, device, automatic == Some(&device.choice));
        }
        if let Some(reason) = &report.unavailable {
            unavailable(ui, report.kind, reason);
        }
    }
}

fn available(ui: &mut Ui, device: &DeviceInfo, automatic: bool) {
    let tokens = Tokens::of(ui);
    card(ui, &format!("{}: {}", device.choice, device.name), |ui| {
        ui.spacing_mut().item_spacing.y = 10.0;
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(&device.name).size(CARD_TITLE_SIZE).strong());
            pill(ui, &device.choice.to_string(), tokens.text_muted, tokens.control);
            if automatic {
                pill(ui, "Automatic choice", tokens.accent, tokens.accent_soft);
            }
            if device.software {
                pill(ui, "Software, slow", tokens.warning, tokens.warning_soft);
            }
        });
        facts(ui, &describe(device));
    });
}

/// Captions and values of a card. What some devices lack comes last, so that columns line up from card to card.
fn describe(device: &DeviceInfo) -> Vec<(&'static str, String)> {
    let kind = match &device.api {
        Some(api) => format!("{}, {api}", capitalised(&device.class)),
        None => capitalised(&device.class),
    };
    let precisions = device.precisions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut facts = vec![
        ("Kind", kind),
        ("Memory", device.memory_bytes.map_or_else(|| "Not reported".to_owned(), bytes)),
        ("Precision", precisions),
    ];
    facts.extend(device.driver.clone().map(|driver| ("Driver", driver)));
    facts
}

/// As many facts a row as fit, in columns that line up from card to card.
fn facts(ui: &mut Ui, facts: &[(&'static str, String)]) {
    const COLUMN: f32 = 190.0;
    let per_row = ((ui.available_width() + GAP) / (COLUMN + GAP)).floor().max(1.0);
    let width = (ui.available_width() - GAP * (per_row - 1.0)) / per_row;
    for row in facts.chunks(per_row as usize) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for (caption, value) in row {
                ui.allocate_ui_with_layout(egui::vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width);
                    fact(ui, caption, value);
                });
            }
        });
    }
}

fn unavailable(ui: &mut Ui, kind: BackendKind, reason: &str) {
    let tokens = Tokens::of(ui);
    let name = match kind {
        BackendKind::Cuda => "NVIDIA GPU",
        BackendKind::Wgpu => "GPU through Vulkan or Metal",
        BackendKind::Cpu => "Processor",
    };
    card(ui, &format!("{kind}: not available"), |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(name).size(CARD_TITLE_SIZE).color(tokens.text_muted));
            pill(ui, &kind.to_string(), tokens.text_muted, tokens.control);
            pill(ui, "Not available", tokens.text_muted, tokens.control);
        });
        ui.label(RichText::new(capitalised(reason)).color(tokens.text_muted));
    });
}

/// Reasons and classes are parts of a sentence elsewhere; here they stand alone.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

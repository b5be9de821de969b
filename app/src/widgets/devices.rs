//! The devices of this machine: to choose from, and as facts.

use crate::symbols as icon;
use egui::{Align, Layout, RichText, Sense, Stroke, Ui, WidgetInfo, WidgetType};
use spanbert_backends::{BackendKind, BackendReport, DeviceInfo, Obstacle, automatic};

use crate::{
    probe::Probe,
    theme::{CAPTION_SIZE, CARD_PADDING, CARD_RADIUS, CARD_TITLE_SIZE, GAP, Tokens},
    widgets::{Severity, busy, bytes, card, fact, notice, pill},
};

/// Draws a card for each device, of which one is chosen. `backend` is as `--backend`. Gives whether it was changed.
pub fn choice_ui(ui: &mut Ui, probe: &Probe, backend: &mut String) -> bool {
    let reports = match probe {
        Probe::Idle | Probe::Running(_) => {
            busy(ui, "Looking for devices");
            return false;
        }
        Probe::Failed(message) => {
            notice(ui, Severity::Error, message);
            return false;
        }
        Probe::Done(reports) => reports,
    };
    let chosen = chosen_device(reports, backend).map(|device| device.choice.clone());
    let best = automatic(reports).map(|device| device.choice.clone());
    let mut changed = false;
    let devices: Vec<&DeviceInfo> = reports
        .iter()
        .flat_map(|report| &report.devices)
        .filter(|device| device.unusable.is_none())
        .collect();
    const LEAST: f32 = 230.0;
    let per_row = ((ui.available_width() + GAP) / (LEAST + GAP)).floor().max(1.0);
    let width = (ui.available_width() - GAP * (per_row - 1.0)) / per_row;
    for row in devices.chunks(per_row as usize) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for device in row {
                let (is_chosen, is_best) =
                    (chosen.as_ref() == Some(&device.choice), best.as_ref() == Some(&device.choice));
                if device_card(ui, device, width, is_chosen, is_best) {
                    *backend = device.choice.to_string();
                    changed = true;
                }
            }
        });
        ui.add_space(4.0);
    }
    if chosen.is_none() {
        let text = format!("{backend} is not there or cannot be used; choose another device");
        ui.label(RichText::new(text).color(Tokens::of(ui).error));
    }
    for report in reports {
        for device in &report.devices {
            if let Some(obstacle) = &device.unusable {
                obstacle_line(ui, &device.choice.to_string(), obstacle);
            }
        }
        if let Some(obstacle) = &report.unavailable {
            obstacle_line(ui, report.kind.label(), obstacle);
        }
    }
    changed
}

/// What keeps a device from being chosen, and what to do about it.
fn obstacle_line(ui: &mut Ui, what: &str, obstacle: &Obstacle) {
    let muted = Tokens::of(ui).text_muted;
    let text = format!("{} {what}: {obstacle}. {}.", icon::PROHIBIT, capitalised(&obstacle.remedy));
    ui.add(egui::Label::new(RichText::new(text).size(CAPTION_SIZE).color(muted)).wrap());
}

/// The device that `--backend` of this value would take.
#[must_use]
pub fn chosen_device<'a>(reports: &'a [BackendReport], backend: &str) -> Option<&'a DeviceInfo> {
    let mut devices =
        reports.iter().flat_map(|report| &report.devices).filter(|device| device.unusable.is_none());
    if backend == "auto" {
        return automatic(reports);
    }
    devices.clone().find(|device| device.choice.to_string() == backend).or_else(|| {
        // "wgpu" alone is the first of its devices.
        devices.find(|device| device.kind.to_string() == backend)
    })
}

fn device_card(ui: &mut Ui, device: &DeviceInfo, width: f32, chosen: bool, best: bool) -> bool {
    let tokens = Tokens::of(ui);
    let size = egui::vec2(width, 82.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let stroke = match (chosen, response.has_focus() || response.hovered()) {
        (true, _) => Stroke::new(2.0, tokens.accent),
        (false, true) => Stroke::new(1.0, tokens.text_muted),
        (false, false) => Stroke::new(1.0, tokens.border),
    };
    let ground = if chosen { tokens.accent_soft } else { tokens.background };
    ui.painter().rect(rect, CARD_RADIUS, ground, stroke, egui::StrokeKind::Inside);
    let inside = rect.shrink2(egui::vec2(f32::from(CARD_PADDING) * 0.75, 9.0));
    let mut content =
        ui.new_child(egui::UiBuilder::new().max_rect(inside).layout(Layout::top_down(Align::Min)));
    content.spacing_mut().item_spacing.y = 3.0;
    let plain = |text: RichText| egui::Label::new(text).selectable(false).truncate();
    content.horizontal(|ui| {
        let name = device.choice.to_string();
        pill(ui, &name, tokens.text_muted, tokens.control);
        if best {
            pill(ui, "Automatic choice", tokens.accent, tokens.surface);
        }
        if device.software {
            pill(ui, "Software, slow", tokens.warning, tokens.warning_soft);
        }
    });
    content.add(plain(RichText::new(&device.name).strong()));
    let memory = device.memory_bytes.map_or_else(|| "memory unknown".to_owned(), bytes);
    let precisions = device.precisions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let about = format!("{memory} · {precisions}");
    content.add(plain(RichText::new(about).size(CAPTION_SIZE).color(tokens.text_muted)));
    let name = format!("{}: {}", device.choice, device.name);
    response.widget_info(|| WidgetInfo::selected(WidgetType::RadioButton, true, chosen, &name));
    let clicked = response.clicked();
    let facts = describe(device);
    response.on_hover_ui(|ui| {
        for (caption, value) in facts {
            ui.label(format!("{caption}: {value}"));
        }
    });
    clicked && !chosen
}

/// Draws what is known of each device, and why others are not there.
pub fn facts_list_ui(ui: &mut Ui, probe: &Probe) {
    let reports = match probe {
        Probe::Idle | Probe::Running(_) => return busy(ui, "Looking for devices"),
        Probe::Failed(message) => return notice(ui, Severity::Error, message),
        Probe::Done(reports) => reports,
    };
    ui.spacing_mut().item_spacing.y = GAP;
    let automatic = automatic(reports).map(|device| &device.choice);
    for report in reports {
        for device in &report.devices {
            facts_card(ui, device, automatic == Some(&device.choice));
        }
        if let Some(obstacle) = &report.unavailable {
            unavailable_card(ui, report.kind, obstacle);
        }
    }
}

fn facts_card(ui: &mut Ui, device: &DeviceInfo, automatic: bool) {
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
            if device.unusable.is_some() {
                pill(ui, "Cannot be used", tokens.warning, tokens.warning_soft);
            }
        });
        if let Some(obstacle) = &device.unusable {
            ui.label(RichText::new(sentences(obstacle)).color(tokens.text_muted));
        }
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

fn unavailable_card(ui: &mut Ui, kind: BackendKind, obstacle: &Obstacle) {
    let tokens = Tokens::of(ui);
    card(ui, &format!("{kind}: not available"), |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(kind.label()).size(CARD_TITLE_SIZE).color(tokens.text_muted));
            pill(ui, &kind.to_string(), tokens.text_muted, tokens.control);
            pill(ui, "Not available", tokens.text_muted, tokens.control);
        });
        ui.label(RichText::new(sentences(obstacle)).color(tokens.text_muted));
    });
}

/// Cause and remedy, as two sentences.
pub fn sentences(obstacle: &Obstacle) -> String {
    format!("{}. {}.", capitalised(&obstacle.cause), capitalised(&obstacle.remedy))
}

/// Reasons and classes are parts of a sentence elsewhere; here they stand alone.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

//! What a run was made with: its recipe, its data and its device.

use egui::{Grid, Label, RichText, ScrollArea, Ui};
use spanbert_core::{pretrain::PretrainRecipe, train::Recipe};

use super::follow::Look;
use crate::{
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{Severity, card, notice},
};

/// Draws recipe and circumstances.
pub(super) fn ui(ui: &mut Ui, look: &Look) {
    ScrollArea::vertical().id_salt("recipe").auto_shrink(false).show(ui, |ui| {
        ui.set_width(ui.available_width() - 8.0);
        match &look.recipe {
            Some(Ok(recipe)) => {
                let defaults = Recipe::default().values();
                card(ui, "Recipe", |ui| fields_ui(ui, Recipe::FIELDS, recipe.values(), defaults));
            }
            Some(Err(error)) => notice(ui, Severity::Error, error),
            None => match &look.pretraining {
                Some(Ok(record)) => {
                    let (values, defaults) = (record.recipe.values(), PretrainRecipe::default().values());
                    card(ui, "Pre-training", |ui| {
                        fields_ui(ui, PretrainRecipe::FIELDS, values, defaults);
                    });
                }
                Some(Err(text)) => {
                    card(ui, "Pre-training", |ui| {
                        ui.add(Label::new(RichText::new(text.trim()).monospace()).wrap());
                    });
                }
                None => {
                    ui.label("The recipe is not written yet");
                }
            },
        }
        ui.add_space(GAP / 2.0);
        if look.environment.is_some() {
            card(ui, "Circumstances", |ui| circumstances_ui(ui, look));
        }
    });
}

/// A recipe's values as in TOML by name.
type Values = Vec<(&'static str, Option<String>)>;

fn fields_ui(ui: &mut Ui, fields: &[(&str, &str)], values: Values, defaults: Values) {
    let tokens = Tokens::of(ui);
    Grid::new("fields").num_columns(3).spacing([24.0, 5.0]).show(ui, |ui| {
        for (((name, value), (_, default)), (_, documentation)) in
            values.into_iter().zip(defaults).zip(fields)
        {
            let changed = value != default;
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
            let name = RichText::new(name).monospace().color(tokens.text_muted);
            ui.label(name).on_hover_text(documentation.trim());
            let text = RichText::new(shown(&value)).monospace();
            ui.label(if changed { text.color(tokens.accent) } else { text });
            let default = if changed { format!("default {}", shown(&default)) } else { String::new() };
            ui.label(RichText::new(default).size(CAPTION_SIZE).color(tokens.text_muted));
            ui.end_row();
        }
    });
}

fn circumstances_ui(ui: &mut Ui, look: &Look) {
    let Some(environment) = &look.environment else { return };
    let tokens = Tokens::of(ui);
    let mut rows: Vec<(&str, String)> = vec![
        ("Device", environment.device.clone()),
        ("Backend", environment.backend.clone()),
        ("Machine", environment.machine.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("System", format!("{}, {} processors", environment.platform, environment.processors)),
        ("Versions", format!("SpanBERT Studio {}, Burn {}", environment.spanbert_studio, environment.burn)),
    ];
    if let Some(workers) = &environment.workers {
        rows.push(("Workers", format!("{} by {}", workers.count, workers.connection)));
    }
    if let Some(model) = &environment.model {
        rows.push(("Checkpoint", model.display().to_string()));
    }
    let files = [("Training data", &environment.train_data), ("Development data", &environment.dev_data)];
    for (name, file) in files {
        if let Some(file) = file {
            rows.push((name, file.path.clone()));
        }
    }
    for resumed in &environment.resumed {
        rows.push((
            "Resumed",
            format!("{} after update {} on {}", resumed.time, resumed.step, resumed.device),
        ));
    }
    rows.push(("Command", environment.command.join(" ")));
    Grid::new("circumstances").num_columns(2).spacing([24.0, 5.0]).show(ui, |ui| {
        for (name, value) in rows {
            ui.label(RichText::new(name).color(tokens.text_muted));
            ui.add(Label::new(value).truncate());
            ui.end_row();
        }
    });
}

//! The recipe as a form.

use std::collections::BTreeMap;

use egui::{
    Align, CollapsingHeader, ComboBox, Layout, Margin, RichText, TextEdit, Ui, WidgetInfo, WidgetType, vec2,
};
use egui_phosphor::regular as icon;
use spanbert_core::{
    config::BertConfig,
    train::{Preset, Recipe},
};

use super::fields::{Field, Kind, fields, text_of, with_text};
use crate::{
    action::Action,
    dialogs::Purpose,
    page_view::Env,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{icon_button, labelled, tick},
};

/// Fields that most trainings set; the others are behind a heading.
const COMMON: [&str; 10] = [
    "learning_rate",
    "num_train_epochs",
    "train_batch_size",
    "max_seq_length",
    "doc_stride",
    "warmup_proportion",
    "precision",
    "eval_per_epoch",
    "eval_metric",
    "seed",
];
/// Narrowest column of fields.
const COLUMN: f32 = 200.0;

/// Where the form's values began.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Base {
    /// The reference's defaults.
    Reference,
    /// A named recipe.
    Preset(Preset),
    /// A file's, or a run's.
    Other(String),
}

impl Base {
    const NAMED: [Self; 5] = [
        Self::Preset(Preset::SpanbertBaseSquad2),
        Self::Preset(Preset::Student),
        Self::Preset(Preset::Squad1),
        Self::Preset(Preset::Demo),
        Self::Reference,
    ];

    fn name(&self) -> &str {
        match self {
            Self::Reference => "Defaults of run_squad.py",
            Self::Preset(Preset::SpanbertBaseSquad2) => "SpanBERT-base on SQuAD 2.0, as published",
            Self::Preset(Preset::Student) => "The same with batch 16",
            Self::Preset(Preset::Squad1) => "SpanBERT-base on SQuAD 1.1, as published",
            Self::Preset(Preset::Demo) => "Demonstration",
            Self::Other(name) => name,
        }
    }

    /// A word for the names of runs.
    pub(super) fn word(&self) -> &str {
        match self {
            Self::Preset(Preset::Student) => "student",
            Self::Preset(Preset::Squad1) => "squad1",
            Self::Preset(Preset::Demo) => "demo",
            _ => "squad2",
        }
    }
}

/// The form's state.
pub(super) struct RecipeForm {
    fields: Vec<Field>,
    base: Base,
    /// What the form began with.
    original: Recipe,
    recipe: Recipe,
    /// What is typed where it is not the recipe's value as it would be written.
    typed: BTreeMap<&'static str, String>,
    /// Why what is typed is not a value.
    refused: BTreeMap<&'static str, String>,
}

impl RecipeForm {
    pub(super) fn new() -> Self {
        let base = Base::Preset(Preset::SpanbertBaseSquad2);
        let recipe = Preset::SpanbertBaseSquad2.recipe();
        Self {
            fields: fields(),
            base,
            original: recipe.clone(),
            recipe,
            typed: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// The recipe as far as it could be read.
    pub(super) fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    pub(super) fn base(&self) -> &Base {
        &self.base
    }

    /// Begins anew with these values.
    pub(super) fn set(&mut self, base: Base, recipe: Recipe) {
        self.base = base;
        self.original = recipe.clone();
        self.recipe = recipe;
        self.typed.clear();
        self.refused.clear();
    }

    /// Begins anew with a named recipe.
    pub(super) fn set_preset(&mut self, preset: Preset) {
        self.set(Base::Preset(preset), preset.recipe());
    }

    /// What is wrong with each field; without a model, as for BERT's number of positions.
    pub(super) fn errors(&self, config: Option<&BertConfig>) -> BTreeMap<&'static str, String> {
        let default = BertConfig::default();
        let mut errors: BTreeMap<&'static str, String> = self
            .recipe
            .field_errors(config.unwrap_or(&default))
            .into_iter()
            .map(|error| (error.field, format!("{}; {}", error.allowed, error.remedy)))
            .collect();
        errors.extend(self.refused.iter().map(|(name, why)| (*name, why.clone())));
        errors
    }

    /// Draws the form.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, errors: &BTreeMap<&'static str, String>) {
        self.base_ui(ui, env);
        ui.add_space(6.0);
        let (common, others): (Vec<Field>, Vec<Field>) =
            self.fields.clone().into_iter().partition(|field| COMMON.contains(&field.name));
        let mut common = common;
        common.sort_by_key(|field| COMMON.iter().position(|name| *name == field.name));
        self.grid_ui(ui, &common, errors);
        let wrong = others.iter().filter(|field| errors.contains_key(field.name)).count();
        let changed = others.iter().filter(|field| self.is_changed(field)).count();
        let mut title = "All other settings".to_owned();
        if changed > 0 {
            title.push_str(&format!(" ({changed} changed)"));
        }
        // An error must not hide.
        let open = (wrong > 0).then_some(true);
        CollapsingHeader::new(title).id_salt("other settings").open(open).show(ui, |ui| {
            self.grid_ui(ui, &others, errors);
        });
    }

    fn base_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        ui.horizontal_wrapped(|ui| {
            let changed = self.recipe != self.original || !self.refused.is_empty();
            let shown = format!("{}{}", self.base.name(), if changed { " (changed)" } else { "" });
            let mut wanted = None;
            labelled(ui, "Start from", |ui| {
                let width = 320.0_f32.min(ui.available_width());
                let combo = ComboBox::from_id_salt("base").selected_text(shown).width(width).truncate();
                let response = combo.show_ui(ui, |ui| {
                    for base in Base::NAMED {
                        if ui.selectable_label(base == self.base, base.name()).clicked() {
                            wanted = Some(base);
                        }
                    }
                });
                response
                    .response
                    .widget_info(|| WidgetInfo::labeled(WidgetType::ComboBox, true, "Start from"));
                response.response
            });
            if let Some(base) = wanted {
                let recipe = match &base {
                    Base::Preset(preset) => preset.recipe(),
                    _ => Recipe::default(),
                };
                self.set(base, recipe);
            }
            ui.vertical(|ui| {
                ui.add_space(CAPTION_SIZE + 6.0);
                if ui.button("From file…").on_hover_text("A recipe.toml, such as that of a run").clicked() {
                    env.ask(Action::Browse(Purpose::Recipe));
                }
            });
        });
    }

    fn grid_ui(&mut self, ui: &mut Ui, fields: &[Field], errors: &BTreeMap<&'static str, String>) {
        let per_row = ((ui.available_width() + GAP) / (COLUMN + GAP)).floor().clamp(1.0, 4.0);
        let width = (ui.available_width() - GAP * (per_row - 1.0)) / per_row;
        for row in fields.chunks(per_row as usize) {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = GAP;
                for field in row {
                    ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                        ui.set_width(width);
                        self.field_ui(ui, field, errors.get(field.name));
                    });
                }
            });
            ui.add_space(4.0);
        }
    }

    fn is_changed(&self, field: &Field) -> bool {
        self.refused.contains_key(field.name)
            || text_of(&self.recipe, field.name) != text_of(&self.original, field.name)
    }

    fn field_ui(&mut self, ui: &mut Ui, field: &Field, error: Option<&String>) {
        let tokens = Tokens::of(ui);
        ui.spacing_mut().item_spacing.y = 3.0;
        let changed = self.is_changed(field);
        let title = field.title();
        let help = format!("{}\n\n{}", field.documentation, field.name);
        ui.horizontal(|ui| {
            let color = if changed { tokens.accent } else { tokens.text_muted };
            ui.label(RichText::new(&title).size(CAPTION_SIZE).color(color)).on_hover_text(&help);
            if changed {
                let original = text_of(&self.original, field.name);
                let original = if original.is_empty() { "not set".to_owned() } else { original };
                let name = format!("Reset {} to {original}", title.to_lowercase());
                if icon_button(ui, icon::ARROW_COUNTER_CLOCKWISE, &name).clicked() {
                    let text = text_of(&self.original, field.name);
                    self.enter(field, text);
                    self.typed.remove(field.name);
                }
            }
        });
        let value = self.typed.get(field.name).cloned().unwrap_or_else(|| text_of(&self.recipe, field.name));
        let entered = match &field.kind {
            Kind::Switch if !field.optional => {
                let mut on = value == "true";
                tick(ui, &mut on, &title).then(|| on.to_string())
            }
            Kind::Switch => choice_ui(ui, field, &value, &["true".to_owned(), "false".to_owned()]),
            Kind::Choice(values) => choice_ui(ui, field, &value, values),
            Kind::Text => {
                let mut text = value;
                let edit = TextEdit::singleline(&mut text)
                    .id_salt(field.name)
                    .hint_text(if field.optional { "not set" } else { "" })
                    .text_color_opt(error.map(|_| tokens.error))
                    .desired_width(ui.available_width())
                    .margin(Margin::symmetric(8, 5));
                let response = crate::widgets::named(ui.add(edit), &title);
                let response = response.on_hover_text(&help);
                response.changed().then_some(text)
            }
        };
        if let Some(text) = entered {
            self.enter(field, text);
        }
        if let Some(error) = error {
            let text = RichText::new(error).size(CAPTION_SIZE).color(tokens.error);
            ui.add(egui::Label::new(text).wrap());
        }
    }

    /// Takes over what was typed or chosen.
    fn enter(&mut self, field: &Field, text: String) {
        match with_text(&self.recipe, field, &text) {
            Ok(recipe) => {
                self.recipe = recipe;
                self.refused.remove(field.name);
            }
            Err(why) => {
                self.refused.insert(field.name, why);
            }
        }
        self.typed.insert(field.name, text);
    }
}

/// A list of values, with "not set" if that may be.
fn choice_ui(ui: &mut Ui, field: &Field, value: &str, values: &[String]) -> Option<String> {
    let shown = if value.is_empty() { "not set" } else { value };
    let mut chosen = None;
    let combo = ComboBox::from_id_salt(field.name).selected_text(shown).width(ui.available_width() - 8.0);
    let response = combo.show_ui(ui, |ui| {
        let unset = String::new();
        for choice in field.optional.then_some(&unset).into_iter().chain(values) {
            let name = if choice.is_empty() { "not set" } else { choice };
            if ui.selectable_label(value == choice, name).clicked() {
                chosen = Some(choice.clone());
            }
        }
    });
    let name = field.title();
    response.response.widget_info(|| WidgetInfo::labeled(WidgetType::ComboBox, true, &name));
    chosen
}

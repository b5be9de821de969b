//! A recipe as a form.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
};

use crate::symbols as icon;
use egui::{
    Align, CollapsingHeader, ComboBox, Context, Layout, Margin, RichText, TextEdit, Ui, WidgetInfo,
    WidgetType, vec2,
};
use spanbert_backends::DeviceInfo;
use spanbert_core::{
    advice::Advice,
    train::{FieldError, Precision, RecipeError},
};

use super::fields::{Field, Fields, Kind, fields, text_of, with_text};
use crate::{
    action::Action,
    background,
    dialogs::Purpose,
    page_view::Env,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{Severity, icon_button, labelled, notice, tick},
};

/// A recipe that the form can show.
pub(super) trait FormRecipe: Fields + Send + 'static {
    /// Fields that most trainings set, in this order; the others are behind a heading.
    const COMMON: &'static [&'static str];
    /// Fields that may change when a run is resumed.
    const MAY_CHANGE: &'static [&'static str];

    /// Where the form's values can begin, the first being the usual one.
    fn named() -> Vec<(Base, Self)>;

    /// Reads a recipe file.
    fn read(path: &Path) -> Result<Self, RecipeError>;

    /// The text of a recipe file.
    fn written(&self) -> String;

    /// The number format that the device must have.
    fn precision(&self) -> Precision;
}

/// Narrowest column of fields.
const COLUMN: f32 = 200.0;

/// What is wrong with fields, by their names.
pub(super) type Errors = BTreeMap<&'static str, String>;

/// Where the form's values began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Base {
    /// As people read it.
    pub(super) name: String,
    /// A word for the names of runs.
    pub(super) word: &'static str,
}

impl Base {
    /// A named recipe.
    pub(super) fn named(name: &str, word: &'static str) -> Self {
        Self { name: name.to_owned(), word }
    }
}

/// The form's state.
pub(super) struct RecipeForm<R> {
    fields: Vec<Field>,
    named: Vec<(Base, R)>,
    base: Base,
    /// What the form began with.
    original: R,
    recipe: R,
    /// What is typed where it is not the recipe's value as it would be written.
    typed: BTreeMap<&'static str, String>,
    /// Why what is typed is not a value.
    refused: BTreeMap<&'static str, String>,
    /// Whether the values are those of a run that is resumed, of which only some may change.
    is_resumed: bool,
    reading: Option<Receiver<(PathBuf, Result<R, String>)>>,
    /// Why a file's values were not taken over.
    warning: Option<String>,
}

impl<R: FormRecipe> RecipeForm<R> {
    /// The usual recipe.
    pub(super) fn new() -> Self {
        let named = R::named();
        let (base, recipe) =
            named.first().cloned().unwrap_or_else(|| (Base::named("Defaults", "run"), R::default()));
        Self {
            fields: fields::<R>(),
            named,
            base,
            original: recipe.clone(),
            recipe,
            typed: BTreeMap::new(),
            refused: BTreeMap::new(),
            is_resumed: false,
            reading: None,
            warning: None,
        }
    }

    /// The recipe as far as it could be read.
    pub(super) fn recipe(&self) -> &R {
        &self.recipe
    }

    /// Whether the values are those of a run that is resumed.
    pub(super) fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    pub(super) fn base(&self) -> &Base {
        &self.base
    }

    /// Begins anew with these values.
    pub(super) fn set(&mut self, base: Base, recipe: R) {
        self.base = base;
        self.original = recipe.clone();
        self.recipe = recipe;
        self.typed.clear();
        self.refused.clear();
        self.is_resumed = false;
        self.warning = None;
    }

    /// Begins anew with the values of a run, which is resumed or made again.
    pub(super) fn fill(&mut self, base: Base, recipe: R, is_resumed: bool) {
        self.set(base, recipe);
        self.is_resumed = is_resumed;
    }

    /// Begins anew with the usual recipe, or with that of this word.
    pub(super) fn set_named(&mut self, word: Option<&str>) {
        let wanted = |(base, _): &&(Base, R)| word.is_none_or(|word| base.word == word);
        if let Some((base, recipe)) = self.named.iter().find(wanted).cloned() {
            self.set(base, recipe);
        }
    }

    /// Begins anew with a file's values, once a thread has read them.
    pub(super) fn read_file(&mut self, context: &Context, path: PathBuf) {
        let read = move || {
            let recipe = R::read(&path).map_err(|error| error.in_one_line());
            (path, recipe)
        };
        self.reading = background::find(context, "recipe", read).ok();
    }

    /// Takes in the values of a file.
    pub(super) fn poll(&mut self) {
        let Some((path, read)) = self.reading.as_ref().and_then(|reading| reading.try_recv().ok()) else {
            return;
        };
        self.reading = None;
        match read {
            // What differs from the run's own values shows as a change.
            Ok(recipe) if self.is_resumed => {
                (self.recipe, self.warning) = (recipe, None);
                self.typed.clear();
                self.refused.clear();
            }
            Ok(recipe) => {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                self.set(Base { name, word: self.base.word }, recipe);
            }
            Err(error) => self.warning = Some(error),
        }
    }

    /// What of the recipe keeps a training from starting, a phrase each.
    pub(super) fn missing(&self, errors: &Errors, device: Option<&DeviceInfo>) -> Vec<String> {
        let mut missing = match errors.len() {
            0 => Vec::new(),
            1 => vec!["one setting is out of bounds".to_owned()],
            wrong => vec![format!("{wrong} settings are out of bounds")],
        };
        if let Some(device) = device
            && let Err(error) = device.check_precision(self.recipe.precision().into())
        {
            missing.push(error.in_one_line());
        }
        missing
    }

    /// What is wrong with each field: what was found to be out of bounds, what is no value, and what may not change.
    pub(super) fn errors(&self, found: Vec<FieldError>) -> Errors {
        let told = |error: FieldError| (error.field, format!("{}; {}", error.allowed, error.remedy));
        let mut errors: Errors = found.into_iter().map(told).collect();
        if self.is_resumed {
            let fixed = self.fields.iter().filter(|field| !R::MAY_CHANGE.contains(&field.name));
            for field in fixed.filter(|field| self.is_changed(field)) {
                let was = text_of(&self.original, field.name);
                let was = if was.is_empty() { "not set".to_owned() } else { was };
                errors.insert(field.name, format!("a run that is resumed keeps it; set it back to {was}"));
            }
        }
        errors.extend(self.refused.iter().map(|(name, why)| (*name, why.clone())));
        errors
    }

    /// Draws the form.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, errors: &Errors) {
        if let Some(warning) = &self.warning {
            notice(ui, Severity::Warning, warning);
            ui.add_space(6.0);
        }
        self.base_ui(ui, env);
        ui.add_space(6.0);
        let first = if self.is_resumed { R::MAY_CHANGE } else { R::COMMON };
        let (mut common, others): (Vec<Field>, Vec<Field>) =
            self.fields.clone().into_iter().partition(|field| first.contains(&field.name));
        common.sort_by_key(|field| first.iter().position(|name| *name == field.name));
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
        if self.is_resumed {
            let text = "What the model learns from stays as it is; the other settings may change.";
            ui.add(egui::Label::new(RichText::new(text).color(Tokens::of(ui).text_muted)).wrap());
            return;
        }
        ui.horizontal_wrapped(|ui| {
            let changed = self.recipe != self.original || !self.refused.is_empty();
            let shown = format!("{}{}", self.base.name, if changed { " (changed)" } else { "" });
            let mut wanted = None;
            labelled(ui, "Start from", |ui| {
                let width = 320.0_f32.min(ui.available_width());
                let combo = ComboBox::from_id_salt("base").selected_text(shown).width(width).truncate();
                let response = combo.show_ui(ui, |ui| {
                    for named in &self.named {
                        if ui.selectable_label(named.0 == self.base, &named.0.name).clicked() {
                            wanted = Some(named.clone());
                        }
                    }
                });
                response
                    .response
                    .widget_info(|| WidgetInfo::labeled(WidgetType::ComboBox, true, "Start from"));
                response.response
            });
            if let Some((base, recipe)) = wanted {
                self.set(base, recipe);
            }
            ui.vertical(|ui| {
                ui.add_space(CAPTION_SIZE + 6.0);
                let hint = "A recipe, such as the recipe.toml or pretrain.toml of a run";
                if ui.button("From file…").on_hover_text(hint).clicked() {
                    env.ask(Action::Browse(Purpose::Recipe));
                }
            });
        });
    }

    fn grid_ui(&mut self, ui: &mut Ui, fields: &[Field], errors: &Errors) {
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
        if self.is_resumed && !changed && !R::MAY_CHANGE.contains(&field.name) {
            ui.disable();
        }
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

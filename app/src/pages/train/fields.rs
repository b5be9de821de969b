//! The fields of a recipe as a form sees them: kind, allowed values, text in and out.
//!
//! Nothing here names a field. Kinds and allowed values are asked of the recipe's own parser, so that a new field of a
//! recipe appears in the form by itself.

use serde::{Serialize, de::DeserializeOwned};

/// A recipe as its parser sees it.
pub(super) trait Fields: Clone + Default + PartialEq + Serialize + DeserializeOwned {
    /// Name and documentation of every field, in order.
    const ALL: &'static [(&'static str, &'static str)];
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Yes or no.
    Switch,
    /// One of these words.
    Choice(Vec<String>),
    /// A number or a word.
    Text,
}

/// A field of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) documentation: &'static str,
    pub(super) kind: Kind,
    /// Whether it may be left unset.
    pub(super) optional: bool,
}

impl Field {
    /// Its name as people read it.
    pub(super) fn title(&self) -> String {
        let words = self.name.replace('_', " ");
        let mut rest = words.chars();
        rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
    }
}

/// All fields, in the recipe's order.
pub(super) fn fields<R: Fields>() -> Vec<Field> {
    let defaults = table(&R::default());
    let field = |(name, documentation): &(&'static str, &'static str)| Field {
        name,
        documentation: documentation.trim(),
        kind: kind::<R>(name),
        optional: !defaults.contains_key(*name),
    };
    R::ALL.iter().map(field).collect()
}

fn table(recipe: &impl Fields) -> toml::Table {
    // A struct of numbers, strings and options always has a TOML form.
    toml::Table::try_from(recipe).unwrap_or_default()
}

/// Asks the parser what it makes of a word that nobody uses.
fn kind<R: Fields>(name: &str) -> Kind {
    let mut table = table(&R::default());
    table.insert(name.to_owned(), toml::Value::String("\u{1}".to_owned()));
    let Err(error) = table.try_into::<R>() else { return Kind::Text };
    let message = error.message();
    if message.contains("expected a boolean") {
        return Kind::Switch;
    }
    match message.split_once("unknown variant") {
        Some((_, rest)) => {
            // "`x`, expected one of `a`, `b`": every second piece is between back ticks, the first is our word.
            Kind::Choice(rest.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect())
        }
        None => Kind::Text,
    }
}

/// A field's value as text; empty if it is not set.
pub(super) fn text_of(recipe: &impl Fields, name: &str) -> String {
    match table(recipe).get(name) {
        Some(toml::Value::String(text)) => text.clone(),
        Some(toml::Value::Float(value)) => number(*value),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// As short as it reads back the same: 0.00002 is "2e-5".
fn number(value: f64) -> String {
    let (plain, short) = (format!("{value}"), format!("{value:e}"));
    if short.len() < plain.len() { short } else { plain }
}

/// The recipe with a field set from a text; an empty one unsets it.
///
/// # Errors
/// Says what is wrong with the text.
pub(super) fn with_text<R: Fields>(recipe: &R, field: &Field, text: &str) -> Result<R, String> {
    let text = text.trim();
    let mut table = table(recipe);
    if text.is_empty() {
        if !field.optional {
            return Err("a value is needed".to_owned());
        }
        table.remove(field.name);
        return table.try_into().map_err(|error: toml::de::Error| error.message().to_owned());
    }
    let mut candidates = Vec::new();
    candidates.extend(text.parse().ok().map(toml::Value::Boolean));
    candidates.extend(text.parse().ok().map(toml::Value::Integer));
    candidates.extend(text.parse().ok().map(toml::Value::Float));
    candidates.push(toml::Value::String(text.to_owned()));
    let mut told = None;
    for value in candidates {
        table.insert(field.name.to_owned(), value);
        match table.clone().try_into::<R>() {
            Ok(recipe) => return Ok(recipe),
            // The first kind that the text could be says most about it.
            Err(error) => told = told.or(Some(plain_words(error.message(), text))),
        }
    }
    Err(told.unwrap_or_default())
}

/// The parser's message without its own terms.
fn plain_words(message: &str, text: &str) -> String {
    if message.contains("expected usize")
        || message.contains("expected u64")
        || message.contains("expected an integer")
    {
        return format!("{text} is not a whole number");
    }
    if message.contains("expected f64") || message.contains("floating point") {
        return format!("{text} is not a number");
    }
    message.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use spanbert_core::{pretrain::PretrainRecipe, train::Recipe};

    use super::*;

    fn named(name: &str) -> Field {
        fields::<Recipe>().into_iter().find(|field| field.name == name).unwrap()
    }

    fn are_in_the_form<R: Fields + std::fmt::Debug>() {
        let fields = fields::<R>();
        assert_eq!(
            fields.iter().map(|field| field.name).collect::<Vec<_>>(),
            R::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        );
        for field in &fields {
            // What a field shows, it takes back.
            let recipe = R::default();
            let text = text_of(&recipe, field.name);
            assert_eq!(with_text(&recipe, field, &text), Ok(recipe), "{}", field.name);
        }
    }

    #[test]
    fn every_field_of_the_recipes_is_in_the_form() {
        are_in_the_form::<Recipe>();
        are_in_the_form::<PretrainRecipe>();
    }

    #[test]
    fn kinds_and_allowed_values_come_from_the_parser() {
        assert_eq!(named("optimizer").kind, Kind::Choice(vec!["bert_adam".into(), "fused_adam".into()]));
        assert_eq!(named("precision").kind, Kind::Choice(vec!["f32".into(), "bf16".into(), "fp16".into()]));
        assert!(matches!(&named("eval_metric").kind, Kind::Choice(values) if values.len() == 8));
        assert!(matches!(&named("train_mode").kind, Kind::Choice(values) if values.len() == 3));
        assert_eq!(
            (named("pad_to_max_length").kind, named("do_lower_case").kind),
            (Kind::Switch, Kind::Switch)
        );
        assert_eq!((named("learning_rate").kind, named("micro_batch").kind), (Kind::Text, Kind::Text));
        let masking = fields::<PretrainRecipe>().into_iter().find(|field| field.name == "masking").unwrap();
        assert_eq!(masking.kind, Kind::Choice(vec!["spans".into(), "pieces".into()]));
        assert!(named("learning_rate").optional && !named("seed").optional);
        for field in fields::<Recipe>() {
            if let Kind::Choice(values) = &field.kind {
                for value in values {
                    assert!(with_text(&Recipe::default(), &field, value).is_ok(), "{} {value}", field.name);
                }
            }
        }
    }

    #[test]
    fn texts_become_values_or_reasons() {
        let recipe = Recipe::default();
        let set = |name: &str, text: &str| with_text(&recipe, &named(name), text);
        assert_eq!(set("learning_rate", "2e-5").unwrap().learning_rate, Some(2e-5));
        assert_eq!(text_of(&set("learning_rate", "0.00002").unwrap(), "learning_rate"), "2e-5");
        assert_eq!(set("num_train_epochs", "2").unwrap().num_train_epochs, 2.0);
        assert_eq!(set("micro_batch", "4").unwrap().micro_batch.windows(), Some(4));
        assert_eq!(set("micro_batch", "auto").unwrap().micro_batch.windows(), None);
        assert_eq!(set("do_lower_case", "false").unwrap().do_lower_case, Some(false));
        assert_eq!(set("max_steps", "").unwrap().max_steps, None);
        assert_eq!(set("seed", " ").unwrap_err(), "a value is needed");
        assert_eq!(set("seed", "x").unwrap_err(), "x is not a whole number");
        assert_eq!(set("train_batch_size", "1.5").unwrap_err(), "1.5 is not a whole number");
        assert_eq!(set("warmup_proportion", "much").unwrap_err(), "much is not a number");
        assert!(set("train_batch_size", "-1").is_err());
    }
}

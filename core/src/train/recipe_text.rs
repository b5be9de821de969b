//! Recipes as TOML: what `recipe!` makes of a struct in both directions.

use serde::{Serialize, de::DeserializeOwned};

use super::RecipeError;

/// Parses a recipe that `spanbert COMMAND --help` describes, alone or as the table `recipe` of a run's record; `source` names
/// it in errors.
pub(crate) fn parse<R: DeserializeOwned>(
    text: &str,
    source: &str,
    command: &'static str,
) -> Result<R, RecipeError> {
    let record = || toml::from_str::<toml::Table>(text).ok()?.remove("recipe");
    let parsed = toml::from_str(text).or_else(|error| record().map_or(Err(error), toml::Value::try_into));
    parsed.map_err(|error| RecipeError::Parse {
        path: match error.span() {
            Some(span) => {
                let line = 1 + text.bytes().take(span.start).filter(|&byte| byte == b'\n').count();
                format!("{source}, line {line}")
            }
            None => source.to_owned(),
        },
        message: error.message().to_owned(),
        command,
    })
}

/// Every field with its documentation, unset ones as comments.
pub(crate) fn written(recipe: &impl Serialize, fields: &[(&str, &str)]) -> String {
    // A struct of numbers, strings and options always has a TOML form (`validate` bounds the seed).
    let table = toml::Table::try_from(recipe).unwrap_or_default();
    let mut text = String::new();
    for (name, documentation) in fields {
        for line in documentation.lines() {
            text.push_str(&format!("#{line}\n"));
        }
        match table.get(*name) {
            Some(value) => text.push_str(&format!("{name} = {value}\n\n")),
            None => text.push_str(&format!("# {name} =\n\n")),
        }
    }
    text
}

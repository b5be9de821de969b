//! Which of several statements about a setting counts.

use serde::Serialize;
use serde_json::Value;

use super::said::SettingSource;

/// A setting that something has decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decided {
    /// Its name, as in `tokenizer_config.json`.
    pub setting: &'static str,
    /// What it is set to.
    pub value: Value,
    /// What decided.
    pub source: SettingSource,
}

/// What was decided, and where the files disagreed.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    pub decided: Vec<Decided>,
    pub warnings: Vec<String>,
}

impl Decisions {
    /// The first statement, if there is any. Two files that disagree are worth a warning, unless the user has decided.
    pub(super) fn take<T: Clone + PartialEq + Serialize>(
        &mut self,
        setting: &'static str,
        said: &[(SettingSource, Option<T>)],
    ) -> Option<(T, SettingSource)> {
        self.take_where(setting, said, |one, other| one == other)
    }

    /// The same where values may come to the same thing.
    pub(super) fn take_where<T: Clone + Serialize>(
        &mut self,
        setting: &'static str,
        said: &[(SettingSource, Option<T>)],
        same: impl Fn(&T, &T) -> bool,
    ) -> Option<(T, SettingSource)> {
        let mut stated = said.iter().filter_map(|(source, value)| Some((*source, value.as_ref()?)));
        let (source, value) = stated.next()?;
        let other = stated.find(|(_, other)| !same(value, other));
        if let Some((other_source, other)) = other.filter(|_| source != SettingSource::Flag) {
            self.warnings.push(format!(
                "{source} says {setting} is {}, {other_source} says {}: {source} counts",
                shown(value),
                shown(other)
            ));
        }
        self.decided.push(Decided { setting, value: json(value), source });
        Some((value.clone(), source))
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn shown(value: &impl Serialize) -> String {
    json(value).to_string()
}

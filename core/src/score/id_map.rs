//! Values by question id that keep their order: equal null odds are ranked in file order.

use std::{collections::HashMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

use super::{AnswerFile, ScoreError, answer_file};

/// A value for each question id, in insertion order. As in a Python dict, a repeated id keeps its place and takes the
/// last value.
#[derive(Clone, Debug, PartialEq)]
pub struct IdMap<V> {
    entries: Vec<(String, V)>,
    index: HashMap<String, usize>,
}

/// Answers by question id; empty for "no answer" (`predictions.json`).
pub type Predictions = IdMap<String>;

/// How strongly "no answer" is preferred, by question id (`null_odds.json`): a probability, or a difference of logits.
pub type NullOdds = IdMap<f64>;

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: HashMap::new() }
    }
}

impl<V> IdMap<V> {
    /// Sets the value of an id.
    pub fn insert(&mut self, id: String, value: V) {
        match self.index.get(&id).and_then(|&at| self.entries.get_mut(at)) {
            Some(entry) => entry.1 = value,
            None => {
                self.index.insert(id.clone(), self.entries.len());
                self.entries.push((id, value));
            }
        }
    }

    /// The value of an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&V> {
        self.index.get(id).and_then(|&at| self.entries.get(at)).map(|(_, value)| value)
    }

    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Ids and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.entries.iter().map(|(id, value)| (id.as_str(), value))
    }

    /// Ids and values in order, values changeable.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut V)> {
        self.entries.iter_mut().map(|(id, value)| (id.as_str(), value))
    }
}

impl Predictions {
    /// Reads answers in any layout that [`AnswerFile`] knows; `source_name` is what messages call the file.
    ///
    /// # Errors
    /// If it has none of them.
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, ScoreError> {
        Ok(AnswerFile::from_json(text, source_name)?.predictions)
    }
}

impl NullOdds {
    /// Reads a `null_odds.json`, which may hold Python's `Infinity` and `-Infinity`; `source_name` is what messages call it.
    ///
    /// # Errors
    /// If it is not a JSON object of numbers, or one is NaN.
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, ScoreError> {
        answer_file::null_odds(text, source_name)
    }
}

impl<V> FromIterator<(String, V)> for IdMap<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(pairs: I) -> Self {
        let mut map = Self::default();
        for (id, value) in pairs {
            map.insert(id, value);
        }
        map
    }
}

impl<V> IntoIterator for IdMap<V> {
    type Item = (String, V);
    type IntoIter = std::vec::IntoIter<(String, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<V: Serialize> Serialize for IdMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for IdMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for IdVisitor<V> {
            type Value = IdMap<V>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object keyed by question id")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut map = IdMap::default();
                while let Some((id, value)) = access.next_entry()? {
                    map.insert(id, value);
                }
                Ok(map)
            }
        }

        deserializer.deserialize_map(IdVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::Advice;

    #[test]
    fn a_repeated_id_keeps_its_place_and_takes_the_last_value() {
        let odds = NullOdds::from_json(r#"{"b": 1, "a": 2.5, "b": 3}"#, "odds.json").unwrap();
        assert_eq!(odds.iter().collect::<Vec<_>>(), [("b", &3.0), ("a", &2.5)]);
        assert_eq!((odds.get("a"), odds.get("c"), odds.len()), (Some(&2.5), None, 2));
        assert_eq!(serde_json::to_string(&odds).unwrap(), r#"{"b":3.0,"a":2.5}"#);
    }

    #[test]
    fn errors_name_file_place_and_what_was_expected() {
        let error = Predictions::from_json(r#"{"a": 5}"#, "p.json").unwrap_err().in_one_line();
        assert!(error.starts_with("p.json: invalid type: integer `5`"), "{error}");
        assert!(error.contains("; give one JSON object from question ids to texts"), "{error}");
        let error = NullOdds::from_json("[]", "n.json").unwrap_err().in_one_line();
        assert!(error.contains("an object keyed by question id"), "{error}");
    }
}

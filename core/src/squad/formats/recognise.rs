//! Which layout a text has, from its first entry.

use std::{cell::Cell, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// What holds the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// A list under `data`.
    Data,
    /// A list.
    List,
    /// One value after the other: JSON Lines.
    Lines,
    /// An object of columns.
    Columns,
    /// An object of columns under `data`.
    DataColumns,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `paragraphs`.
    Article,
    /// `context` and `qas`.
    Paragraph,
    /// `context` and `question`.
    Row,
}

/// Container and entries of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) container: Container,
    pub(crate) entry: Entry,
    /// Whether the first entry is one of those known; else it is read as SQuAD's, to be refused.
    pub(crate) known: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { container: Container::Data, entry: Entry::Article, known: false }
    }
}

/// Looks at a text up to the key that tells. What is no JSON has the default shape, and its reader says why not.
pub(crate) fn recognise(text: &str) -> Shape {
    let found = Cell::new(Shape::default());
    // It ends with an error as soon as everything is known.
    let _ = Top(&found).deserialize(&mut serde_json::Deserializer::from_str(text));
    found.get()
}

fn enough<E: Error>() -> E {
    E::custom("seen enough")
}

/// The first value of the text.
struct Top<'a>(&'a Cell<Shape>);

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        entries(list, Container::List, self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut keys = Keys::default();
        while let Some(key) = object.next_key::<String>()? {
            if key == "data" {
                return object.next_value_seed(Data(self.0));
            }
            if key == "header" {
                self.0.set(Shape { container: Container::Lines, entry: Entry::Paragraph, known: true });
                return Err(enough());
            }
            let entry = keys.add(&key);
            if let Some(entry @ (Entry::Article | Entry::Paragraph)) = entry {
                self.0.set(Shape { container: Container::Lines, entry, known: true });
                return Err(enough());
            }
            let Kind(is_single) = object.next_value()?;
            if let Some(entry) = entry {
                // A row's columns are lists of texts.
                let container = if is_single { Container::Lines } else { Container::Columns };
                self.0.set(Shape { container, entry, known: true });
                return Err(enough());
            }
        }
        Ok(())
    }
}

/// The value of `data`.
struct Data<'a>(&'a Cell<Shape>);

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        entries(list, Container::Data, self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut keys = Keys::default();
        while let Some((key, IgnoredAny)) = object.next_entry::<String, _>()? {
            if keys.add(&key) == Some(Entry::Row) {
                self.0.set(Shape { container: Container::DataColumns, entry: Entry::Row, known: true });
                return Err(enough());
            }
        }
        Ok(())
    }
}

/// Looks at a list's first entry; an empty list is SQuAD's.
fn entries<'de, A: SeqAccess<'de>>(
    mut list: A,
    container: Container,
    found: &Cell<Shape>,
) -> Result<(), A::Error> {
    found.set(Shape { container, ..Shape::default() });
    let kind = Cell::new(None);
    let first = list.next_element_seed(First(&kind));
    if let Some(entry) = kind.get() {
        found.set(Shape { container, entry, known: true });
    } else if matches!(first, Ok(None)) {
        found.set(Shape { container, entry: Entry::Article, known: true });
    }
    first.and(Err(enough()))
}

/// The first entry of a list.
struct First<'a>(&'a Cell<Option<Entry>>);

impl<'de> DeserializeSeed<'de> for First<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for First<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut keys = Keys::default();
        while let Some(key) = object.next_key::<String>()? {
            if let Some(entry) = keys.add(&key) {
                self.0.set(Some(entry));
                return Err(enough());
            }
            let IgnoredAny = object.next_value()?;
        }
        Ok(())
    }
}

/// The telling keys seen so far.
#[derive(Default)]
struct Keys {
    context: bool,
    question: bool,
}

impl Keys {
    /// What the entry is, once that is clear.
    fn add(&mut self, key: &str) -> Option<Entry> {
        match key {
            "paragraphs" => return Some(Entry::Article),
            "qas" => return Some(Entry::Paragraph),
            "context" => self.context = true,
            "question" => self.question = true,
            _ => {}
        }
        (self.context && self.question).then_some(Entry::Row)
    }
}

/// Whether a value is no list and no object.
struct Kind(bool);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Kind, E> {
        Ok(Kind(true))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Kind, E> {
        Ok(Kind(true))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Kind, E> {
        Ok(Kind(true))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Kind, E> {
        Ok(Kind(true))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Kind, E> {
        Ok(Kind(true))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Kind, E> {
        Ok(Kind(true))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kind, A::Error> {
        while let Some(IgnoredAny) = list.next_element()? {}
        Ok(Kind(false))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Kind, A::Error> {
        while let Some((IgnoredAny, IgnoredAny)) = object.next_entry()? {}
        Ok(Kind(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_tells() {
        use Container::{Columns, Data, DataColumns, Lines, List};
        use Entry::{Article, Paragraph, Row};
        for (text, container, entry) in [
            (r#"{"version": "1", "data": [{"title": "t", "paragraphs": ["#, Data, Article),
            (r#"{"data": []}"#, Data, Article),
            (r#"[]"#, List, Article),
            (r#"[{"paragraphs": []}]"#, List, Article),
            (r#"{"data": [{"context": "c", "id": 1, "question": "q"}]}"#, Data, Row),
            (r#"[{"question": "q", "context": "c"}]"#, List, Row),
            ("{\"context\": \"c\",\n\"question\": null}", Lines, Row),
            (r#"{"title": "t", "paragraphs": []}"#, Lines, Article),
            (r#"{"header": {}} {"context": "c", "qas": []}"#, Lines, Paragraph),
            (r#"{"context": "c", "qas": []}"#, Lines, Paragraph),
            (r#"[{"context": "c", "qas": []}]"#, List, Paragraph),
            (r#"{"context": ["c"], "question": ["q"]}"#, Columns, Row),
            (r#"{"context": {"0": "c"}, "question": {"0": "q"}}"#, Columns, Row),
            (r#"{"data": {"context": ["c"], "question": ["q"]}}"#, DataColumns, Row),
        ] {
            assert_eq!(recognise(text), Shape { container, entry, known: true }, "{text}");
        }
        for text in ["", "3", "{}", "[1]", r#"{"data": [{"a": 1}]}"#, r#"{"data": 3}"#, r#"{"a": [1"#] {
            assert!(!recognise(text).known, "{text}");
        }
    }
}

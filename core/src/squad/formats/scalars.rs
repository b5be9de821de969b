//! Values as real files write them: numbers where texts belong, texts where numbers belong, `null` for nothing.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Unexpected, Visitor},
};

/// Implements [`Deserialize`] by handing `$name`'s visitor to a self-describing format.
macro_rules! any_value {
    ($name:ty, $visitor:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($visitor)
            }
        }
    };
}
pub(super) use any_value;

/// A text; `null` is the empty one.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Text(pub(crate) String);

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Text, E> {
        Ok(Text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Text, E> {
        Ok(Text::default())
    }
}
any_value!(Text, TextVisitor);

/// A name: a title, an id or the text of an answer, which some programs write as numbers.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Label {
    /// The key is absent.
    #[default]
    Absent,
    Null,
    Text(String),
    Number(String),
}

impl Label {
    /// Its text, empty if there is none.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Absent | Self::Null => String::new(),
            Self::Text(text) | Self::Number(text) => text,
        }
    }

    /// Whether it says nothing.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Absent | Self::Null => true,
            Self::Text(text) | Self::Number(text) => text.trim().is_empty(),
        }
    }
}

struct LabelVisitor;

impl Visitor<'_> for LabelVisitor {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Label, E> {
        Ok(Label::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Label, E> {
        Ok(Label::Text(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Label, E> {
        Ok(Label::Number(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Label, E> {
        Ok(Label::Number(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Label, E> {
        // As Python prints it: 7.0, not 7.
        Ok(Label::Number(format!("{number:?}")))
    }

    fn visit_unit<E: Error>(self) -> Result<Label, E> {
        Ok(Label::Null)
    }
}
any_value!(Label, LabelVisitor);

/// Where an answer is said to start.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Start {
    /// Nothing is said.
    #[default]
    Absent,
    At(usize),
    /// A number written as a text.
    Text(usize),
    /// Something that is no offset, as written.
    Odd(String),
}

struct StartVisitor;

impl Visitor<'_> for StartVisitor {
    type Value = Start;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Start, E> {
        Ok(usize::try_from(number).map_or_else(|_| Start::Odd(number.to_string()), Start::At))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Start, E> {
        Ok(Start::Odd(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Start, E> {
        // 2^53: below it a float counts exactly.
        let whole = number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&number);
        Ok(if whole { Start::At(number as usize) } else { Start::Odd(format!("{number:?}")) })
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Start, E> {
        Ok(Start::Odd(value.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Start, E> {
        Ok(text.trim().parse().map_or_else(|_| Start::Odd(crate::squad::shortened(text)), Start::Text))
    }

    fn visit_unit<E: Error>(self) -> Result<Start, E> {
        Ok(Start::Absent)
    }
}
any_value!(Start, StartVisitor);

/// `is_impossible`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Flag(pub(crate) Option<bool>);

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(Some(value)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Flag, E> {
        match number {
            0 | 1 => Ok(Flag(Some(number == 1))),
            _ => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Flag, E> {
        if number == 0.0 || number == 1.0 {
            Ok(Flag(Some(number == 1.0)))
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Flag, E> {
        if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            Ok(Flag(Some(text.eq_ignore_ascii_case("true"))))
        } else {
            Err(E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Flag, E> {
        Ok(Flag(None))
    }
}
any_value!(Flag, FlagVisitor);

/// The values of a table's column: a list, or an object from row numbers to values, as pandas writes it.
#[derive(Debug)]
pub(crate) struct Column<T>(pub(crate) Vec<T>);

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct ColumnVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ColumnVisitor<T> {
    type Value = Column<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Column<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Column(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Column<T>, A::Error> {
        let mut values = Vec::new();
        while let Some((serde::de::IgnoredAny, value)) = object.next_entry()? {
            values.push(value);
        }
        Ok(Column(values))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Column<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnVisitor(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_understood_or_kept_as_written() {
        for (json, expected) in [
            ("3", Start::At(3)),
            ("3.0", Start::At(3)),
            ("\" 255\"", Start::Text(255)),
            ("null", Start::Absent),
            ("-1", Start::Odd("-1".into())),
            ("2.5", Start::Odd("2.5".into())),
            ("true", Start::Odd("true".into())),
            ("\"x\"", Start::Odd("\"x\"".into())),
        ] {
            assert_eq!(serde_json::from_str::<Start>(json).unwrap(), expected, "{json}");
        }
        assert!(serde_json::from_str::<Start>("[3]").is_err());
    }

    #[test]
    fn names_may_be_numbers_and_marks_may_be_texts() {
        let label = |json| serde_json::from_str::<Label>(json).unwrap();
        assert_eq!(label("12"), Label::Number("12".into()));
        assert_eq!(label("-1.5"), Label::Number("-1.5".into()));
        assert!(label("null").is_blank() && label("\" \"").is_blank() && Label::Absent.is_blank());
        let flag = |json| serde_json::from_str::<Flag>(json).ok().map(|flag| flag.0);
        assert_eq!(flag("1"), Some(Some(true)));
        assert_eq!(flag("\"False\""), Some(Some(false)));
        assert_eq!(flag("null"), Some(None));
        assert_eq!((flag("\"no\""), flag("2")), (None, None));
    }
}

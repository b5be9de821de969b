//! Questions and answers as any of the layouts writes them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::scalars::{Flag, Label, Start, Text, any_value};

/// A question of any layout; what a layout does not have is absent.
#[derive(Deserialize)]
pub(crate) struct RawQuestion {
    #[serde(default)]
    pub(crate) id: Label,
    /// MRQA's id; its `id` is another.
    #[serde(default)]
    pub(crate) qid: Label,
    pub(crate) question: Text,
    #[serde(default)]
    pub(crate) answers: RawAnswers,
    /// The only one, as KorQuAD 2 has it.
    #[serde(default)]
    pub(crate) answer: OnlyAnswer,
    #[serde(default)]
    pub(crate) plausible_answers: RawAnswers,
    #[serde(default)]
    pub(crate) is_impossible: Flag,
    /// MRQA's answers with their places.
    #[serde(default)]
    pub(crate) detected_answers: DetectedAnswers,
}

/// An answer that MRQA found in the context.
#[derive(Deserialize)]
pub(crate) struct Detected {
    pub(crate) text: Label,
    /// First and last character, both inclusive.
    #[serde(default)]
    pub(crate) char_spans: Vec<[Start; 2]>,
}

/// MRQA's answers with their places: a list, as its own files have them, or columns, as the Hugging Face hub does.
#[derive(Default)]
pub(crate) struct DetectedAnswers(pub(crate) Option<Vec<Detected>>);

struct DetectedVisitor;

impl<'de> Visitor<'de> for DetectedVisitor {
    type Value = DetectedAnswers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<DetectedAnswers, E> {
        Ok(DetectedAnswers(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<DetectedAnswers, A::Error> {
        let mut found = Vec::new();
        while let Some(detected) = list.next_element()? {
            found.push(detected);
        }
        Ok(DetectedAnswers(Some(found)))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<DetectedAnswers, A::Error> {
        let DetectedColumns { text, char_spans } =
            DetectedColumns::deserialize(MapAccessDeserializer::new(object))?;
        let mut spans = char_spans.into_iter();
        let detected = |text| {
            let SpanColumns { start, end } = spans.next().unwrap_or_default();
            Detected {
                text,
                char_spans: start.into_iter().zip(end).map(|(start, end)| [start, end]).collect(),
            }
        };
        Ok(DetectedAnswers(Some(text.into_iter().map(detected).collect())))
    }
}
any_value!(DetectedAnswers, DetectedVisitor);

#[derive(Deserialize)]
struct DetectedColumns {
    #[serde(default)]
    text: Vec<Label>,
    #[serde(default)]
    char_spans: Vec<SpanColumns>,
}

#[derive(Default, Deserialize)]
struct SpanColumns {
    start: Vec<Start>,
    end: Vec<Start>,
}

/// One answer.
#[derive(Debug, Deserialize)]
pub(crate) struct RawAnswer {
    pub(crate) text: Label,
    #[serde(default)]
    pub(crate) answer_start: Start,
}

/// The answers of a question: a list of objects (SQuAD), an object of lists (Hugging Face), a list of texts (MRQA), or
/// one answer alone.
#[derive(Debug, Default)]
pub(crate) enum RawAnswers {
    /// The key is absent.
    #[default]
    Absent,
    Null,
    Given(Vec<RawAnswer>),
}

impl RawAnswers {
    /// What is under `answers`, else under `answer`.
    pub(crate) fn or(self, answer: OnlyAnswer) -> Self {
        match (self, answer) {
            (Self::Absent, OnlyAnswer(answer @ Self::Given(_))) => answer,
            (answers, _) => answers,
        }
    }
}

/// A key that some data sets have for their only answer and others for anything else, which is ignored.
#[derive(Debug, Default)]
pub(crate) struct OnlyAnswer(RawAnswers);

impl<'de> Deserialize<'de> for OnlyAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(RawAnswers::deserialize(value).unwrap_or_default()))
    }
}

struct AnswersVisitor;

impl<'de> Visitor<'de> for AnswersVisitor {
    type Value = RawAnswers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<RawAnswers, E> {
        Ok(RawAnswers::Null)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawAnswers, E> {
        Ok(RawAnswers::Given(vec![text_alone(text)]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawAnswers, A::Error> {
        let mut answers = Vec::new();
        while let Some(Item(answer)) = list.next_element()? {
            answers.push(answer);
        }
        Ok(RawAnswers::Given(answers))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<RawAnswers, A::Error> {
        let Columns { text: Several(texts), answer_start: Several(starts) } =
            Columns::deserialize(MapAccessDeserializer::new(object))?;
        let mut starts = starts.into_iter();
        let answer = |text| RawAnswer { text, answer_start: starts.next().unwrap_or_default() };
        Ok(RawAnswers::Given(texts.into_iter().map(answer).collect()))
    }
}
any_value!(RawAnswers, AnswersVisitor);

fn text_alone(text: &str) -> RawAnswer {
    RawAnswer { text: Label::Text(text.to_owned()), answer_start: Start::Absent }
}

/// An answer in a list.
struct Item(RawAnswer);

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Item, E> {
        Ok(Item(text_alone(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Item, A::Error> {
        RawAnswer::deserialize(MapAccessDeserializer::new(object)).map(Item)
    }
}
any_value!(Item, ItemVisitor);

/// Texts and starts apart.
#[derive(Deserialize)]
struct Columns {
    #[serde(default)]
    text: Several<Label>,
    #[serde(default)]
    answer_start: Several<Start>,
}

/// A list of values, or one alone.
struct Several<T>(Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeveralVisitor(std::marker::PhantomData))
    }
}

struct SeveralVisitor<T>(std::marker::PhantomData<T>);

impl<T> SeveralVisitor<T> {
    fn one<'de, E: Error>(value: impl serde::de::IntoDeserializer<'de, E>) -> Result<Several<T>, E>
    where
        T: Deserialize<'de>,
    {
        Ok(Several(vec![T::deserialize(value.into_deserializer())?]))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for SeveralVisitor<T> {
    type Value = Several<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: Error>(self) -> Result<Several<T>, E> {
        Ok(Several::default())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Several<T>, E> {
        Self::one(text)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Several<T>, E> {
        Self::one(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Several<T>, E> {
        Self::one(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Several<T>, E> {
        Self::one(number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Several<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Several(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_several_shapes() {
        let read = |json: &str| match serde_json::from_str::<RawAnswers>(json).unwrap() {
            RawAnswers::Given(answers) => {
                answers.into_iter().map(|a| (a.text.into_text(), a.answer_start)).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        let at = |text: &str, start: usize| (text.to_owned(), Start::At(start));
        assert_eq!(read(r#"[{"text": "a", "answer_start": 1}]"#), [at("a", 1)]);
        assert_eq!(read(r#"{"text": ["a", "b"], "answer_start": [1, 2]}"#), [at("a", 1), at("b", 2)]);
        assert_eq!(read(r#"{"text": "a", "answer_start": 1}"#), [at("a", 1)]);
        assert_eq!(read(r#"{"text": ["a"]}"#), [("a".into(), Start::Absent)]);
        assert_eq!(read(r#"["a", "b"]"#), [("a".into(), Start::Absent), ("b".into(), Start::Absent)]);
        assert_eq!(read(r#"[{"text": 1842, "answer_start": "7"}]"#), [("1842".into(), Start::Text(7))]);
        assert_eq!(read(r#"{"text": [], "answer_start": []}"#), []);
        assert!(matches!(serde_json::from_str("null").unwrap(), RawAnswers::Null));
        assert!(serde_json::from_str::<RawAnswers>("3").is_err());
    }
}

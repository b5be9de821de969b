//! Entries of any layout put together into articles.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    Container, DataFormat,
    question::{RawAnswer, RawAnswers, RawQuestion},
    scalars::{Label, Start},
};
use crate::squad::{
    Answer, Article, Question,
    finding::FindingKind,
    place::{Origins, Style},
};

/// Indices of something in the articles; what it is not within is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) article: usize,
    pub(crate) paragraph: Option<usize>,
    pub(crate) question: Option<usize>,
}

impl At {
    pub(crate) fn question(article: usize, paragraph: usize, question: usize) -> Self {
        Self { article, paragraph: Some(paragraph), question: Some(question) }
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) articles: Vec<Article>,
    pub(crate) format: DataFormat,
    /// What was not as it should be, and understood.
    pub(crate) quirks: Vec<(At, FindingKind)>,
    /// Questions with an empty list of answers and no `is_impossible`.
    pub(crate) unmarked_empty: Vec<(usize, usize, usize)>,
    /// Where the questions stand in the text.
    pub(crate) origins: Origins,
    /// Whether halves of surrogate pairs were replaced.
    pub(crate) repaired: bool,
    /// What is to be said about the text as a whole.
    pub(crate) remarks: Vec<String>,
}

/// An entry of a list or of lines.
pub(crate) trait RawEntry: DeserializeOwned {
    /// Adds what it holds; `number` counts entries or lines.
    fn add(self, to: &mut Builder, number: usize);
}

/// Takes entries one by one.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    pub(crate) parsed: Parsed,
}

impl Builder {
    /// A builder for entries that places name as `style` says.
    pub(crate) fn new(style: Style) -> Self {
        Self { parsed: Parsed { origins: Origins::new(style), ..Parsed::default() } }
    }

    pub(crate) fn quirk(&mut self, at: At, kind: FindingKind) {
        self.parsed.quirks.push((at, kind));
    }

    /// Where the question stands that was added last.
    pub(crate) fn last_question(&self) -> Option<At> {
        let article = self.parsed.articles.len().checked_sub(1)?;
        let paragraphs = &self.parsed.articles.get(article)?.paragraphs;
        let paragraph = paragraphs.len().checked_sub(1)?;
        let question = paragraphs.get(paragraph)?.questions.len().checked_sub(1)?;
        Some(At::question(article, paragraph, question))
    }

    /// A title, `null` being noted.
    pub(crate) fn title(&mut self, title: Label, article: usize) -> String {
        if title == Label::Null {
            self.quirk(At { article, paragraph: None, question: None }, FindingKind::Null { key: "title" });
        }
        title.into_text()
    }

    /// A question that is about to stand at `at`.
    pub(crate) fn question(&mut self, raw: RawQuestion, at: At, number: usize) -> Question {
        let RawQuestion { id, question, answers, answer, plausible_answers, is_impossible, .. } = raw;
        let answers = answers.or(answer);
        self.parsed.origins.push(number);
        if matches!(plausible_answers, RawAnswers::Null) {
            self.quirk(at, FindingKind::Null { key: "plausible_answers" });
        }
        match &answers {
            RawAnswers::Null => self.quirk(at, FindingKind::Null { key: "answers" }),
            RawAnswers::Given(given) if given.is_empty() && is_impossible.0.is_none() => {
                if let At { article, paragraph: Some(paragraph), question: Some(index) } = at {
                    self.parsed.unmarked_empty.push((article, paragraph, index));
                }
            }
            _ => {}
        }
        let mut first_oddity = None;
        let answers = given(answers).into_iter().map(|answer| {
            let (answer, oddity) = understood(answer);
            first_oddity = first_oddity.take().or(oddity);
            answer
        });
        let answers = answers.collect();
        // One is enough to say about a question, however many answers it has.
        if let Some(oddity) = first_oddity {
            self.quirk(at, oddity);
        }
        let plausible_answers =
            given(plausible_answers).into_iter().map(|answer| understood(answer).0).collect();
        let id = self.id(id, at);
        Question { id, question: question.0, answers, plausible_answers, is_impossible: is_impossible.0 }
    }

    /// An id; one that is missing stays empty for now.
    pub(crate) fn id(&mut self, id: Label, at: At) -> String {
        if id.is_blank() {
            self.quirk(at, FindingKind::MissingId);
            return String::new();
        }
        if matches!(id, Label::Number(_)) {
            self.quirk(at, FindingKind::NumberId);
        }
        id.into_text()
    }
}

fn given(answers: RawAnswers) -> Vec<RawAnswer> {
    match answers {
        RawAnswers::Given(answers) => answers,
        RawAnswers::Absent | RawAnswers::Null => Vec::new(),
    }
}

/// An answer, and what is odd about its start.
fn understood(raw: RawAnswer) -> (Answer, Option<FindingKind>) {
    let text = raw.text.into_text();
    let (answer_start, quirk) = match raw.answer_start {
        Start::At(start) => (Some(start), None),
        Start::Text(start) => {
            (Some(start), Some(FindingKind::AnswerStartAsText { text: text.clone(), answer_start: start }))
        }
        Start::Absent => (None, Some(FindingKind::NoAnswerStart { text: text.clone(), given: None })),
        Start::Odd(odd) => (None, Some(FindingKind::NoAnswerStart { text: text.clone(), given: Some(odd) })),
    };
    (Answer { text, answer_start }, quirk)
}

/// Reads a list of entries, or one under `data`.
pub(super) fn read_list<T: RawEntry>(text: &str, container: Container) -> serde_json::Result<Parsed> {
    let style = if container == Container::Data { Style::Data } else { Style::List };
    let mut builder = Builder::new(style);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let entries = Entries::<T> { builder: &mut builder, entry: PhantomData };
    if container == Container::Data {
        deserializer.deserialize_map(UnderData(entries))?;
    } else {
        entries.deserialize(&mut deserializer)?;
    }
    deserializer.end()?;
    Ok(builder.parsed)
}

/// A list whose entries are added as they are read.
struct Entries<'a, T> {
    builder: &'a mut Builder,
    entry: PhantomData<T>,
}

impl<'de, T: RawEntry> DeserializeSeed<'de> for Entries<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: RawEntry> Visitor<'de> for Entries<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(entry) = list.next_element::<T>()? {
            entry.add(self.builder, number);
            number += 1;
        }
        Ok(())
    }
}

/// An object with the list as `data`.
struct UnderData<'a, T>(Entries<'a, T>);

impl<'de, T: RawEntry> Visitor<'de> for UnderData<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut entries = Some(self.0);
        while let Some(key) = object.next_key::<String>()? {
            if key == "data" {
                let entries = entries.take().ok_or_else(|| A::Error::duplicate_field("data"))?;
                object.next_value_seed(entries)?;
            } else {
                let IgnoredAny = object.next_value()?;
            }
        }
        entries.map_or(Ok(()), |_| Err(A::Error::missing_field("data")))
    }
}

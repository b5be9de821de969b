//! The fields of a query.

use super::super::{Analysis, Case, Outcome, Presence};
use crate::squad::QuestionWord;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// A text.
    Text,
    /// True or false.
    Flag,
}

/// A field of a query.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What it means.
    pub help: &'static str,
    /// The only values of a text, if they are few.
    pub values: Option<&'static [&'static str]>,
    pub(super) get: for<'a> fn(&'a Case, &'a Analysis, f64) -> Value<'a>,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The value of a field.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    Number(f64),
    Text(&'a str),
    Texts(Vec<&'a str>),
    Flag(bool),
    None,
}

impl Kind {
    /// What it holds in words.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Flag => "true or false",
        }
    }

    pub(super) fn example(self, name: &str) -> String {
        match self {
            Self::Number => format!("{name} < 10"),
            Self::Text => format!("{name} = \"…\" or {name} contains \"…\""),
            Self::Flag => format!("{name} or not {name}"),
        }
    }
}

fn number<'a>(value: Option<f64>) -> Value<'a> {
    value.map_or(Value::None, Value::Number)
}

fn count<'a>(value: Option<usize>) -> Value<'a> {
    number(value.map(|value| value as f64))
}

fn named<'a>(value: Presence) -> Value<'a> {
    match value {
        Presence::None => Value::None,
        Presence::Present => Value::Text("present"),
        Presence::Absent => Value::Text("absent"),
    }
}

/// The names of all values of a choice.
macro_rules! names {
    ($type:ty) => {{
        const NAMES: [&str; <$type>::ALL.len()] = {
            let mut names = [""; <$type>::ALL.len()];
            let mut at = 0;
            while at < names.len() {
                names[at] = <$type>::ALL[at].name();
                at += 1;
            }
            names
        };
        &NAMES
    }};
}

const WORDS: &[&str] = names!(QuestionWord);
const NAMED: &[&str] = &["present", "absent"];
const OUTCOMES: &[&str] = names!(Outcome);

const fn field(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    get: for<'a> fn(&'a Case, &'a Analysis, f64) -> Value<'a>,
) -> Field {
    Field { name, kind, help, values: None, get }
}

const fn choice(
    name: &'static str,
    help: &'static str,
    values: &'static [&'static str],
    get: for<'a> fn(&'a Case, &'a Analysis, f64) -> Value<'a>,
) -> Field {
    Field { name, kind: Kind::Text, help, values: Some(values), get }
}

/// All fields.
pub static FIELDS: [Field; 27] = [
    field("id", Kind::Text, "id of the question", |case, _, _| Value::Text(&case.id)),
    field("question", Kind::Text, "the question", |case, _, _| Value::Text(&case.question)),
    field("prediction", Kind::Text, "the system's answer before any threshold", |case, _, _| {
        Value::Text(&case.prediction)
    }),
    field("gold", Kind::Text, "any of the gold answers", |case, _, _| {
        Value::Texts(case.gold_answers.iter().map(|answer| answer.text.as_str()).collect())
    }),
    field("article", Kind::Text, "title of the article", |case, analysis, _| {
        analysis.articles.get(case.article).map_or(Value::None, |title| Value::Text(title))
    }),
    field("answerable", Kind::Flag, "the passage answers the question", |case, _, _| {
        Value::Flag(case.has_answer())
    }),
    choice("question_word", "first question word", WORDS, |case, _, _| {
        Value::Text(case.traits.question_word.name())
    }),
    field("question_words", Kind::Number, "words of the question", |case, _, _| {
        count(Some(case.traits.question_words))
    }),
    field("context_words", Kind::Number, "words of the passage", |case, _, _| {
        count(Some(case.traits.context_words))
    }),
    field("answer_words", Kind::Number, "words of the shortest gold answer", |case, _, _| {
        count(case.traits.answer_words)
    }),
    field("answer_position", Kind::Number, "where the gold answer starts, 0 to 1", |case, _, _| {
        number(case.traits.answer_position)
    }),
    field("overlap", Kind::Number, "share of the question's words in the passage", |case, _, _| {
        number(Some(case.traits.overlap))
    }),
    field("negation", Kind::Flag, "the question negates", |case, _, _| Value::Flag(case.traits.negation)),
    choice("number", "numbers in the question: in the passage or not", NAMED, |case, _, _| {
        named(case.traits.number)
    }),
    choice("name", "names in the question: in the passage or not", NAMED, |case, _, _| {
        named(case.traits.name)
    }),
    field("windows", Kind::Number, "windows the passage was cut into", |case, _, _| {
        count(case.known.windows)
    }),
    field("gold_pieces", Kind::Number, "word pieces of the shortest gold answer", |case, _, _| {
        count(case.known.gold_pieces)
    }),
    field("in_window", Kind::Flag, "some window holds a whole gold answer", |case, _, _| {
        case.known.gold_in_window.map_or(Value::None, Value::Flag)
    }),
    field("answered", Kind::Flag, "an answer is given at the threshold", |case, _, threshold| {
        Value::Flag(!case.abstains(threshold))
    }),
    choice("outcome", "what became of it at the threshold", OUTCOMES, |case, _, threshold| {
        Value::Text(case.outcome(threshold).name())
    }),
    field("exact", Kind::Flag, "exactly right at the threshold", |case, _, threshold| {
        Value::Flag(case.scores(threshold).0 > 0.0)
    }),
    field("f1", Kind::Number, "F1 at the threshold, 0 to 1", |case, _, threshold| {
        number(Some(case.scores(threshold).1))
    }),
    field("answer_f1", Kind::Number, "F1 of the answer before any threshold", |case, _, _| {
        number(Some(case.f1))
    }),
    field("null_odds", Kind::Number, "how strongly no answer is preferred", |case, _, _| {
        number(case.null_odds)
    }),
    field("probability", Kind::Number, "probability of the answer among the n-best", |case, _, _| {
        number(case.probability)
    }),
    field("oracle_f1", Kind::Number, "highest F1 in the n-best list", |case, _, _| {
        number(case.oracle_f1.last().copied())
    }),
    field("prediction_words", Kind::Number, "words of the system's answer", |case, _, _| {
        count(Some(crate::tokenizer::unicode::str_split(&case.prediction).count()))
    }),
];

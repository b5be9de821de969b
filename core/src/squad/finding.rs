//! Doubtful content: what a reader must know about a file that can be read.

use std::cell::OnceCell;
use std::fmt;

use rayon::prelude::*;

use super::dataset::{Answer, Article, Paragraph, Question};
use super::error::shortened;
use super::formats::At;
use super::place::Place;
use crate::tokenizer::unicode::str_split;

/// Something doubtful in a data set, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The article, paragraph or question.
    pub place: Place,
    /// What is doubtful about it.
    pub kind: FindingKind,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

/// The kinds of doubtful content. Offsets and lengths count code points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// The context is empty or blank: its questions have no windows.
    EmptyContext,
    /// The question is empty or blank.
    EmptyQuestion,
    /// The answer is empty or blank; training leaves the question out.
    EmptyAnswer,
    /// The answer reaches beyond the end of its context.
    AnswerPastEnd {
        /// The answer.
        text: String,
        /// Where it is said to start.
        answer_start: usize,
        /// Length of the context.
        context_length: usize,
    },
    /// The answer occurs nowhere in its context, white space aside.
    AnswerNotInContext {
        /// The answer.
        text: String,
    },
    /// The answer occurs in its context, but not exactly at `answer_start`.
    AnswerElsewhere {
        /// The answer.
        text: String,
        /// Where it is said to start.
        answer_start: usize,
        /// What stands there.
        found: String,
    },
    /// The answer's place is not given, or given as something that is no place.
    NoAnswerStart {
        /// The answer.
        text: String,
        /// What is given, as written.
        given: Option<String>,
    },
    /// `answer_start` is a number written as a text, and read as the number.
    AnswerStartAsText {
        /// The answer.
        text: String,
        /// The number.
        answer_start: usize,
    },
    /// Marked as unanswerable, yet with answers; the official scorer goes by the answers.
    ImpossibleWithAnswers,
    /// Marked as answerable, yet without an answer; training leaves the question out.
    PossibleWithoutAnswers,
    /// Other questions have `is_impossible`, this one does not: its answers decide.
    Unmarked,
    /// The id is a number and read as a text.
    NumberId,
    /// There is no id; one was made up.
    MissingId,
    /// Another question has the same id.
    RepeatedId {
        /// The one before.
        first: Box<Place>,
    },
    /// A key is `null`, which is read as if the key were absent.
    Null {
        /// The key.
        key: &'static str,
    },
    /// Half a surrogate pair was read as U+FFFD.
    LoneSurrogate,
    /// The dataset server has cut a cell off.
    CutCell {
        /// The first column that was cut.
        column: String,
    },
}

impl FindingKind {
    /// Several findings of the kind, said together.
    #[must_use]
    pub fn of_several(&self, count: usize) -> String {
        let what = match self {
            Self::EmptyContext => "contexts are empty",
            Self::EmptyQuestion => "questions are empty",
            Self::EmptyAnswer => "answers are empty",
            Self::AnswerPastEnd { .. } => "answers end past their contexts",
            Self::AnswerNotInContext { .. } => "answers do not occur in their contexts",
            Self::AnswerElsewhere { .. } => "answers are not at their answer_start",
            Self::NoAnswerStart { .. } => "questions have answers without a usable answer_start",
            Self::AnswerStartAsText { .. } => "questions have answer_start as a text, read as a number",
            Self::ImpossibleWithAnswers => "questions have answers although is_impossible is true",
            Self::PossibleWithoutAnswers => "questions have no answer although is_impossible is not true",
            Self::Unmarked => "questions lack the is_impossible that others have; their answers decide",
            Self::NumberId => "ids are numbers, read as texts",
            Self::MissingId => "questions have no id; ids were made up from passage and question",
            Self::RepeatedId { .. } => "ids were used before",
            Self::Null { key: "title" } => "titles are null, read as absent",
            Self::Null { key: "answers" } => "questions have null for answers, read as absent",
            Self::Null { .. } => "questions have null for plausible_answers, read as absent",
            Self::CutCell { .. } => "rows were cut off by the dataset server",
            Self::LoneSurrogate => "texts hold half a surrogate pair (\\ud800 to \\udfff), read as U+FFFD",
        };
        format!("{count} {what}")
    }

    /// Whether it is about ids, which decide what predictions belong to.
    #[must_use]
    pub fn concerns_ids(&self) -> bool {
        matches!(self, Self::NumberId | Self::MissingId | Self::RepeatedId { .. })
    }

    /// Whether two findings are said together.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null { key }, Self::Null { key: other }) => key == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyContext => f.write_str("the context is empty"),
            Self::EmptyQuestion => f.write_str("the question is empty"),
            Self::EmptyAnswer => f.write_str("the answer is empty"),
            Self::AnswerPastEnd { text, answer_start, context_length } => write!(
                f,
                "answer {} at answer_start {answer_start} ends past the context's {context_length} characters",
                shortened(text)
            ),
            Self::AnswerNotInContext { text } => {
                write!(f, "answer {} does not occur in its context", shortened(text))
            }
            Self::AnswerElsewhere { text, answer_start, found } => write!(
                f,
                "answer {} is not at answer_start {answer_start}, where {} stands",
                shortened(text),
                shortened(found)
            ),
            Self::NoAnswerStart { text, given: None } => {
                write!(f, "answer {} has no answer_start", shortened(text))
            }
            Self::NoAnswerStart { text, given: Some(given) } => {
                write!(f, "answer {} has answer_start {given}, which is not a position", shortened(text))
            }
            Self::AnswerStartAsText { text, answer_start } => {
                write!(
                    f,
                    "answer {} has the text \"{answer_start}\" as answer_start, read as a number",
                    shortened(text)
                )
            }
            Self::ImpossibleWithAnswers => f.write_str("is_impossible is true, yet there are answers"),
            Self::PossibleWithoutAnswers => f.write_str("is_impossible is not true, yet there is no answer"),
            Self::Unmarked => {
                f.write_str("is_impossible is absent, which other questions have; the answers decide")
            }
            Self::NumberId => f.write_str("the id is a number, read as a text"),
            Self::MissingId => {
                f.write_str("there is no id; one was made up from the passage and the question")
            }
            Self::RepeatedId { first } => write!(f, "this id was used before, at {first}"),
            Self::Null { key } => write!(f, "{key} is null, read as absent"),
            Self::CutCell { column } => {
                write!(f, "the dataset server has cut {} off", shortened(column))
            }
            Self::LoneSurrogate => {
                f.write_str("half a surrogate pair (\\ud800 to \\udfff) was read as U+FFFD")
            }
        }
    }
}

/// What to look for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Search {
    /// Answers may occur nowhere: MRQA's are texts that count as right.
    pub(super) answers_anywhere: bool,
    /// U+FFFD stands for half a surrogate pair.
    pub(super) repaired: bool,
}

/// Everything doubtful in the articles, in file order.
pub(super) fn findings(articles: &[Article], search: Search) -> Vec<(At, FindingKind)> {
    let by_article: Vec<Vec<_>> = articles
        .par_iter()
        .enumerate()
        .map(|(index, article)| {
            let mut found = Vec::new();
            for (paragraph_index, paragraph) in article.paragraphs.iter().enumerate() {
                paragraph_findings((index, paragraph_index), paragraph, search, &mut found);
            }
            found
        })
        .collect();
    by_article.into_iter().flatten().collect()
}

fn paragraph_findings(
    (article, index): (usize, usize),
    paragraph: &Paragraph,
    search: Search,
    found: &mut Vec<(At, FindingKind)>,
) {
    let own = At { article, paragraph: Some(index), question: None };
    let torn = |text: &str| search.repaired && text.contains('\u{fffd}');
    if is_blank(&paragraph.context) {
        found.push((own, FindingKind::EmptyContext));
    }
    if torn(&paragraph.context) {
        found.push((own, FindingKind::LoneSurrogate));
    }
    let context = Context::new(paragraph);
    for (question_index, question) in paragraph.questions.iter().enumerate() {
        let at = At::question(article, index, question_index);
        let mut push = |kind| found.push((at, kind));
        if is_blank(&question.question) {
            push(FindingKind::EmptyQuestion);
        }
        if torn(&question.question) || question.answers.iter().any(|answer| torn(&answer.text)) {
            push(FindingKind::LoneSurrogate);
        }
        if let Some(kind) = contradiction(question) {
            push(kind);
        }
        // Of answers without a place, which may be very many and short, one finding is enough.
        let mut unplaced = !search.answers_anywhere;
        for answer in &question.answers {
            if answer.answer_start.is_none() && !unplaced {
                continue;
            }
            if let Some(kind) = context.answer_finding(answer) {
                unplaced &= answer.answer_start.is_some();
                push(kind);
            }
        }
    }
}

/// What mark and answers disagree about.
fn contradiction(question: &Question) -> Option<FindingKind> {
    match question.is_impossible {
        Some(true) if !question.answers.is_empty() => Some(FindingKind::ImpossibleWithAnswers),
        Some(false) if question.answers.is_empty() => Some(FindingKind::PossibleWithoutAnswers),
        _ => None,
    }
}

/// Whether a text has no word in it.
pub(crate) fn is_blank(text: &str) -> bool {
    str_split(text).next().is_none()
}

/// A context with the measures that every answer is checked against.
struct Context<'a> {
    text: &'a str,
    /// In code points.
    length: usize,
    /// The text with single spaces, made for the first answer that needs it.
    squeezed: OnceCell<String>,
}

impl<'a> Context<'a> {
    fn new(paragraph: &'a Paragraph) -> Self {
        let text = paragraph.context.as_str();
        Self { text, length: text.chars().count(), squeezed: OnceCell::new() }
    }

    fn squeezed(&self) -> &str {
        self.squeezed.get_or_init(|| squeezed(self.text))
    }

    fn answer_finding(&self, answer: &Answer) -> Option<FindingKind> {
        let there = answer.answer_start.and_then(|start| self.from(start));
        // The usual case, and the quickest to check.
        if there.is_some_and(|rest| !answer.text.is_empty() && rest.starts_with(&answer.text))
            && !is_blank(&answer.text)
        {
            return None;
        }
        if is_blank(&answer.text) {
            return Some(FindingKind::EmptyAnswer);
        }
        let text = answer.text.clone();
        let Some(answer_start) = answer.answer_start else {
            return (!self.holds(&text)).then_some(FindingKind::AnswerNotInContext { text });
        };
        let answer_length = text.chars().count();
        if answer_start.checked_add(answer_length).is_none_or(|end| end > self.length) {
            return Some(FindingKind::AnswerPastEnd { text, answer_start, context_length: self.length });
        }
        if !self.holds(&text) {
            return Some(FindingKind::AnswerNotInContext { text });
        }
        let found = there.unwrap_or_default().chars().take(answer_length).collect();
        Some(FindingKind::AnswerElsewhere { text, answer_start, found })
    }

    fn holds(&self, text: &str) -> bool {
        self.text.contains(text) || self.squeezed().contains(&squeezed(text))
    }

    /// The context from a code point on; `None` if it is past the end.
    fn from(&self, start: usize) -> Option<&'a str> {
        if self.length == self.text.len() {
            return self.text.get(start..);
        }
        let (at, _) = self.text.char_indices().nth(start)?;
        self.text.get(at..)
    }
}

fn squeezed(text: &str) -> String {
    str_split(text).collect::<Vec<_>>().join(" ")
}

//! Doubtful content: what a reader must know about a file that can be read.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::dataset::{Answer, Article, Paragraph, Question};
use super::error::{Place, shortened};
use crate::tokenizer::unicode::str_split;

/// Something doubtful in a SQuAD file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The paragraph or question.
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
    /// Marked as unanswerable, yet with answers; the official scorer goes by the answers.
    ImpossibleWithAnswers,
    /// Not marked as unanswerable, yet without an answer; training refuses it.
    PossibleWithoutAnswers,
}

impl FindingKind {
    /// Whether [`super::Dataset::validate`] refuses a file for it.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::EmptyContext
            | Self::EmptyQuestion
            | Self::AnswerPastEnd { .. }
            | Self::AnswerNotInContext { .. } => true,
            Self::AnswerElsewhere { .. } | Self::ImpossibleWithAnswers | Self::PossibleWithoutAnswers => {
                false
            }
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyContext => f.write_str("the context is empty"),
            Self::EmptyQuestion => f.write_str("the question is empty"),
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
            Self::ImpossibleWithAnswers => f.write_str("is_impossible is true, yet there are answers"),
            Self::PossibleWithoutAnswers => f.write_str("is_impossible is not true, yet there is no answer"),
        }
    }
}

/// Everything doubtful in the articles, in file order.
pub(super) fn findings(articles: &[Article]) -> Vec<Finding> {
    let by_article: Vec<Vec<Finding>> = articles.par_iter().enumerate().map(article_findings).collect();
    by_article.into_iter().flatten().collect()
}

fn article_findings((article_index, article): (usize, &Article)) -> Vec<Finding> {
    let mut found = Vec::new();
    let title: Arc<str> = article.title.as_str().into();
    for (paragraph_index, paragraph) in article.paragraphs.iter().enumerate() {
        let place = |question: Option<(usize, String)>| Place {
            article: article_index,
            title: Arc::clone(&title),
            paragraph: paragraph_index,
            question,
        };
        if is_blank(&paragraph.context) {
            found.push(Finding { place: place(None), kind: FindingKind::EmptyContext });
        }
        let context = Context::new(paragraph);
        for (index, question) in paragraph.questions.iter().enumerate() {
            for kind in question_findings(question, &context) {
                found.push(Finding { place: place(Some((index, question.id.clone()))), kind });
            }
        }
    }
    found
}

fn question_findings(question: &Question, context: &Context<'_>) -> Vec<FindingKind> {
    let mut found = Vec::new();
    if is_blank(&question.question) {
        found.push(FindingKind::EmptyQuestion);
    }
    match question.is_impossible {
        Some(true) if !question.answers.is_empty() => found.push(FindingKind::ImpossibleWithAnswers),
        Some(false) if question.answers.is_empty() => found.push(FindingKind::PossibleWithoutAnswers),
        _ => {}
    }
    found.extend(question.answers.iter().filter_map(|answer| context.answer_finding(answer)));
    found
}

fn is_blank(text: &str) -> bool {
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
        let answer_length = answer.text.chars().count();
        let there = self.from(answer.answer_start);
        if there.is_some_and(|rest| answer_length > 0 && rest.starts_with(&answer.text)) {
            return None;
        }
        let text = answer.text.clone();
        let answer_start = answer.answer_start;
        // An empty answer covers no character, but it too must start at one.
        if answer_start.checked_add(answer_length.max(1)).is_none_or(|end| end > self.length) {
            return Some(FindingKind::AnswerPastEnd { text, answer_start, context_length: self.length });
        }
        if !self.text.contains(&text) && !self.squeezed().contains(&squeezed(&text)) {
            return Some(FindingKind::AnswerNotInContext { text });
        }
        let found = there.unwrap_or_default().chars().take(answer_length).collect();
        Some(FindingKind::AnswerElsewhere { text, answer_start, found })
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

//! Rows as the Hugging Face hub has them, a question each, and tables of them.
//!
//! Neighbouring rows with the same title are an article, those with the same passage a paragraph. Without titles each
//! passage is an article: questions about one passage belong together, and more is not known.

use serde::{Deserialize, de::Error};

use super::{
    DataFormat,
    builder::{At, Builder, Parsed, RawEntry},
    question::{RawAnswers, RawQuestion},
    scalars::{Column, Flag, Label, Text},
};
use crate::squad::{Article, Paragraph, place::Style};

/// A row.
#[derive(Deserialize)]
pub(crate) struct RawRow {
    #[serde(default)]
    id: Label,
    #[serde(default)]
    title: Label,
    context: Text,
    question: Text,
    #[serde(default)]
    answers: RawAnswers,
    #[serde(default)]
    plausible_answers: RawAnswers,
    #[serde(default)]
    is_impossible: Flag,
}

impl RawEntry for RawRow {
    fn add(self, to: &mut Builder, number: usize) {
        to.parsed.format = DataFormat::Rows;
        let RawRow { id, title, context, question, answers, plausible_answers, is_impossible } = self;
        let (title, context) = (title.into_text(), context.0);
        let articles = &mut to.parsed.articles;
        let same_article = |article: &Article| {
            article.title == title
                && (!title.is_empty()
                    || article.paragraphs.last().is_some_and(|last| last.context == context))
        };
        if !articles.last().is_some_and(same_article) {
            articles.push(Article { title, paragraphs: Vec::new() });
        }
        let article = articles.len() - 1;
        let Some(paragraphs) = articles.last_mut().map(|article| &mut article.paragraphs) else { return };
        if paragraphs.last().is_none_or(|last| last.context != context) {
            paragraphs.push(Paragraph { context, questions: Vec::new() });
        }
        let paragraph = paragraphs.len() - 1;
        let index = paragraphs.last().map_or(0, |last| last.questions.len());
        let raw = RawQuestion {
            id,
            qid: Label::Absent,
            question,
            answers,
            plausible_answers,
            is_impossible,
            detected_answers: None,
        };
        let question = to.question(raw, At::question(article, paragraph, index), number);
        let last = to.parsed.articles.last_mut().and_then(|article| article.paragraphs.last_mut());
        if let Some(last) = last {
            last.questions.push(question);
        }
    }
}

/// A table: a list for each column, or an object from row numbers to values.
#[derive(Deserialize)]
pub(crate) struct Table {
    #[serde(default)]
    id: Column<Label>,
    #[serde(default)]
    title: Column<Label>,
    context: Column<Text>,
    question: Column<Text>,
    #[serde(default)]
    answers: Column<RawAnswers>,
    #[serde(default)]
    plausible_answers: Column<RawAnswers>,
    #[serde(default)]
    is_impossible: Column<Flag>,
}

#[derive(Deserialize)]
struct UnderData {
    data: Table,
}

/// Reads a table, or one under `data`.
pub(super) fn read_columns(text: &str, under_data: bool) -> serde_json::Result<Parsed> {
    let table = if under_data {
        serde_json::from_str::<UnderData>(text)?.data
    } else {
        serde_json::from_str::<Table>(text)?
    };
    let rows = table.question.0.len();
    for (name, length, may_be_absent) in [
        ("context", table.context.0.len(), false),
        ("id", table.id.0.len(), true),
        ("title", table.title.0.len(), true),
        ("answers", table.answers.0.len(), true),
        ("plausible_answers", table.plausible_answers.0.len(), true),
        ("is_impossible", table.is_impossible.0.len(), true),
    ] {
        if length != rows && !(may_be_absent && length == 0) {
            return Err(serde_json::Error::custom(format_args!(
                "the column question has {rows} values, but {name} has {length}"
            )));
        }
    }
    let mut builder = Builder::new(Style::Column);
    let (mut ids, mut titles) = (table.id.0.into_iter(), table.title.0.into_iter());
    let (mut answers, mut plausible) = (table.answers.0.into_iter(), table.plausible_answers.0.into_iter());
    let mut flags = table.is_impossible.0.into_iter();
    for (number, (context, question)) in table.context.0.into_iter().zip(table.question.0).enumerate() {
        let row = RawRow {
            id: ids.next().unwrap_or_default(),
            title: titles.next().unwrap_or_default(),
            context,
            question,
            answers: answers.next().unwrap_or_default(),
            plausible_answers: plausible.next().unwrap_or_default(),
            is_impossible: flags.next().unwrap_or_default(),
        };
        row.add(&mut builder, number);
    }
    Ok(builder.parsed)
}

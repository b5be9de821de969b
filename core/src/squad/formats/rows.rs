//! Rows as the Hugging Face hub has them, a question each, and tables of them.
//!
//! Neighbouring rows with the same title are an article, those with the same passage a paragraph. Without titles each
//! passage is an article: questions about one passage belong together, and more is not known.

use serde::{Deserialize, de::Error};

use super::{
    DataFormat,
    builder::{At, Builder, Parsed, RawEntry},
    mrqa,
    question::{DetectedAnswers, OnlyAnswer, RawAnswers, RawQuestion},
    scalars::{Column, Flag, Label, Text},
};
use crate::squad::{Article, Paragraph, place::Style};

/// A row.
#[derive(Deserialize)]
pub(crate) struct RawRow {
    #[serde(default)]
    id: Label,
    /// MRQA's id.
    #[serde(default)]
    qid: Label,
    #[serde(default)]
    title: Label,
    context: Text,
    question: Text,
    #[serde(default)]
    answers: RawAnswers,
    #[serde(default)]
    answer: OnlyAnswer,
    #[serde(default)]
    plausible_answers: RawAnswers,
    #[serde(default)]
    is_impossible: Flag,
    /// Makes it a row of MRQA.
    #[serde(default)]
    detected_answers: DetectedAnswers,
}

impl RawEntry for RawRow {
    fn add(self, to: &mut Builder, number: usize) {
        let RawRow {
            id,
            qid,
            title,
            context,
            question,
            answers,
            answer,
            plausible_answers,
            is_impossible,
            detected_answers,
        } = self;
        let is_mrqa = detected_answers.0.is_some();
        to.parsed.format = if is_mrqa { DataFormat::Mrqa } else { DataFormat::Rows };
        let (title, context) = (title.into_text(), context.0);
        let id = if id.is_blank() { qid } else { id };
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
            paragraphs.push(Paragraph { context: context.clone(), questions: Vec::new() });
        }
        let paragraph = paragraphs.len() - 1;
        let index = paragraphs.last().map_or(0, |last| last.questions.len());
        let raw = RawQuestion {
            id,
            qid: Label::Absent,
            question,
            answers,
            answer,
            plausible_answers,
            is_impossible,
            detected_answers,
        };
        let at = At::question(article, paragraph, index);
        let question = if is_mrqa {
            mrqa::question(to, raw, &context, at, number)
        } else {
            to.question(raw, at, number)
        };
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
    qid: Column<Label>,
    #[serde(default)]
    title: Column<Label>,
    context: Column<Text>,
    question: Column<Text>,
    #[serde(default)]
    answers: Column<RawAnswers>,
    #[serde(default)]
    answer: Column<OnlyAnswer>,
    #[serde(default)]
    plausible_answers: Column<RawAnswers>,
    #[serde(default)]
    is_impossible: Column<Flag>,
    #[serde(default)]
    detected_answers: Column<DetectedAnswers>,
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
        ("answer", table.answer.0.len(), true),
        ("plausible_answers", table.plausible_answers.0.len(), true),
        ("is_impossible", table.is_impossible.0.len(), true),
        ("qid", table.qid.0.len(), true),
        ("detected_answers", table.detected_answers.0.len(), true),
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
    let mut only = table.answer.0.into_iter();
    let (mut qids, mut detected) = (table.qid.0.into_iter(), table.detected_answers.0.into_iter());
    for (number, (context, question)) in table.context.0.into_iter().zip(table.question.0).enumerate() {
        let row = RawRow {
            id: ids.next().unwrap_or_default(),
            title: titles.next().unwrap_or_default(),
            context,
            question,
            answers: answers.next().unwrap_or_default(),
            answer: only.next().unwrap_or_default(),
            plausible_answers: plausible.next().unwrap_or_default(),
            is_impossible: flags.next().unwrap_or_default(),
            qid: qids.next().unwrap_or_default(),
            detected_answers: detected.next().unwrap_or_default(),
        };
        row.add(&mut builder, number);
    }
    Ok(builder.parsed)
}

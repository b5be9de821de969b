//! MRQA's layout: a passage with its questions a line, answers with the places where they were found.
//!
//! A line whose answers have no such places is a paragraph of SQuAD without its article.

use serde::{Deserialize, de::IgnoredAny};

use super::{
    DataFormat,
    builder::{At, Builder, RawEntry},
    question::{Detected, RawAnswers, RawQuestion},
    scalars::{Label, Start, Text},
    squad::RawParagraph,
};
use crate::squad::{Answer, Article, Paragraph, Question};

/// A line: a passage with questions, or the header.
#[derive(Deserialize)]
#[serde(try_from = "Fields")]
pub(crate) struct RawLine {
    is_header: bool,
    title: Label,
    passage: Option<RawParagraph>,
}

/// A line's keys.
#[derive(Deserialize)]
struct Fields {
    /// Of the first line, which has nothing else.
    #[serde(default)]
    header: Option<IgnoredAny>,
    #[serde(default)]
    title: Label,
    context: Option<Text>,
    qas: Option<Vec<RawQuestion>>,
}

impl TryFrom<Fields> for RawLine {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let Fields { header, title, context, qas } = fields;
        let is_header = header.is_some();
        let passage = match (context, qas) {
            (Some(context), Some(qas)) => Some(RawParagraph { context, qas }),
            (None, None) if is_header => None,
            (None, _) => return Err("missing field `context`"),
            (_, None) => return Err("missing field `qas`"),
        };
        Ok(Self { is_header, title, passage })
    }
}

impl RawEntry for RawLine {
    fn add(self, to: &mut Builder, number: usize) {
        if to.parsed.format == DataFormat::Squad {
            to.parsed.format = DataFormat::Paragraphs;
        }
        if self.is_header {
            to.parsed.format = DataFormat::Mrqa;
        }
        let Some(raw) = self.passage else { return };
        let article = to.parsed.articles.len();
        let title = to.title(self.title, article);
        let is_mrqa = to.parsed.format == DataFormat::Mrqa
            || raw.qas.iter().any(|question| question.detected_answers.0.is_some());
        let paragraph = if is_mrqa {
            to.parsed.format = DataFormat::Mrqa;
            let context = raw.context.0;
            let questions = raw.qas.into_iter().enumerate();
            let questions = questions
                .map(|(index, raw)| question(to, raw, &context, At::question(article, 0, index), number))
                .collect();
            Paragraph { context, questions }
        } else {
            raw.into_paragraph(to, (article, 0), number)
        };
        to.parsed.articles.push(Article { title, paragraphs: vec![paragraph] });
    }
}

/// MRQA's question. The answers found in the passage come first, for training takes the first; then the texts that
/// count as right although they were not found.
pub(super) fn question(to: &mut Builder, raw: RawQuestion, context: &str, at: At, number: usize) -> Question {
    to.parsed.origins.push(number);
    let RawQuestion { id, qid, question, answers, detected_answers, .. } = raw;
    let id = to.id(if qid.is_blank() { id } else { qid }, at);
    let mut found: Vec<Answer> = Vec::new();
    for detected in detected_answers.0.unwrap_or_default() {
        for answer in places(detected, context) {
            if !found.contains(&answer) {
                found.push(answer);
            }
        }
    }
    if let RawAnswers::Given(answers) = answers {
        for answer in answers {
            let text = answer.text.into_text();
            if !found.iter().any(|known| known.text == text) {
                found.push(Answer { text, answer_start: None });
            }
        }
    }
    Question { id, question: question.0, answers: found, plausible_answers: Vec::new(), is_impossible: None }
}

/// An answer at each of its places, as the passage writes it.
fn places(detected: Detected, context: &str) -> Vec<Answer> {
    let text = detected.text.into_text();
    let at = |[start, last]: [Start; 2]| match (start, last) {
        (Start::At(start), Start::At(last)) => {
            let stands = context.chars().skip(start).take(last.checked_sub(start)?.checked_add(1)?);
            let stands: String = stands.collect();
            // A span that is not the answer is kept as it is, to be found doubtful.
            let text = if stands.to_lowercase() == text.to_lowercase() { stands } else { text.clone() };
            Some(Answer { text, answer_start: Some(start) })
        }
        _ => None,
    };
    let places: Vec<Answer> = detected.char_spans.into_iter().filter_map(at).collect();
    if places.is_empty() { vec![Answer { text, answer_start: None }] } else { places }
}

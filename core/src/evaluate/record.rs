//! One question of an evaluation with everything a reader may want to know about it (`records.jsonl`).

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::GoldReach;
use crate::{
    answers::Prediction,
    features::word_ranges,
    score::{QuestionScore, QuestionTable},
    squad::{Answer, Dataset},
};

/// One question of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The question's id.
    pub id: String,
    /// Index of its article in the data set.
    pub article: usize,
    /// Index of its paragraph in the article.
    pub paragraph: usize,
    /// The question as written.
    pub question: String,
    /// The gold answers; none for an unanswerable question.
    pub gold_answers: Vec<Answer>,
    /// What a hasty reader might answer to an unanswerable question.
    pub plausible_answers: Vec<Answer>,
    /// The model's best answer, whatever the threshold.
    pub prediction: String,
    /// Exact match of that answer, 0 or 1.
    pub exact: f64,
    /// F1 of that answer, 0 to 1.
    pub f1: f64,
    /// Its probability among the n-best answers.
    pub probability: Option<f64>,
    /// Null score minus the answer's logit sum: above the threshold, "no answer" is given instead. SQuAD 2.0 only.
    pub score_diff: Option<f64>,
    /// Where the answer stands in the paragraph's context.
    pub span: Option<RecordSpan>,
    /// How many windows the context was cut into.
    pub windows: usize,
    /// What of the gold answers the model could give; unanswerable questions and older evaluations have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<GoldReach>,
}

/// Where an answer stands in its context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSpan {
    /// Characters (code points, as SQuAD's `answer_start` counts).
    pub chars: Range<usize>,
    /// Bytes.
    pub bytes: Range<usize>,
    /// The window that proposed it, from 0.
    pub window: usize,
}

/// The records of all questions, predictions and scores being in the data set's order.
///
/// `reach` may be empty, if nothing is known.
pub(super) fn records(
    dataset: &Dataset,
    predictions: &[Prediction],
    table: &QuestionTable,
    reach: &[Option<GoldReach>],
) -> Vec<Record> {
    let mut records = Vec::with_capacity(predictions.len());
    let reach = reach.iter().copied().chain(std::iter::repeat(None));
    let mut scored = predictions.iter().zip(&table.rows).zip(reach);
    for (article_index, article) in dataset.articles.iter().enumerate() {
        for (paragraph_index, paragraph) in article.paragraphs.iter().enumerate() {
            let words: Vec<_> = word_ranges(&paragraph.context).collect();
            for (question, ((prediction, score), reach)) in paragraph.questions.iter().zip(scored.by_ref()) {
                let QuestionScore { exact, f1, .. } = *score;
                let best = prediction.best();
                records.push(Record {
                    id: question.id.clone(),
                    article: article_index,
                    paragraph: paragraph_index,
                    question: question.question.clone(),
                    gold_answers: question.answers.clone(),
                    plausible_answers: question.plausible_answers.clone(),
                    prediction: prediction.text.clone(),
                    exact,
                    f1,
                    probability: best.map(|entry| entry.probability),
                    score_diff: prediction.score_diff,
                    span: best.and_then(|entry| entry.span).and_then(|span| {
                        let bytes = span.bytes_among(&words)?;
                        let before = paragraph.context.get(..bytes.start)?.chars().count();
                        let inside = paragraph.context.get(bytes.clone())?.chars().count();
                        Some(RecordSpan { chars: before..before + inside, bytes, window: span.window })
                    }),
                    windows: prediction.windows,
                    reach,
                });
            }
        }
    }
    records
}

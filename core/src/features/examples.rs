//! Questions with their contexts cut into words (`read_squad_examples` of the reference).

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::doc_tokens::{WordPositions, words, words_with_positions};
use super::{Example, FeatureError, Words};
use crate::squad::{Answer, Dataset, Paragraph, Place, Question};
use crate::tokenizer::unicode::str_split;

/// A question left out of training because its answer is not where it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedQuestion {
    /// The question's id.
    pub qas_id: String,
    /// The answer as given.
    pub answer_text: String,
    /// The words at the answer's offsets, `None` if those lie past the end of the context.
    pub found: Option<String>,
}

impl fmt::Display for SkippedQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "question {:?} skipped: answer {:?} ", self.qas_id, self.answer_text)?;
        match &self.found {
            Some(found) => write!(f, "is not in the words at its offset, {found:?}"),
            None => f.write_str("lies past the end of its context"),
        }
    }
}

/// The questions of a training set with their answers' words, and the questions left out.
///
/// Questions of one paragraph share their words. An answerable question has exactly one answer, as in the
/// reference; it is left out if the words at the answer's offset do not contain the answer, white space aside.
/// Where the reference would crash on an offset past the end, ours leaves the question out.
///
/// # Errors
/// If an answerable question has no answer or several.
pub fn training_examples(dataset: &Dataset) -> Result<(Vec<Example>, Vec<SkippedQuestion>), FeatureError> {
    let by_paragraph: Vec<_> =
        paragraphs(dataset).into_par_iter().map(|at| paragraph_examples(dataset, at)).collect();
    let (mut examples, mut skipped) = (Vec::new(), Vec::new());
    for paragraph in by_paragraph {
        let (kept, left_out) = paragraph?;
        examples.extend(kept);
        skipped.extend(left_out);
    }
    Ok((examples, skipped))
}

/// Every question of a data set, without answers, for prediction.
///
/// Questions of one paragraph share their words.
#[must_use]
pub fn evaluation_examples(dataset: &Dataset) -> Vec<Example> {
    let by_paragraph: Vec<Vec<Example>> = paragraphs(dataset)
        .into_par_iter()
        .map(|(_, _, paragraph)| {
            let words = Arc::new(words(&paragraph.context));
            paragraph.questions.iter().map(|question| unanswered(question, &words)).collect()
        })
        .collect();
    by_paragraph.into_iter().flatten().collect()
}

/// Every paragraph with the index of its article and its own within that.
fn paragraphs(dataset: &Dataset) -> Vec<(usize, usize, &Paragraph)> {
    let articles = dataset.articles.iter().enumerate();
    articles
        .flat_map(|(article, content)| {
            content.paragraphs.iter().enumerate().map(move |(index, paragraph)| (article, index, paragraph))
        })
        .collect()
}

/// The questions of one paragraph.
fn paragraph_examples(
    dataset: &Dataset,
    (article, index, paragraph): (usize, usize, &Paragraph),
) -> Result<(Vec<Example>, Vec<SkippedQuestion>), FeatureError> {
    let (words, positions) = words_with_positions(&paragraph.context);
    let words = Arc::new(words);
    let (mut examples, mut skipped) = (Vec::with_capacity(paragraph.questions.len()), Vec::new());
    for (question_index, question) in paragraph.questions.iter().enumerate() {
        let target = if question.is_impossible == Some(true) {
            Target { text: String::new(), start: -1, end: -1 }
        } else {
            let [answer] = &question.answers[..] else {
                let title = dataset.articles.get(article).map(|article| article.title.as_str());
                return Err(FeatureError::AnswerCount {
                    file: dataset.source_name.clone(),
                    place: Box::new(Place {
                        article,
                        title: title.unwrap_or_default().into(),
                        paragraph: index,
                        question: Some((question_index, question.id.clone())),
                    }),
                    answers: question.answers.len(),
                });
            };
            match locate(answer, &words, &positions) {
                Ok(target) => target,
                Err(found) => {
                    let (qas_id, answer_text) = (question.id.clone(), answer.text.clone());
                    skipped.push(SkippedQuestion { qas_id, answer_text, found });
                    continue;
                }
            }
        };
        examples.push(Example {
            orig_answer_text: Some(target.text),
            start_position: Some(target.start),
            end_position: Some(target.end),
            is_impossible: question.is_impossible == Some(true),
            ..unanswered(question, &words)
        });
    }
    Ok((examples, skipped))
}

fn unanswered(question: &Question, words: &Arc<Words>) -> Example {
    Example {
        qas_id: question.id.clone(),
        question_text: question.question.clone(),
        doc_tokens: Arc::clone(words),
        orig_answer_text: None,
        start_position: None,
        end_position: None,
        is_impossible: false,
    }
}

/// An answer in words.
struct Target {
    text: String,
    start: i32,
    end: i32,
}

/// The words of an answer, or what stands in its place (`None`: nothing, the offset is past the end).
fn locate(answer: &Answer, words: &Words, positions: &WordPositions) -> Result<Target, Option<String>> {
    let length = answer.text.chars().count();
    let start = positions.word_at(answer.answer_start).ok_or(None)?;
    // An empty answer at offset 0 ends at index -1, Python's last.
    let last = match answer.answer_start.checked_add(length).ok_or(None)? {
        0 => positions.length() - 1,
        end => end - 1,
    };
    let end = positions.word_at(last).ok_or(None)?;
    let found = python_slice(words, start, end + 1);
    let text = str_split(&answer.text).collect::<Vec<_>>().join(" ");
    if found.contains(&text) {
        Ok(Target { text: answer.text.clone(), start, end })
    } else {
        Err(Some(found.to_owned()))
    }
}

/// `" ".join(words[start:end])` of Python for `start >= -1` and `end >= 0`: -1 is the last word.
fn python_slice(words: &Words, start: i32, end: i32) -> &str {
    let start = usize::try_from(start).unwrap_or(words.len().saturating_sub(1));
    let end = usize::try_from(end).unwrap_or(0).min(words.len());
    words.joined(start..end)
}

//! Questions with their contexts cut into words (`read_squad_examples` of the reference).

use std::fmt;
use std::sync::Arc;

use super::{DocTokens, Example, FeatureError};
use crate::squad::{Answer, Dataset, Place, Question};
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
    let (mut examples, mut skipped) = (Vec::new(), Vec::new());
    for (article_index, article) in dataset.articles.iter().enumerate() {
        for (paragraph_index, paragraph) in article.paragraphs.iter().enumerate() {
            let DocTokens { words, char_to_word, .. } = DocTokens::new(&paragraph.context);
            let words: Arc<[String]> = words.into();
            for (index, question) in paragraph.questions.iter().enumerate() {
                let target = if question.is_impossible == Some(true) {
                    Target { text: String::new(), start: -1, end: -1 }
                } else {
                    let [answer] = &question.answers[..] else {
                        let place = Box::new(Place {
                            article: article_index,
                            title: article.title.as_str().into(),
                            paragraph: paragraph_index,
                            question: Some((index, question.id.clone())),
                        });
                        let answers = question.answers.len();
                        return Err(FeatureError::AnswerCount {
                            file: dataset.source_name.clone(),
                            place,
                            answers,
                        });
                    };
                    match locate(answer, &words, &char_to_word) {
                        Ok(target) => target,
                        Err(found) => {
                            skipped.push(SkippedQuestion {
                                qas_id: question.id.clone(),
                                answer_text: answer.text.clone(),
                                found,
                            });
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
        }
    }
    Ok((examples, skipped))
}

/// Every question of a data set, without answers, for prediction.
///
/// Questions of one paragraph share their words.
#[must_use]
pub fn evaluation_examples(dataset: &Dataset) -> Vec<Example> {
    let mut examples = Vec::new();
    for paragraph in dataset.articles.iter().flat_map(|article| &article.paragraphs) {
        let words: Arc<[String]> = DocTokens::new(&paragraph.context).words.into();
        examples.extend(paragraph.questions.iter().map(|question| unanswered(question, &words)));
    }
    examples
}

fn unanswered(question: &Question, words: &Arc<[String]>) -> Example {
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
fn locate(answer: &Answer, words: &[String], char_to_word: &[i32]) -> Result<Target, Option<String>> {
    let length = answer.text.chars().count();
    let start = char_to_word.get(answer.answer_start).copied().ok_or(None)?;
    // An empty answer at offset 0 ends at index -1, Python's last.
    let last = match answer.answer_start.checked_add(length).ok_or(None)? {
        0 => char_to_word.len() - 1,
        end => end - 1,
    };
    let end = char_to_word.get(last).copied().ok_or(None)?;
    let found = python_slice(words, start, end + 1).join(" ");
    let text = str_split(&answer.text).collect::<Vec<_>>().join(" ");
    if found.contains(&text) {
        Ok(Target { text: answer.text.clone(), start, end })
    } else {
        Err(Some(found))
    }
}

/// `words[start:end]` of Python for `start >= -1` and `end >= 0`: -1 is the last word.
fn python_slice(words: &[String], start: i32, end: i32) -> &[String] {
    let start = usize::try_from(start).unwrap_or(words.len().saturating_sub(1));
    let end = usize::try_from(end).unwrap_or(0).min(words.len());
    words.get(start..end).unwrap_or_default()
}

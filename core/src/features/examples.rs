//! Questions with their contexts cut into words (`read_squad_examples` of the reference).

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::doc_tokens::{WordPositions, words, words_with_positions};
use super::{Example, Words};
use crate::squad::{Answer, Dataset, Paragraph, Place, Question, is_blank, shortened};
use crate::tokenizer::unicode::str_split;

/// A question left out of training because its answer cannot be learnt from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedQuestion {
    /// The question's id.
    pub qas_id: String,
    /// Where it stands.
    pub place: Place,
    /// The answer as given, empty if there is none.
    pub answer_text: String,
    /// Why.
    pub reason: SkipReason,
}

/// Why a question is left out of training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It has no answer and is not marked as unanswerable.
    NoAnswer,
    /// The answer is empty or blank.
    BlankAnswer,
    /// The answer's place is not given.
    NoStart,
    /// The answer ends past its context.
    PastEnd,
    /// Other words stand at the answer's place; these.
    NotThere(String),
}

impl SkipReason {
    /// A word for files.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::BlankAnswer => "blank_answer",
            Self::NoStart => "no_answer_start",
            Self::PastEnd => "past_end",
            Self::NotThere(_) => "not_at_answer_start",
        }
    }
}

impl fmt::Display for SkippedQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        let answer = shortened(&self.answer_text);
        match &self.reason {
            SkipReason::NoAnswer => f.write_str("there is no answer"),
            SkipReason::BlankAnswer => write!(f, "answer {answer} is empty"),
            SkipReason::NoStart => write!(f, "answer {answer} has no answer_start"),
            SkipReason::PastEnd => write!(f, "answer {answer} lies past the end of its context"),
            SkipReason::NotThere(found) => {
                write!(f, "answer {answer} is not in the words at its offset, {}", shortened(found))
            }
        }
    }
}

/// The questions of a training set with their answers' words, and the questions left out, as the reference has them.
///
/// Questions of one paragraph share their words. Of several answers the first is taken. A question is left out if the
/// words at the answer's offset do not contain the answer, white space aside. Where the reference would crash, on a
/// question without an answer or an offset past the end, ours leaves the question out. A blank answer is found
/// anywhere, so the reference trains on it; [`usable_examples`] does not.
#[must_use]
pub fn training_examples(dataset: &Dataset) -> (Vec<Example>, Vec<SkippedQuestion>) {
    examples(dataset, false)
}

/// [`training_examples`] without the questions whose answer is empty or blank, of which nothing can be learnt: an empty
/// answer at the start stands for the whole passage.
#[must_use]
pub fn usable_examples(dataset: &Dataset) -> (Vec<Example>, Vec<SkippedQuestion>) {
    examples(dataset, true)
}

fn examples(dataset: &Dataset, skip_blank: bool) -> (Vec<Example>, Vec<SkippedQuestion>) {
    let by_paragraph: Vec<_> =
        paragraphs(dataset).into_par_iter().map(|at| paragraph_examples(dataset, at, skip_blank)).collect();
    let (mut examples, mut skipped) = (Vec::new(), Vec::new());
    for (kept, left_out) in by_paragraph {
        examples.extend(kept);
        skipped.extend(left_out);
    }
    (examples, skipped)
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
    skip_blank: bool,
) -> (Vec<Example>, Vec<SkippedQuestion>) {
    let (words, positions) = words_with_positions(&paragraph.context);
    let words = Arc::new(words);
    let (mut examples, mut skipped) = (Vec::with_capacity(paragraph.questions.len()), Vec::new());
    for (question_index, question) in paragraph.questions.iter().enumerate() {
        let is_impossible = question.is_impossible == Some(true);
        let target = match question.answers.first() {
            _ if is_impossible => Ok(Target { text: String::new(), start: -1, end: -1 }),
            None => Err(SkipReason::NoAnswer),
            Some(answer) if skip_blank && is_blank(&answer.text) => Err(SkipReason::BlankAnswer),
            Some(answer) => locate(answer, &words, &positions),
        };
        match target {
            Ok(target) => examples.push(Example {
                orig_answer_text: Some(target.text),
                start_position: Some(target.start),
                end_position: Some(target.end),
                is_impossible,
                ..unanswered(question, &words)
            }),
            Err(reason) => skipped.push(SkippedQuestion {
                qas_id: question.id.clone(),
                place: dataset.place(article, index, question_index),
                answer_text: question.answers.first().map(|answer| answer.text.clone()).unwrap_or_default(),
                reason,
            }),
        }
    }
    (examples, skipped)
}

fn unanswered(question: &Question, words: &Arc<Words>) -> Example {
    evaluation_example(&question.id, &question.question, words)
}

/// A question to be answered, about a context of these [words](context_words).
pub(crate) fn evaluation_example(id: &str, question: &str, words: &Arc<Words>) -> Example {
    Example {
        qas_id: id.to_owned(),
        question_text: question.to_owned(),
        doc_tokens: Arc::clone(words),
        orig_answer_text: None,
        start_position: None,
        end_position: None,
        is_impossible: false,
    }
}

/// The words of a context.
pub(crate) fn context_words(context: &str) -> Words {
    words(context)
}

/// An answer in words.
struct Target {
    text: String,
    start: i32,
    end: i32,
}

/// The words of an answer, or why there are none.
fn locate(answer: &Answer, words: &Words, positions: &WordPositions) -> Result<Target, SkipReason> {
    let answer_start = answer.answer_start.ok_or(SkipReason::NoStart)?;
    let length = answer.text.chars().count();
    let start = positions.word_at(answer_start).ok_or(SkipReason::PastEnd)?;
    // An empty answer at offset 0 ends at index -1, Python's last.
    let last = match answer_start.checked_add(length).ok_or(SkipReason::PastEnd)? {
        0 => positions.length() - 1,
        end => end - 1,
    };
    let end = positions.word_at(last).ok_or(SkipReason::PastEnd)?;
    let found = python_slice(words, start, end + 1);
    let text = str_split(&answer.text).collect::<Vec<_>>().join(" ");
    if found.contains(&text) {
        Ok(Target { text: answer.text.clone(), start, end })
    } else {
        Err(SkipReason::NotThere(found.to_owned()))
    }
}

/// `" ".join(words[start:end])` of Python for `start >= -1` and `end >= 0`: -1 is the last word.
fn python_slice(words: &Words, start: i32, end: i32) -> &str {
    let start = usize::try_from(start).unwrap_or(words.len().saturating_sub(1));
    let end = usize::try_from(end).unwrap_or(0).min(words.len());
    words.joined(start..end)
}

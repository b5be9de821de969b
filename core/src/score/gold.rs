//! What a data set gives as right answers, prepared once for any number of evaluations.

use rayon::prelude::*;

use super::normalize::{normalize_answer, words_of};
use crate::squad::Dataset;

/// One question's gold answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldQuestion {
    /// The question's id.
    pub id: String,
    /// Whether the data set gives any answer.
    pub has_answer: bool,
    /// The distinct normalised gold answers with their words. Answers that normalise to nothing are left out; if none
    /// remains, the only right answer is the empty one.
    pub(super) answers: Vec<(String, Vec<String>)>,
}

/// The gold answers of a data set's questions, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoldQuestions {
    /// The questions in the data set's order.
    pub questions: Vec<GoldQuestion>,
}

impl GoldQuestions {
    /// Takes the gold answers from a data set.
    #[must_use]
    pub fn from_dataset(dataset: &Dataset) -> Self {
        let all: Vec<_> = dataset.questions().collect();
        let questions = all
            .into_par_iter()
            .map(|(_, _, question)| {
                GoldQuestion::new(question.id.clone(), question.answers.iter().map(|a| a.text.as_str()))
            })
            .collect();
        Self { questions }
    }

    /// Number of questions that have an answer.
    #[must_use]
    pub fn with_answer(&self) -> usize {
        self.questions.iter().filter(|question| question.has_answer).count()
    }
}

impl GoldQuestion {
    /// A question with the texts of its gold answers.
    pub fn new<'a>(id: String, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut has_answer = false;
        let mut answers: Vec<(String, Vec<String>)> = Vec::new();
        for text in texts {
            has_answer = true;
            let normalized = normalize_answer(text);
            if !normalized.is_empty() && !answers.iter().any(|(known, _)| *known == normalized) {
                let words = words_of(&normalized);
                answers.push((normalized, words));
            }
        }
        if answers.is_empty() {
            answers.push((String::new(), Vec::new()));
        }
        Self { id, has_answer, answers }
    }
}

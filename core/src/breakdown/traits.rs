//! What a question and its passage are like, whatever was answered.
//!
//! Everything here can be computed again by any other program: a *word* is what Python's `str.split()` leaves, a *token* is
//! a maximal run of letters and digits (Python's `[^\W_]+`) in lower case.

use std::collections::HashSet;

use serde::Serialize;

use crate::{
    squad::{Question, QuestionWord},
    tokenizer::unicode::{is_re_word_char, lower, str_split},
};

/// Tokens that say nothing about what a question is about: articles, pronouns, prepositions, auxiliaries, question words.
pub const STOP_WORDS: [&str; 76] = [
    "a", "about", "after", "all", "an", "and", "any", "are", "as", "at", "be", "been", "before", "but", "by",
    "can", "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "his", "how",
    "if", "in", "into", "is", "it", "its", "many", "may", "might", "much", "must", "not", "of", "on", "or",
    "other", "out", "over", "s", "she", "should", "so", "some", "than", "that", "the", "their", "them",
    "there", "they", "this", "to", "was", "were", "what", "when", "where", "which", "who", "whom", "whose",
    "why", "will", "with", "would", "you", "your",
];

/// Tokens that negate.
pub const NEGATIONS: [&str; 11] =
    ["cannot", "neither", "never", "no", "nobody", "none", "nor", "not", "nothing", "nowhere", "without"];

/// Whether things of a kind that the question names stand in the passage as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The question names none.
    None,
    /// All stand in the passage.
    Present,
    /// At least one does not.
    Absent,
}

/// What a question and its passage are like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traits {
    /// Its first question word.
    pub question_word: QuestionWord,
    /// Words of the question.
    pub question_words: usize,
    /// Words of the passage.
    pub context_words: usize,
    /// Words of the shortest gold answer; none for an unanswerable question.
    pub answer_words: Option<usize>,
    /// Where the first gold answer starts, as a share of the passage's characters.
    pub answer_position: Option<f64>,
    /// Share of the question's distinct tokens, stop words aside, that are tokens of the passage; 1 if it has none.
    pub overlap: f64,
    /// Whether the question has one of [`NEGATIONS`] or "n't".
    pub negation: bool,
    /// Tokens with a digit.
    pub number: Presence,
    /// Tokens of at least two characters with a capital that are not the question's first.
    pub name: Presence,
}

/// A passage, measured once for all its questions.
pub(super) struct PassageTraits {
    words: usize,
    chars: usize,
    tokens: HashSet<String>,
}

impl PassageTraits {
    /// Measures a passage.
    pub(super) fn new(context: &str) -> Self {
        Self {
            words: str_split(context).count(),
            chars: context.chars().count(),
            tokens: runs(context).map(lower).collect(),
        }
    }

    /// What a question about the passage is like.
    pub(super) fn traits_of(&self, question: &Question) -> Traits {
        let text = question.question.as_str();
        let tokens: Vec<(&str, String)> = runs(text).map(|run| (run, lower(run))).collect();
        let content: HashSet<&str> = tokens
            .iter()
            .map(|(_, token)| token.as_str())
            .filter(|token| !STOP_WORDS.contains(token))
            .collect();
        let shared = content.iter().filter(|token| self.tokens.contains(**token)).count();
        let is_name =
            |run: &str| run.chars().nth(1).is_some() && run.chars().next().is_some_and(char::is_uppercase);
        let names = tokens.iter().skip(1).filter(|(run, _)| is_name(run));
        let numbers = tokens.iter().filter(|(run, _)| run.chars().any(|letter| letter.is_ascii_digit()));
        let lowered = lower(text);
        Traits {
            question_word: QuestionWord::of(text),
            question_words: str_split(text).count(),
            context_words: self.words,
            answer_words: question.answers.iter().map(|answer| str_split(&answer.text).count()).min(),
            answer_position: question
                .answers
                .first()
                .and_then(|answer| answer.answer_start)
                .map(|start| (start as f64 / self.chars.max(1) as f64).min(1.0)),
            overlap: if content.is_empty() { 1.0 } else { shared as f64 / content.len() as f64 },
            negation: tokens.iter().any(|(_, token)| NEGATIONS.contains(&token.as_str()))
                || lowered.contains("n't")
                || lowered.contains("n\u{2019}t"),
            number: self.named(numbers),
            name: self.named(names),
        }
    }

    fn named<'a>(&self, mut things: impl Iterator<Item = &'a (&'a str, String)>) -> Presence {
        let Some((_, first)) = things.next() else { return Presence::None };
        let all = self.tokens.contains(first) && things.all(|(_, token)| self.tokens.contains(token));
        if all { Presence::Present } else { Presence::Absent }
    }
}

/// The runs of letters and digits of a text.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter == '_' || !is_re_word_char(letter)).filter(|run| !run.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::squad::Answer;

    fn question(text: &str, answers: &[(&str, usize)]) -> Question {
        let answers = answers
            .iter()
            .map(|(text, at)| Answer { text: (*text).into(), answer_start: Some(*at) })
            .collect();
        Question {
            id: "q".into(),
            question: text.into(),
            answers,
            plausible_answers: Vec::new(),
            is_impossible: Some(false),
        }
    }

    #[test]
    fn a_question_is_measured_against_its_passage() {
        let passage = PassageTraits::new("In 1066 the Normans  crossed the sea. William won at Hastings.");
        let traits = passage.traits_of(&question(
            "In 1067, didn't King William's Normans cross?",
            &[("the Normans", 8), ("Normans", 12)],
        ));
        assert_eq!((traits.question_words, traits.context_words), (7, 11));
        assert_eq!((traits.answer_words, traits.question_word), (Some(1), QuestionWord::Other));
        // 1067, didn, t, king, william, normans, cross: two of seven.
        assert!((traits.overlap - 2.0 / 7.0).abs() < 1e-12, "{}", traits.overlap);
        assert!(traits.negation);
        assert_eq!((traits.number, traits.name), (Presence::Absent, Presence::Absent));
        assert!((traits.answer_position.unwrap() - 8.0 / 62.0).abs() < 1e-12);

        let traits = passage.traits_of(&question("Where did William win?", &[]));
        assert_eq!((traits.number, traits.name), (Presence::None, Presence::Present));
        assert_eq!((traits.answer_words, traits.answer_position, traits.negation), (None, None, false));
        assert!((passage.traits_of(&question("What is it?", &[])).overlap - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_lists_are_sorted_and_in_lower_case() {
        for list in [&STOP_WORDS[..], &NEGATIONS[..]] {
            assert!(list.is_sorted());
            assert!(list.iter().all(|word| lower(word) == *word));
        }
    }
}

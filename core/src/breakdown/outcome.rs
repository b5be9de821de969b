//! What became of a question: a taxonomy of errors that needs no labels.

use serde::{Deserialize, Serialize};

/// What became of a question at a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered, and exactly so.
    Correct,
    /// The answer contains a gold answer, and more.
    TooLong,
    /// The answer is a part of a gold answer.
    TooShort,
    /// The answer shares words with a gold answer; each has words the other lacks.
    Shifted,
    /// Answered, with no word right.
    WrongSpan,
    /// Not answered although the passage does.
    WronglyAbstained,
    /// The plausible answer of an unanswerable question was given (words in common with it).
    FellForPlausible,
    /// Another answer was given to an unanswerable question.
    AnsweredUnanswerable,
    /// Rightly not answered.
    CorrectlyAbstained,
}

/// The outcomes as most tables group them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeGroup {
    /// [`Outcome::Correct`].
    Correct,
    /// Too long, too short or shifted.
    Partial,
    /// [`Outcome::WrongSpan`].
    WrongSpan,
    /// [`Outcome::WronglyAbstained`].
    WronglyAbstained,
    /// With the plausible answer or another.
    AnsweredUnanswerable,
    /// [`Outcome::CorrectlyAbstained`].
    CorrectlyAbstained,
}

impl Outcome {
    /// All of them: those of answerable questions first, best first.
    pub const ALL: [Self; 9] = [
        Self::Correct,
        Self::TooLong,
        Self::TooShort,
        Self::Shifted,
        Self::WrongSpan,
        Self::WronglyAbstained,
        Self::FellForPlausible,
        Self::AnsweredUnanswerable,
        Self::CorrectlyAbstained,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Correct => "correct",
            Self::TooLong => "too long",
            Self::TooShort => "too short",
            Self::Shifted => "shifted",
            Self::WrongSpan => "wrong span",
            Self::WronglyAbstained => "wrongly abstained",
            Self::FellForPlausible => "fell for the plausible answer",
            Self::AnsweredUnanswerable => "answered the unanswerable",
            Self::CorrectlyAbstained => "correctly abstained",
        }
    }

    /// Its group.
    #[must_use]
    pub fn group(self) -> OutcomeGroup {
        match self {
            Self::Correct => OutcomeGroup::Correct,
            Self::TooLong | Self::TooShort | Self::Shifted => OutcomeGroup::Partial,
            Self::WrongSpan => OutcomeGroup::WrongSpan,
            Self::WronglyAbstained => OutcomeGroup::WronglyAbstained,
            Self::FellForPlausible | Self::AnsweredUnanswerable => OutcomeGroup::AnsweredUnanswerable,
            Self::CorrectlyAbstained => OutcomeGroup::CorrectlyAbstained,
        }
    }
}

impl OutcomeGroup {
    /// All of them, in the order of [`Outcome::ALL`].
    pub const ALL: [Self; 6] = [
        Self::Correct,
        Self::Partial,
        Self::WrongSpan,
        Self::WronglyAbstained,
        Self::AnsweredUnanswerable,
        Self::CorrectlyAbstained,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Correct => Outcome::Correct.name(),
            Self::WrongSpan => Outcome::WrongSpan.name(),
            Self::WronglyAbstained => Outcome::WronglyAbstained.name(),
            Self::AnsweredUnanswerable => Outcome::AnsweredUnanswerable.name(),
            Self::CorrectlyAbstained => Outcome::CorrectlyAbstained.name(),
        }
    }
}

/// What an answer to an answerable question is, given its scores: `prediction` and the `gold` answers as normalised words.
pub(super) fn answered(exact: f64, f1: f64, gold: &[Vec<String>], prediction: &[String]) -> Outcome {
    if exact > 0.0 {
        return Outcome::Correct;
    }
    if f1 <= 0.0 {
        return Outcome::WrongSpan;
    }
    if gold.iter().any(|answer| contains(prediction, answer)) {
        Outcome::TooLong
    } else if gold.iter().any(|answer| contains(answer, prediction)) {
        Outcome::TooShort
    } else {
        Outcome::Shifted
    }
}

/// Whether `part` stands in `whole`, its words side by side.
fn contains(whole: &[String], part: &[String]) -> bool {
    !part.is_empty() && whole.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_partial_answer_is_too_long_too_short_or_shifted() {
        let gold = [words("red brick wall"), words("wall")];
        let of = |text: &str, f1| answered(0.0, f1, &gold, &words(text));
        assert_eq!(of("the old wall", 0.5), Outcome::TooLong);
        assert_eq!(of("red brick", 0.8), Outcome::TooShort);
        assert_eq!(of("brick of red", 0.6), Outcome::Shifted);
        assert_eq!(of("blue", 0.0), Outcome::WrongSpan);
        assert_eq!(answered(1.0, 1.0, &gold, &words("wall")), Outcome::Correct);
    }

    #[test]
    fn every_outcome_has_a_group_and_a_name_of_its_own() {
        let mut names: Vec<_> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Outcome::ALL.len());
        for group in OutcomeGroup::ALL {
            assert!(Outcome::ALL.iter().any(|outcome| outcome.group() == group));
        }
    }
}

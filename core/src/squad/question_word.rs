//! What a question asks for, by its question word.

use serde::Serialize;

/// The question word that comes first in a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionWord {
    /// Also whom and whose.
    Who,
    /// What.
    What,
    /// When.
    When,
    /// Where.
    Where,
    /// Which.
    Which,
    /// Why.
    Why,
    /// Also how much.
    HowMany,
    /// How, but not how many or how much.
    How,
    /// No question word at all.
    Other,
}

impl QuestionWord {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 9] = [
        Self::Who,
        Self::What,
        Self::When,
        Self::Where,
        Self::Which,
        Self::Why,
        Self::HowMany,
        Self::How,
        Self::Other,
    ];

    /// The first question word of a question, wherever it stands ("In what year …" is a what).
    #[must_use]
    pub fn of(question: &str) -> Self {
        let lower = question.to_lowercase();
        let mut words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            return match word {
                "who" | "whom" | "whose" => Self::Who,
                "what" => Self::What,
                "when" => Self::When,
                "where" => Self::Where,
                "which" => Self::Which,
                "why" => Self::Why,
                "how" if matches!(words.next(), Some("many" | "much")) => Self::HowMany,
                "how" => Self::How,
                _ => continue,
            };
        }
        Self::Other
    }

    /// Its name in tables and queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Who => "who",
            Self::What => "what",
            Self::When => "when",
            Self::Where => "where",
            Self::Which => "which",
            Self::Why => "why",
            Self::HowMany => "how many",
            Self::How => "how",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::QuestionWord;

    #[test]
    fn the_first_question_word_counts() {
        for (question, word) in [
            ("Who built it?", QuestionWord::Who),
            ("To whom was it sold?", QuestionWord::Who),
            ("In what year did it happen, and who saw it?", QuestionWord::What),
            ("What's the use?", QuestionWord::What),
            ("WHEN?", QuestionWord::When),
            ("About how many were there?", QuestionWord::HowMany),
            ("How much does it cost?", QuestionWord::HowMany),
            ("How far is it?", QuestionWord::How),
            ("Somehow it works?", QuestionWord::Other),
            ("", QuestionWord::Other),
        ] {
            assert_eq!(QuestionWord::of(question), word, "{question}");
        }
    }
}

//! What a data set gives as right answers, prepared once for any number of evaluations.

use rayon::prelude::*;

use super::{AnswerLanguage, ScoringRules};
use crate::squad::{Dataset, SquadVersion};

/// One question's gold answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldQuestion {
    /// The question's id.
    pub id: String,
    /// Whether the data set gives any answer.
    pub has_answer: bool,
    /// The distinct normalised gold answers with their tokens. By the rules of SQuAD 2.0 answers that normalise to nothing are
    /// left out; if none remains, the only right answer is the empty one.
    pub(super) answers: Vec<(String, Vec<String>)>,
    /// How a prediction is compared with them.
    pub(super) rules: ScoringRules,
}

/// The gold answers of a data set's questions, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoldQuestions {
    /// The questions in the data set's order.
    pub questions: Vec<GoldQuestion>,
}

impl GoldQuestions {
    /// Takes the gold answers from a data set, to be compared as evaluate-v2.0.py and the reference do.
    #[must_use]
    pub fn from_dataset(dataset: &Dataset) -> Self {
        Self::with_rules(dataset, ScoringRules::default())
    }

    /// Takes the gold answers from a data set, to be compared as its own official script does.
    #[must_use]
    pub fn official(dataset: &Dataset, language: AnswerLanguage) -> Self {
        Self::with_rules(dataset, ScoringRules::official(dataset, language))
    }

    /// Takes the gold answers from a data set.
    #[must_use]
    pub fn with_rules(dataset: &Dataset, rules: ScoringRules) -> Self {
        let all: Vec<_> = dataset.questions().collect();
        let questions = all
            .into_par_iter()
            .map(|(_, _, question)| {
                let texts = question.answers.iter().map(|answer| answer.text.as_str());
                GoldQuestion::with_rules(question.id.clone(), texts, rules)
            })
            .collect();
        Self { questions }
    }
}

impl GoldQuestion {
    /// A question with the texts of its gold answers, to be compared by the default rules.
    pub fn new<'a>(id: String, texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::with_rules(id, texts, ScoringRules::default())
    }

    /// A question with the texts of its gold answers.
    pub fn with_rules<'a>(
        id: String,
        texts: impl IntoIterator<Item = &'a str>,
        mut rules: ScoringRules,
    ) -> Self {
        let keeps_nothings = rules.version == SquadVersion::V1;
        let mut has_answer = false;
        let mut answers: Vec<(String, Vec<String>)> = Vec::new();
        for text in texts {
            has_answer = true;
            let normalized = rules.language.normalize(text);
            let counts = keeps_nothings || !normalized.is_empty();
            if counts && !answers.iter().any(|(known, _)| *known == normalized) {
                let tokens = rules.language.tokens_of(&normalized);
                answers.push((normalized, tokens));
            }
        }
        if answers.is_empty() {
            answers.push((String::new(), Vec::new()));
            // Only SQuAD 2.0 has questions whose right answer is none.
            rules.version = SquadVersion::V2;
        }
        Self { id, has_answer, answers, rules }
    }
}

#[cfg(test)]
mod tests {
    use super::super::QuestionScore;
    use super::*;

    /// Values of evaluate-v1.1.py and evaluate-v2.0.py.
    #[test]
    fn answers_that_normalise_to_nothing_count_as_in_the_data_s_own_script() {
        let score = |version, gold: &[&str], prediction: &str| {
            let rules = ScoringRules { version, ..ScoringRules::default() };
            let gold = GoldQuestion::with_rules("q".into(), gold.iter().copied(), rules);
            let score = QuestionScore::new(&gold, prediction);
            (score.exact, score.f1)
        };
        let (one, two) = (SquadVersion::V1, SquadVersion::V2);
        assert_eq!(score(one, &["The", "cat"], "the"), (1.0, 0.0));
        assert_eq!(score(two, &["The", "cat"], "the"), (0.0, 0.0));
        assert_eq!((score(one, &["A"], "an"), score(two, &["A"], "an")), ((1.0, 0.0), (1.0, 1.0)));
        assert_eq!((score(one, &["cat"], ""), score(two, &["cat"], "")), ((0.0, 0.0), (0.0, 0.0)));
        assert_eq!((score(one, &[], ""), score(two, &[], "")), ((1.0, 1.0), (1.0, 1.0)));
        assert_eq!((score(one, &["cat"], "The cat"), score(one, &["."], "!")), ((1.0, 1.0), (1.0, 0.0)));
    }
}

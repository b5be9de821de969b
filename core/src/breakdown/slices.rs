//! Groups of questions that are alike in one respect.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Case, Presence};
use crate::squad::QuestionWord;

/// In what respect questions are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Whether the passage answers it.
    Answerable,
    /// Its first question word.
    QuestionWord,
    /// Words of its shortest gold answer; answerable questions only.
    AnswerLength,
    /// Words of the passage.
    ContextLength,
    /// Words of the question.
    QuestionLength,
    /// Windows of the passage, where known.
    Windows,
    /// Where in the passage the first gold answer starts; answerable questions only.
    AnswerPosition,
    /// How many of the question's tokens are in the passage.
    Overlap,
    /// Whether the question negates.
    Negation,
    /// Whether the question's numbers are in the passage.
    Number,
    /// Whether the question's names are in the passage.
    Name,
    /// The article.
    Article,
    /// A query of the user.
    Query,
}

impl Dimension {
    /// All that are found without a query, in the order of tables.
    pub const ALL: [Self; 12] = [
        Self::Answerable,
        Self::QuestionWord,
        Self::AnswerLength,
        Self::ContextLength,
        Self::QuestionLength,
        Self::Windows,
        Self::AnswerPosition,
        Self::Overlap,
        Self::Negation,
        Self::Number,
        Self::Name,
        Self::Article,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Answerable => "answerable",
            Self::QuestionWord => "question word",
            Self::AnswerLength => "answer length (words)",
            Self::ContextLength => "passage length (words)",
            Self::QuestionLength => "question length (words)",
            Self::Windows => "windows",
            Self::AnswerPosition => "answer position",
            Self::Overlap => "question words in the passage",
            Self::Negation => "negation in the question",
            Self::Number => "number in the question",
            Self::Name => "name in the question",
            Self::Article => "article",
            Self::Query => "saved query",
        }
    }

    /// The group a question belongs to: its place in the order of groups, and its name; `None` if the question has none
    /// in this respect.
    fn group(self, case: &Case, articles: &[String]) -> Option<(usize, String)> {
        let traits = &case.traits;
        let named = |value: Presence, what: &str| {
            let name = match value {
                Presence::None => format!("no {what}"),
                Presence::Present => "all in the passage".to_owned(),
                Presence::Absent => "not in the passage".to_owned(),
            };
            (value as usize, name)
        };
        Some(match self {
            Self::Answerable if case.has_answer() => (0, "answerable".to_owned()),
            Self::Answerable => (1, "unanswerable".to_owned()),
            Self::QuestionWord => {
                let place = QuestionWord::ALL.iter().position(|word| *word == traits.question_word)?;
                (place, traits.question_word.name().to_owned())
            }
            Self::AnswerLength => up_to(traits.answer_words?, &[1, 2, 4, 8]),
            Self::ContextLength => up_to(traits.context_words, &[75, 100, 125, 150, 200, 300]),
            Self::QuestionLength => up_to(traits.question_words, &[6, 8, 10, 12, 15, 20]),
            Self::Windows => up_to(case.known.windows?, &[1, 2, 4]),
            Self::AnswerPosition => {
                const QUARTERS: [&str; 4] =
                    ["first quarter", "second quarter", "third quarter", "last quarter"];
                let quarter = ((traits.answer_position? * 4.0) as usize).min(3);
                (quarter, QUARTERS.get(quarter)?.to_string())
            }
            Self::Overlap => {
                const SHARES: [(f64, &str); 4] =
                    [(0.25, "under 25 %"), (0.5, "25 to 50 %"), (0.75, "50 to 75 %"), (1.0, "75 to 100 %")];
                let below = SHARES.iter().enumerate().find(|(_, (end, _))| traits.overlap < *end);
                below.map_or((4, "all".to_owned()), |(place, (_, name))| (place, (*name).to_owned()))
            }
            Self::Negation if traits.negation => (1, "negation".to_owned()),
            Self::Negation => (0, "no negation".to_owned()),
            Self::Number => named(traits.number, "number"),
            Self::Name => named(traits.name, "name"),
            Self::Article => (case.article, articles.get(case.article)?.clone()),
            Self::Query => return None,
        })
    }
}

/// The range a count falls into, the last having no end.
fn up_to(value: usize, ends: &[usize]) -> (usize, String) {
    let place = ends.partition_point(|end| *end < value);
    let first = place.checked_sub(1).and_then(|before| ends.get(before)).map_or(1, |end| end + 1);
    let name = match ends.get(place) {
        Some(end) if place == 0 && *end > 1 => format!("up to {end}"),
        Some(end) if *end == first => end.to_string(),
        Some(end) => format!("{first} to {end}"),
        None => format!("{first} or more"),
    };
    (place, name)
}

/// Questions that are alike in one respect.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// In what respect.
    pub dimension: Dimension,
    /// Its name among those of the dimension.
    pub label: String,
    /// The query that finds it, for slices of the user.
    pub query: Option<String>,
    /// Indices of its questions, rising.
    pub members: Vec<u32>,
}

impl Slice {
    /// The questions' values, out of those of all questions.
    pub(super) fn values(&self, all: &[f64]) -> impl Iterator<Item = f64> {
        self.members.iter().filter_map(|index| all.get(*index as usize).copied())
    }
}

/// All groups of all dimensions; one that puts all questions into one group tells nothing and is left out.
pub(super) fn slices(cases: &[Case], articles: &[String]) -> Vec<Slice> {
    let mut slices = Vec::new();
    for dimension in Dimension::ALL {
        let mut groups: BTreeMap<(usize, String), Vec<u32>> = BTreeMap::new();
        for (index, case) in (0_u32..).zip(cases) {
            if let Some(group) = dimension.group(case, articles) {
                groups.entry(group).or_default().push(index);
            }
        }
        if groups.len() > 1 {
            slices.extend(groups.into_iter().map(|((_, label), members)| Slice {
                dimension,
                label,
                query: None,
                members,
            }));
        }
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::up_to;

    #[test]
    fn ranges_are_named_by_their_ends() {
        let name = |value, ends: &[usize]| up_to(value, ends).1;
        assert_eq!(name(1, &[1, 2, 4, 8]), "1");
        assert_eq!(name(2, &[1, 2, 4, 8]), "2");
        assert_eq!(name(3, &[1, 2, 4, 8]), "3 to 4");
        assert_eq!(name(9, &[1, 2, 4, 8]), "9 or more");
        assert_eq!(name(0, &[75, 100]), "up to 75");
        assert_eq!(name(76, &[75, 100]), "76 to 100");
    }
}

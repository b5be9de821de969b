//! Ids that a data set and a file of answers do not share.

use std::{collections::HashSet, fmt};

use super::{GoldQuestions, IdMap, NullOdds, Predictions};

/// Ids of a file of answers that the data set does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownIds {
    /// How many.
    pub count: usize,
    /// The first of them, in the file's order.
    pub first: String,
}

impl fmt::Display for UnknownIds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(formatter, "1 question that the data set does not have: {}", self.first),
            count => {
                write!(
                    formatter,
                    "{count} questions that the data set does not have, the first being {}",
                    self.first
                )
            }
        }
    }
}

/// The ids that are none of the data set's.
#[must_use]
pub fn unknown_ids<V>(gold: &GoldQuestions, values: &IdMap<V>) -> Option<UnknownIds> {
    let known: HashSet<&str> = gold.questions.iter().map(|question| question.id.as_str()).collect();
    let mut unknown = values.iter().map(|(id, _)| id).filter(|id| !known.contains(id));
    let first = unknown.next()?.to_owned();
    Some(UnknownIds { count: 1 + unknown.count(), first })
}

/// Gives every question without a prediction "no answer", and the null odds that say so most firmly. Returns how many
/// there were.
pub fn fill_missing(
    gold: &GoldQuestions,
    predictions: &mut Predictions,
    mut null_odds: Option<&mut NullOdds>,
) -> usize {
    let surest =
        null_odds.as_ref().map_or(0.0, |odds| odds.iter().fold(0.0, |most: f64, (_, odds)| most.max(*odds)));
    let mut filled = 0;
    for question in &gold.questions {
        if predictions.get(&question.id).is_none() {
            filled += 1;
            predictions.insert(question.id.clone(), String::new());
            if let Some(odds) = null_odds.as_mut()
                && odds.get(&question.id).is_none()
            {
                odds.insert(question.id.clone(), surest);
            }
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::super::GoldQuestion;
    use super::*;

    fn gold(ids: &[&str]) -> GoldQuestions {
        let question = |id: &&str| GoldQuestion::new((*id).to_owned(), ["x"]);
        GoldQuestions { questions: ids.iter().map(question).collect() }
    }

    #[test]
    fn ids_of_other_questions_are_counted_and_the_first_is_named() {
        let odds: NullOdds =
            [("z", 1.0), ("a", 2.0), ("y", 3.0)].into_iter().map(|(id, v)| (id.to_owned(), v)).collect();
        let unknown = unknown_ids(&gold(&["a", "b"]), &odds).unwrap();
        assert_eq!(unknown, UnknownIds { count: 2, first: "z".into() });
        assert_eq!(unknown.to_string(), "2 questions that the data set does not have, the first being z");
        assert_eq!(unknown_ids(&gold(&["a", "y", "z"]), &odds), None);
    }

    #[test]
    fn missing_predictions_become_the_surest_no_answer() {
        let mut predictions: Predictions = [("a".to_owned(), "x".to_owned())].into_iter().collect();
        let mut odds: NullOdds = [("a".to_owned(), 4.5)].into_iter().collect();
        assert_eq!(fill_missing(&gold(&["a", "b"]), &mut predictions, Some(&mut odds)), 1);
        assert_eq!((predictions.get("b").map(String::as_str), odds.get("b")), (Some(""), Some(&4.5)));
    }
}

//! Short passages about real things, written for this program, with questions to try a model on.

use crate::squad::Dataset;

/// Name under which messages speak of them.
const NAME: &str = "passages.json";
const JSON: &str = include_str!("../../../assets/demo/passages.json");

/// The passages as a data set, one an article; unlike the rest of the demonstration they are not generated, and its models
/// have never seen them.
///
/// # Errors
/// Never in a program whose tests have passed.
pub fn passages() -> Result<Dataset, crate::squad::SquadError> {
    Dataset::from_json(JSON, NAME)
}

#[cfg(test)]
mod tests {
    use super::passages;

    #[test]
    fn every_passage_has_questions_with_and_without_an_answer() {
        let dataset = passages().unwrap();
        dataset.validate().unwrap();
        assert!(dataset.warnings.is_empty(), "{:?}", dataset.warnings);
        assert!((12..=20).contains(&dataset.articles.len()));
        for article in &dataset.articles {
            let paragraph = &article.paragraphs[0];
            let without = paragraph.questions.iter().filter(|question| question.answers.is_empty()).count();
            assert!(without >= 1 && without + 2 <= paragraph.questions.len(), "{}", article.title);
            let words = paragraph.context.split(' ').count();
            assert!((70..130).contains(&words), "{}: {words}", article.title);
        }
    }
}

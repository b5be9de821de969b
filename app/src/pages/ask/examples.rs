//! Passages with questions to try a model on without looking for a text.

use spanbert_core::{demo, squad::Dataset};

/// A passage and a question about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) passage: String,
    pub(super) question: String,
    /// Whether the passage answers it.
    pub(super) answerable: bool,
}

/// Questions of the demonstration's development set, which its model has not learnt: one a passage, every fourth without an
/// answer.
pub(super) fn samples() -> Vec<Sample> {
    let Some(Ok(json)) = demo::built_in(demo::DEV_NAME) else { return Vec::new() };
    let Ok(dataset) = Dataset::from_json(&json, demo::DEV_NAME) else { return Vec::new() };
    let mut samples: Vec<Sample> = Vec::new();
    for paragraph in dataset.articles.iter().flat_map(|article| &article.paragraphs) {
        let wanted = samples.len() % 4 != 3;
        let found = paragraph.questions.iter().find(|question| question.answers.is_empty() != wanted);
        let Some(question) = found else { continue };
        samples.push(Sample {
            passage: paragraph.context.clone(),
            question: question.question.clone(),
            answerable: wanted,
        });
        if samples.len() == 6 {
            break;
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::samples;

    #[test]
    fn samples_have_answers_and_one_has_none() {
        let samples = samples();
        assert_eq!(samples.len(), 6);
        assert_eq!(samples.iter().filter(|sample| !sample.answerable).count(), 1);
        assert!(samples.iter().all(|sample| !sample.passage.is_empty() && sample.question.ends_with('?')));
    }
}

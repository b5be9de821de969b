//! `max_train_samples`: the first questions of a data set.

use crate::squad::Dataset;

/// The first `most` questions in the file's order, with their passages; what comes after them is gone.
pub(super) fn first_questions(mut dataset: Dataset, most: usize) -> Dataset {
    let mut left = most;
    for article in &mut dataset.articles {
        for paragraph in &mut article.paragraphs {
            paragraph.questions.truncate(left);
            left -= paragraph.questions.len();
        }
        // Paragraphs without questions stay where others follow: places are told by index.
        while article.paragraphs.last().is_some_and(|last| last.questions.is_empty()) {
            article.paragraphs.pop();
        }
    }
    while dataset.articles.last().is_some_and(|last| last.paragraphs.is_empty()) {
        dataset.articles.pop();
    }
    dataset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_taken_in_the_file_s_order_across_paragraphs_and_articles() {
        let question = |id: &str| {
            format!(r#"{{"id":"{id}","question":"who?","answers":[{{"text":"a","answer_start":0}}]}}"#)
        };
        let paragraph = |ids: &[&str]| {
            let questions: Vec<String> = ids.iter().map(|id| question(id)).collect();
            format!(r#"{{"context":"a b","qas":[{}]}}"#, questions.join(","))
        };
        let json = format!(
            r#"{{"data":[{{"title":"1","paragraphs":[{},{}]}},{{"title":"2","paragraphs":[{}]}}]}}"#,
            paragraph(&["p", "q"]),
            paragraph(&["r", "s"]),
            paragraph(&["t"])
        );
        let dataset = Dataset::from_json(&json, "few.json").unwrap();
        let ids = |most| -> Vec<String> {
            let paragraphs = first_questions(dataset.clone(), most).articles.into_iter();
            let questions =
                paragraphs.flat_map(|article| article.paragraphs).flat_map(|found| found.questions);
            questions.map(|question| question.id.clone()).collect()
        };
        assert_eq!(ids(1), ["p"]);
        assert_eq!(ids(3), ["p", "q", "r"]);
        assert_eq!((ids(5).len(), ids(99).len()), (5, 5));
        // What stands before the last question keeps its place.
        let gaps = format!(
            r#"{{"data":[{{"paragraphs":[]}},{{"paragraphs":[{},{},{}]}},{{"paragraphs":[{}]}}]}}"#,
            paragraph(&[]),
            paragraph(&["p"]),
            paragraph(&[]),
            paragraph(&["q"])
        );
        let gaps = first_questions(Dataset::from_json(&gaps, "gaps.json").unwrap(), 1);
        assert_eq!((gaps.articles.len(), gaps.articles[1].paragraphs.len()), (2, 2));
        let place = gaps.place(1, 1, 0).to_string();
        assert_eq!(place, "data[1].paragraphs[1].qas[0] (question \"p\")");
        assert_eq!(first_questions(dataset.clone(), 2).counts().paragraphs, 1);
        assert_eq!(first_questions(dataset, 3).counts().articles, 1);
    }
}

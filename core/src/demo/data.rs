//! The demonstration's data sets, in SQuAD's form.

use super::{
    AnswerSpan,
    generate::{GeneratedPassage, GeneratedQuestion, GeneratorOptions, generate},
    world::Split,
};
use crate::squad::{Answer, Article, Paragraph, Question};

/// The training set: 60,000 questions about 10,000 passages, as many as a demonstration has time for.
pub const TRAIN: GeneratorOptions =
    GeneratorOptions { passages: 10_000, questions_per_passage: 6, split: Split::Train, seed: 1 };
/// The dev set: 900 questions about 150 passages, with other names.
pub const DEV: GeneratorOptions =
    GeneratorOptions { passages: 150, questions_per_passage: 6, split: Split::Dev, seed: 2 };
/// Passages in an article.
const PASSAGES_PER_ARTICLE: usize = 25;
/// Name under which the training set goes in run folders.
pub const TRAIN_NAME: &str = "demo train";
/// Name under which the dev set goes in run folders.
pub const DEV_NAME: &str = "demo dev";

/// The data set of this name as a SQuAD file, if it is one of the demo's.
#[must_use]
pub fn built_in(name: &str) -> Option<serde_json::Result<String>> {
    match name {
        TRAIN_NAME => Some(squad_json("train", &TRAIN)),
        DEV_NAME => Some(squad_json("dev", &DEV)),
        _ => None,
    }
}

/// A generated data set as SQuAD 2.0 JSON; `name` begins the questions' ids.
///
/// # Errors
/// Never in practice: texts and numbers always serialise.
pub fn squad_json(name: &str, options: &GeneratorOptions) -> serde_json::Result<String> {
    let file = serde_json::json!({ "version": "v2.0", "data": articles(name, options) });
    serde_json::to_string(&file)
}

fn articles(name: &str, options: &GeneratorOptions) -> Vec<Article> {
    generate(options)
        .chunks(PASSAGES_PER_ARTICLE)
        .enumerate()
        .map(|(article, passages)| Article {
            title: format!("Chronicle of the islands, volume {}", article + 1),
            paragraphs: passages
                .iter()
                .enumerate()
                .map(|(index, passage)| {
                    let number = article * PASSAGES_PER_ARTICLE + index;
                    paragraph(name, options.split, number, passage)
                })
                .collect(),
        })
        .collect()
}

fn paragraph(name: &str, split: Split, passage_index: usize, passage: &GeneratedPassage) -> Paragraph {
    // Like SQuAD's: one answer to learn from, all that are right to be judged by.
    let answers = if split == Split::Train { 1 } else { usize::MAX };
    let question = |(index, generated): (usize, &GeneratedQuestion)| {
        let answer = |span: &AnswerSpan| Answer { text: span.text.clone(), answer_start: Some(span.start) };
        Question {
            id: format!("{name}-{passage_index:04}-{index}"),
            question: generated.question.clone(),
            answers: generated.answers.iter().take(answers).map(answer).collect(),
            plausible_answers: generated.plausible.iter().map(answer).collect(),
            is_impossible: Some(generated.answers.is_empty()),
        }
    };
    Paragraph {
        context: passage.context.clone(),
        questions: passage.questions.iter().enumerate().map(question).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::squad::Dataset;

    fn dataset(name: &str, options: &GeneratorOptions) -> Dataset {
        Dataset::from_json(&squad_json(name, options).unwrap(), name).unwrap()
    }

    #[test]
    fn both_sets_are_faultless_squad() {
        for (name, options, questions) in [("train", TRAIN, 60_000), ("dev", DEV, 900)] {
            let dataset = dataset(name, &options);
            dataset.validate().unwrap();
            assert!(dataset.warnings.is_empty(), "{:?}", dataset.warnings.first());
            let counts = dataset.counts();
            assert_eq!((counts.questions, counts.unanswerable), (questions, questions / 3), "{name}");
        }
    }

    #[test]
    fn the_data_never_change() {
        let known = [
            ("dev", DEV, "87a6fc14f86f24df8244c3226525d6667f556a5e40355c85682a14343dee6700"),
            ("train", TRAIN, "e16fd3ab468d310bed753ed624289e897c786123032aeaca3208ce20800dcd38"),
        ];
        for (name, options, hash) in known {
            let text = squad_json(name, &options).unwrap();
            assert_eq!(
                crate::hash::sha256_hex(text.as_bytes()),
                hash,
                "results of the demo were measured with another {name} set"
            );
        }
    }
}

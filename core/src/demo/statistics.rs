//! What the generated data consists of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    facts::Style,
    generate::{GeneratedPassage, GeneratorOptions, generate},
    world::has_unseen_head,
};
use crate::squad::QuestionWord;

/// Both sets, and what they share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// The training set.
    pub train: SetStatistics,
    /// The dev set.
    pub dev: SetStatistics,
    /// People, places and things that occur in both.
    pub shared_entities: usize,
    /// Passages that occur in both.
    pub shared_passages: usize,
    /// Share of the dev set's entities with a word whose beginning no name of the training set has.
    pub entities_with_unseen_parts: f64,
}

/// One set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetStatistics {
    /// Passages.
    pub passages: usize,
    /// Words of a passage on average.
    pub words_per_passage: f64,
    /// Questions.
    pub questions: usize,
    /// Questions without an answer.
    pub unanswerable: usize,
    /// Of those, how many have a plausible answer.
    pub with_plausible_answer: usize,
    /// Unanswerable questions by the way they were made.
    pub styles: BTreeMap<&'static str, usize>,
    /// Questions by question word.
    pub question_words: BTreeMap<QuestionWord, usize>,
    /// Different forms of sentences, names and values left out.
    pub sentence_forms: usize,
    /// Different forms of questions, names and values left out.
    pub question_forms: usize,
    /// Different people, places and things.
    pub entities: usize,
}

impl Statistics {
    /// Generates both sets and counts.
    #[must_use]
    pub fn of(train: &GeneratorOptions, dev: &GeneratorOptions) -> Self {
        let (train, dev) = (generate(train), generate(dev));
        let (known, asked) = (entities(&train), entities(&dev));
        let texts: BTreeSet<&str> = train.iter().map(|passage| passage.context.as_str()).collect();
        let unseen = asked.iter().filter(|name| name.split(' ').any(has_unseen_head));
        Self {
            shared_entities: known.intersection(&asked).count(),
            shared_passages: dev.iter().filter(|passage| texts.contains(passage.context.as_str())).count(),
            entities_with_unseen_parts: share(unseen.count(), asked.len()),
            train: SetStatistics::of(&train),
            dev: SetStatistics::of(&dev),
        }
    }
}

impl SetStatistics {
    fn of(passages: &[GeneratedPassage]) -> Self {
        let questions = || passages.iter().flat_map(|passage| &passage.questions);
        let (mut styles, mut question_words) = (BTreeMap::new(), BTreeMap::new());
        for question in questions() {
            if let Some(style) = question.style {
                *styles.entry(Style::name(style)).or_insert(0) += 1;
            }
            *question_words.entry(QuestionWord::of(&question.question)).or_insert(0) += 1;
        }
        let words = passages.iter().map(|passage| passage.context.split(' ').count()).sum();
        let sentence_forms: BTreeSet<&String> = passages.iter().flat_map(|passage| &passage.forms).collect();
        let question_forms: BTreeSet<&String> = questions().map(|question| &question.form).collect();
        Self {
            passages: passages.len(),
            words_per_passage: share(words, passages.len()),
            questions: questions().count(),
            unanswerable: styles.values().sum(),
            with_plausible_answer: questions().filter(|question| question.plausible.is_some()).count(),
            styles,
            question_words,
            sentence_forms: sentence_forms.len(),
            question_forms: question_forms.len(),
            entities: entities(passages).len(),
        }
    }
}

fn entities(passages: &[GeneratedPassage]) -> BTreeSet<&str> {
    passages.iter().flat_map(|passage| &passage.entities).map(String::as_str).collect()
}

#[allow(clippy::cast_precision_loss, reason = "counts of words and names")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{
        super::{DEV, TRAIN},
        *,
    };

    #[test]
    fn the_sets_share_nothing_and_have_everything() {
        let statistics = Statistics::of(&TRAIN, &DEV);
        assert_eq!(statistics.shared_entities, 0);
        assert_eq!(statistics.shared_passages, 0);
        assert!(statistics.entities_with_unseen_parts > 0.05, "{statistics:?}");
        for set in [&statistics.train, &statistics.dev] {
            assert_eq!(set.unanswerable * 3, set.questions);
            for word in QuestionWord::ALL.into_iter().filter(|word| *word != QuestionWord::Other) {
                assert!(set.question_words.get(&word) > Some(&(set.questions / 150)), "{word:?}: {set:?}");
            }
            assert_eq!(set.question_words.get(&QuestionWord::Other), None);
            assert_eq!(set.styles.len(), Style::ALL.len());
        }
        assert!(statistics.train.sentence_forms > 1000, "{statistics:?}");
        assert!(statistics.train.question_forms > 450, "{statistics:?}");
    }

    #[test]
    fn what_is_shared_is_found() {
        let statistics = Statistics::of(&DEV, &DEV);
        assert_eq!(statistics.shared_passages, DEV.passages);
        assert_eq!(statistics.shared_entities, statistics.dev.entities);
    }
}

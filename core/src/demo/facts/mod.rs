//! What can be said in the demo's world, how it is said, and what can be asked about it.
//!
//! Texts are templates: `{n}` is slot `n` of the relation, `[a|b|]` one of the alternatives.

mod people;
mod places;
mod ships;
mod work;

use super::world::Kind;

/// A way to ask about a relation.
#[derive(Debug)]
pub struct QuestionForm {
    /// The question's template; the slots that occur in it identify the fact.
    pub text: &'static str,
    /// The slot that holds the answer.
    pub answer: usize,
}

/// How a question is made unanswerable: the styles of SQuAD 2.0 (Rajpurkar et al., 2018, table 1) that a grammar can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Style {
    /// A person, village, ship, number or thing in the question is replaced.
    EntitySwap,
    /// A negation is put in or taken out.
    Negation,
    /// A word is replaced by one that means the opposite or something else.
    Antonym,
    /// The passage does not tell this about somebody it tells of.
    AbsentAttribute,
}

impl Style {
    /// All styles.
    pub const ALL: [Self; 4] = [Self::EntitySwap, Self::Negation, Self::Antonym, Self::AbsentAttribute];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EntitySwap => "entity swap",
            Self::Negation => "negation",
            Self::Antonym => "antonym",
            Self::AbsentAttribute => "absent attribute",
        }
    }
}

/// A question that no fact of the relation answers.
#[derive(Debug)]
pub struct Trap {
    /// The question's template.
    pub text: &'static str,
    /// What a careless reader answers.
    pub plausible: Kind,
    /// Why there is no answer.
    pub style: Style,
}

/// A kind of fact.
#[derive(Debug)]
pub struct Relation {
    /// Relations of the same topic are not told together: a question about one might be answered by another.
    pub topic: &'static str,
    /// What the slots hold.
    pub slots: &'static [Kind],
    /// Whether slots of the same kind mean different things, as the two ends of a voyage do.
    pub directed: bool,
    /// Ways to say it, each with every slot.
    pub sentences: &'static [&'static str],
    /// Ways to ask about it.
    pub questions: &'static [QuestionForm],
    /// Questions nothing answers.
    pub traps: &'static [Trap],
}

const fn ask(text: &'static str, answer: usize) -> QuestionForm {
    QuestionForm { text, answer }
}

const fn negated(text: &'static str, plausible: Kind) -> Trap {
    Trap { text, plausible, style: Style::Negation }
}

const fn opposite(text: &'static str, plausible: Kind) -> Trap {
    Trap { text, plausible, style: Style::Antonym }
}

const fn absent(text: &'static str, plausible: Kind) -> Trap {
    Trap { text, plausible, style: Style::AbsentAttribute }
}

/// Everything that happens on the islands.
const RELATIONS: [&[Relation]; 4] = [people::RELATIONS, work::RELATIONS, places::RELATIONS, ships::RELATIONS];

/// All relations, through all groups.
pub fn relations() -> impl Iterator<Item = &'static Relation> {
    RELATIONS.into_iter().flatten()
}

/// What a sentence that begins with a name or an article may be introduced by.
pub const OPENERS: &[&str] = &[
    "According to the chronicle, ",
    "As the old people tell it, ",
    "The records say that ",
    "It is known that ",
    "To everyone's surprise, ",
    "Letters from that time show that ",
];

/// What joins two sentences, the second of which begins with a name or an article.
pub const JOINTS: &[&str] = &[", and ", ", while ", "; ", ", whereas "];

/// Sentences that say nothing one can ask about.
pub const FILLERS: &[&str] = &[
    "The winters are long there.",
    "Everyone on the islands knows the story.",
    "It rained for most of that month.",
    "The harvest was good that year.",
    "Few people remember it now.",
    "The wind never rests on this coast.",
    "Nobody had expected it.",
    "The news took weeks to reach the other islands.",
    "Some say that it was a matter of luck.",
    "There had been a quarrel about it before.",
    "A song is still sung about those days.",
    "Most of the papers were lost in a fire.",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Slots of a template.
    fn slots(text: &str) -> BTreeSet<usize> {
        text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn every_sentence_says_everything_and_every_question_can_be_asked() {
        for relation in relations() {
            let all: BTreeSet<usize> = (0..relation.slots.len()).collect();
            for sentence in relation.sentences {
                assert_eq!(slots(sentence), all, "{sentence}");
                assert!(sentence.ends_with('.'), "{sentence}");
            }
            for question in relation.questions {
                let mentioned = slots(question.text);
                assert!(mentioned.is_subset(&all) && !mentioned.is_empty(), "{}", question.text);
                assert!(all.contains(&question.answer), "{}", question.text);
                assert!(!mentioned.contains(&question.answer), "{}", question.text);
                assert!(question.text.ends_with('?'), "{}", question.text);
            }
            for trap in relation.traps {
                assert!(slots(trap.text).is_subset(&all) && !slots(trap.text).is_empty(), "{}", trap.text);
            }
            let styles: BTreeSet<Style> = relation.traps.iter().map(|trap| trap.style).collect();
            assert!(styles.len() >= 2, "{}", relation.topic);
        }
    }

    #[test]
    fn every_slot_is_asked_for() {
        for relation in relations() {
            let asked: BTreeSet<usize> = relation.questions.iter().map(|question| question.answer).collect();
            // The two ends of a distance cannot be told apart.
            assert!(asked.len() + 2 >= relation.slots.len(), "{}: {asked:?}", relation.topic);
        }
    }
}

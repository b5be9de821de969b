//! The demo's data set: passages about an invented world with questions, a third of them without an answer.

use std::collections::BTreeSet;

use super::{
    facts::{QuestionForm, Style, Trap},
    tell::{AnswerSpan, Fact, Told, surname, tell},
    template::{choose_form, fill, mentioned},
    world::{Kind, Split},
};
use crate::random::SplitMix;

/// How much to make, and of which names.
#[derive(Clone, Copy, Debug)]
pub struct GeneratorOptions {
    /// Number of passages.
    pub passages: usize,
    /// Questions asked about each passage.
    pub questions_per_passage: usize,
    /// Whose names are used.
    pub split: Split,
    /// Determines everything.
    pub seed: u64,
}

/// One question about a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedQuestion {
    /// The question.
    pub question: String,
    /// Its form, slots unfilled.
    pub form: String,
    /// What is right, the full name first; empty if the passage does not say.
    pub answers: Vec<AnswerSpan>,
    /// What a careless reader would answer to an unanswerable question, if there is such a thing.
    pub plausible: Option<AnswerSpan>,
    /// How it was made unanswerable.
    pub style: Option<Style>,
}

/// A passage and its questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedPassage {
    /// The text.
    pub context: String,
    /// The questions.
    pub questions: Vec<GeneratedQuestion>,
    /// The forms of its sentences, slots unfilled.
    pub forms: Vec<String>,
    /// The people, places and things it is about.
    pub entities: BTreeSet<String>,
}

/// Facts stated in one passage.
const FACTS: std::ops::Range<usize> = 3..4;

/// Makes the passages. The same options give the same passages, byte for byte, everywhere.
#[must_use]
pub fn generate(options: &GeneratorOptions) -> Vec<GeneratedPassage> {
    let mut random = SplitMix::new(options.seed);
    (0..options.passages).map(|_| passage(&mut random, options)).collect()
}

fn passage(random: &mut SplitMix, options: &GeneratorOptions) -> GeneratedPassage {
    let count = FACTS.start + random.below(FACTS.len());
    let told = tell(random, options.split, count);
    let mut asked = BTreeSet::new();
    let mut questions = Vec::new();
    let mut tries = 0;
    while questions.len() < options.questions_per_passage && tries < 1000 {
        tries += 1;
        let question = match questions.len() % 6 {
            2 => swapped(random, &told, options.split),
            5 => trapped(random, &told),
            _ => answerable(random, &told),
        };
        if let Some(question) = question
            && asked.insert(question.question.clone())
        {
            questions.push(question);
        }
    }
    let entities = told.facts.iter().flat_map(|fact| {
        let named = fact.relation.slots.iter().zip(&fact.values).filter(|(kind, _)| kind.is_entity());
        named.map(|(_, value)| value.clone())
    });
    GeneratedPassage { questions, entities: entities.collect(), context: told.text, forms: told.forms }
}

/// The question of this form about these values; islanders are sometimes called by their surname.
fn write_question(random: &mut SplitMix, fact: &Fact, form: &str, values: &[String]) -> String {
    let written = fact.relation.slots.iter().zip(values).map(|(kind, value)| {
        if *kind == Kind::Person && random.below(4) == 0 { surname(value).to_owned() } else { value.clone() }
    });
    let mut question = String::new();
    fill(form, &written.collect::<Vec<_>>(), &mut question);
    question
}

/// How many facts agree with these values in the slots a question mentions.
fn agreeing(told: &Told, fact: &Fact, values: &[String], slots: &BTreeSet<usize>) -> usize {
    let agrees = |other: &&Fact| {
        other.is_of(fact.relation) && slots.iter().all(|&slot| other.values[slot] == values[slot])
    };
    told.facts.iter().filter(agrees).count()
}

/// A question about a fact that only this fact answers.
pub(super) fn answerable(random: &mut SplitMix, told: &Told) -> Option<GeneratedQuestion> {
    let fact = random.choose(&told.facts);
    let asked: &QuestionForm = random.choose(fact.relation.questions);
    let form = choose_form(asked.text, random);
    if agreeing(told, fact, &fact.values, &mentioned(&form)) != 1 {
        return None;
    }
    let question = write_question(random, fact, &form, &fact.values);
    let mut answers = vec![fact.span(asked.answer)];
    answers.extend(fact.surname.clone().filter(|_| asked.answer == 0));
    Some(GeneratedQuestion { question, form, answers, plausible: None, style: None })
}

/// Asks a stated relation about someone or something it is not stated of.
fn swapped(random: &mut SplitMix, told: &Told, split: Split) -> Option<GeneratedQuestion> {
    let fact = random.choose(&told.facts);
    let asked: &QuestionForm = random.choose(fact.relation.questions);
    let form = choose_form(asked.text, random);
    let slots = mentioned(&form);
    let slot = *random.choose(&slots.iter().copied().collect::<Vec<_>>());
    let kind = fact.relation.slots[slot];
    let may_be = |value: &&String| {
        // The other end of a voyage is not its destination; the other half of a couple is married as well.
        let elsewhere = fact.relation.directed || !fact.values.contains(value);
        // One who does the same thing with somebody else must be told from the others by the rest of the question.
        let said = slots.len() == 1
            && !fact.relation.directed
            && told.facts.iter().any(|other| other.is_of(fact.relation) && other.values.contains(value));
        **value != fact.values[slot] && elsewhere && !said
    };
    let present: Vec<&String> = told.of_kind(kind).filter(may_be).collect();
    let stranger = if random.below(2) == 0 && !present.is_empty() {
        (*random.choose(&present)).clone()
    } else {
        let value = kind.draw(random, split);
        if !told.is_strange(kind, &value) {
            return None;
        }
        value
    };
    let mut values = fact.values.clone();
    values[slot] = stranger;
    if agreeing(told, fact, &values, &slots) > 0 {
        return None;
    }
    let question = write_question(random, fact, &form, &values);
    let plausible = Some(fact.span(asked.answer)).filter(|span| !question.contains(&span.text));
    Some(GeneratedQuestion { question, form, answers: Vec::new(), plausible, style: Some(Style::EntitySwap) })
}

/// A question of the relation's own that nothing answers.
fn trapped(random: &mut SplitMix, told: &Told) -> Option<GeneratedQuestion> {
    let fact = random.choose(&told.facts);
    let trap: &Trap = random.choose(fact.relation.traps);
    let alike = told.facts.iter().filter(|other| other.is_of(fact.relation)).count();
    if trap.style == Style::Negation && alike > 1 {
        // Who was not born here? The one of whom it is said that he was born elsewhere.
        return None;
    }
    let form = choose_form(trap.text, random);
    let question = write_question(random, fact, &form, &fact.values);
    let of_kind = |fact: &Fact| -> Vec<AnswerSpan> {
        let slots = fact.relation.slots.iter().enumerate().filter(|(_, kind)| **kind == trap.plausible);
        slots
            .map(|(slot, _)| fact.span(slot))
            .filter(|span| !question.contains(surname(&span.text)))
            .collect()
    };
    let mut candidates = of_kind(fact);
    if candidates.is_empty() {
        candidates = told.facts.iter().flat_map(of_kind).collect();
    }
    let plausible = if candidates.is_empty() { None } else { Some(random.choose(&candidates).clone()) };
    Some(GeneratedQuestion { question, form, answers: Vec::new(), plausible, style: Some(trap.style) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: GeneratorOptions =
        GeneratorOptions { passages: 400, questions_per_passage: 6, split: Split::Train, seed: 3 };

    #[test]
    fn answers_stand_where_they_are_said_to() {
        for passage in generate(&OPTIONS) {
            assert!(passage.context.is_ascii());
            for question in &passage.questions {
                assert!(!question.question.contains(['{', '[', '|']), "{}", question.question);
                assert_eq!(question.answers.is_empty(), question.style.is_some(), "{question:?}");
                for span in question.answers.iter().chain(&question.plausible) {
                    assert_eq!(passage.context[span.start..][..span.text.len()], span.text, "{question:?}");
                }
            }
        }
    }

    #[test]
    fn a_third_has_no_answer_and_most_of_those_a_plausible_one() {
        let passages = generate(&OPTIONS);
        let questions: Vec<_> = passages.iter().flat_map(|passage| &passage.questions).collect();
        assert_eq!(questions.len(), 2400);
        let without: Vec<_> = questions.iter().filter(|question| question.answers.is_empty()).collect();
        assert_eq!(without.len(), 800);
        assert!(without.iter().filter(|question| question.plausible.is_some()).count() > 600);
        for style in Style::ALL {
            let count = without.iter().filter(|question| question.style == Some(style)).count();
            assert!(count > 40, "{style:?}: {count}");
        }
    }

    #[test]
    fn nobody_is_called_by_a_pronoun_before_the_name_is_said() {
        for passage in generate(&OPTIONS) {
            let first = passage.context.split_whitespace().next().unwrap();
            assert!(!["He", "She"].contains(&first), "{}", passage.context);
            for question in &passage.questions {
                // A golden answer is a name, never a pronoun.
                assert!(
                    question
                        .answers
                        .iter()
                        .all(|answer| !["He", "She", "he", "she"].contains(&answer.text.as_str()))
                );
            }
        }
    }

    #[test]
    fn sentences_begin_with_capitals_and_end_once() {
        for passage in generate(&OPTIONS) {
            assert!(passage.context.ends_with('.') && !passage.context.contains(".."), "{}", passage.context);
            assert!(!passage.context.contains(['{', '[', '|']) && !passage.context.contains("  "));
            for sentence in passage.context.split(". ") {
                assert!(!sentence.starts_with(char::is_lowercase), "{}", passage.context);
            }
        }
    }
}

//! The demo's data set: passages about an invented world with questions, a third of them without an answer.

use std::collections::BTreeSet;

use super::{
    facts::{FILLERS, QuestionForm, RELATIONS, Relation},
    random::SplitMix,
    world::{Kind, Split},
};

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

/// A piece of the passage's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerSpan {
    /// The text.
    pub text: String,
    /// Where it starts in the passage, in code points (the text is ASCII, so also in bytes).
    pub start: usize,
}

/// One question about a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedQuestion {
    /// The question.
    pub question: String,
    /// Its answer; `None` if the passage does not say.
    pub answer: Option<AnswerSpan>,
    /// What a careless reader would answer to an unanswerable question, if there is such a thing.
    pub plausible: Option<AnswerSpan>,
}

/// A passage and its questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedPassage {
    /// The text.
    pub context: String,
    /// The questions.
    pub questions: Vec<GeneratedQuestion>,
}

/// A stated fact: a relation with values, and where each value stands in the passage.
struct Fact {
    relation: &'static Relation,
    values: Vec<String>,
    starts: Vec<usize>,
}

/// Facts stated in one passage.
const FACTS_PER_PASSAGE: std::ops::Range<usize> = 3..5;

/// Makes the passages. The same options give the same passages, byte for byte, everywhere.
#[must_use]
pub fn generate(options: &GeneratorOptions) -> Vec<GeneratedPassage> {
    let mut random = SplitMix::new(options.seed);
    (0..options.passages).map(|_| passage(&mut random, options)).collect()
}

fn passage(random: &mut SplitMix, options: &GeneratorOptions) -> GeneratedPassage {
    let (context, facts) = tell(random, options.split);
    let mut asked = BTreeSet::new();
    let mut questions = Vec::new();
    let mut tries = 0;
    while questions.len() < options.questions_per_passage && tries < 200 {
        tries += 1;
        let wants_answer = questions.len() % 3 != 2;
        let question = if wants_answer {
            answerable(random, &facts)
        } else {
            unanswerable(random, &facts, options.split)
        };
        if let Some(question) = question
            && asked.insert(question.question.clone())
        {
            questions.push(question);
        }
    }
    GeneratedPassage { context, questions }
}

/// Tells a few facts. No two values of a kind are equal or share their first piece, so that a question names one fact.
fn tell(random: &mut SplitMix, split: Split) -> (String, Vec<Fact>) {
    let count = FACTS_PER_PASSAGE.start + random.below(FACTS_PER_PASSAGE.len());
    let mut used = BTreeSet::new();
    let mut people: Vec<String> = Vec::new();
    let mut context = String::new();
    let mut facts: Vec<Fact> = Vec::new();
    let mut told = BTreeSet::new();
    for index in 0..count {
        // The second fact repeats the first one's relation, so that its words alone do not find the answer.
        let choice =
            if index == 1 { told.iter().next().copied().unwrap_or(0) } else { random.below(RELATIONS.len()) };
        told.insert(choice);
        let relation = &RELATIONS[choice];
        let values: Vec<String> = relation
            .slots
            .iter()
            .map(|&kind| {
                // An islander may do two different things, which only the relation tells apart.
                if kind == Kind::Person
                    && random.below(3) == 0
                    && let Some(person) = people.iter().find(|person| {
                        !facts
                            .iter()
                            .any(|fact| std::ptr::eq(fact.relation, relation) && fact.values.contains(person))
                    })
                {
                    return person.clone();
                }
                let value = fresh(random, kind, split, &mut used);
                if kind == Kind::Person {
                    people.push(value.clone());
                }
                value
            })
            .collect();
        if random.below(6) == 0 {
            append(&mut context, FILLERS[random.below(FILLERS.len())]);
        }
        let template = *random.choose(relation.sentences);
        if !context.is_empty() {
            context.push(' ');
        }
        let starts = fill(template, &values, &mut context);
        facts.push(Fact { relation, values, starts });
    }
    (context, facts)
}

/// A value whose first letters no other value of the passage has.
fn fresh(random: &mut SplitMix, kind: Kind, split: Split, used: &mut BTreeSet<String>) -> String {
    loop {
        let value = kind.draw(random, split);
        let head = match kind {
            Kind::Person | Kind::Place => value.chars().take(2).collect(),
            Kind::Ship => value.split(' ').next().unwrap_or_default().to_owned(),
            _ => value.clone(),
        };
        if used.insert(head) {
            return value;
        }
    }
}

fn append(context: &mut String, sentence: &str) {
    if !context.is_empty() {
        context.push(' ');
    }
    context.push_str(sentence);
}

/// Appends the template with its slots filled; returns where each slot's value starts.
fn fill(template: &str, values: &[String], out: &mut String) -> Vec<usize> {
    let mut starts = vec![0; values.len()];
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (digit, after) = after.split_once('}').unwrap_or(("0", ""));
        let slot: usize = digit.parse().unwrap_or(0);
        starts[slot] = out.len();
        out.push_str(&values[slot]);
        rest = after;
    }
    out.push_str(rest);
    starts
}

fn span(fact: &Fact, slot: usize) -> AnswerSpan {
    AnswerSpan { text: fact.values[slot].clone(), start: fact.starts[slot] }
}

fn answerable(random: &mut SplitMix, facts: &[Fact]) -> Option<GeneratedQuestion> {
    let fact = random.choose(facts);
    let form = random.choose(fact.relation.questions);
    let mut question = String::new();
    fill(form.text, &fact.values, &mut question);
    Some(GeneratedQuestion { question, answer: Some(span(fact, form.answer)), plausible: None })
}

/// Asks a stated relation about someone or something it is not stated of.
fn unanswerable(random: &mut SplitMix, facts: &[Fact], split: Split) -> Option<GeneratedQuestion> {
    let fact = random.choose(facts);
    let form = random.choose(fact.relation.questions);
    let kind = fact.relation.slots[form.key];
    // Half of the time someone who is in the passage, but of whom this is not said.
    let elsewhere: Vec<&String> = facts
        .iter()
        .filter(|other| !std::ptr::eq(other.relation, fact.relation))
        .flat_map(|other| other.relation.slots.iter().zip(&other.values))
        .filter(|(other_kind, _)| **other_kind == kind)
        .map(|(_, value)| value)
        .collect();
    let stranger = if random.below(2) == 0 && !elsewhere.is_empty() {
        (*random.choose(&elsewhere)).clone()
    } else {
        kind.draw(random, split)
    };
    if said_of(facts, fact.relation, form, &stranger) {
        return None;
    }
    let mut values = fact.values.clone();
    values[form.key] = stranger;
    let mut question = String::new();
    fill(form.text, &values, &mut question);
    Some(GeneratedQuestion { question, answer: None, plausible: Some(span(fact, form.answer)) })
}

/// Whether the relation is stated of this value, which would make the question answerable or unclear.
fn said_of(facts: &[Fact], relation: &Relation, form: &QuestionForm, value: &String) -> bool {
    facts.iter().any(|fact| std::ptr::eq(fact.relation, relation) && &fact.values[form.key] == value)
}

//! A passage about a few facts: who they are about, and how they are told.

use std::collections::BTreeSet;

use super::{
    facts::{FILLERS, JOINTS, OPENERS, Relation, relations},
    template::{choose_form, fill},
    world::{Kind, Split, pronoun},
};
use crate::random::SplitMix;

/// A piece of the passage's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerSpan {
    /// The text.
    pub text: String,
    /// Where it starts in the passage, in code points (the text is ASCII, so also in bytes).
    pub start: usize,
}

/// A stated fact: a relation with values, and where each value stands in the passage.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) relation: &'static Relation,
    pub(super) values: Vec<String>,
    /// Where each value stands; of an islander who is only called "she" or by the surname here, the last full name.
    pub(super) starts: Vec<usize>,
    /// The surname that stands for the first value here.
    pub(super) surname: Option<AnswerSpan>,
}

impl Fact {
    /// Where a slot's value stands.
    pub(super) fn span(&self, slot: usize) -> AnswerSpan {
        AnswerSpan { text: self.values[slot].clone(), start: self.starts[slot] }
    }

    pub(super) fn is_of(&self, relation: &Relation) -> bool {
        std::ptr::eq(self.relation, relation)
    }
}

/// A passage as it is told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) facts: Vec<Fact>,
    /// Every form of a sentence, slots unfilled.
    pub(super) forms: Vec<String>,
    /// Beginnings of names, and whole values, that are taken.
    used: BTreeSet<String>,
    /// Whether another sentence may be joined to the last one.
    open: bool,
}

/// Tells so many facts.
pub(super) fn tell(random: &mut SplitMix, split: Split, count: usize) -> Told {
    let mut told = Told::default();
    let mut chosen: Vec<usize> = Vec::new();
    while told.facts.len() < count {
        // The second fact repeats the first one's relation, so that its words alone do not find the answer.
        let number = if chosen.len() == 1 { chosen[0] } else { random.below(relations().count()) };
        let Some(next) = relations().nth(number) else { break };
        if told.facts.iter().any(|fact| fact.relation.topic == next.topic && !fact.is_of(next)) {
            continue;
        }
        chosen.push(number);
        let values = told.values(random, next, split);
        if random.below(6) == 0 && !told.text.is_empty() {
            told.filler(random);
        }
        told.state(random, next, values);
    }
    told
}

impl Told {
    fn values(&mut self, random: &mut SplitMix, relation: &Relation, split: Split) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for (slot, &kind) in relation.slots.iter().enumerate() {
            let again = match kind {
                Kind::Person if slot == 0 => random.below(5) < 2,
                Kind::Person => random.below(5) == 0,
                Kind::Place | Kind::Ship => random.below(3) == 0,
                _ => false,
            };
            let known = if again { self.known(random, relation, kind, slot, &values) } else { None };
            let value = known.unwrap_or_else(|| self.fresh(random, kind, split));
            values.push(value);
        }
        values
    }

    /// Somebody or some place the passage has spoken of: an islander may do two things, which only the relation tells apart.
    fn known(
        &self,
        random: &mut SplitMix,
        relation: &Relation,
        kind: Kind,
        slot: usize,
        taken: &[String],
    ) -> Option<String> {
        let fits = |value: &&String| {
            // Two founders of one village would contradict each other.
            let repeated = !(kind == Kind::Place && relation.directed)
                && self.facts.iter().any(|fact| fact.is_of(relation) && fact.values.contains(value));
            !repeated && !taken.contains(value)
        };
        let candidates: Vec<&String> = self.of_kind(kind).filter(fits).collect();
        if slot == 0 && kind == Kind::Person {
            // Mostly the one the last sentence was about.
            return candidates.last().map(|value| (*value).clone());
        }
        if candidates.is_empty() { None } else { Some((*random.choose(&candidates)).clone()) }
    }

    /// Every value of a kind, in the order of the passage.
    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &String> {
        self.facts
            .iter()
            .flat_map(|fact| fact.relation.slots.iter().zip(&fact.values))
            .filter(move |(of, _)| **of == kind)
            .map(|(_, value)| value)
    }

    /// A value none of whose words begins like a word of another value: a name is told from others by its first piece.
    fn fresh(&mut self, random: &mut SplitMix, kind: Kind, split: Split) -> String {
        loop {
            let value = kind.draw(random, split);
            let beginnings = beginnings(kind, &value);
            if beginnings.iter().all(|beginning| !self.used.contains(beginning)) {
                self.used.extend(beginnings);
                return value;
            }
        }
    }

    /// Whether a value looks like nothing in the passage.
    pub(super) fn is_strange(&self, kind: Kind, value: &str) -> bool {
        beginnings(kind, value).iter().all(|beginning| !self.used.contains(beginning))
    }

    fn filler(&mut self, random: &mut SplitMix) {
        let filler = *random.choose(FILLERS);
        self.text.push(' ');
        self.text.push_str(filler);
        self.open = false;
    }

    fn state(&mut self, random: &mut SplitMix, relation: &'static Relation, values: Vec<String>) {
        let sentence = *random.choose(relation.sentences);
        let form = choose_form(sentence, random);
        let plain = form.starts_with('{') || form.starts_with("The ");
        let joint = (self.open && plain && random.below(6) == 0).then(|| *random.choose(JOINTS));
        let (call, antecedent) = self.call(random, relation, &form, &values);
        let may_open = plain && joint.is_none() && call == Call::Name;
        let opener = (may_open && random.below(8) == 0).then(|| *random.choose(OPENERS));
        let inside = joint.is_some() || opener.is_some();

        if let Some(joint) = joint {
            // Instead of the full stop.
            self.text.pop();
            self.text.push_str(joint);
        } else if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(opener.unwrap_or_default());
        let mut shown = values.clone();
        match call {
            Call::Name => {}
            Call::Surname => shown[0] = surname(&values[0]).to_owned(),
            Call::Pronoun if inside => shown[0] = pronoun(&values[0]).to_lowercase(),
            Call::Pronoun => shown[0] = pronoun(&values[0]).to_owned(),
        }
        let written = if inside { small_article(&form) } else { form.clone() };
        let mut starts = fill(&written, &shown, &mut self.text);
        let surname =
            (call == Call::Surname).then(|| AnswerSpan { text: shown[0].clone(), start: starts[0] });
        if let Some(antecedent) = antecedent {
            starts[0] = antecedent;
        }
        let earlier =
            joint.and_then(|joint| Some(format!("{}{joint}", self.forms.pop()?.trim_end_matches('.'))));
        let introduction = earlier.unwrap_or_else(|| opener.unwrap_or_default().to_owned());
        self.forms.push(introduction + &form);
        self.facts.push(Fact { relation, values, starts, surname });
        self.open = joint.is_none();
    }

    /// How the subject of a sentence is called, and where its full name stands if it is not by that.
    fn call(
        &self,
        random: &mut SplitMix,
        relation: &Relation,
        form: &str,
        values: &[String],
    ) -> (Call, Option<usize>) {
        if !form.starts_with("{0} ") || relation.slots.first() != Some(&Kind::Person) {
            return (Call::Name, None);
        }
        let people = |fact: &Fact| fact.relation.slots.iter().filter(|kind| **kind == Kind::Person).count();
        let last = self.facts.last().filter(|fact| {
            fact.relation.slots.first() == Some(&Kind::Person) && fact.values.first() == values.first()
        });
        match last {
            // A pronoun is clear only after a sentence about one islander.
            Some(last) if people(last) == 1 && random.below(2) == 0 => (Call::Pronoun, Some(last.starts[0])),
            Some(last) if values[0].contains(' ') && random.below(2) == 0 => {
                (Call::Surname, Some(last.starts[0]))
            }
            _ => (Call::Name, None),
        }
    }
}

/// What a value must not share with others of a passage: of names the first letters of each word, of all else everything.
fn beginnings(kind: Kind, value: &str) -> Vec<String> {
    if !kind.is_entity() {
        return vec![value.to_owned()];
    }
    let words = value.split(' ').filter(|word| word.len() > 3);
    words.map(|word| word.chars().take(3).collect()).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Name,
    Surname,
    Pronoun,
}

/// The last word of a name.
pub(super) fn surname(person: &str) -> &str {
    person.rsplit(' ').next().unwrap_or(person)
}

/// A form as it goes on within a sentence.
pub(super) fn small_article(form: &str) -> String {
    form.strip_prefix("The ").map_or_else(|| form.to_owned(), |rest| format!("the {rest}"))
}

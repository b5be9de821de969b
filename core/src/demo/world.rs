//! The words of the demo's invented world: islanders, villages, ships, what they own and why they do things.
//!
//! Names and phrases are put together from two lists. Training and dev take different combinations, so no entity of the
//! dev set occurs in training. Some names are spelled instead: those of the training set in thousands of ways, those of
//! the dev set with heads that no name of the training set begins with.

use super::{
    template::capital,
    words::{
        ACTS, ANIMALS, BUILDINGS, CAUSE_FIRST, CAUSE_SECOND, CODAS, DISASTERS, FAULT_FIRST, FAULT_SECOND,
        FEAST_FIRST, FEAST_SECOND, FIRST_YEAR, GENRES, GIVEN_TAILS, GOODS, HEADS, LANDMARK_FIRST,
        LANDMARK_SECOND, LARGEST_COUNT, MEANS, MONTHS, NUMBER_WORDS, OFFICES, ONSETS, PLACE_TAILS,
        PURPOSE_FIRST, PURPOSE_SECOND, SHIP_FIRST, SHIP_SECOND, SKILLS, SURNAME_TAILS, THING_FIRST,
        THING_SECOND, TRADES, UNSEEN_HEADS, VOWELS, WORK_FIRST, WORK_SECOND, YEARS,
    },
};
use crate::random::SplitMix;

/// Names of one word that are spelled, their heads being no word pieces: one in so many. Training has more of them than
/// the dev set: they are what takes the most practice.
const fn rare_every(split: Split) -> usize {
    match split {
        Split::Train => 3,
        Split::Dev => 6,
    }
}

/// What may stand in a slot of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// An islander: a given name, often a surname.
    Person,
    /// A village.
    Place,
    /// A ship, two words after "the".
    Ship,
    /// A year.
    Year,
    /// A number, in digits or as a word.
    Count,
    /// What someone does for a living.
    Trade,
    /// What someone is chosen for.
    Office,
    /// What someone keeps.
    Animal,
    /// What someone built.
    Building,
    /// What was traded.
    Goods,
    /// A single object.
    Thing,
    /// Where something lay.
    Landmark,
    /// The title of a work.
    Work,
    /// What kind of work.
    Genre,
    /// A village's feast.
    Feast,
    /// When it is.
    Month,
    /// What happened to a village.
    Disaster,
    /// What can be taught.
    Skill,
    /// What someone never did.
    Act,
    /// How someone travelled.
    Means,
    /// What for.
    Purpose,
    /// Why something ended.
    Cause,
    /// Why a ship sank.
    Fault,
}

/// Which half of the names a data set may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Names seen in training.
    Train,
    /// Names kept for the dev set.
    Dev,
}

impl Kind {
    /// A random value of this kind from one split's names. Kinds without names are shared by both splits.
    pub fn draw(self, random: &mut SplitMix, split: Split) -> String {
        let pick = |random: &mut SplitMix, words: &[&str]| (*random.choose(words)).to_owned();
        match self {
            Self::Person => {
                let given = name(random, split, GIVEN_TAILS);
                if random.below(3) > 0 {
                    return given;
                }
                format!("{given} {}", name(random, split, SURNAME_TAILS))
            }
            Self::Place => name(random, split, PLACE_TAILS),
            Self::Ship => pair(random, split, SHIP_FIRST, SHIP_SECOND),
            Self::Thing => pair(random, split, THING_FIRST, THING_SECOND),
            Self::Landmark => pair(random, split, LANDMARK_FIRST, LANDMARK_SECOND),
            Self::Work => format!("The {}", pair(random, split, WORK_FIRST, WORK_SECOND)),
            Self::Feast => pair(random, split, FEAST_FIRST, FEAST_SECOND),
            Self::Purpose => pair(random, split, PURPOSE_FIRST, PURPOSE_SECOND),
            Self::Cause => pair(random, split, CAUSE_FIRST, CAUSE_SECOND),
            Self::Fault => pair(random, split, FAULT_FIRST, FAULT_SECOND),
            Self::Year => (FIRST_YEAR + random.below(YEARS)).to_string(),
            Self::Count => {
                let number = 2 + random.below(LARGEST_COUNT - 1);
                let word = NUMBER_WORDS.get(number - 2).filter(|_| random.below(3) > 0);
                word.map_or_else(|| number.to_string(), |word| (*word).to_owned())
            }
            Self::Trade => pick(random, TRADES),
            Self::Office => pick(random, OFFICES),
            Self::Animal => pick(random, ANIMALS),
            Self::Building => pick(random, BUILDINGS),
            Self::Goods => pick(random, GOODS),
            Self::Genre => pick(random, GENRES),
            Self::Month => pick(random, MONTHS),
            Self::Disaster => pick(random, DISASTERS),
            Self::Skill => pick(random, SKILLS),
            Self::Act => pick(random, ACTS),
            Self::Means => pick(random, MEANS),
        }
    }

    /// Whether values of this kind are entities: particular people, places and things, of which the splits share none.
    #[must_use]
    pub fn is_entity(self) -> bool {
        matches!(
            self,
            Self::Person | Self::Place | Self::Ship | Self::Thing | Self::Landmark | Self::Work | Self::Feast
        )
    }
}

/// The pronoun of an islander of this name, as it begins a sentence.
#[must_use]
pub fn pronoun(person: &str) -> &'static str {
    let given = person.split(' ').next().unwrap_or(person);
    if given.ends_with(['a', 'i', 'e']) { "She" } else { "He" }
}

/// A name of one word. Every fourth combination belongs to the dev set; spelled heads are each set's own.
fn name(random: &mut SplitMix, split: Split, tails: &[&str]) -> String {
    if random.below(rare_every(split)) > 0 {
        return combination(random, split, HEADS, tails).concat();
    }
    match split {
        Split::Train => spelled(random, tails),
        Split::Dev => format!("{}{}", random.choose(UNSEEN_HEADS), random.choose(tails)),
    }
}

/// A rare name of the training set: one that begins like no other kind of name.
fn spelled(random: &mut SplitMix, tails: &[&str]) -> String {
    loop {
        let parts = [ONSETS, VOWELS, CODAS, tails].map(|list| *random.choose(list));
        let name = capital(&parts.concat());
        if !has_unseen_head(&name) && !HEADS.iter().any(|head| name.starts_with(head)) {
            return name;
        }
    }
}

/// Whether a name begins as only those of the dev set do.
pub(super) fn has_unseen_head(name: &str) -> bool {
    UNSEEN_HEADS.iter().any(|head| name.starts_with(head))
}

fn pair(random: &mut SplitMix, split: Split, first: &[&str], second: &[&str]) -> String {
    combination(random, split, first, second).join(" ")
}

fn combination<'a>(
    random: &mut SplitMix,
    split: Split,
    first: &[&'a str],
    second: &[&'a str],
) -> [&'a str; 2] {
    loop {
        let (head, tail) = (random.below(first.len()), random.below(second.len()));
        let of_dev = (head + 3 * tail) % 4 == 0;
        if of_dev == (split == Split::Dev) {
            return [first[head], second[tail]];
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn spelled_names_are_many_and_begin_like_no_other() {
        let mut random = SplitMix::new(1);
        let names: BTreeSet<String> = (0..2000).map(|_| spelled(&mut random, GIVEN_TAILS)).collect();
        assert!(names.len() > 1800, "{}", names.len());
        for name in &names {
            assert!(name.starts_with(|first: char| first.is_ascii_uppercase()), "{name}");
            let known = HEADS.iter().chain(UNSEEN_HEADS).find(|head| name.starts_with(**head));
            assert_eq!(known, None, "{name}");
        }
    }

    #[test]
    fn only_the_dev_set_has_its_own_heads() {
        let begins = |split: Split| {
            let mut random = SplitMix::new(2);
            (0..2000)
                .map(|_| Kind::Place.draw(&mut random, split))
                .filter(|name| has_unseen_head(name))
                .count()
        };
        assert_eq!(begins(Split::Train), 0);
        assert!((250..420).contains(&begins(Split::Dev)), "{}", begins(Split::Dev));
    }
}

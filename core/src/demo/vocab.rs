//! The demo's word pieces: whole words for what the world talks about, heads and tails for its names, and single
//! characters, so that any ASCII text can be asked about.

use std::collections::BTreeSet;

use super::{
    facts::{FILLERS, RELATIONS},
    world::{
        ANIMALS, BUILDINGS, FIRST_YEAR, GOODS, HEADS, LARGEST_COUNT, PERSON_TAILS, PLACE_TAILS, SHIP_FIRST,
        SHIP_SECOND, TRADES, YEARS,
    },
};

/// The word pieces by id.
#[must_use]
pub fn pieces() -> Vec<String> {
    let mut pieces: Vec<String> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned).to_vec();
    let letters = ('!'..='~').filter(char::is_ascii_alphanumeric);
    pieces.extend(('!'..='~').map(String::from));
    pieces.extend(letters.map(|letter| format!("##{letter}")));
    // Sorted and without repeats; single characters are there already.
    let words: BTreeSet<String> = words().into_iter().filter(|word| word.chars().count() > 1).collect();
    pieces.extend(words);
    pieces
}

fn words() -> Vec<String> {
    let sentences = RELATIONS.iter().flat_map(|relation| relation.sentences.iter().copied());
    let questions = RELATIONS.iter().flat_map(|relation| relation.questions.iter().map(|form| form.text));
    let running = sentences
        .chain(questions)
        .chain(FILLERS.iter().copied())
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()))
        .map(str::to_owned);
    let lists = [TRADES, ANIMALS, BUILDINGS, GOODS, SHIP_FIRST, SHIP_SECOND, HEADS];
    let tails = PERSON_TAILS.iter().chain(PLACE_TAILS).map(|tail| format!("##{tail}"));
    let numbers = (10..=LARGEST_COUNT).chain(FIRST_YEAR..FIRST_YEAR + YEARS).map(|number| number.to_string());
    running
        .chain(lists.into_iter().flatten().map(|word| (*word).to_owned()))
        .chain(tails)
        .chain(numbers)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{
        random::SplitMix,
        world::{Kind, Split},
    };
    use super::*;
    use crate::tokenizer::BertTokenizer;

    fn tokenizer() -> BertTokenizer {
        BertTokenizer::from_vocab(pieces(), false).unwrap()
    }

    #[test]
    fn names_are_two_pieces_and_everything_else_one() {
        let tokenizer = tokenizer();
        let mut random = SplitMix::new(1);
        for split in [Split::Train, Split::Dev] {
            for _ in 0..300 {
                for kind in [Kind::Person, Kind::Place, Kind::Ship] {
                    let name = kind.draw(&mut random, split);
                    assert_eq!(tokenizer.tokenize(&name).len(), 2, "{name}");
                }
                for kind in [Kind::Year, Kind::Count, Kind::Trade, Kind::Animal, Kind::Building, Kind::Goods]
                {
                    let word = kind.draw(&mut random, split);
                    assert_eq!(tokenizer.tokenize(&word).len(), 1, "{word}");
                }
            }
        }
    }

    #[test]
    fn no_ascii_text_is_unknown() {
        let tokenizer = tokenizer();
        let pieces = tokenizer.tokenize("Ask about (nearly) anything: xyzzy, 1999 & \"Quokka\"~ \\o/ #1!");
        assert!(!pieces.contains(&tokenizer.unk_id()));
    }
}

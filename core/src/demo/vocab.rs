//! The demo's word pieces: whole words for what the world talks about, heads and tails for its names, and single
//! characters, so that any ASCII text can be asked about.

use std::collections::BTreeSet;

use super::{
    facts::{FILLERS, JOINTS, OPENERS, relations},
    template::capital,
    words::{name_pieces, words},
};

/// The word pieces by id.
#[must_use]
pub fn pieces() -> Vec<String> {
    let mut pieces: Vec<String> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned).to_vec();
    pieces.extend(('!'..='~').map(String::from));
    pieces.extend(('!'..='~').filter(char::is_ascii_alphanumeric).map(|letter| format!("##{letter}")));
    // Sorted and without repeats; single characters are there already.
    let several = |word: &String| word.chars().count() > 1;
    let all: BTreeSet<String> = running_words().chain(name_pieces()).filter(several).collect();
    let known: BTreeSet<String> = pieces.iter().cloned().collect();
    pieces.extend(all.difference(&known).cloned());
    pieces
}

/// The words of all templates and lists; answers begin sentences in the text to pre-train on, with a capital.
fn running_words() -> impl Iterator<Item = String> {
    let templates = relations().flat_map(|relation| {
        let asked = relation.questions.iter().map(|form| form.text);
        let traps = relation.traps.iter().map(|trap| trap.text);
        relation.sentences.iter().copied().chain(asked).chain(traps)
    });
    let fixed = FILLERS.iter().chain(OPENERS).chain(JOINTS).copied();
    let running =
        templates.chain(fixed).flat_map(|text| text.split(|letter: char| !letter.is_ascii_alphabetic()));
    let listed = words().map(capital);
    running
        .chain(words())
        .map(str::to_owned)
        .chain(listed)
        .chain(["He", "She", "he", "she"].map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::{
        super::world::{Kind, Split},
        *,
    };
    use crate::{random::SplitMix, tokenizer::BertTokenizer};

    fn tokenizer() -> BertTokenizer {
        BertTokenizer::from_vocab(pieces(), false).unwrap()
    }

    #[test]
    fn words_are_one_piece_and_most_names_two() {
        let tokenizer = tokenizer();
        let mut random = SplitMix::new(1);
        let mut lengths = [0; 12];
        for split in [Split::Train, Split::Dev] {
            for _ in 0..300 {
                lengths[tokenizer.tokenize(&Kind::Place.draw(&mut random, split)).len()] += 1;
                for kind in [Kind::Year, Kind::Trade, Kind::Animal, Kind::Goods, Kind::Ship, Kind::Cause] {
                    let value = kind.draw(&mut random, split);
                    assert_eq!(tokenizer.tokenize(&value).len(), value.split(' ').count(), "{value}");
                }
            }
        }
        // Two thirds of the training set's names and five sixths of the dev set's.
        assert!((400..500).contains(&lengths[2]), "{lengths:?}");
    }

    #[test]
    fn no_ascii_text_is_unknown() {
        let tokenizer = tokenizer();
        let pieces = tokenizer.tokenize("Ask about (nearly) anything: xyzzy, 1999 & \"Quokka\"~ \\o/ #1!");
        assert!(!pieces.contains(&tokenizer.unk_id()));
    }
}

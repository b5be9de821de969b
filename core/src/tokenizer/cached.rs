//! A tokenizer that remembers the words it has seen.

use super::BertTokenizer;

/// Longest word that is remembered, in bytes: three numbers of eight.
const WORD_BYTES: usize = 24;
/// Most pieces of a word that is remembered.
const PIECES: usize = 7;
/// Most words that are remembered: half a megabyte, which a processor keeps close.
const MOST_SLOTS: usize = 1 << 13;

/// A [`BertTokenizer`] in front of which a table keeps the pieces of recent words.
///
/// A few thousand words make up most of any text. The table has a fixed size, one place for each word, which the next
/// word of the same place takes over: no input makes it grow or slow. For one thread.
pub struct CachedTokenizer<'a> {
    tokenizer: &'a BertTokenizer,
    slots: Vec<Slot>,
}

/// A word and its pieces, in one cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot {
    word: Key,
    count: u16,
    pieces: [u32; PIECES],
}

const _: () = assert!(size_of::<Slot>() == 64);

/// A short word as numbers, unlike any other word's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Key {
    bytes: [u64; 3],
    /// In bytes; 0 only in a place not taken.
    length: u16,
}

impl<'a> CachedTokenizer<'a> {
    /// Room for about `words` words, within bounds.
    #[must_use]
    pub fn new(tokenizer: &'a BertTokenizer, words: usize) -> Self {
        let slots = words.clamp(1, MOST_SLOTS).next_power_of_two();
        let empty = Slot { word: Key { bytes: [0; 3], length: 0 }, count: 0, pieces: [0; PIECES] };
        Self { tokenizer, slots: vec![empty; slots] }
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &'a BertTokenizer {
        self.tokenizer
    }

    /// Appends the word piece ids of `text` to `ids`, the same as [`BertTokenizer::tokenize_into`].
    pub fn tokenize_into(&mut self, text: &str, ids: &mut Vec<u32>) {
        if !self.tokenizer.basic().words_stand_alone() {
            self.tokenizer.tokenize_into(text, ids);
            return;
        }
        // Every step of BERT's tokenizer works within white space, so what stands between two spaces can stand alone.
        let mut rest = text;
        while let Some(space) = rest.bytes().position(|byte| byte == b' ') {
            let (word, after) = rest.split_at(space);
            self.word_into(word, ids);
            rest = after.get(1..).unwrap_or_default();
        }
        self.word_into(rest, ids);
    }

    /// [`Self::tokenize_into`] of a text that is remembered as a whole: a word.
    pub fn word_into(&mut self, word: &str, ids: &mut Vec<u32>) {
        let Some(key) = Key::of(word) else {
            self.tokenizer.tokenize_into(word, ids);
            return;
        };
        let place = key.place() & (self.slots.len() - 1);
        let Some(slot) = self.slots.get_mut(place) else { return };
        if slot.word == key {
            ids.extend_from_slice(slot.pieces.get(..usize::from(slot.count)).unwrap_or_default());
            return;
        }
        let before = ids.len();
        self.tokenizer.tokenize_into(word, ids);
        let pieces = ids.get(before..).unwrap_or_default();
        if let Some(kept) = slot.pieces.get_mut(..pieces.len()) {
            kept.copy_from_slice(pieces);
            slot.count = kept.len() as u16;
            slot.word = key;
        }
    }
}

impl Key {
    /// `None` for a long word or an empty one.
    fn of(word: &str) -> Option<Self> {
        let bytes = word.as_bytes();
        let length = bytes.len();
        // Numbers from both ends may overlap; with the length they still tell every byte.
        let numbers = match length {
            1..4 => {
                let at = |index: usize| bytes.get(index).copied().map_or(0, u64::from);
                [at(0) | at(length / 2) << 8 | at(length - 1) << 16, 0, 0]
            }
            4..8 => {
                let [low, high] = [bytes.first_chunk(), bytes.last_chunk()]
                    .map(|chunk| chunk.map_or(0, |&c| u32::from_le_bytes(c)));
                [u64::from(low) | u64::from(high) << 32, 0, 0]
            }
            8..=WORD_BYTES => {
                let number = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |&chunk| u64::from_le_bytes(chunk));
                let middle = bytes.get(8..).and_then(<[u8]>::first_chunk);
                [number(bytes.first_chunk()), number(middle), number(bytes.last_chunk())]
            }
            _ => return None,
        };
        Some(Self { bytes: numbers, length: length as u16 })
    }

    /// Spreads keys over the places; need not be hard to predict, since words never queue for a place.
    fn place(self) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let [first, second, third] = self.bytes;
        let mixed = (first ^ second.rotate_left(23) ^ third.rotate_left(41)).wrapping_mul(ODD);
        ((mixed ^ (mixed >> 29)).wrapping_mul(ODD) >> 40) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokenizer(do_lower_case: bool) -> BertTokenizer {
        let vocab = "[PAD] [UNK] [CLS] [SEP] a ab abc ##a ##b ##c e ##e é ##\u{301} , . ' 日 σ ##ς \u{301}";
        BertTokenizer::from_vocab(vocab.split(' ').map(str::to_owned).collect(), do_lower_case).unwrap()
    }

    /// Texts whose words repeat, meet in the same place, are long, or mix what the tokenizer treats differently.
    fn text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[abce]{1,4}",
            "[A-C',.]{1,6}",
            "a{21,27}",
            "[abcdé\u{301}日ςΣİ\u{a0}\u{200b}\t\u{2028}]{0,5}",
            Just("[SEP]".to_owned()),
            any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(part, 0..40).prop_map(|parts| parts.join(" "))
    }

    proptest! {
        #[test]
        fn remembering_changes_nothing(texts in prop::collection::vec(text(), 1..6), words in 0_usize..40) {
            for do_lower_case in [false, true] {
                let tokenizer = tokenizer(do_lower_case);
                let mut cached = CachedTokenizer::new(&tokenizer, words);
                for text in &texts {
                    let mut ids = vec![7];
                    cached.tokenize_into(text, &mut ids);
                    prop_assert_eq!(&ids[1..], tokenizer.tokenize(text), "{:?}", text);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn keys_tell_words_apart(one in "[ab\0]{0,25}", other in "[ab\0]{0,25}", at in any::<prop::sample::Index>()) {
            prop_assert_eq!(Key::of(&one).is_some(), (1..=WORD_BYTES).contains(&one.len()));
            // A word that differs in one byte is the hardest.
            let mut near = one.clone().into_bytes();
            if let Some(byte) = near.get_mut(at.index(one.len().max(1))) {
                *byte ^= 1;
            }
            for other in [other, String::from_utf8(near).unwrap()] {
                if Key::of(&one).is_some() && one != other {
                    prop_assert_ne!(Key::of(&one), Key::of(&other), "{:?} {:?}", one, other);
                }
            }
        }
    }

    #[test]
    fn the_table_has_bounds() {
        let tokenizer = tokenizer(false);
        assert_eq!(CachedTokenizer::new(&tokenizer, 0).slots.len(), 1);
        assert_eq!(CachedTokenizer::new(&tokenizer, usize::MAX).slots.len(), MOST_SLOTS);
    }
}

//! Seeds of texts.

use crate::random::first;

/// A number that follows from a text alone.
#[must_use]
pub(super) fn text_seed(text: &str) -> u64 {
    let words = text
        .as_bytes()
        .chunks(8)
        .map(|bytes| bytes.iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte)));
    // The length, because a shorter last word is filled with zeros.
    words.fold(first(text.len() as u64), |state, word| first(state ^ first(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_seeds_of_their_own() {
        let texts = ["", "a", "a\0", "b", "abcdefgh", "abcdefghi", "habcdefg"];
        let mut seeds: Vec<u64> = texts.iter().map(|text| text_seed(text)).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), texts.len());
    }
}

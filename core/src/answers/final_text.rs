//! From word pieces back to the words of the passage (`get_final_text` of the reference).

use std::ops::Range;

use crate::tokenizer::BasicTokenizer;

/// Projects a tokenised answer back onto the original text, e.g. `steve smith` in `Steve Smith's` to
/// `Steve Smith`. Falls back to all of `orig_text` wherever the two cannot be aligned.
#[must_use]
pub fn final_text<'a>(pred_text: &str, orig_text: &'a str, tokenizer: &BasicTokenizer) -> &'a str {
    let tok_text = tokenizer.tokenize(orig_text).join(" ");
    align(pred_text, &tok_text, orig_text).and_then(|bytes| orig_text.get(bytes)).unwrap_or(orig_text)
}

/// Byte range of `orig_text` that corresponds to the first occurrence of `pred_text` in `tok_text`, the same
/// text tokenised and joined with spaces. The two are aligned by counting characters other than U+0020.
///
/// `None` if `pred_text` does not occur, if tokenising changed the number of characters, or if the occurrence
/// begins or ends with a space (or is empty).
pub(super) fn align(pred_text: &str, tok_text: &str, orig_text: &str) -> Option<Range<usize>> {
    let start = tok_text.find(pred_text)?;
    if pred_text.is_empty() || pred_text.starts_with(' ') || pred_text.ends_with(' ') {
        return None;
    }
    if solid_characters(orig_text).count() != solid_characters(tok_text).count() {
        return None;
    }
    let before = solid_characters(tok_text.get(..start)?).count();
    let length = solid_characters(pred_text).count();
    let mut covered = solid_characters(orig_text).skip(before);
    let (first, first_character) = covered.next()?;
    let (last, last_character) = if length > 1 { covered.nth(length - 2)? } else { (first, first_character) };
    Some(first..last + last_character.len_utf8())
}

/// Byte offsets and characters of a text, spaces left out.
fn solid_characters(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().filter(|&(_, character)| character != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_that_was_split_off_is_left_out() {
        assert_eq!(align("steve smith", "steve smith ' s", "Steve Smith's"), Some(0..11));
        assert_eq!(align("1874", "in 1874 .", "in 1874."), Some(3..7));
        assert_eq!(align(".", "in 1874 .", "in 1874."), Some(7..8));
    }

    #[test]
    fn offsets_are_bytes_and_counts_are_characters() {
        assert_eq!(align("€ 5", "( € 5 )", "(€5)"), Some(1..5));
    }

    #[test]
    fn what_cannot_be_aligned_is_refused() {
        assert_eq!(align("[UNK]", "👍 sign", "👍 sign"), None);
        assert_eq!(align("", "anything", "anything"), None);
        // One character became two.
        assert_eq!(align("b", "aa b", "ä b"), None);
        assert_eq!(align(" b", "a b", "a b"), None);
    }

    #[test]
    fn the_first_occurrence_wins() {
        assert_eq!(align("a", "b a a", "b a a"), Some(2..3));
    }
}

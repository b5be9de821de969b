//! What the reference asks of a character, answered as Python 3.11 (Unicode 14.0) answers.
//!
//! Rust's own tables follow a newer Unicode version, and its notion of white space differs from Python's, so
//! none of these may be replaced by a method of `char`.

use super::unicode_tables::{
    CONTROL_FORMAT_PRIVATE, NONSPACING_MARK, PUNCTUATION, RE_WORD, SPACE_SEPARATOR, STR_SPLIT_WHITESPACE,
    UNASSIGNED,
};

/// Whether a sorted table of inclusive ranges holds the character.
fn holds(table: &[(u32, u32)], c: char) -> bool {
    let code = u32::from(c);
    let after = table.partition_point(|&(low, _)| low <= code);
    after.checked_sub(1).and_then(|at| table.get(at)).is_some_and(|&(_, high)| code <= high)
}

/// White space that separates words in `BasicTokenizer`: space, tab, line feed, carriage return and category
/// Zs (`_is_whitespace` of the reference).
#[must_use]
pub fn is_whitespace(c: char) -> bool {
    match c {
        ' ' | '\t' | '\n' | '\r' => true,
        _ => !c.is_ascii() && holds(&SPACE_SEPARATOR, c),
    }
}

/// Characters that `BasicTokenizer` deletes: every category C*, unassigned included, but tab, line feed and
/// carriage return (`_is_control` of the reference).
#[must_use]
pub fn is_control(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r');
    }
    holds(&CONTROL_FORMAT_PRIVATE, c) || holds(&UNASSIGNED, c)
}

/// Characters that become tokens of their own: all ASCII symbols and categories P* (`_is_punctuation`).
#[must_use]
pub fn is_punctuation(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_punctuation() } else { holds(&PUNCTUATION, c) }
}

/// CJK ideographs, which become words of their own (`_is_chinese_char`). Hangul, Hiragana and Katakana are not
/// among them.
#[must_use]
pub fn is_chinese_char(c: char) -> bool {
    matches!(u32::from(c),
        0x3400..=0x4DBF
        | 0x4E00..=0x9FFF
        | 0xF900..=0xFAFF
        | 0x20000..=0x2A6DF
        | 0x2A700..=0x2CEAF
        | 0x2F800..=0x2FA1F)
}

/// Where Python's `str.split()` and `str.strip()` cut.
#[must_use]
pub fn is_str_split_whitespace(c: char) -> bool {
    if c.is_ascii() { matches!(c, '\t'..='\r' | '\x1c'..=' ') } else { holds(&STR_SPLIT_WHITESPACE, c) }
}

/// What `\w` matches in Python's `re`; a change of it is a `\b`. Combining marks are not among them.
#[must_use]
pub fn is_re_word_char(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || c == '_' } else { holds(&RE_WORD, c) }
}

/// Category Mn, the accents that lower-casing strips after decomposition.
pub(super) fn is_nonspacing_mark(c: char) -> bool {
    !c.is_ascii() && holds(&NONSPACING_MARK, c)
}

/// The words of `text` as Python's `text.split()` gives them.
pub fn str_split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_str_split_whitespace).filter(|word| !word.is_empty())
}

/// Python's `text.lower()`.
///
/// Equal to [`str::to_lowercase`] but for characters that Unicode 14.0 does not know: they stay as they are
/// and bound a word for the rule of the final sigma.
#[must_use]
pub fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let is_unassigned = |c: char| !c.is_ascii() && holds(&UNASSIGNED, c);
    let mut lowered = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|&(_, c)| is_unassigned(c)) {
        lowered.push_str(&rest[..at].to_lowercase());
        lowered.push(c);
        rest = &rest[at + c.len_utf8()..];
    }
    lowered.push_str(&rest.to_lowercase());
    lowered
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::super::basic::strip_accents;
    use super::super::unicode_tables::{LOWER_SHA256, STRIPPED_SHA256};
    use super::*;

    #[test]
    fn tables_are_sorted_and_disjoint() {
        for table in [
            &CONTROL_FORMAT_PRIVATE[..],
            &UNASSIGNED,
            &PUNCTUATION,
            &SPACE_SEPARATOR,
            &NONSPACING_MARK,
            &STR_SPLIT_WHITESPACE,
            &RE_WORD,
        ] {
            assert!(table.iter().all(|&(low, high)| low <= high));
            assert!(table.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }

    #[test]
    fn python_and_rust_differ_where_the_reference_cares() {
        assert!(is_str_split_whitespace('\x1c') && !'\x1c'.is_whitespace());
        assert!(is_whitespace('\u{a0}') && !is_whitespace('\u{2028}') && is_str_split_whitespace('\u{2028}'));
        assert!(is_control('\u{b}') && is_control('\u{ad}') && is_control('\u{e000}') && !is_control('\n'));
        assert!(is_punctuation('$') && is_punctuation('\u{2014}') && !is_punctuation('€'));
        assert!(is_chinese_char('語') && !is_chinese_char('か'));
        assert!(is_re_word_char('²') && !is_re_word_char('\u{301}') && !is_re_word_char('\u{200d}'));
    }

    #[test]
    fn characters_newer_than_unicode_14_are_control() {
        assert!(is_control('\u{1fae8}'), "assigned in 15.0");
        assert!(!is_control('\u{1fae0}'), "assigned in 14.0");
    }

    #[test]
    fn lower_is_pythons() {
        assert_eq!(lower("ÀΣ İ ẞ"), "àς i\u{307} ß");
        assert_eq!(lower("ΑΣΑ"), "ασα");
        // U+A7CB is a capital since Unicode 16; Python 3.11 does not know it and takes it for a border.
        assert_eq!(lower("ΑΣ\u{a7cb}Α"), "ας\u{a7cb}α");
    }

    /// What `transform` makes of every assigned character, as the generator script digests it.
    fn digest(transform: impl Fn(&str) -> String) -> String {
        let mut lines = Sha256::new();
        for c in ('\0'..=char::MAX).filter(|&c| c.is_ascii() || !holds(&UNASSIGNED, c)) {
            lines.update(transform(c.encode_utf8(&mut [0; 4])) + "\n");
        }
        crate::hash::hex(&lines.finalize())
    }

    #[test]
    fn every_character_is_lowered_and_stripped_as_python_does() {
        assert_eq!(digest(lower), LOWER_SHA256);
        assert_eq!(digest(|text| strip_accents(text).into_owned()), STRIPPED_SHA256);
    }

    #[test]
    fn str_split_drops_empty_words() {
        assert_eq!(str_split(" a\u{2028}b\x1f \u{3000}c ").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(str_split(" \t").count(), 0);
    }
}

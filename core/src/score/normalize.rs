//! What counts as the same answer (`normalize_answer` of the official script).

use crate::tokenizer::unicode::{is_re_word_char, lower, str_split};

/// An answer in lower case, without ASCII punctuation and the words a, an, the, with single spaces.
///
/// Words are delimited as Python's `\b` has it: combining marks and the zero-width joiner end a word, superscripts and
/// circled digits do not.
#[must_use]
pub fn normalize_answer(text: &str) -> String {
    let bare: String = lower(text).chars().filter(|character| !character.is_ascii_punctuation()).collect();
    let mut normalized = String::with_capacity(bare.len());
    for word in str_split(&without_words(&bare, |word| matches!(word, "a" | "an" | "the"))) {
        if !normalized.is_empty() {
            normalized.push(' ');
        }
        normalized.push_str(word);
    }
    normalized
}

/// The words of a normalised answer.
#[must_use]
pub fn answer_tokens(text: &str) -> Vec<String> {
    words_of(&normalize_answer(text))
}

/// The words of an answer that is normalised already.
pub(super) fn words_of(normalized: &str) -> Vec<String> {
    normalized.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Every maximal run of word characters that is dropped becomes a space (`\b(a|an|the)\b`).
pub(super) fn without_words(text: &str, is_dropped: impl Fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_word = is_re_word_char(first);
        let length = rest.find(|character| is_re_word_char(character) != in_word).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(length);
        kept.push_str(if is_dropped(run) { " " } else { run });
        rest = tail;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_go_only_as_whole_words() {
        assert_eq!(normalize_answer("The theory, an anthem; A-ha!"), "theory anthem aha");
        assert_eq!(normalize_answer("a an the"), "");
        // An underscore is punctuation and goes first; a combining mark ends a word.
        assert_eq!(normalize_answer("the_who"), "thewho");
        assert_eq!(normalize_answer("a\u{301} b"), "\u{301} b");
        assert_eq!(normalize_answer("a² b"), "a² b");
    }

    #[test]
    fn whitespace_is_pythons() {
        assert_eq!(normalize_answer("\u{1c}Two\u{a0}\u{2003}words\u{85}"), "two words");
        assert_eq!(answer_tokens("Two\u{200b} words"), ["two\u{200b}", "words"]);
    }
}

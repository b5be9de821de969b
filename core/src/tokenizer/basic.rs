//! Words and symbols, before WordPiece (`BasicTokenizer` of the reference).

use std::borrow::Cow;

use tokenizers::NormalizedString;

use super::unicode::{
    is_chinese_char, is_control, is_nonspacing_mark, is_punctuation, is_whitespace, lower, str_split,
};

/// Tokens that survive as they are when they stand alone between white space.
const NEVER_SPLIT: [&str; 5] = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"];

/// Cuts text at white space, around punctuation and around CJK ideographs; deletes control characters; may
/// lower-case and strip accents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicTokenizer {
    do_lower_case: bool,
}

impl BasicTokenizer {
    /// A tokenizer that lower-cases and strips accents if `do_lower_case`, and leaves both alone if not.
    #[must_use]
    pub fn new(do_lower_case: bool) -> Self {
        Self { do_lower_case }
    }

    /// Whether text is lower-cased and its accents stripped.
    #[must_use]
    pub fn do_lower_case(&self) -> bool {
        self.do_lower_case
    }

    /// The words and symbols of `text`, in order.
    #[must_use]
    pub fn tokenize(&self, text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        self.for_each_token(text, |token| tokens.push(token.to_owned()));
        tokens
    }

    /// Calls `visit` with each word and symbol of `text`; as [`Self::tokenize`] without the allocations.
    pub fn for_each_token(&self, text: &str, visit: impl FnMut(&str)) {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.for_each_ascii_token(text, visit);
        } else {
            self.for_each_token_of_any(text, visit);
        }
    }

    /// The tokens of visible ASCII and spaces: nothing to delete, no white space but spaces, no accents.
    fn for_each_ascii_token(&self, text: &str, mut visit: impl FnMut(&str)) {
        let mut lowered = String::new();
        for mut word in text.split(' ').filter(|word| !word.is_empty()) {
            if NEVER_SPLIT.contains(&word) {
                visit(word);
                continue;
            }
            if self.do_lower_case && word.bytes().any(|byte| byte.is_ascii_uppercase()) {
                lowered.clear();
                lowered.push_str(word);
                lowered.make_ascii_lowercase();
                word = &lowered;
            }
            let mut start = 0;
            for (at, _) in word.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_punctuation()) {
                if start < at {
                    visit(&word[start..at]);
                }
                visit(&word[at..=at]);
                start = at + 1;
            }
            if start < word.len() {
                visit(&word[start..]);
            }
        }
    }

    fn for_each_token_of_any(&self, text: &str, mut visit: impl FnMut(&str)) {
        for word in str_split(&clean(text)) {
            if NEVER_SPLIT.contains(&word) {
                visit(word);
            } else if self.do_lower_case {
                split_at_punctuation(&strip_accents(&lower(word)), &mut visit);
            } else {
                split_at_punctuation(word, &mut visit);
            }
        }
    }
}

/// Control characters deleted, white space turned into spaces, spaces put around CJK ideographs
/// (`_clean_text` and `_tokenize_chinese_chars`).
fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control()) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c == '\0' || c == char::REPLACEMENT_CHARACTER || is_control(c) {
            continue;
        }
        if is_whitespace(c) {
            cleaned.push(' ');
        } else if is_chinese_char(c) {
            cleaned.extend([' ', c, ' ']);
        } else {
            cleaned.push(c);
        }
    }
    Cow::Owned(cleaned)
}

/// Canonical decomposition without its nonspacing marks (`_run_strip_accents`).
pub(super) fn strip_accents(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Borrowed(word);
    }
    let mut decomposed = NormalizedString::from(word);
    decomposed.nfd();
    let mut stripped = String::with_capacity(word.len());
    for c in decomposed.get().chars().filter(|&c| !is_nonspacing_mark(c)) {
        // The crate's tables are of Unicode 9.0; this is the one character that has come to be decomposed since.
        if c == '\u{11938}' { stripped.push_str("\u{11935}\u{11930}") } else { stripped.push(c) }
    }
    Cow::Owned(stripped)
}

/// Visits runs without punctuation whole and punctuation one by one (`_run_split_on_punc`).
fn split_at_punctuation(word: &str, visit: &mut impl FnMut(&str)) {
    let mut start = 0;
    for (at, symbol) in word.match_indices(is_punctuation) {
        if start < at {
            visit(&word[start..at]);
        }
        visit(symbol);
        start = at + symbol.len();
    }
    if start < word.len() {
        visit(&word[start..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ascii_is_cut_as_any_text_is(text in "[ -~]{0,40}|( |[a-zA-Z.'-]{1,4}|\\[SEP\\]|\\[sep\\]){0,12}") {
            for do_lower_case in [false, true] {
                let tokenizer = BasicTokenizer::new(do_lower_case);
                let mut any = Vec::new();
                tokenizer.for_each_token_of_any(&text, |token| any.push(token.to_owned()));
                prop_assert_eq!(tokenizer.tokenize(&text), any);
            }
        }
    }

    fn cased(text: &str) -> Vec<String> {
        BasicTokenizer::new(false).tokenize(text)
    }

    fn lowered(text: &str) -> Vec<String> {
        BasicTokenizer::new(true).tokenize(text)
    }

    #[test]
    fn punctuation_stands_alone() {
        assert_eq!(
            cased("Dr. Varga-Holt's \"$5\""),
            ["Dr", ".", "Varga", "-", "Holt", "'", "s", "\"", "$", "5", "\""]
        );
        assert_eq!(cased("€5—6"), ["€5", "—", "6"]);
    }

    #[test]
    fn ideographs_stand_alone_and_kana_do_not() {
        assert_eq!(cased("ab日本cd"), ["ab", "日", "本", "cd"]);
        assert_eq!(cased("ひらカナ"), ["ひらカナ"]);
    }

    #[test]
    fn control_characters_join_and_line_separators_cut() {
        assert_eq!(cased("a\u{b}b\u{200b}c\u{fffd}d\0e"), ["abcde"]);
        assert_eq!(cased("a\u{2028}b\u{a0}c\td"), ["a", "b", "c", "d"]);
    }

    #[test]
    fn only_lower_casing_strips_accents() {
        assert_eq!(cased("Élan"), ["Élan"]);
        assert_eq!(lowered("Élan ÀÇ İstanbul"), ["elan", "ac", "istanbul"]);
        // A combining mark alone disappears.
        assert_eq!(lowered("a \u{301} b"), ["a", "b"]);
    }

    #[test]
    fn special_tokens_survive_between_white_space_only() {
        assert_eq!(cased("a [MASK] [SEP]."), ["a", "[MASK]", "[", "SEP", "]", "."]);
        assert_eq!(lowered("X [CLS] [cls]"), ["x", "[CLS]", "[", "cls", "]"]);
    }

    #[test]
    fn empty_and_blank_text_have_no_tokens() {
        assert!(cased("").is_empty());
        assert!(lowered(" \u{200b}\n").is_empty());
    }
}

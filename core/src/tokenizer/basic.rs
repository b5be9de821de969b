//! Words and symbols, before WordPiece (`BasicTokenizer` of the reference).

use std::borrow::Cow;

use tokenizers::NormalizedString;

use super::{
    library::{LibrarySteps, Part},
    settings::TokenizerSettings,
    unicode::{
        is_chinese_char, is_control, is_nonspacing_mark, is_punctuation, is_str_split_whitespace,
        is_whitespace, lower,
    },
    vocabulary::TokenizerError,
};

/// Tokens that survive as they are when they stand alone between white space.
const NEVER_SPLIT: [&str; 5] = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"];

/// Cuts text at white space, around punctuation and around CJK ideographs; deletes control characters; may
/// lower-case and strip accents. With settings of its own ([`TokenizerSettings`]) it does what those say.
#[derive(Clone, Debug)]
pub struct BasicTokenizer {
    rules: Rules,
    library: Option<LibrarySteps>,
    do_lower_case: bool,
}

/// The steps of BERT's tokenizer between added tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    clean_text: bool,
    split_ideographs: bool,
    lower_case: bool,
    strip_accents: bool,
    /// Words that survive as they are.
    never_split: Vec<String>,
}

impl BasicTokenizer {
    /// The reference's tokenizer: one that lower-cases and strips accents if `do_lower_case`, and leaves both alone if not.
    #[must_use]
    pub fn new(do_lower_case: bool) -> Self {
        let rules = Rules::new(&TokenizerSettings::bert(do_lower_case));
        Self { rules, library: None, do_lower_case }
    }

    /// A tokenizer with these settings.
    ///
    /// # Errors
    /// If the `tokenizers` library refuses an added token or a step.
    pub fn with_settings(settings: &TokenizerSettings) -> Result<Self, TokenizerError> {
        let rules = Rules::new(settings);
        let library = LibrarySteps::new(settings, &rules)?;
        Ok(Self { rules, library, do_lower_case: settings.do_lower_case })
    }

    /// Whether text is lower-cased and, unless the settings say otherwise, its accents stripped.
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

    /// Calls `visit` with each word and symbol of `text`; as [`Self::tokenize`] without the allocations. An added token
    /// counts as a word.
    pub fn for_each_token(&self, text: &str, mut visit: impl FnMut(&str)) {
        self.for_each_part(text, |part| match part {
            Part::Word(token) | Part::Added(token, _) => visit(token),
        });
    }

    /// The same, told apart from added tokens.
    pub(super) fn for_each_part(&self, text: &str, mut visit: impl FnMut(Part<'_>)) {
        match &self.library {
            None => self.rules.for_each_token(text, |token| visit(Part::Word(token))),
            Some(library) => library.for_each_part(text, visit),
        }
    }

    /// Whether what stands between two spaces has the same tokens when it stands alone.
    pub(super) fn words_stand_alone(&self) -> bool {
        self.library.as_ref().is_none_or(LibrarySteps::words_stand_alone)
    }
}

impl Rules {
    fn new(settings: &TokenizerSettings) -> Self {
        let mut never_split = settings.never_split.clone();
        // Added tokens are found wherever they stand, and the special ones are among them then.
        if settings.added.is_empty() {
            never_split.extend(NEVER_SPLIT.map(str::to_owned));
        }
        Self {
            clean_text: settings.clean_text,
            split_ideographs: settings.tokenize_chinese_chars,
            lower_case: settings.do_lower_case,
            strip_accents: settings.strips_accents(),
            never_split,
        }
    }

    fn survives(&self, word: &str) -> bool {
        self.never_split.iter().any(|kept| kept == word)
    }

    fn for_each_token(&self, text: &str, visit: impl FnMut(&str)) {
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
            if self.survives(word) {
                visit(word);
                continue;
            }
            if self.lower_case && word.bytes().any(|byte| byte.is_ascii_uppercase()) {
                lowered.clear();
                lowered.push_str(word);
                lowered.make_ascii_lowercase();
                word = &lowered;
                if self.survives(word) {
                    visit(word);
                    continue;
                }
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
        let cleaned = self.clean(text);
        for word in cleaned.split(|c| self.parts_words(c)).filter(|word| !word.is_empty()) {
            self.visit_normal_word(&self.normal_word(word), &mut visit);
        }
    }

    /// The tokens of what [`Self::normalize`] has made.
    pub(super) fn for_each_token_of_normal(&self, text: &str, mut visit: impl FnMut(&str)) {
        for word in text.split(|c| self.parts_words(c)).filter(|word| !word.is_empty()) {
            self.visit_normal_word(word, &mut visit);
        }
    }

    fn visit_normal_word(&self, word: &str, visit: &mut impl FnMut(&str)) {
        if self.survives(word) { visit(word) } else { split_at_punctuation(word, visit) }
    }

    /// `text` cleaned, lower-cased and without accents as the settings ask; white space stands where it stood.
    pub(super) fn normalize(&self, text: &str) -> String {
        let cleaned = self.clean(text);
        let mut normal = String::with_capacity(cleaned.len());
        for run in cleaned.split_inclusive(|c| self.parts_words(c)) {
            let word = run.trim_end_matches(|c| self.parts_words(c));
            normal.push_str(&self.normal_word(word));
            normal.push_str(run.get(word.len()..).unwrap_or_default());
        }
        normal
    }

    fn normal_word<'a>(&self, word: &'a str) -> Cow<'a, str> {
        if self.survives(word) {
            return Cow::Borrowed(word);
        }
        match (self.lower_case, self.strip_accents) {
            (false, false) => Cow::Borrowed(word),
            (false, true) => strip_accents(word),
            (true, false) => Cow::Owned(lower(word)),
            (true, true) => Cow::Owned(strip_accents(&lower(word)).into_owned()),
        }
    }

    /// Where words end: where Python's `split()` cuts cleaned text. Text that is not cleaned has characters left that Python
    /// takes for white space and the `tokenizers` library, which alone can leave out the cleaning, does not.
    fn parts_words(&self, c: char) -> bool {
        if self.clean_text { is_str_split_whitespace(c) } else { c.is_whitespace() }
    }

    /// Control characters deleted, white space turned into spaces, spaces put around CJK ideographs
    /// (`_clean_text` and `_tokenize_chinese_chars`), as far as the settings ask.
    fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let plain = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control());
        if plain || !(self.clean_text || self.split_ideographs) {
            return Cow::Borrowed(text);
        }
        let mut cleaned = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            if self.clean_text && (c == '\0' || c == char::REPLACEMENT_CHARACTER || is_control(c)) {
                continue;
            }
            if self.clean_text && is_whitespace(c) {
                cleaned.push(' ');
            } else if self.split_ideographs && is_chinese_char(c) {
                cleaned.extend([' ', c, ' ']);
            } else {
                cleaned.push(c);
            }
        }
        Cow::Owned(cleaned)
    }
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
                tokenizer.rules.for_each_token_of_any(&text, |token| any.push(token.to_owned()));
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

//! A passage cut into words as a reader sees them, each with its place in the passage.

use std::ops::Range;

use super::characters::{Characters, Role};
use crate::{answers::AnswerSpan, features::Words, tokenizer::unicode::is_chinese_char};

/// The words of a passage without what a tokenizer deletes, and where their characters stand. An ideograph is a word of its
/// own, as it is to the tokenizer: an answer in Chinese then has a place of its own too.
#[derive(Clone, Debug, Default)]
pub(super) struct PassageWords {
    words: Words,
    /// Bytes of the passage that words are made of, in order; most words are one run.
    runs: Vec<Range<usize>>,
    /// The first run of each word.
    first_runs: Vec<usize>,
}

impl PassageWords {
    pub(super) fn new(passage: &str) -> Self {
        let mut all = Self::default();
        let mut word = String::new();
        let mut first_run = 0;
        for (bytes, role) in Characters::new(passage) {
            match role {
                Role::Kept => {
                    let text = passage.get(bytes.clone()).unwrap_or_default();
                    let is_word = text.chars().next().is_some_and(is_chinese_char);
                    if is_word {
                        all.end_word(&mut word, &mut first_run);
                    }
                    word.push_str(text);
                    match all.runs.last_mut() {
                        Some(run) if run.end == bytes.start && word.len() > text.len() => run.end = bytes.end,
                        _ => all.runs.push(bytes),
                    }
                    if is_word {
                        all.end_word(&mut word, &mut first_run);
                    }
                }
                Role::Shown | Role::Hidden => {}
                Role::Parts => all.end_word(&mut word, &mut first_run),
                Role::Erases => all.erase(&mut word),
            }
        }
        all.end_word(&mut word, &mut first_run);
        all
    }

    fn end_word(&mut self, word: &mut String, first_run: &mut usize) {
        if !word.is_empty() {
            self.words.push(word);
            self.first_runs.push(*first_run);
            word.clear();
        }
        *first_run = self.runs.len();
    }

    /// Takes the last character of an unfinished word back.
    fn erase(&mut self, word: &mut String) {
        if let (Some(character), Some(run)) = (word.pop(), self.runs.last_mut()) {
            run.end -= character.len_utf8();
            if run.start >= run.end {
                self.runs.pop();
            }
        }
    }

    /// The words, taken out: places are found without them.
    pub(super) fn take_words(&mut self) -> Words {
        std::mem::take(&mut self.words)
    }

    /// The words with single spaces between them.
    pub(super) fn joined(&self) -> &str {
        self.words.joined(0..self.words.len())
    }

    /// Where a word stands in the passage.
    pub(super) fn bytes_of(&self, word: usize) -> Option<Range<usize>> {
        let runs = self.runs_of(word)?;
        Some(runs.first()?.start..runs.last()?.end)
    }

    /// Where an answer stands in the passage.
    pub(super) fn bytes_in(&self, span: &AnswerSpan) -> Option<Range<usize>> {
        let start = self.place(span.first_word, span.first_byte, false)?;
        let end = self.place(span.last_word, span.last_byte, true)?;
        (start < end).then_some(start..end)
    }

    /// The byte of the passage for an offset within a word; past the last byte it counts, if it is an end.
    fn place(&self, word: usize, mut offset: usize, is_end: bool) -> Option<usize> {
        for run in self.runs_of(word)? {
            if offset < run.len() || (is_end && offset == run.len()) {
                return Some(run.start + offset);
            }
            offset -= run.len();
        }
        None
    }

    fn runs_of(&self, word: usize) -> Option<&[Range<usize>]> {
        let end = self.first_runs.get(word + 1).copied().unwrap_or(self.runs.len());
        self.runs.get(*self.first_runs.get(word)?..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::DocTokens;

    fn words(passage: &str) -> Vec<(String, String)> {
        let words = PassageWords::new(passage);
        let place = |index: usize| passage[words.bytes_of(index).unwrap()].to_owned();
        words.words.iter().enumerate().map(|(index, word)| (word.to_owned(), place(index))).collect()
    }

    #[test]
    fn words_are_clean_and_keep_their_places() {
        let passage = "\u{feff}Mar\u{ad}ra\u{a0}\u{1b}[1mTo\u{1b}[0mrik\u{c}built";
        let cut = words(passage);
        let cut: Vec<_> = cut.iter().map(|(word, place)| (&**word, &**place)).collect();
        assert_eq!(cut, [("Marra", "Mar\u{ad}ra"), ("Torik", "To\u{1b}[0mrik"), ("built", "built")]);
    }

    #[test]
    fn ideographs_are_words() {
        let cut = words("马拉 built 1842年。");
        assert_eq!(
            cut.iter().map(|(word, _)| &**word).collect::<Vec<_>>(),
            ["马", "拉", "built", "1842", "年", "。"]
        );
    }

    #[test]
    fn offsets_skip_what_is_not_text() {
        let passage = "x Kel\u{ad}ford. y";
        let words = PassageWords::new(passage);
        let span = |first_byte, last_byte| AnswerSpan {
            window: 0,
            start_position: 0,
            end_position: 0,
            first_word: 1,
            first_byte,
            last_word: 1,
            last_byte,
        };
        let piece = |first, last| words.bytes_in(&span(first, last)).map(|bytes| &passage[bytes]);
        assert_eq!(piece(0, 7), Some("Kel\u{ad}ford"));
        assert_eq!(piece(0, 3), Some("Kel"));
        assert_eq!(piece(3, 8), Some("ford."));
        assert_eq!((piece(0, 9), piece(8, 8)), (None, None));
    }

    #[test]
    fn overstrikes_leave_the_last_letter() {
        assert_eq!(
            words("M\u{8}Ma\u{8}a _\u{8}b \u{8}\u{8}c")[..2],
            [("Ma".into(), "M\u{8}Ma\u{8}a"[2..].into()), ("b".into(), "b".into())]
        );
    }

    proptest::proptest! {
        #[test]
        fn plain_text_is_cut_as_the_reference_cuts_it(passage in "[ -~\t\r\n\u{202f}àéñЖ]{0,60}") {
            let words = PassageWords::new(&passage);
            let reference = DocTokens::new(&passage);
            proptest::prop_assert_eq!(&words.words, &reference.words);
            for (word, bytes) in reference.byte_ranges.iter().enumerate() {
                proptest::prop_assert_eq!(words.bytes_of(word), Some(bytes.clone()));
            }
        }

        #[test]
        fn every_word_is_found_in_any_text(passage in "([a-c\u{1b}\\[m;\u{8}\u{ad}\n \u{200d}\u{200b}م马]|\\PC){0,40}") {
            let words = PassageWords::new(&passage);
            proptest::prop_assert_eq!(words.words.len(), words.first_runs.len());
            let mut last = 0;
            for (index, word) in words.words.iter().enumerate() {
                let bytes = words.bytes_of(index).unwrap();
                proptest::prop_assert!(bytes.start >= last && passage.get(bytes.clone()).is_some());
                last = bytes.end;
                let text: String = words.runs_of(index).unwrap().iter().map(|run| &passage[run.clone()]).collect();
                proptest::prop_assert_eq!(word, text);
            }
        }
    }
}

//! The words of a context in one piece of memory.

use std::ops::Range;

/// Words, none of them empty, kept as one text with single spaces between them: a context of a hundred words takes two
/// allocations, and a run of words can be read joined without copying it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    joined: String,
    /// Where each word ends in `joined`, in bytes; the next one starts a space later.
    ends: Vec<usize>,
}

impl Words {
    /// Space for `words` words of `bytes` bytes in all, spaces included.
    pub(super) fn with_capacity(words: usize, bytes: usize) -> Self {
        Self { joined: String::with_capacity(bytes), ends: Vec::with_capacity(words) }
    }

    /// Adds a word; an empty one is left out.
    pub fn push(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        if !self.ends.is_empty() {
            self.joined.push(' ');
        }
        self.joined.push_str(word);
        self.ends.push(self.joined.len());
    }

    /// Number of words.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no word.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A word by its index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        self.joined.get(self.bytes_of(index)?)
    }

    /// The words in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let word = self.joined.get(start..end).unwrap_or_default();
            start = end + 1;
            word
        })
    }

    /// The words `range` with single spaces between them; empty if the range is empty or reaches beyond the last word.
    #[must_use]
    pub fn joined(&self, range: Range<usize>) -> &str {
        self.joined_bytes(range).and_then(|bytes| self.joined.get(bytes)).unwrap_or_default()
    }

    /// The word and the offset within it of byte `offset` of [`joined`](Self::joined)`(first..)`; an offset at the space
    /// after a word is the end of that word. `None` past the last word.
    pub(crate) fn locate(&self, first: usize, offset: usize) -> Option<(usize, usize)> {
        let at = self.bytes_of(first)?.start.checked_add(offset)?;
        let word = self.ends.partition_point(|&end| end < at);
        Some((word, at - self.bytes_of(word)?.start))
    }

    fn joined_bytes(&self, range: Range<usize>) -> Option<Range<usize>> {
        let last = range.end.checked_sub(1).filter(|&last| last >= range.start)?;
        Some(self.bytes_of(range.start)?.start..*self.ends.get(last)?)
    }

    fn bytes_of(&self, index: usize) -> Option<Range<usize>> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |&end| end + 1);
        Some(start..end)
    }
}

impl<W: AsRef<str>> FromIterator<W> for Words {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        let mut all = Self::default();
        words.into_iter().for_each(|word| all.push(word.as_ref()));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        ["Zoë", "", "left.", "b"].into_iter().collect()
    }

    #[test]
    fn words_come_back_and_empty_ones_are_left_out() {
        let words = words();
        assert_eq!(words.iter().collect::<Vec<_>>(), ["Zoë", "left.", "b"]);
        assert_eq!((words.get(1), words.get(3), words.len()), (Some("left."), None, 3));
        assert!(Words::default().is_empty() && Words::default().get(0).is_none());
    }

    #[test]
    fn runs_are_joined_with_single_spaces() {
        let words = words();
        assert_eq!(
            [words.joined(0..2), words.joined(1..3), words.joined(2..3)],
            ["Zoë left.", "left. b", "b"]
        );
        assert_eq!([words.joined(1..1), words.joined(2..4), words.joined(5..6)], [""; 3]);
    }

    #[test]
    fn offsets_into_a_run_find_their_word() {
        let words = words();
        assert_eq!(words.locate(1, 0), Some((1, 0)));
        assert_eq!(words.locate(1, 4), Some((1, 4)));
        assert_eq!(words.locate(1, 5), Some((1, 5)), "the end of the word");
        assert_eq!(words.locate(0, 5), Some((1, 0)));
        assert_eq!(words.locate(1, 6), Some((2, 0)));
        assert_eq!((words.locate(1, 8), words.locate(3, 0)), (None, None));
    }
}

//! Pieces as bytes: numbers of seven bits a byte, least first, the eighth saying that more follow (LEB128).
//!
//! For each paragraph: the number of words, of each its number of pieces, their ids; the number of questions, of each its
//! number of pieces, their ids and, with an answer, its first and last piece, both raised by one.

use std::sync::Arc;

use crate::features::{Example, Paragraph, ParagraphPieces, QuestionPieces};

/// The pieces of these paragraphs as bytes.
pub(super) fn encode(paragraphs: &[Paragraph<'_>], pieces: &[ParagraphPieces]) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(pieces.iter().map(|pieces| pieces.ids.len() * 4).sum()));
    for (paragraph, ParagraphPieces { ids, to_word, questions }) in paragraphs.iter().zip(pieces) {
        out.number(paragraph.words.len() as u64);
        let mut words = to_word.chunk_by(|one, next| one == next).peekable();
        for word in 0..paragraph.words.len() as u64 {
            let own = words.next_if(|pieces| pieces.first().is_some_and(|&index| u64::from(index) == word));
            out.number(own.map_or(0, <[u32]>::len) as u64);
        }
        ids.iter().for_each(|&id| out.number(id.into()));
        out.number(questions.len() as u64);
        for QuestionPieces { ids, answer } in questions {
            out.number(ids.len() as u64);
            ids.iter().for_each(|&id| out.number(id.into()));
            if let Some((start, end)) = answer {
                // From -1 on.
                out.number((start + 1).unsigned_abs());
                out.number((end + 1).unsigned_abs());
            }
        }
    }
    out.0
}

/// The pieces of these paragraphs from bytes; `None` if the bytes are not a list of pieces of just these.
pub(super) fn decode(
    bytes: &[u8],
    paragraphs: &[Paragraph<'_>],
    vocab_size: usize,
    training: bool,
) -> Option<Vec<ParagraphPieces>> {
    let mut reader = Reader { bytes, vocab_size };
    let pieces = paragraphs
        .iter()
        .map(|paragraph| reader.paragraph(paragraph, training))
        .collect::<Option<Vec<_>>>()?;
    reader.bytes.is_empty().then_some(pieces)
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    vocab_size: usize,
}

impl Reader<'_> {
    fn paragraph(&mut self, paragraph: &Paragraph<'_>, training: bool) -> Option<ParagraphPieces> {
        let words = paragraph.words.len();
        if self.number()? != words as u64 {
            return None;
        }
        let mut to_word: Vec<u32> = Vec::with_capacity(words * 3 / 2);
        for word in 0..u32::try_from(words).ok()? {
            let count = self.count()?;
            to_word.resize(to_word.len() + count, word);
            // Each of them is yet to come as an id of at least a byte.
            if to_word.len() > self.bytes.len() {
                return None;
            }
        }
        let ids = self.ids(to_word.len())?;
        let expected = if ids.is_empty() { 0 } else { paragraph.examples.len() };
        if self.number()? != expected as u64 {
            return None;
        }
        let questions = paragraph
            .examples
            .iter()
            .take(expected)
            .map(|example| self.question(example, ids.len(), training))
            .collect::<Option<_>>()?;
        Some(ParagraphPieces { ids, to_word: Arc::from(to_word), questions })
    }

    fn question(&mut self, example: &Example, context: usize, training: bool) -> Option<QuestionPieces> {
        let count = self.count()?;
        let ids = self.ids(count)?;
        let answer = if training && !example.is_impossible {
            let mut piece = || {
                self.number().filter(|&raised| raised <= context as u64 + 1).map(|raised| raised as i64 - 1)
            };
            Some((piece()?, piece()?))
        } else {
            None
        };
        Some(QuestionPieces { ids, answer })
    }

    /// `count` ids of the vocabulary.
    fn ids(&mut self, count: usize) -> Option<Vec<u32>> {
        let mut ids = Vec::with_capacity(count.min(self.bytes.len()));
        for _ in 0..count {
            let id = self.number()?;
            ids.push(u32::try_from(id).ok().filter(|&id| (id as usize) < self.vocab_size)?);
        }
        Some(ids)
    }

    /// A number of things that are yet to come, each of at least a byte.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.bytes.len()).then_some(count)
    }

    /// A number below 2 to the 35th.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in [0, 7, 14, 21, 28] {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

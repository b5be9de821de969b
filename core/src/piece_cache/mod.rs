//! The word pieces of large data sets, kept on disk between runs.
//!
//! Tokenising is all of the preprocessing that takes a while, and neither the length of the windows nor the step from one
//! to the next changes its result. A file is named after a digest of everything that does: the examples' texts and answers,
//! the vocabulary, the casing, and this program's version. Whatever is wrong with a file, it is as if it were not
//! there: the pieces are made again and the file is replaced. Losing the folder loses nothing.

mod codec;
mod key;
mod store;

use std::path::PathBuf;

use self::store::Store;
use crate::{
    features::{
        Example, FeatureError, Paragraph, ParagraphPieces, Window, WindowOptions, all_pieces, cut, paragraphs,
    },
    tokenizer::BertTokenizer,
};

/// Most bytes of all files together; the oldest go first. SQuAD 2.0's training set takes 13 MB.
const MOST_BYTES: u64 = 256 << 20;
/// Less text than this is tokenised in the time that a file takes.
const LEAST_TEXT: usize = 4 << 20;
/// How many paragraphs are tokenised again to see that a file says the same.
const PROBES: usize = 16;

/// A folder of word pieces.
#[derive(Clone, Debug)]
pub struct PieceCache {
    store: Store,
    least_text: usize,
}

impl PieceCache {
    /// A cache in a folder of its own, which is made when there is something to keep.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { store: Store { folder, most_bytes: MOST_BYTES }, least_text: LEAST_TEXT }
    }

    /// The windows of all examples, the same as those of [`windows`](crate::features::windows), and a warning if their
    /// pieces could not be kept.
    ///
    /// # Errors
    /// As there; that nothing can be read or kept is no error.
    pub fn windows(
        &self,
        examples: &[Example],
        tokenizer: &BertTokenizer,
        options: &WindowOptions,
        training: bool,
    ) -> Result<(Vec<Window>, Option<String>), FeatureError> {
        options.check()?;
        let paragraphs = paragraphs(examples);
        let (pieces, warning) = if text_bytes(&paragraphs) < self.least_text {
            (all_pieces(&paragraphs, tokenizer, training)?, None)
        } else {
            self.pieces(&paragraphs, tokenizer, training)?
        };
        Ok((cut(&paragraphs, &pieces, tokenizer, options, training), warning))
    }

    /// The pieces from a file, or made and kept; a warning if they could not be kept.
    fn pieces(
        &self,
        paragraphs: &[Paragraph<'_>],
        tokenizer: &BertTokenizer,
        training: bool,
    ) -> Result<(Vec<ParagraphPieces>, Option<String>), FeatureError> {
        let key = key::of(paragraphs, tokenizer, training);
        let kept = self
            .store
            .load(&key, most_file_bytes(paragraphs))
            .and_then(|payload| codec::decode(&payload, paragraphs, tokenizer.vocab_size(), training))
            .filter(|pieces| probes_agree(paragraphs, pieces, tokenizer, training));
        if let Some(pieces) = kept {
            return Ok((pieces, None));
        }
        let pieces = all_pieces(paragraphs, tokenizer, training)?;
        let saved = self.store.save(&key, &codec::encode(paragraphs, &pieces));
        let warning = saved.err().map(|error| {
            format!("word pieces are not kept for the next run: {error} (set SPANBERT_NO_PIECE_CACHE=1 to do without)")
        });
        Ok((pieces, warning))
    }
}

/// [`PieceCache::windows`], or without a cache [`windows`](crate::features::windows) and no warning.
///
/// # Errors
/// As there.
pub fn windows(
    cache: Option<&PieceCache>,
    examples: &[Example],
    tokenizer: &BertTokenizer,
    options: &WindowOptions,
    training: bool,
) -> Result<(Vec<Window>, Option<String>), FeatureError> {
    match cache {
        Some(cache) => cache.windows(examples, tokenizer, options, training),
        None => Ok((crate::features::windows(examples, tokenizer, options, training)?, None)),
    }
}

/// Whether some paragraphs, spread over the data, still have the pieces kept for them: a tokenizer that was changed without
/// a new version must not be answered with what it used to say.
fn probes_agree(
    paragraphs: &[Paragraph<'_>],
    pieces: &[ParagraphPieces],
    tokenizer: &BertTokenizer,
    training: bool,
) -> bool {
    let step = paragraphs.len().div_ceil(PROBES).max(1);
    let (probes, kept): (Vec<_>, Vec<_>) =
        paragraphs.iter().zip(pieces).step_by(step).map(|(paragraph, pieces)| (*paragraph, pieces)).unzip();
    all_pieces(&probes, tokenizer, training).is_ok_and(|made| made.iter().eq(kept))
}

/// Bytes of all contexts, questions and answers.
fn text_bytes(paragraphs: &[Paragraph<'_>]) -> usize {
    let text = |example: &Example| {
        example.question_text.len() + example.orig_answer_text.as_ref().map_or(0, String::len)
    };
    let of = |paragraph: &Paragraph<'_>| {
        paragraph.words.text().len() + paragraph.examples.iter().map(text).sum::<usize>()
    };
    paragraphs.iter().map(of).sum()
}

/// No honest file is larger: a byte of text makes at most one piece, a piece's id takes at most five bytes and its word's
/// count no more; what is said of a question beside its pieces fits into 64 bytes.
fn most_file_bytes(paragraphs: &[Paragraph<'_>]) -> u64 {
    let examples: usize = paragraphs.iter().map(|paragraph| paragraph.examples.len()).sum();
    let bytes = text_bytes(paragraphs)
        .saturating_mul(10)
        .saturating_add(examples.saturating_add(paragraphs.len()).saturating_mul(64))
        .saturating_add(1024);
    bytes as u64
}

#[cfg(test)]
mod tests;

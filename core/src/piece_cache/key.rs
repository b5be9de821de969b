//! What the pieces of a data set depend on, as one digest.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::{
    features::{Example, Paragraph},
    tokenizer::BertTokenizer,
};

/// Raised when files or the meaning of pieces change within a version of the program.
const FORMAT: u32 = 2;
/// How many paragraphs are digested as one; part of the key, so not to depend on the machine.
const PARAGRAPHS_AT_A_TIME: usize = 256;

/// SHA-256 of everything.
pub(super) type Key = [u8; 32];

/// The key of the pieces of these paragraphs.
pub(super) fn of(paragraphs: &[Paragraph<'_>], tokenizer: &BertTokenizer, training: bool) -> Key {
    let mut key = Fields::default();
    key.text("spanbert word pieces");
    key.text(env!("CARGO_PKG_VERSION"));
    key.number(FORMAT.into());
    // Every setting: pieces depend on them all.
    key.text(&serde_json::to_string(tokenizer.settings()).unwrap_or_default());
    key.number(u64::from(training));
    key.number(tokenizer.vocab_size() as u64);
    tokenizer.vocab().iter().for_each(|piece| key.text(piece));
    key.number(paragraphs.len() as u64);
    let parts: Vec<Key> =
        paragraphs.par_chunks(PARAGRAPHS_AT_A_TIME).map(|part| digest_of(part, training)).collect();
    parts.iter().for_each(|part| key.0.update(part));
    key.0.finalize().into()
}

fn digest_of(paragraphs: &[Paragraph<'_>], training: bool) -> Key {
    let mut part = Fields::default();
    for paragraph in paragraphs {
        part.number(paragraph.words.len() as u64);
        part.text(paragraph.words.text());
        // Words are told apart by spaces alone unless an example was made by hand.
        if paragraph.words.text().bytes().filter(|&byte| byte == b' ').count() >= paragraph.words.len() {
            paragraph.words.iter().for_each(|word| part.text(word));
        }
        part.number(paragraph.examples.len() as u64);
        paragraph.examples.iter().for_each(|example| part.example(example, training));
    }
    part.0.finalize().into()
}

/// A digest of fields of which none can be taken for two or for a part of another.
#[derive(Default)]
struct Fields(Sha256);

impl Fields {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text);
    }

    /// What of an example its pieces depend on.
    fn example(&mut self, example: &Example, training: bool) {
        self.text(&example.question_text);
        if !training {
            return;
        }
        self.number(u64::from(example.is_impossible));
        for position in [example.start_position, example.end_position] {
            self.number(position.map_or(u64::MAX, |position| u64::from(position as u32)));
        }
        self.number(u64::from(example.orig_answer_text.is_some()));
        self.text(example.orig_answer_text.as_deref().unwrap_or_default());
    }
}

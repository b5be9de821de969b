//! BERT's tokenizer as the reference has it: [`BasicTokenizer`] cuts text into words and symbols, WordPiece cuts
//! those into the pieces of the vocabulary.
//!
//! WordPiece is the `tokenizers` crate's model. Its normaliser and pre-tokenizer for BERT are not used: they follow a
//! newer Unicode version and treat some control characters differently from the reference
//! (`tests/tests/oracle_tokenizer.rs` lists where). What the reference does not have, added tokens and the steps of a
//! `tokenizer.json` that are not BERT's, is the crate's ([`TokenizerSettings`]).
//!
//! # The seam for another tokenizer
//!
//! BERT, ELECTRA and DistilBERT share this tokenizer; RoBERTa's (byte-level BPE, read from `vocab.json` and `merges.txt` or
//! `tokenizer.json` by the `tokenizers` crate) is not supported. What it would ask of the rest, with `run_qa.py` of
//! `transformers` as its reference:
//!
//! - **Pieces with places.** WordPiece works within words, so a passage is cut word by word, a piece knows its word
//!   (`to_word` of `features::pieces`), and an answer's text is found by aligning pieces with words
//!   (`answers::final_text`). Byte-level pieces carry the space before them and may end within a word: the passage is
//!   encoded as one text and a piece knows its bytes. Both kinds are one enum with the calls `question`, `passage` and
//!   `text_of(range of pieces)`; nobody else may look into pieces (today `features::pieces`, `answers::context`,
//!   `evaluate::reach`, `ask`, and `pretrain::corpus` for whole words).
//! - **Text of an answer.** `text_of` is the alignment here, and there a slice of the passage from the first piece's first
//!   byte to the last one's last, without the space in front. Targets likewise: pieces by the word and narrowed
//!   (`improve_answer_span`) here; there the pieces whose bytes hold the answer's first and last character, and `<s>` if the
//!   window lacks either.
//! - **Frame.** `[CLS] question [SEP] passage [SEP]`, three special pieces, against `<s> question </s></s> passage </s>`,
//!   four: a value with the pieces before, between and after, which replaces `WindowOptions::SPECIAL_TOKENS` and
//!   `features::windows::input_ids`. The null answer is at the first piece in both.
//! - **Windows.** `run_qa`'s `doc_stride` is the overlap of two windows, here it is the step between them; whole questions
//!   are kept there, and only white space on their left is cut.
//! - **Padding.** Id 1, where batches are padded with 0 today: the frame's `pad`, which `batch::collate` takes.
//! - **Positions** begin at `pad_token_id` + 1 = 2, so that 514 rows are 512 positions, and padding has row 1. The position
//!   of padding counts although attention leaves it out: the loss's softmax runs over padded positions, too. So the embeddings
//!   take `mask * row(place + 2) + (1 - mask) * row(1)`, with the first row as a field of `config::Family`.
//! - **Segments.** One type, whose row is added everywhere: `type_vocab_size` 1 does that already.
//!
//! The model, names and configuration are then a file of `config::families` (prefix `roberta`, `lm_head` for
//! `cls.predictions`, epsilon 1e-5); the tokenizer's enum is the work.

mod basic;
mod bert;
mod cached;
mod difference;
mod library;
mod settings;
pub mod unicode;
mod unicode_tables;
mod vocabulary;

pub use basic::BasicTokenizer;
pub use bert::BertTokenizer;
pub use cached::CachedTokenizer;
pub use settings::{AddedToken, MAX_CHARS_PER_WORD, PREFIX, SpecialTokens, TextSteps, TokenizerSettings};
pub use vocabulary::{TokenizerError, pieces_from_vocab, pieces_from_vocab_text};

//! BERT's tokenizer as the reference has it: [`BasicTokenizer`] cuts text into words and symbols, WordPiece cuts
//! those into the pieces of the vocabulary.
//!
//! WordPiece is the `tokenizers` crate's model. Its normaliser and pre-tokenizer for BERT are not used: they follow a
//! newer Unicode version and treat some control characters differently from the reference
//! (`tests/tests/oracle_tokenizer.rs` lists where). What the reference does not have, added tokens and the steps of a
//! `tokenizer.json` that are not BERT's, is the crate's ([`TokenizerSettings`]).

mod basic;
mod bert;
mod cached;
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

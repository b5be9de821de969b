//! Text to pre-train on: documents, cut into pieces of what fits the model.

use std::path::Path;

use rayon::prelude::*;

use super::PretrainError;
use crate::{
    squad::Dataset,
    text_file,
    tokenizer::{BertTokenizer, CachedTokenizer},
};

/// Texts shorter than this teach nothing: a span and its two neighbours.
const SHORTEST: usize = 4;
/// Words of a document's tokens that are kept between documents.
const CACHED_WORDS: usize = 1 << 14;

/// A text that fits the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its pieces, without `[CLS]` and `[SEP]`.
    pub pieces: Vec<u32>,
    /// Whether a word begins with the piece.
    pub word_starts: Vec<bool>,
}

/// The documents of a file: the paragraphs of a SQuAD file (`.json`), else what blank lines part.
///
/// # Errors
/// If the file cannot be read.
pub fn documents(path: &Path) -> Result<Vec<String>, PretrainError> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        let dataset = Dataset::from_path(path)?;
        let paragraphs = dataset.articles.into_iter().flat_map(|article| article.paragraphs);
        return Ok(paragraphs.map(|paragraph| paragraph.context).collect());
    }
    let file = std::fs::File::open(path)
        .map_err(|source| PretrainError::Corpus { path: path.to_owned(), source })?;
    let text = text_file::read(file, &path.display().to_string(), u64::MAX)?;
    let mut documents = Vec::new();
    let mut current = String::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            if !current.is_empty() {
                documents.push(std::mem::take(&mut current));
            }
        } else {
            if !current.is_empty() {
                current.push('\n');
            }
            current.push_str(line);
        }
    }
    if !current.is_empty() {
        documents.push(current);
    }
    Ok(documents)
}

/// Cuts documents into texts of at most `max_seq_length` pieces, `[CLS]` and `[SEP]` included; no text spans two documents,
/// and none begins within a word.
#[must_use]
pub fn cut(documents: &[String], tokenizer: &BertTokenizer, max_seq_length: usize) -> Vec<Text> {
    let continues: Vec<bool> =
        tokenizer.vocab().iter().map(|piece| piece.starts_with(tokenizer.prefix())).collect();
    let longest = max_seq_length.saturating_sub(2).max(1);
    let texts = documents.par_chunks(256).flat_map_iter(|documents| {
        let mut cached = CachedTokenizer::new(tokenizer, CACHED_WORDS);
        let mut texts = Vec::new();
        for document in documents {
            let mut pieces = Vec::new();
            cached.tokenize_into(document, &mut pieces);
            let starts: Vec<bool> = pieces
                .iter()
                .map(|&piece| !continues.get(piece as usize).copied().unwrap_or(false))
                .collect();
            let mut from = 0;
            while from < pieces.len() {
                let mut to = (from + longest).min(pieces.len());
                if to < pieces.len() {
                    // Back to the start of a word, unless one word fills all.
                    to = (from + 1..=to).rev().find(|&place| starts[place]).unwrap_or(to);
                }
                if to - from >= SHORTEST {
                    let (pieces, word_starts) = (pieces[from..to].to_vec(), starts[from..to].to_vec());
                    texts.push(Text { pieces, word_starts });
                }
                from = to;
            }
        }
        texts
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> BertTokenizer {
        let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "##x", "##y"];
        BertTokenizer::from_vocab(pieces.map(str::to_owned).to_vec(), false).unwrap()
    }

    #[test]
    fn blank_lines_part_documents_and_squad_files_give_their_paragraphs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus.txt");
        std::fs::write(&path, "\n a b\nc\n\n \nb c\n").unwrap();
        assert_eq!(documents(&path).unwrap(), [" a b\nc", "b c"]);
        let squad = folder.path().join("squad.json");
        std::fs::write(
            &squad,
            r#"{"version":"v2.0","data":[{"title":"t","paragraphs":[{"context":"a b","qas":[]}]}]}"#,
        )
        .unwrap();
        assert_eq!(documents(&squad).unwrap(), ["a b"]);
        let told = documents(&folder.path().join("none.txt")).unwrap_err().to_string();
        assert!(told.contains("none.txt"), "{told}");
    }

    #[test]
    fn texts_fit_and_begin_with_words() {
        let texts = cut(&["ax b c ax by c a b".to_owned(), "a b".to_owned()], &tokenizer(), 7);
        let lengths: Vec<usize> = texts.iter().map(|text| text.pieces.len()).collect();
        // a ##x b c | a ##x b ##y c | a b (too short); the second document is too short as well.
        assert_eq!(lengths, [4, 5]);
        assert_eq!(texts[0].pieces, [5, 8, 6, 7]);
        assert_eq!(texts[0].word_starts, [true, false, true, true]);
        assert_eq!(texts[1].pieces, [5, 8, 6, 9, 7]);
        assert!(texts.iter().all(|text| text.word_starts[0]));
    }
}

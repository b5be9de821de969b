//! Text to pre-train on: documents, cut into pieces of what fits the model.

use std::{collections::HashSet, path::Path};

use rayon::prelude::*;

use super::{PretrainError, text_seed::text_seed};
use crate::{
    hash::Fingerprint,
    squad::Dataset,
    text_file,
    tokenizer::{BertTokenizer, CachedTokenizer},
    train::dropout_seed,
};

/// Tells the choice of held-out documents from other draws.
const HELD_OUT: usize = usize::MAX - 1;

/// Texts shorter than this teach nothing: a span and its two neighbours.
const SHORTEST: usize = 4;
/// Words of a document's tokens that are kept between documents.
const CACHED_WORDS: usize = 1 << 14;
/// Documents cut by one thread at a time.
const CHUNK: usize = 256;

/// Files of text, cut into what fits the model.
pub(super) struct Corpus {
    pub(super) texts: Vec<Text>,
    /// Each file's name and the number of documents before its first.
    files: Vec<(String, usize)>,
    /// A number for each document that follows from its text alone.
    keys: Vec<u64>,
}

impl Corpus {
    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(super) fn read(
        files: &[Fingerprint],
        tokenizer: &BertTokenizer,
        max_seq_length: usize,
    ) -> Result<Self, PretrainError> {
        let mut corpus = Self { texts: Vec::new(), files: Vec::new(), keys: Vec::new() };
        for file in files {
            let documents = documents(Path::new(&file.path))?;
            let before = corpus.keys.len();
            corpus.files.push((file.path.clone(), before));
            let texts = cut(&documents, tokenizer, max_seq_length).into_iter();
            corpus.texts.extend(texts.map(|text| Text { document: before + text.document, ..text }));
            corpus.keys.extend(documents.iter().map(|document| text_seed(document)));
        }
        Ok(corpus)
    }

    /// Takes a share of the documents out, at least one of several. Which, depends on the seed and on the documents' text
    /// alone, so that copies of a document stay together.
    pub(super) fn hold_out(&mut self, share: f64, seed: u64) -> Self {
        let order = |key: u64| dropout_seed(seed, HELD_OUT, key as usize);
        let mut distinct = self.keys.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let count = ((distinct.len() as f64 * share).round() as usize).max(1);
        distinct.sort_unstable_by_key(|&key| order(key));
        distinct.truncate(count);
        let held: HashSet<u64> = distinct.into_iter().collect();
        let is_held = |text: &Text| self.keys.get(text.document).is_some_and(|key| held.contains(key));
        let (held_out, texts) = std::mem::take(&mut self.texts).into_iter().partition(is_held);
        self.texts = texts;
        Self { texts: held_out, files: self.files.clone(), keys: Vec::new() }
    }

    /// How many of the documents are in another corpus too.
    pub(super) fn shared_with(&self, other: &Self) -> usize {
        let keys: HashSet<u64> = other.keys.iter().copied().collect();
        self.keys.iter().filter(|key| keys.contains(key)).count()
    }

    /// `1000 texts of 123456 pieces`.
    pub(super) fn size(&self) -> String {
        let pieces: usize = self.texts.iter().map(|text| text.pieces.len()).sum();
        format!("{} texts of {pieces} pieces", self.texts.len())
    }

    /// `documents 3, 17 of a.txt; 2 of b.txt and 4 more`, counted from 1 within each file; `documents` is ascending.
    pub(super) fn name(&self, documents: &[usize], more: usize) -> String {
        let mut text = String::from("documents ");
        let mut documents = documents.iter().peekable();
        for (index, (file, first)) in self.files.iter().enumerate() {
            let next = self.files.get(index + 1).map_or(usize::MAX, |(_, first)| *first);
            let mut numbers = Vec::new();
            while let Some(document) = documents.next_if(|document| **document < next) {
                numbers.push((document - first + 1).to_string());
            }
            if !numbers.is_empty() {
                let gap = if text.ends_with(' ') { "" } else { "; " };
                text.push_str(&format!("{gap}{} of {file}", numbers.join(", ")));
            }
        }
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        text
    }
}

/// A text that fits the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Number of the document it was cut from, from 0.
    pub document: usize,
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
    let texts = documents.par_chunks(CHUNK).enumerate().flat_map_iter(|(chunk, documents)| {
        let mut cached = CachedTokenizer::new(tokenizer, CACHED_WORDS);
        let mut texts = Vec::new();
        for (index, document) in documents.iter().enumerate() {
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
                    texts.push(Text { document: chunk * CHUNK + index, pieces, word_starts });
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
        assert!(texts.iter().all(|text| text.word_starts[0] && text.document == 0));
    }

    #[test]
    fn documents_are_named_by_file_and_number() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Fingerprint::of(&path).unwrap()
        };
        let files = [file("one.txt", "a b c a\n\na\n\nb b b b"), file("two.txt", "c c c c")];
        let corpus = Corpus::read(&files, &tokenizer(), 20).unwrap();
        let documents: Vec<usize> = corpus.texts.iter().map(|text| text.document).collect();
        assert_eq!(documents, [0, 2, 3]);
        let (one, two) = (&files[0].path, &files[1].path);
        assert_eq!(corpus.name(&documents, 4), format!("documents 1, 3 of {one}; 1 of {two} and 4 more"));
    }

    #[test]
    fn the_same_documents_are_held_out_wherever_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, documents: &[String]| {
            let path = folder.path().join(name);
            std::fs::write(&path, documents.join("\n\n")).unwrap();
            Fingerprint::of(&path).unwrap()
        };
        // A hundred documents of their own words, ten of them twice.
        let mut documents: Vec<String> =
            (0..100).map(|index| format!("a b c {}", "ab".repeat(index + 1))).collect();
        documents.extend_from_within(..10);
        let read = |name: &str, documents: &[String], seed: u64| {
            let mut corpus = Corpus::read(&[file(name, documents)], &tokenizer(), 300).unwrap();
            let before = corpus.texts.len();
            let held = corpus.hold_out(0.2, seed);
            assert_eq!(corpus.texts.len() + held.texts.len(), before);
            let texts = |corpus: &Corpus| -> HashSet<String> {
                corpus.texts.iter().filter_map(|text| documents.get(text.document).cloned()).collect()
            };
            let (learnt, held) = (texts(&corpus), texts(&held));
            assert!(learnt.is_disjoint(&held), "a copy is on the other side");
            assert_eq!(held.len(), 20);
            held
        };
        let held = read("one.txt", &documents, 1);
        assert_ne!(held, read("one.txt", &documents, 2));
        documents.reverse();
        assert_eq!(held, read("two.txt", &documents, 1));
        let one = Corpus::read(&[file("three.txt", &documents[..30])], &tokenizer(), 300).unwrap();
        let two = Corpus::read(&[file("four.txt", &documents[28..50])], &tokenizer(), 300).unwrap();
        assert_eq!(one.shared_with(&two), 2);
    }
}

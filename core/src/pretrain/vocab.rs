//! A vocabulary of word pieces made from the corpus: byte-pair merges (Sennrich et al., 2016) of pieces marked as in
//! WordPiece, ties broken by the pieces' text, so that the same corpus gives the same vocabulary everywhere.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
};

use super::PretrainError;
use crate::tokenizer::BasicTokenizer;

/// The pieces that every vocabulary begins with.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
/// Pairs seen less often become no piece.
const FEWEST: u64 = 2;
/// BERT's tokenizer takes longer words for unknown ones.
const LONGEST_WORD: usize = 100;

/// Makes a vocabulary of at most `size` pieces, the special ones included. Every printable ASCII character is in it, so that
/// any English text can be written whatever the corpus has.
///
/// # Errors
/// If `size` is too small for the single characters.
pub fn train_vocab(
    documents: &[String],
    size: usize,
    do_lower_case: bool,
) -> Result<Vec<String>, PretrainError> {
    let basic = BasicTokenizer::new(do_lower_case);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for document in documents {
        basic.for_each_token(document, |word| match counts.get_mut(word) {
            Some(count) => *count += 1,
            None if word.chars().count() <= LONGEST_WORD => {
                counts.insert(word.to_owned(), 1);
            }
            None => {}
        });
    }
    let mut alphabet: BTreeSet<String> = ('!'..='~').map(String::from).collect();
    alphabet.extend(('!'..='~').filter(char::is_ascii_alphanumeric).map(|letter| format!("##{letter}")));
    alphabet.extend(counts.keys().flat_map(|word| letters(word)));
    let mut pieces: Vec<String> = SPECIAL.map(str::to_owned).to_vec();
    pieces.extend(alphabet);
    if pieces.len() > size {
        return Err(PretrainError::Vocabulary { characters: pieces.len(), size });
    }
    let mut merger = Merger::new(&counts, pieces);
    while merger.pieces.len() < size && merger.merge() {}
    Ok(merger.pieces)
}

/// A word's letters, marked after the first.
fn letters(word: &str) -> impl Iterator<Item = String> {
    word.chars().enumerate().map(
        |(place, letter)| {
            if place == 0 { letter.to_string() } else { format!("##{letter}") }
        },
    )
}

/// A pair that could be merged; the greatest is merged first.
type Candidate = (u64, Reverse<(String, String)>, usize, usize);

struct Merger {
    pieces: Vec<String>,
    ids: HashMap<String, usize>,
    /// Each word's pieces and how often it occurs.
    words: Vec<(Vec<usize>, u64)>,
    /// How often a pair occurs, and in which words it has.
    pairs: HashMap<(usize, usize), (u64, BTreeSet<usize>)>,
    /// Also holds counts of before; they are passed over.
    heap: BinaryHeap<Candidate>,
}

impl Merger {
    fn new(counts: &BTreeMap<String, u64>, pieces: Vec<String>) -> Self {
        let ids = pieces.iter().enumerate().map(|(id, piece)| (piece.clone(), id)).collect();
        let mut merger =
            Self { pieces, ids, words: Vec::new(), pairs: HashMap::new(), heap: BinaryHeap::new() };
        for (word, &count) in counts {
            let ids = letters(word).filter_map(|letter| merger.ids.get(&letter).copied()).collect();
            merger.words.push((ids, count));
            merger.count(merger.words.len() - 1);
        }
        let all: Vec<_> = merger.pairs.keys().copied().collect();
        all.into_iter().for_each(|pair| merger.offer(pair));
        merger
    }

    /// Adds a word's pairs.
    fn count(&mut self, word: usize) {
        let (ids, count) = &self.words[word];
        for pair in ids.windows(2) {
            let (total, places) = self.pairs.entry((pair[0], pair[1])).or_default();
            *total += count;
            places.insert(word);
        }
    }

    /// Takes a word's pairs back, and gives them.
    fn discount(&mut self, word: usize) -> Vec<(usize, usize)> {
        let (ids, count) = &self.words[word];
        let pairs: Vec<(usize, usize)> = ids.windows(2).map(|pair| (pair[0], pair[1])).collect();
        for pair in &pairs {
            if let Some((total, places)) = self.pairs.get_mut(pair) {
                *total -= count;
                places.remove(&word);
            }
        }
        pairs
    }

    fn offer(&mut self, (left, right): (usize, usize)) {
        let Some((count, _)) = self.pairs.get(&(left, right)).filter(|(count, _)| *count >= FEWEST) else {
            return;
        };
        let text = (self.pieces[left].clone(), self.pieces[right].clone());
        self.heap.push((*count, Reverse(text), left, right));
    }

    /// Makes one more piece; false if no pair is left.
    fn merge(&mut self) -> bool {
        let (left, right) = loop {
            let Some((count, _, left, right)) = self.heap.pop() else { return false };
            if self.pairs.get(&(left, right)).is_some_and(|(now, _)| *now == count) {
                break (left, right);
            }
        };
        let second = self.pieces[right].strip_prefix("##").unwrap_or(&self.pieces[right]);
        let merged = format!("{}{second}", self.pieces[left]);
        let piece = self.ids.get(&merged).copied().unwrap_or(self.pieces.len());
        if piece == self.pieces.len() {
            self.ids.insert(merged.clone(), piece);
            self.pieces.push(merged);
        }
        let words = self.pairs.get(&(left, right)).map(|(_, words)| words.clone()).unwrap_or_default();
        let mut touched = BTreeSet::new();
        for word in words {
            touched.extend(self.discount(word));
            let ids = &mut self.words[word].0;
            let mut place = 0;
            while place + 1 < ids.len() {
                if (ids[place], ids[place + 1]) == (left, right) {
                    ids[place] = piece;
                    ids.remove(place + 1);
                }
                place += 1;
            }
            touched.extend(ids.windows(2).map(|pair| (pair[0], pair[1])));
            self.count(word);
        }
        self.pairs.remove(&(left, right));
        touched.into_iter().for_each(|pair| self.offer(pair));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::Advice;
    use crate::tokenizer::BertTokenizer;

    #[test]
    fn frequent_words_become_pieces_and_everything_can_be_written() {
        let documents = vec!["the weaver weaves, the weaver sings".to_owned(); 5];
        let vocab = train_vocab(&documents, 400, false).unwrap();
        assert_eq!(vocab[..5], SPECIAL);
        assert_eq!(vocab, train_vocab(&documents, 400, false).unwrap());
        let distinct: BTreeSet<&String> = vocab.iter().collect();
        assert_eq!(distinct.len(), vocab.len());
        let tokenizer = BertTokenizer::from_vocab(vocab, false).unwrap();
        let pieces = |text: &str| -> Vec<String> {
            tokenizer.tokenize(text).iter().map(|id| tokenizer.piece(*id).unwrap().to_owned()).collect()
        };
        assert_eq!(pieces("the weaver sings"), ["the", "weaver", "sings"]);
        assert!(!pieces("Zqx-9 (sings)!").contains(&"[UNK]".to_owned()));
        let told = train_vocab(&documents, 20, false).unwrap_err().in_one_line();
        assert!(told.contains("at least 161"), "{told}");
    }

    #[test]
    fn the_most_frequent_pair_comes_first_and_ties_go_by_text() {
        // "ab" six times, "cd" and "ce" three times each.
        let documents = vec!["ab ab cd ce".to_owned(); 3];
        let vocab = train_vocab(&documents, 164, false).unwrap();
        assert_eq!(vocab[161..], ["ab", "cd", "ce"]);
        // Both pairs of "aaa" are equally frequent; "#" comes before "a".
        let vocab = train_vocab(&vec!["aaa".to_owned(); 3], 170, false).unwrap();
        assert_eq!(vocab[161..], ["##aa", "aaa"]);
    }

    #[test]
    fn lower_casing_is_the_tokenizer_s() {
        let vocab = train_vocab(&vec!["Abba abba".to_owned(); 3], 200, true).unwrap();
        assert!(vocab.contains(&"abba".to_owned()) && !vocab.contains(&"Abba".to_owned()));
    }
}

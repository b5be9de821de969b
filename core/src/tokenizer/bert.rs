//! Text to word piece ids (`BertTokenizer` of the reference).

use tokenizers::Model;
use tokenizers::models::wordpiece::WordPiece;

use super::basic::BasicTokenizer;
use super::library::Part;
use super::settings::TokenizerSettings;
use super::vocabulary::{TokenizerError, pieces_from_vocab_text};

/// [`BasicTokenizer`] followed by WordPiece: the longest piece that fits, again and again, `##` before every
/// piece that continues a word, `[UNK]` for a word that cannot be covered.
///
/// Made once and shared by reference among threads.
#[derive(Debug)]
pub struct BertTokenizer {
    basic: BasicTokenizer,
    word_piece: WordPiece,
    settings: TokenizerSettings,
    /// By id: those of the vocabulary, then added tokens.
    pieces: Vec<String>,
    /// How many are the vocabulary's.
    vocab_pieces: usize,
    pad_id: u32,
    unk_id: u32,
    cls_id: u32,
    sep_id: u32,
    mask_id: Option<u32>,
}

impl BertTokenizer {
    /// The reference's tokenizer over `pieces`, whose index is their id; of equal pieces the last one counts, as in the
    /// reference.
    ///
    /// # Errors
    /// If `[PAD]`, `[UNK]`, `[CLS]` or `[SEP]` is missing, or there are more pieces than 32-bit ids.
    pub fn from_vocab(pieces: Vec<String>, do_lower_case: bool) -> Result<Self, TokenizerError> {
        Self::new(pieces, TokenizerSettings::bert(do_lower_case))
    }

    /// A tokenizer over the lines of a `vocab.txt` ([`pieces_from_vocab_text`]).
    ///
    /// # Errors
    /// As [`Self::from_vocab`].
    pub fn from_vocab_text(text: &str, do_lower_case: bool) -> Result<Self, TokenizerError> {
        Self::from_vocab(pieces_from_vocab_text(text), do_lower_case)
    }

    /// A tokenizer with these settings; `pieces` are the vocabulary's, without the added tokens beyond it.
    ///
    /// # Errors
    /// If a special token is missing, there are more pieces than 32-bit ids, ids of added tokens leave a gap, or the
    /// `tokenizers` library refuses a step.
    pub fn new(mut pieces: Vec<String>, settings: TokenizerSettings) -> Result<Self, TokenizerError> {
        let vocab_pieces = pieces.len();
        if u32::try_from(vocab_pieces).is_err() {
            return Err(TokenizerError::TooLarge { size: vocab_pieces });
        }
        // The crate takes a map type that it does not name; an empty file gives one.
        let refused = |error: tokenizers::Error| TokenizerError::WordPiece(error.to_string());
        let mut ids = WordPiece::read_bytes(b"").map_err(refused)?;
        ids.extend(pieces.iter().cloned().zip(0..));
        append_added(&mut pieces, &settings)?;

        let id_of = |token: &str| {
            let added = settings.added.iter().find(|added| added.content == token);
            ids.get(token).copied().or(added.map(|added| added.id))
        };
        let special = &settings.special;
        let needed = [&special.unk, &special.cls, &special.sep, &special.pad];
        let [Some(unk_id), Some(cls_id), Some(sep_id), Some(pad_id)] = needed.map(|token| id_of(token))
        else {
            let missing = needed.into_iter().filter(|token| id_of(token).is_none()).cloned().collect();
            return Err(TokenizerError::MissingSpecialTokens { missing, size: pieces.len() });
        };
        let mask_id = id_of(&special.mask);
        let word_piece = WordPiece::builder()
            .vocab(ids)
            .unk_token(special.unk.clone())
            .continuing_subword_prefix(settings.wordpieces_prefix.clone())
            .max_input_chars_per_word(settings.max_input_chars_per_word)
            .build()
            .map_err(refused)?;
        let basic = BasicTokenizer::with_settings(&settings)?;
        Ok(Self {
            basic,
            word_piece,
            settings,
            pieces,
            vocab_pieces,
            pad_id,
            unk_id,
            cls_id,
            sep_id,
            mask_id,
        })
    }

    /// The word piece ids of `text`, without special tokens around them.
    #[must_use]
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 4 + 1);
        self.tokenize_into(text, &mut ids);
        ids
    }

    /// Appends the word piece ids of `text` to `ids`.
    pub fn tokenize_into(&self, text: &str, ids: &mut Vec<u32>) {
        self.basic.for_each_part(text, |part| match part {
            Part::Word(word) => self.word_pieces_into(word, ids),
            Part::Added(_, id) => ids.push(id),
        });
    }

    /// Appends the ids of one word as [`BasicTokenizer`] gives it.
    fn word_pieces_into(&self, word: &str, ids: &mut Vec<u32>) {
        // Most words are a piece of their own; the model would build strings to find that out. The byte length
        // bounds the number of code points.
        if word.len() <= self.settings.max_input_chars_per_word
            && let Some(id) = self.word_piece.token_to_id(word)
        {
            ids.push(id);
            return;
        }
        if self.settings.never_split.iter().any(|kept| kept == word) {
            ids.push(self.word_piece.token_to_id(word).unwrap_or(self.unk_id));
            return;
        }
        match self.word_piece.tokenize(word) {
            Ok(tokens) => ids.extend(tokens.into_iter().map(|token| token.id)),
            // The model fails only if the unknown token is none of its pieces but an added one.
            Err(_) => ids.push(self.unk_id),
        }
    }

    /// The piece with this id.
    #[must_use]
    pub fn piece(&self, id: u32) -> Option<&str> {
        self.pieces.get(usize::try_from(id).ok()?).map(String::as_str)
    }

    /// All pieces, added tokens included; the index is the id.
    #[must_use]
    pub fn vocab(&self) -> &[String] {
        &self.pieces
    }

    /// The pieces of the vocabulary, as [`Self::new`] took them.
    #[must_use]
    pub fn vocab_pieces(&self) -> &[String] {
        self.pieces.get(..self.vocab_pieces).unwrap_or_default()
    }

    /// What it does with text.
    #[must_use]
    pub fn settings(&self) -> &TokenizerSettings {
        &self.settings
    }

    /// The mark of pieces that continue a word.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.settings.wordpieces_prefix
    }

    /// Whether a piece is a special token: none that stands for text.
    #[must_use]
    pub fn is_special(&self, piece: &str) -> bool {
        let added = self.settings.added.iter();
        self.settings.special.has(piece)
            || added.into_iter().any(|token| token.special && token.content == piece)
    }

    /// Number of pieces; the model's word embedding must have as many rows at least.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The step before WordPiece, which text recovery needs by itself.
    #[must_use]
    pub fn basic(&self) -> &BasicTokenizer {
        &self.basic
    }

    /// Whether text is lower-cased and its accents stripped.
    #[must_use]
    pub fn do_lower_case(&self) -> bool {
        self.basic.do_lower_case()
    }

    /// Id of `[PAD]`.
    #[must_use]
    pub fn pad_id(&self) -> u32 {
        self.pad_id
    }

    /// Id of `[UNK]`.
    #[must_use]
    pub fn unk_id(&self) -> u32 {
        self.unk_id
    }

    /// Id of `[CLS]`.
    #[must_use]
    pub fn cls_id(&self) -> u32 {
        self.cls_id
    }

    /// Id of `[SEP]`.
    #[must_use]
    pub fn sep_id(&self) -> u32 {
        self.sep_id
    }

    /// Id of `[MASK]`, which only pre-training needs; `None` if the vocabulary has none.
    #[must_use]
    pub fn mask_id(&self) -> Option<u32> {
        self.mask_id
    }
}

/// Puts added tokens that are no pieces of the vocabulary behind it, in the order of their ids.
fn append_added(pieces: &mut Vec<String>, settings: &TokenizerSettings) -> Result<(), TokenizerError> {
    let mut added: Vec<_> = settings.added.iter().collect();
    added.sort_by_key(|token| token.id);
    for token in added {
        match pieces.get(token.id as usize) {
            Some(piece) if *piece == token.content => {}
            None if token.id as usize == pieces.len() => pieces.push(token.content.clone()),
            _ => {
                let (content, pieces) = (token.content.clone(), pieces.len());
                return Err(TokenizerError::AddedId { content, id: token.id, pieces });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##aff\n##able\nable\nun\n##日\naff\n,\n";

    fn tokenizer() -> BertTokenizer {
        BertTokenizer::from_vocab_text(VOCAB, false).unwrap()
    }

    fn pieces(text: &str) -> Vec<String> {
        let tokenizer = tokenizer();
        tokenizer.tokenize(text).into_iter().map(|id| tokenizer.piece(id).unwrap().to_owned()).collect()
    }

    #[test]
    fn the_longest_piece_wins() {
        assert_eq!(pieces("unaffable, able"), ["un", "##aff", "##able", ",", "able"]);
    }

    #[test]
    fn a_word_not_covered_is_unknown_as_a_whole() {
        assert_eq!(pieces("unafford un"), ["[UNK]", "un"]);
    }

    #[test]
    fn of_equal_pieces_the_last_counts() {
        assert_eq!(tokenizer().tokenize("un"), [8]);
        assert_eq!(tokenizer().piece(4), Some("un"));
        assert_eq!(tokenizer().vocab_size(), 12);
    }

    #[test]
    fn words_over_a_hundred_code_points_are_unknown() {
        let word = |length: usize| format!("un{}", "\u{65e5}".repeat(length - 2));
        // Ideographs would be split by the first step; WordPiece itself counts code points, not bytes.
        let (tokenizer, mut ids) = (tokenizer(), Vec::new());
        tokenizer.word_pieces_into(&word(100), &mut ids);
        assert_eq!(ids.len(), 99);
        ids.clear();
        tokenizer.word_pieces_into(&word(101), &mut ids);
        assert_eq!(ids, [tokenizer.unk_id()]);
    }

    #[test]
    fn special_tokens_keep_their_ids() {
        let tokenizer = tokenizer();
        assert_eq!(tokenizer.tokenize("[CLS] able [SEP]"), [2, 7, 3]);
        assert_eq!(
            [tokenizer.pad_id(), tokenizer.unk_id(), tokenizer.cls_id(), tokenizer.sep_id()],
            [0, 1, 2, 3]
        );
        assert_eq!(tokenizer.mask_id(), None);
        assert_eq!(tokenizer.piece(12), None);
    }

    #[test]
    fn missing_special_tokens_are_named() {
        let error = BertTokenizer::from_vocab_text("[PAD]\n[CLS]\nable", false).unwrap_err();
        assert_eq!(
            error,
            TokenizerError::MissingSpecialTokens {
                missing: ["[UNK]", "[SEP]"].map(str::to_owned).to_vec(),
                size: 3
            }
        );
        assert!(BertTokenizer::from_vocab_text("", false).is_err());
    }

    #[test]
    fn threads_may_share_it() {
        fn shared<T: Send + Sync>() {}
        shared::<BertTokenizer>();
    }
}

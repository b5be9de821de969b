//! Whether two models read text alike.

use super::BertTokenizer;

impl BertTokenizer {
    /// In what another tokenizer differs from this one so that texts get other ids, as half a sentence about the other; none if what
    /// is cut for the one can be given to the model of the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let (own, theirs) = (self.vocab_pieces(), other.vocab_pieces());
        if own.len() != theirs.len() {
            return Some(format!("its vocabulary has {} pieces, not {}", theirs.len(), own.len()));
        }
        let mut pieces = own.iter().zip(theirs).enumerate();
        if let Some((id, (own, theirs))) = pieces.find(|(_, (own, theirs))| own != theirs) {
            return Some(format!("piece {id} of its vocabulary is {theirs:?}, not {own:?}"));
        }
        let (own, theirs) = (self.settings(), other.settings());
        let not = |does: bool, what: &str| format!("it {} {what}", if does { "does" } else { "does not" });
        if own.do_lower_case != theirs.do_lower_case {
            return Some(not(theirs.do_lower_case, "lower-case text"));
        }
        let strips = |accents: Option<bool>, lower: bool| accents.unwrap_or(lower);
        let (own_strips, strips) = (
            strips(own.strip_accents, own.do_lower_case),
            strips(theirs.strip_accents, theirs.do_lower_case),
        );
        if own_strips != strips {
            return Some(not(strips, "strip accents"));
        }
        if own.tokenize_chinese_chars != theirs.tokenize_chinese_chars {
            return Some(not(theirs.tokenize_chinese_chars, "make ideographs words of their own"));
        }
        if own.clean_text != theirs.clean_text {
            return Some(not(theirs.clean_text, "delete control characters"));
        }
        (own.wordpieces_prefix != theirs.wordpieces_prefix
            || own.special != theirs.special
            || own.steps != theirs.steps)
            .then(|| "its tokenizer has other special tokens or steps".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::TokenizerSettings;

    fn tokenizer(pieces: &str, settings: TokenizerSettings) -> BertTokenizer {
        let vocab = format!("[PAD] [UNK] [CLS] [SEP] [MASK] {pieces}");
        BertTokenizer::new(vocab.split(' ').map(str::to_owned).collect(), settings).unwrap()
    }

    #[test]
    fn what_changes_ids_is_told() {
        let lower = || TokenizerSettings::bert(true);
        let own = tokenizer("a b", lower());
        let told = |pieces, settings| own.difference(&tokenizer(pieces, settings)).unwrap_or_default();
        assert_eq!(told("a b", lower()), "");
        assert_eq!(told("a b c", lower()), "its vocabulary has 8 pieces, not 7");
        assert_eq!(told("a c", lower()), "piece 6 of its vocabulary is \"c\", not \"b\"");
        assert_eq!(told("a b", TokenizerSettings::bert(false)), "it does not lower-case text");
        let strips = |accents| TokenizerSettings { strip_accents: accents, ..lower() };
        assert_eq!(told("a b", strips(Some(false))), "it does not strip accents");
        // Said in so many words, or not.
        assert_eq!(told("a b", strips(Some(true))), "");
        let never_split = vec!["a".to_owned()];
        assert_eq!(told("a b", TokenizerSettings { never_split, ..lower() }), "");
    }
}

//! What a tokenizer does with text, as Hugging Face's files say it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The mark of pieces that continue a word.
pub const PREFIX: &str = "##";
/// Words with more code points than this become the unknown token.
pub const MAX_CHARS_PER_WORD: usize = 100;

/// How many added tokens are named.
const SHOWN_TOKENS: usize = 8;

/// All that decides which pieces a text has, beside the vocabulary.
///
/// [`Self::bert`] is the reference's tokenizer. Names are those of `tokenizer_config.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenizerSettings {
    /// Whether text is lower-cased.
    pub do_lower_case: bool,
    /// Whether accents are stripped; `None` follows lower-casing.
    pub strip_accents: Option<bool>,
    /// Whether CJK ideographs become words of their own.
    pub tokenize_chinese_chars: bool,
    /// Whether control characters are deleted and all white space counts as a space.
    pub clean_text: bool,
    /// Words that are looked up in the vocabulary as they stand, beside the special tokens.
    pub never_split: Vec<String>,
    /// The mark of pieces that continue a word.
    pub wordpieces_prefix: String,
    /// Words with more code points than this become the unknown token.
    pub max_input_chars_per_word: usize,
    /// The tokens with a role in the model's input.
    pub special: SpecialTokens,
    /// Tokens that are found in the text itself, before it is cut into words, as the `tokenizers` library does it; by id.
    /// Empty for the reference's tokenizer, whose special tokens are found only between white space.
    pub added: Vec<AddedToken>,
    /// The steps of a `tokenizer.json` that are not BERT's.
    pub steps: Option<TextSteps>,
}

/// The tokens with a role in the model's input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpecialTokens {
    /// Stands for a word that no pieces cover.
    pub unk: String,
    /// Ends a question and a context.
    pub sep: String,
    /// Fills up short inputs.
    pub pad: String,
    /// Begins every input.
    pub cls: String,
    /// Stands for what pre-training hides.
    pub mask: String,
}

impl Default for SpecialTokens {
    fn default() -> Self {
        let [unk, sep, pad, cls, mask] = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"].map(str::to_owned);
        Self { unk, sep, pad, cls, mask }
    }
}

impl SpecialTokens {
    /// The tokens with the keys that Hugging Face's files have for them.
    #[must_use]
    pub fn by_key(&self) -> [(&'static str, &str); 5] {
        [
            ("unk_token", &self.unk),
            ("sep_token", &self.sep),
            ("pad_token", &self.pad),
            ("cls_token", &self.cls),
            ("mask_token", &self.mask),
        ]
    }

    /// Whether a token has one of the roles.
    #[must_use]
    pub fn has(&self, token: &str) -> bool {
        self.by_key().iter().any(|(_, special)| *special == token)
    }
}

/// A token that is found in the text itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedToken {
    /// Its id: that of the vocabulary if it is a piece, else one beyond.
    pub id: u32,
    /// The text.
    pub content: String,
    /// Only where no letter, digit or underscore touches it.
    pub single_word: bool,
    /// Takes the white space on its left along.
    pub lstrip: bool,
    /// Takes the white space on its right along.
    pub rstrip: bool,
    /// Found after the text has been normalised, in its normalised form.
    pub normalized: bool,
    /// Left out when pieces become text; no piece that pre-training may draw.
    pub special: bool,
}

/// The normaliser and pre-tokeniser of a `tokenizer.json`, in its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TextSteps {
    /// Changes characters; null for none.
    pub normalizer: Value,
    /// Cuts text into words.
    pub pre_tokenizer: Value,
}

impl TokenizerSettings {
    /// The reference's tokenizer.
    #[must_use]
    pub fn bert(do_lower_case: bool) -> Self {
        Self {
            do_lower_case,
            strip_accents: None,
            tokenize_chinese_chars: true,
            clean_text: true,
            never_split: Vec::new(),
            wordpieces_prefix: PREFIX.to_owned(),
            max_input_chars_per_word: MAX_CHARS_PER_WORD,
            special: SpecialTokens::default(),
            added: Vec::new(),
            steps: None,
        }
    }

    /// Whether accents are stripped.
    #[must_use]
    pub fn strips_accents(&self) -> bool {
        self.strip_accents.unwrap_or(self.do_lower_case)
    }

    /// What is not as in the reference, casing aside: name and value, for people.
    #[must_use]
    pub fn unlike_the_references(&self) -> Vec<(&'static str, String)> {
        let usual = Self::bert(self.do_lower_case);
        let mut unlike = Vec::new();
        let mut compare = |name: &'static str, differs: bool, value: String| {
            if differs {
                unlike.push((name, value));
            }
        };
        let strip = self.strips_accents();
        compare("strip_accents", strip != usual.strips_accents(), strip.to_string());
        compare("tokenize_chinese_chars", !self.tokenize_chinese_chars, false.to_string());
        compare("clean_text", !self.clean_text, false.to_string());
        compare("never_split", !self.never_split.is_empty(), self.never_split.join(" "));
        let prefix = &self.wordpieces_prefix;
        compare("wordpieces_prefix", *prefix != usual.wordpieces_prefix, prefix.clone());
        let longest = self.max_input_chars_per_word;
        compare("max_input_chars_per_word", longest != MAX_CHARS_PER_WORD, longest.to_string());
        for ((key, token), (_, usual)) in self.special.by_key().into_iter().zip(usual.special.by_key()) {
            compare(key, token != usual, token.to_owned());
        }
        let added: Vec<&str> = self.added.iter().map(|token| token.content.as_str()).collect();
        let more = added.len().saturating_sub(SHOWN_TOKENS);
        let shown = added.iter().take(SHOWN_TOKENS).copied().collect::<Vec<_>>().join(" ");
        let shown = if more > 0 { format!("{shown} and {more} more") } else { shown };
        compare("added_tokens", !added.is_empty(), shown);
        if let Some(steps) = &self.steps {
            compare("normalizer", true, steps.normalizer.to_string());
            compare("pre_tokenizer", true, steps.pre_tokenizer.to_string());
        }
        unlike
    }

    /// Number of ids when the vocabulary has `pieces`: added tokens may go beyond it.
    #[must_use]
    pub fn ids_with(&self, pieces: usize) -> usize {
        self.added.iter().map(|token| (token.id as usize).saturating_add(1)).max().unwrap_or(0).max(pieces)
    }
}

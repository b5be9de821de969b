//! Added tokens, and the steps of a `tokenizer.json` that are not BERT's, by the `tokenizers` library itself.

use tokenizers::{
    AddedVocabulary, NormalizedString, Normalizer, NormalizerWrapper, OffsetReferential, OffsetType,
    PreTokenizedString, PreTokenizer, PreTokenizerWrapper, models::wordpiece::WordPiece,
};

use super::{
    basic::Rules,
    settings::{AddedToken, TextSteps, TokenizerSettings},
    vocabulary::TokenizerError,
};

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// A word or symbol, to be cut into pieces.
    Word(&'a str),
    /// An added token: its content and id.
    Added(&'a str, u32),
}

/// Finds added tokens and cuts what is between them into words.
#[derive(Clone, Debug)]
pub(super) struct LibrarySteps {
    /// Finds the tokens; its ids are indices of `tokens`.
    added: AddedVocabulary,
    tokens: Vec<(String, u32)>,
    steps: Steps,
    /// Whether any token holds white space, so that words cannot be looked at one by one.
    spans_words: bool,
}

/// What happens to the text between added tokens.
#[derive(Clone, Debug)]
enum Steps {
    Bert(Rules),
    /// Read from a `tokenizer.json`.
    Read(Box<ReadSteps>),
}

/// The steps of a `tokenizer.json`.
#[derive(Clone, Debug)]
struct ReadSteps {
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: PreTokenizerWrapper,
}

impl LibrarySteps {
    /// `None` for settings that need none of it.
    pub(super) fn new(settings: &TokenizerSettings, rules: &Rules) -> Result<Option<Self>, TokenizerError> {
        if settings.added.is_empty() && settings.steps.is_none() {
            return Ok(None);
        }
        let steps = match &settings.steps {
            None => Steps::Bert(rules.clone()),
            Some(TextSteps { normalizer, pre_tokenizer }) => Steps::Read(Box::new(ReadSteps {
                normalizer: read("normalizer", normalizer)?,
                pre_tokenizer: read("pre_tokenizer", pre_tokenizer)?,
            })),
        };
        let refused = |error: tokenizers::Error| TokenizerError::Steps {
            part: "added_tokens",
            what: error.to_string(),
        };
        // Without a vocabulary the library numbers the tokens in their order.
        let none = WordPiece::builder().build().map_err(refused)?;
        let mut added = AddedVocabulary::new();
        let tokens: Vec<_> = settings.added.iter().filter(|token| !token.content.is_empty()).collect();
        let asked = tokens.iter().map(|token| of_library(token));
        added.add_tokens(asked, &none, Some(&steps)).map_err(refused)?;
        let spans_words = tokens.iter().any(|token| {
            let mut normal = NormalizedString::from(token.content.as_str());
            let failed = steps.normalize(&mut normal).is_err();
            failed
                || token.content.contains(char::is_whitespace)
                || normal.get().contains(char::is_whitespace)
        });
        let tokens = tokens.into_iter().map(|token| (token.content.clone(), token.id)).collect();
        Ok(Some(Self { added, tokens, steps, spans_words }))
    }

    /// Whether what stands between two spaces has the same pieces when it stands alone.
    pub(super) fn words_stand_alone(&self) -> bool {
        !self.spans_words && matches!(self.steps, Steps::Bert(_))
    }

    /// Calls `visit` with each part of `text`.
    pub(super) fn for_each_part(&self, text: &str, mut visit: impl FnMut(Part<'_>)) {
        let mut parts = self.added.extract_and_normalize(Some(&self.steps), text);
        if let Steps::Read(read) = &self.steps
            && read.pre_tokenizer.pre_tokenize(&mut parts).is_err()
        {
            // None of the steps let in by `TextSteps`' reader fails; a word left whole is the safe reading.
            return visit(Part::Word(text));
        }
        self.visit_all(&parts, &mut visit);
    }

    fn visit_all(&self, parts: &PreTokenizedString, visit: &mut impl FnMut(Part<'_>)) {
        for (text, _, tokens) in parts.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
            match (tokens.as_deref(), &self.steps) {
                (Some(tokens), _) => tokens.iter().for_each(|token| {
                    if let Some((content, id)) = self.tokens.get(token.id as usize) {
                        visit(Part::Added(content, *id));
                    }
                }),
                (None, Steps::Bert(rules)) => {
                    rules.for_each_token_of_normal(text, |word| visit(Part::Word(word)));
                }
                (None, Steps::Read(_)) if text.is_empty() => {}
                (None, Steps::Read(_)) => visit(Part::Word(text)),
            }
        }
    }
}

impl Normalizer for Steps {
    fn normalize(&self, text: &mut NormalizedString) -> tokenizers::Result<()> {
        match self {
            Self::Bert(rules) => {
                let normal = rules.normalize(text.get());
                if normal != text.get() {
                    *text = NormalizedString::from(normal);
                }
                Ok(())
            }
            Self::Read(steps) => match &steps.normalizer {
                Some(normalizer) => normalizer.normalize(text),
                None => Ok(()),
            },
        }
    }
}

fn of_library(token: &AddedToken) -> tokenizers::AddedToken {
    tokenizers::AddedToken {
        content: token.content.clone(),
        single_word: token.single_word,
        lstrip: token.lstrip,
        rstrip: token.rstrip,
        normalized: token.normalized,
        special: token.special,
    }
}

fn read<T: serde::de::DeserializeOwned>(
    part: &'static str,
    value: &serde_json::Value,
) -> Result<T, TokenizerError> {
    T::deserialize(value).map_err(|error| TokenizerError::Steps { part, what: error.to_string() })
}

//! The tokenizer of a checkpoint folder: its vocabulary and settings, obeyed or refused by name.
//!
//! [`StoredTokenizer`] reads them once from the files ([`TokenizerFiles`]); `write` writes them so that reading gives the
//! same again, here and in `transformers`.

mod class;
mod decide;
mod files;
mod said;
mod tokenizer_config;
mod tokenizer_json;
pub(super) mod write;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use serde_json::Value;

pub use decide::Decided;
pub use files::TokenizerFiles;
pub use said::SettingSource;

use self::{
    class::Kind,
    decide::Decisions,
    said::{Refusal, Said, SaidToken},
};
use super::{CheckpointError, casing::Casing};
use crate::{
    json,
    tokenizer::{
        AddedToken, BertTokenizer, SpecialTokens, TokenizerError, TokenizerSettings, pieces_from_vocab,
    },
};

/// A tokenizer as a folder's files describe it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredTokenizer {
    /// The vocabulary's pieces by id; added tokens may follow.
    pub vocab: Vec<String>,
    /// Where they were read.
    pub path: PathBuf,
    /// What is done with text.
    pub settings: TokenizerSettings,
    /// Whether text is lower-cased, and why.
    pub casing: Casing,
    /// Every setting that a file or the user states, and who.
    pub decided: Vec<Decided>,
    /// Where the files disagree, and what speaks against the casing.
    pub warnings: Vec<String>,
}

impl StoredTokenizer {
    /// Reads a folder. `lower_case` is the user's word on lower-casing.
    ///
    /// # Errors
    /// If there is no vocabulary, a file is damaged, or a setting is one that is not supported.
    pub fn from_folder(folder: &Path, lower_case: Option<bool>) -> Result<Self, CheckpointError> {
        Self::from_files(&TokenizerFiles::read(folder)?, lower_case)
    }

    /// Reads a vocabulary alone: the content of a `vocab.txt`, or of a `tokenizer.json`; `path` names it in errors.
    ///
    /// # Errors
    /// As [`Self::from_folder`].
    pub fn from_vocab(
        bytes: Vec<u8>,
        path: PathBuf,
        lower_case: Option<bool>,
    ) -> Result<Self, CheckpointError> {
        let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        let (vocab, tokenizer) = if is_json { (None, Some(bytes)) } else { (Some(bytes), None) };
        let files = TokenizerFiles { vocab, tokenizer, ..TokenizerFiles::default() };
        let mut stored = Self::from_files(&files, lower_case).map_err(|error| error.of_file(path.clone()))?;
        stored.path = path;
        Ok(stored)
    }

    /// Reads the files' content.
    ///
    /// # Errors
    /// As [`Self::from_folder`].
    pub fn from_files(files: &TokenizerFiles, lower_case: Option<bool>) -> Result<Self, CheckpointError> {
        let json = parse(files, "tokenizer.json", files.tokenizer.as_deref())?;
        let in_json = obeyed(files, "tokenizer.json", json.as_ref().map(tokenizer_json::read))?;
        let config = parse(files, "tokenizer_config.json", files.tokenizer_config.as_deref())?;
        let in_config = obeyed(files, "tokenizer_config.json", config.as_ref().map(tokenizer_config::read))?;
        let map = parse(files, "special_tokens_map.json", files.special_tokens_map.as_deref())?;
        let map = map.as_ref().map(tokenizer_config::read_special_tokens);
        let in_map = obeyed(files, "special_tokens_map.json", map)?;
        let added = parse(files, "added_tokens.json", files.added_tokens.as_deref())?;
        let is_special = |token: &str| {
            let stated = [&in_config, &in_map].into_iter();
            stated
                .flat_map(|said| said.roles.iter().map(|(_, token)| token).chain(&said.added))
                .any(|said| said.special && said.content == token)
        };
        let added = added.as_ref().map(|added| tokenizer_config::read_added_tokens(added, is_special));
        let in_added = obeyed(files, "added_tokens.json", added)?;
        let kind = kind(files, &in_config)?;
        let (vocab, path) = vocabulary(files, json.as_ref())?;

        let mut decisions = Decisions::default();
        if let (Some(_), Some(json)) = (&files.vocab, &json) {
            decisions.warnings.extend(vocabularies_differ(&vocab, json));
        }
        let said = Statements { config: in_config, json: in_json, map: in_map, added: in_added, kind };
        let (settings, casing) = said.settings(&vocab, &path, lower_case, &mut decisions)?;
        decisions.warnings.extend(casing.warning.clone());
        let Decisions { decided, warnings } = decisions;
        Ok(Self { vocab, path, settings, casing, decided, warnings })
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// If the vocabulary lacks a special token, or added tokens do not follow it.
    pub fn tokenizer(&self) -> Result<BertTokenizer, TokenizerError> {
        BertTokenizer::new(self.vocab.clone(), self.settings.clone())
    }

    /// Number of ids, added tokens included.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.settings.ids_with(self.vocab.len())
    }

    /// Checks that the tokenizer can be made and every piece has one of the model's `rows` in the embedding; says if rows
    /// are left over.
    ///
    /// # Errors
    /// If not.
    pub fn check(&self, rows: usize) -> Result<Option<String>, CheckpointError> {
        let (pieces, path) = (self.pieces(), self.path.clone());
        let made = self.tokenizer();
        let lacking = match &made {
            Err(TokenizerError::MissingSpecialTokens { missing, .. }) => {
                format!(", and no {} is among them", missing.join(", "))
            }
            _ => String::new(),
        };
        // More pieces than rows, or two things wrong: it belongs to another model.
        if pieces > rows || (pieces < rows && !lacking.is_empty()) {
            return Err(CheckpointError::VocabularySize { path, pieces, rows, lacking });
        }
        match made {
            Ok(_) if pieces == rows => Ok(None),
            Ok(_) => Ok(Some(format!(
                "{} has {pieces} pieces for the {rows} rows of the model's vocabulary (vocab_size of config.json); the \
                 others stay unused",
                path.display()
            ))),
            Err(cause) => Err(CheckpointError::Tokenizer { path, cause }),
        }
    }
}

/// What all files say.
struct Statements {
    config: Said,
    json: Said,
    map: Said,
    added: Said,
    kind: Kind,
}

impl Statements {
    /// `tokenizer_config.json` and `tokenizer.json`, in the order in which they count.
    fn both<T>(&self, of: impl Fn(&Said) -> Option<T>) -> [(SettingSource, Option<T>); 2] {
        let config = (SettingSource::TokenizerConfig, of(&self.config));
        let json = (SettingSource::TokenizerJson, of(&self.json));
        // Steps that are not BERT's have no settings that could be changed one by one.
        if self.kind == Kind::Generic || self.json.steps.is_some() { [json, config] } else { [config, json] }
    }

    fn settings(
        &self,
        vocab: &[String],
        path: &Path,
        flag: Option<bool>,
        decisions: &mut Decisions,
    ) -> Result<(TokenizerSettings, Casing), CheckpointError> {
        let [first, second] = self.both(|said| said.do_lower_case);
        let said = [(SettingSource::Flag, flag), first, second];
        let lower = decisions.take("do_lower_case", &said);
        let casing = Casing::decide(lower, vocab);
        let do_lower_case = casing.do_lower_case;
        let mut settings = TokenizerSettings::bert(do_lower_case);
        if let Some(steps) = &self.json.steps {
            let mut steps = steps.clone();
            steps.normalizer = tokenizer_json::with_lower_case(&steps.normalizer, do_lower_case);
            settings.steps = Some(steps);
        } else {
            let effective = |strip: &Option<bool>| strip.unwrap_or(do_lower_case);
            let strip = self.both(|said| said.strip_accents);
            let strip = decisions
                .take_where("strip_accents", &strip, |one, other| effective(one) == effective(other));
            settings.strip_accents = strip.and_then(|(strip, _)| strip);
            let chinese = self.both(|said| said.tokenize_chinese_chars);
            put(&mut settings.tokenize_chinese_chars, decisions.take("tokenize_chinese_chars", &chinese));
            let [one, other] = self.both(|said| said.clean_text);
            put(&mut settings.clean_text, decisions.take("clean_text", &[one, other]));
        }
        let never_split = [(SettingSource::TokenizerConfig, self.config.never_split.clone())];
        put(&mut settings.never_split, decisions.take("never_split", &never_split));
        let prefix = self.both(|said| said.wordpieces_prefix.clone());
        put(&mut settings.wordpieces_prefix, decisions.take("wordpieces_prefix", &prefix));
        if settings.wordpieces_prefix.is_empty() {
            return Err(refused(
                path.to_owned(),
                Refusal::new(
                    "wordpieces_prefix is empty, so that pieces of a word cannot be told from words",
                    "take a checkpoint with a BERT tokenizer, such as SpanBERT/spanbert-base-cased",
                ),
            ));
        }
        let longest = self.both(|said| said.max_input_chars_per_word);
        put(&mut settings.max_input_chars_per_word, decisions.take("max_input_chars_per_word", &longest));
        settings.special = self.roles(decisions);
        settings.added = self.added_tokens(vocab, path, &settings)?;
        Ok((settings, casing))
    }

    fn roles(&self, decisions: &mut Decisions) -> SpecialTokens {
        use SettingSource::{SpecialTokensMap, TokenizerConfig, TokenizerJson};
        let mut special = SpecialTokens::default();
        for (key, token) in [
            ("unk_token", &mut special.unk),
            ("sep_token", &mut special.sep),
            ("pad_token", &mut special.pad),
            ("cls_token", &mut special.cls),
            ("mask_token", &mut special.mask),
        ] {
            // What the library puts in and around a text is decided by its own file.
            let said = [
                (TokenizerJson, self.json.role(key)),
                (TokenizerConfig, self.config.role(key)),
                (SpecialTokensMap, self.map.role(key)),
            ];
            put(token, decisions.take(key, &said));
        }
        special
    }

    /// The tokens to be found in the text; none if they are the reference's special tokens, which it finds in its own way.
    fn added_tokens(
        &self,
        vocab: &[String],
        path: &Path,
        settings: &TokenizerSettings,
    ) -> Result<Vec<AddedToken>, CheckpointError> {
        let stated = [&self.config, &self.json, &self.added, &self.map].into_iter();
        let stated: Vec<&SaidToken> = stated.flat_map(|said| &said.added).collect();
        let usual = SpecialTokens::default();
        let is_usual = |token: &&SaidToken| {
            usual.has(&token.content) && token.special && !token.single_word && !token.normalized
        };
        if stated.iter().all(is_usual) && settings.special == usual && settings.steps.is_none() {
            return Ok(Vec::new());
        }
        let ids: HashMap<&str, u32> = vocab.iter().map(String::as_str).zip(0..).collect();
        let roles = [&self.config, &self.map, &self.json].into_iter().flat_map(|said| &said.roles);
        let roles = roles.map(|(_, token)| token.clone());
        let named = settings.special.by_key().map(|(_, token)| SaidToken::plain(token, true));
        let roles = roles.chain(named).filter(|token| {
            // A role's token that is nowhere is found nowhere.
            settings.special.has(&token.content) && ids.contains_key(token.content.as_str())
        });
        let mut tokens: Vec<SaidToken> = Vec::new();
        for token in stated.into_iter().cloned().chain(roles).filter(|token| !token.content.is_empty()) {
            match tokens.iter_mut().find(|known| known.content == token.content) {
                None => tokens.push(token),
                Some(known) => match (known.id, token.id) {
                    (Some(one), Some(other)) if one != other => {
                        return Err(two_ids(path, &token.content, one, other));
                    }
                    (None, id) => known.id = id,
                    _ => {}
                },
            }
        }
        let mut added = Vec::with_capacity(tokens.len());
        let mut free = vocab.len();
        let last = tokens.iter().filter_map(|token| token.id).max();
        free = free.max(last.map_or(0, |last| last as usize + 1));
        for token in tokens {
            let piece = ids.get(token.content.as_str()).copied();
            let id = match (token.id, piece) {
                (Some(id), Some(piece)) if vocab.get(id as usize) != Some(&token.content) => {
                    return Err(two_ids(path, &token.content, id, piece));
                }
                (Some(id), _) => id,
                (None, Some(piece)) => piece,
                (None, None) => {
                    free += 1;
                    u32::try_from(free - 1).unwrap_or(u32::MAX)
                }
            };
            let SaidToken { content, single_word, lstrip, rstrip, normalized, special, .. } = token;
            added.push(AddedToken { id, content, single_word, lstrip, rstrip, normalized, special });
        }
        added.sort_by_key(|token| token.id);
        Ok(added)
    }
}

fn put<T>(setting: &mut T, decided: Option<(T, SettingSource)>) {
    if let Some((value, _)) = decided {
        *setting = value;
    }
}

fn two_ids(path: &Path, token: &str, one: u32, other: u32) -> CheckpointError {
    let what = format!("added token {token:?} has the ids {one} and {other}");
    refused(path.to_owned(), Refusal::new(what, "use the tokenizer's files of one checkpoint together"))
}

fn refused(path: PathBuf, refusal: Refusal) -> CheckpointError {
    CheckpointError::TokenizerSetting { path, what: refusal.what, remedy: refusal.remedy }
}

/// The content of a file as JSON.
fn parse(files: &TokenizerFiles, name: &str, bytes: Option<&[u8]>) -> Result<Option<Value>, CheckpointError> {
    let parsed = bytes.map(json::parse::<Value>).transpose();
    parsed.map_err(|cause| CheckpointError::Json { path: files.path(name), cause })
}

/// What a file says; nothing if it is not there.
fn obeyed(
    files: &TokenizerFiles,
    name: &str,
    said: Option<Result<Said, Refusal>>,
) -> Result<Said, CheckpointError> {
    let said = said.transpose().map_err(|refusal| refused(files.path(name), refusal))?;
    Ok(said.unwrap_or_default())
}

/// The tokenizer's class, by `tokenizer_config.json` or else the model's `config.json`.
fn kind(files: &TokenizerFiles, config: &Said) -> Result<Kind, CheckpointError> {
    let (class, name) = match &config.class {
        Some(class) => (Some(class.clone()), "tokenizer_config.json"),
        // A damaged one is reported by who reads the model's architecture.
        None => {
            let model = files.model_config.as_deref().and_then(|bytes| json::parse::<Value>(bytes).ok());
            let class = model.as_ref().and_then(|model| model.get("tokenizer_class")?.as_str());
            (class.map(str::to_owned), "config.json")
        }
    };
    class::kind_of(class.as_deref(), files.tokenizer.is_some())
        .map_err(|refusal| refused(files.path(name), refusal))
}

/// The pieces of `vocab.txt`, else of `tokenizer.json`, and the file.
fn vocabulary(
    files: &TokenizerFiles,
    json: Option<&Value>,
) -> Result<(Vec<String>, PathBuf), CheckpointError> {
    if let Some(bytes) = &files.vocab {
        let path = files.path("vocab.txt");
        return match pieces_from_vocab(bytes) {
            Ok(pieces) => Ok((pieces, path)),
            Err(cause) => Err(CheckpointError::Tokenizer { path, cause }),
        };
    }
    let Some(json) = json else {
        return Err(CheckpointError::NoVocabulary { path: files.folder.clone() });
    };
    let path = files.path("tokenizer.json");
    match tokenizer_json::vocabulary(json) {
        Ok(pieces) => Ok((pieces, path)),
        Err(what) => Err(CheckpointError::Vocabulary { path, what }),
    }
}

/// Says so if `vocab.txt` and `tokenizer.json` have different pieces.
fn vocabularies_differ(vocab: &[String], json: &Value) -> Option<String> {
    let other = json.pointer("/model/vocab")?.as_object()?;
    let mut different = 0;
    let mut first: Option<(u64, &str)> = None;
    for (piece, id) in other {
        let id = id.as_u64().unwrap_or(u64::MAX);
        let ours = usize::try_from(id).ok().and_then(|id| vocab.get(id));
        if ours != Some(piece) {
            different += 1;
            if first.is_none_or(|(smallest, _)| id < smallest) {
                first = Some((id, piece));
            }
        }
    }
    let own: BTreeMap<&str, ()> = vocab.iter().map(|piece| (piece.as_str(), ())).collect();
    let lacking = own.keys().filter(|piece| !piece.is_empty() && !other.contains_key(**piece)).count();
    if let Some((id, piece)) = first {
        let ours = usize::try_from(id).ok().and_then(|id| vocab.get(id));
        let ours = ours.map_or_else(|| "nothing".to_owned(), |ours| format!("{ours:?}"));
        return Some(format!(
            "vocab.txt and tokenizer.json differ in {different} pieces (id {id} is {ours} and {piece:?}): vocab.txt \
             counts"
        ));
    }
    (lacking > 0).then(|| format!("tokenizer.json lacks {lacking} pieces of vocab.txt: vocab.txt counts"))
}

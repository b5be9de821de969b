//! What a pre-training was begun with: model, corpus and recipe, and how a resumed run finds them again.

use std::path::{Path, PathBuf};

use super::{MaskPieces, PretrainError, PretrainRecord, PretrainStart, Text, cut, documents};
use crate::{
    checkpoint::{LoadOptions, StoredTokenizer, Weights, load, save_tokenizer},
    config::BertConfig,
    engine::{ClipScope, OptimizerConfig},
    hash::Fingerprint,
    model::fresh_pretraining,
    run::{Environment, Layout, RunError, write_atomic},
    tokenizer::{BertTokenizer, TokenizerSettings},
    train::Progress,
};

/// What a run was begun with.
pub(super) struct Begun {
    pub(super) config: BertConfig,
    pub(super) tokenizer: BertTokenizer,
    pub(super) record: PretrainRecord,
}

impl Begun {
    pub(super) fn read(start: PretrainStart, layout: Option<&Layout>) -> Result<Self, PretrainError> {
        match (start, layout) {
            (PretrainStart::New { config, vocab, settings, model, corpus, recipe }, _) => {
                let corpus = corpus.iter().map(|path| Fingerprint::of(path).map_err(RunError::from));
                let record = PretrainRecord {
                    do_lower_case: settings.do_lower_case,
                    model,
                    recipe,
                    corpus: corpus.collect::<Result<_, _>>()?,
                };
                // A checkpoint may have more rows than pieces; a new model has as many.
                let pieces = settings.ids_with(vocab.len());
                let rows = if record.model.is_some() { pieces.max(config.vocab_size) } else { pieces };
                Self::new(BertConfig { vocab_size: rows, ..*config }, vocab, *settings, record)
            }
            (PretrainStart::Resume, None) => Err(RunError::NoRun(PathBuf::new()).into()),
            (PretrainStart::Resume, Some(layout)) => {
                let path = layout.pretraining();
                let wrong = |path: &Path, what: String| PretrainError::Record { path: path.to_owned(), what };
                let text = |path: &Path| {
                    std::fs::read_to_string(path).map_err(|error| wrong(path, error.to_string()))
                };
                let record: PretrainRecord =
                    toml::from_str(&text(&path)?).map_err(|error| wrong(&path, error.to_string()))?;
                let config = config_path(layout);
                let parsed = BertConfig::from_json(&text(&config)?, &config.display().to_string())
                    .map_err(|error| wrong(&config, error.to_string()))?;
                let lower_case = Some(record.do_lower_case);
                let StoredTokenizer { vocab, settings, .. } =
                    StoredTokenizer::from_folder(layout.root(), lower_case)?;
                for before in &record.corpus {
                    if Fingerprint::of(Path::new(&before.path)).map_err(RunError::from)? != *before {
                        return Err(PretrainError::Changed { path: before.path.clone() });
                    }
                }
                Self::new(parsed, vocab, settings, record)
            }
        }
    }

    fn new(
        config: BertConfig,
        vocab: Vec<String>,
        settings: TokenizerSettings,
        record: PretrainRecord,
    ) -> Result<Self, PretrainError> {
        let (asked, positions) = (record.recipe.max_seq_length, config.max_position_embeddings);
        if asked > positions {
            return Err(PretrainError::TooLong { asked, positions });
        }
        let tokenizer = BertTokenizer::new(vocab, settings)?;
        Ok(Self { config, tokenizer, record })
    }

    pub(super) fn texts(&self) -> Result<Vec<Text>, PretrainError> {
        let mut texts = Vec::new();
        for file in &self.record.corpus {
            let documents = documents(Path::new(&file.path))?;
            texts.extend(cut(&documents, &self.tokenizer, self.record.recipe.max_seq_length));
        }
        if texts.is_empty() { Err(PretrainError::EmptyCorpus) } else { Ok(texts) }
    }

    /// Random weights, with a checkpoint's encoder over them.
    pub(super) fn weights(&self) -> Result<Weights, PretrainError> {
        let seed = self.record.recipe.seed;
        let mut weights = fresh_pretraining(&self.config, seed);
        if let Some(model) = &self.record.model {
            let loaded = load(model, LoadOptions { seed, ..LoadOptions::default() })?;
            let encoder = loaded.weights.into_iter().filter(|(name, _)| weights.contains_key(name));
            let encoder: Vec<_> = encoder.collect();
            weights.extend(encoder);
        }
        Ok(weights)
    }

    pub(super) fn optimizer(&self) -> OptimizerConfig {
        let recipe = &self.record.recipe;
        OptimizerConfig {
            eps: 1e-8,
            weight_decay: recipe.weight_decay as f32,
            max_grad_norm: recipe.max_grad_norm as f32,
            clip: ClipScope::Global,
            ..OptimizerConfig::bert_adam()
        }
    }

    pub(super) fn put_in(&self) -> Result<MaskPieces, PretrainError> {
        let mask_id = self.tokenizer.mask_id().ok_or(PretrainError::NoMask)?;
        let ordinary = (0..).zip(self.tokenizer.vocab());
        let is_ordinary = |piece: &str| {
            let reserved = piece.starts_with('[') && piece.ends_with(']') && piece.len() > 2;
            !reserved && !piece.is_empty() && !self.tokenizer.is_special(piece)
        };
        let ordinary = ordinary.filter(|(_, piece)| is_ordinary(piece)).map(|(id, _)| id).collect();
        Ok(MaskPieces { mask_id, ordinary })
    }

    pub(super) fn total_steps(&self, texts: usize) -> usize {
        let recipe = &self.record.recipe;
        let all = texts.div_ceil(recipe.train_batch_size) * recipe.num_train_epochs;
        recipe.max_steps.map_or(all, |most| most.min(all))
    }

    pub(super) fn environment(
        &self,
        choice: &str,
        device: &str,
        layout: &Layout,
        progress: Option<&Progress>,
    ) -> Result<Environment, PretrainError> {
        if layout.environment().is_file() {
            let mut before = Environment::read(layout)?;
            before.resume(progress.map_or(0, |progress| progress.place.step), device);
            (before.backend, before.device) = (choice.to_owned(), device.to_owned());
            return Ok(before);
        }
        Ok(Environment {
            backend: choice.to_owned(),
            model: self.record.model.clone(),
            train_data: self.record.corpus.first().cloned(),
            ..Environment::of_this_process(device)
        })
    }

    /// Writes what a resumed run needs; the record comes last and makes the folder a run.
    pub(super) fn write(&self, layout: &Layout) -> Result<(), PretrainError> {
        let wrong = |path: PathBuf, what: String| PretrainError::Record { path, what };
        let config = serde_json::to_string_pretty(&self.config.to_hugging_face())
            .map_err(|error| wrong(config_path(layout), error.to_string()))?;
        let record =
            toml::to_string(&self.record).map_err(|error| wrong(layout.pretraining(), error.to_string()))?;
        let (vocab, settings) = (self.tokenizer.vocab_pieces(), self.tokenizer.settings());
        save_tokenizer(layout.root(), vocab, settings, self.config.max_position_embeddings)?;
        for (path, text) in [(config_path(layout), config), (layout.pretraining(), record)] {
            write_atomic(&path, text.as_bytes()).map_err(RunError::from)?;
        }
        Ok(())
    }
}

fn config_path(layout: &Layout) -> PathBuf {
    layout.root().join("config.json")
}

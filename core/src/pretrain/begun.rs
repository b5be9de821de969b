//! What a pre-training was begun with: model, corpus and recipe, and how a resumed run finds them again.

use std::path::PathBuf;

use super::{
    MaskPieces, PretrainError, PretrainRecord, PretrainStart, Resumption, corpus::Corpus,
    recipe::fingerprints,
};
use crate::{
    batch::FramePieces,
    checkpoint::{LoadOptions, StoredTokenizer, Weights, load, save_tokenizer},
    config::BertConfig,
    engine::{ClipScope, OptimizerConfig, SharedRanks},
    hash::{Fingerprint, sha256_hex},
    model::fresh_pretraining,
    run::{Environment, Layout, RunError, write_atomic},
    tokenizer::{BertTokenizer, TokenizerSettings},
    train::{Facts, RecipeError, TrainError, accept_changes, refuse_completed},
};

/// What a run was begun with.
pub(super) struct Begun {
    pub(super) config: BertConfig,
    pub(super) tokenizer: BertTokenizer,
    pub(super) record: PretrainRecord,
    /// What is doubtful about resuming it so.
    pub(super) warnings: Vec<String>,
    /// Whether a resumed run is to split batches as before.
    pub(super) same_split: bool,
}

impl Begun {
    pub(super) fn read(start: PretrainStart, layout: Option<&Layout>) -> Result<Self, PretrainError> {
        match (start, layout) {
            (PretrainStart::New { config, vocab, settings, model, corpus, eval_corpus, recipe }, _) => {
                let record = PretrainRecord {
                    do_lower_case: settings.do_lower_case,
                    model,
                    recipe: *recipe,
                    corpus: fingerprints(&corpus)?,
                    eval_corpus: fingerprints(&eval_corpus)?,
                };
                // A checkpoint may have more rows than pieces; a new model has as many.
                let pieces = settings.ids_with(vocab.len());
                let rows = if record.model.is_some() { pieces.max(config.vocab_size) } else { pieces };
                Self::new(BertConfig { vocab_size: rows, ..*config }, vocab, *settings, record)
            }
            (PretrainStart::Resume(_), None) => Err(RunError::NoRun(PathBuf::new()).into()),
            (PretrainStart::Resume(resumption), Some(layout)) => Self::resume(&resumption, layout),
        }
    }

    fn resume(resumption: &Resumption, layout: &Layout) -> Result<Self, PretrainError> {
        let before = PretrainRecord::read(layout)?;
        let now = before.resumed_with(resumption)?;
        let (was, is) = (&before.recipe, &now.recipe);
        let is_longer = match (was.max_steps, is.max_steps) {
            (Some(before), now) => now.is_none_or(|now| now > before),
            (None, now) => now.is_none() && is.num_train_epochs > was.num_train_epochs,
        };
        let same_patience = was.early_stopping_patience == is.early_stopping_patience;
        refuse_completed(layout, is_longer, same_patience)?;
        let warnings = accept_changes(layout, before.changes(&now), resumption.force)?;
        let same_split = (was.micro_batch, was.eval_batch_size) == (is.micro_batch, is.eval_batch_size);
        let path = config_path(layout);
        let wrong = |what: String| PretrainError::Record { path: path.clone(), what };
        let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let config = BertConfig::from_json(&text, &path.display().to_string())
            .map_err(|error| wrong(error.to_string()))?;
        let lower_case = Some(now.do_lower_case);
        let StoredTokenizer { vocab, settings, .. } =
            StoredTokenizer::from_folder(layout.root(), lower_case)?;
        Ok(Self { warnings, same_split, ..Self::new(config, vocab, settings, now)? })
    }

    fn new(
        config: BertConfig,
        vocab: Vec<String>,
        settings: TokenizerSettings,
        record: PretrainRecord,
    ) -> Result<Self, PretrainError> {
        record.recipe.validate(&config).map_err(TrainError::from)?;
        if let Some(error) = record.recipe.held_out_errors(!record.eval_corpus.is_empty()).into_iter().next()
        {
            return Err(TrainError::from(RecipeError::from(error)).into());
        }
        let tokenizer = BertTokenizer::new(vocab, settings)?;
        Ok(Self { config, tokenizer, record, warnings: Vec::new(), same_split: true })
    }

    /// The text to learn from, and that to be evaluated on.
    pub(super) fn corpora(&self) -> Result<(Corpus, Option<Corpus>), PretrainError> {
        let PretrainRecord { recipe, corpus, eval_corpus, .. } = &self.record;
        let read = |files: &[Fingerprint]| Corpus::read(files, &self.tokenizer, recipe.max_seq_length);
        let mut corpus = read(corpus)?;
        let held_out = if recipe.eval_share > 0.0 {
            Some(corpus.hold_out(recipe.eval_share, recipe.seed))
        } else if eval_corpus.is_empty() {
            None
        } else {
            Some(read(eval_corpus)?)
        };
        if corpus.texts.is_empty() {
            return Err(PretrainError::EmptyCorpus);
        }
        match held_out {
            Some(held_out) if held_out.texts.is_empty() => Err(PretrainError::EmptyHeldOut),
            held_out => Ok((corpus, held_out)),
        }
    }

    /// Trains along with others. Without a word about parts there are as many as workers.
    pub(super) fn share_with(&mut self, ranks: &SharedRanks) -> Result<(), PretrainError> {
        let workers = ranks.borrow().size();
        let recipe = &mut self.record.recipe;
        if workers > 1 && recipe.parts.is_none() {
            recipe.parts = Some(workers);
            recipe.validate(&self.config).map_err(TrainError::from)?;
        }
        match recipe.parts.unwrap_or(1) {
            parts if parts < workers => Err(TrainError::TooFewParts { workers, parts }.into()),
            _ => Ok(()),
        }
    }

    /// What has to be the same for all workers.
    pub(super) fn facts(&self, environment: &Environment, resumes: bool) -> Facts {
        let PretrainRecord { recipe, corpus, eval_corpus, .. } = &self.record;
        let digests =
            |files: &[Fingerprint]| files.iter().map(|file| file.sha256.clone()).collect::<Vec<_>>();
        let vocab = self.tokenizer.vocab_pieces().join("\n");
        let config = format!("{:?} {:?}", self.config, self.tokenizer.settings());
        let model = [vocab, config].iter().map(|text| sha256_hex(text.as_bytes())).collect();
        let facts = Facts::new(recipe.values(), environment, resumes);
        facts.made_of(model, digests(corpus), digests(eval_corpus))
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
            loss_scale: recipe.loss_scale as f32,
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

    pub(super) fn frame(&self) -> FramePieces {
        let tokenizer = &self.tokenizer;
        FramePieces { cls: tokenizer.cls_id(), sep: tokenizer.sep_id(), pad: tokenizer.pad_id() }
    }

    /// The record of what it is computed with: as it began, and how it goes on.
    pub(super) fn environment(&self, choice: &str, device: &str) -> Environment {
        Environment {
            backend: choice.to_owned(),
            model: self.record.model.clone(),
            train_data: self.record.corpus.first().cloned(),
            dev_data: self.record.eval_corpus.first().cloned(),
            ..Environment::of_this_process(device)
        }
    }

    /// Writes what a resumed run needs; the record comes last and makes the folder a run.
    pub(super) fn write(&self, layout: &Layout) -> Result<(), PretrainError> {
        let wrong = |path: PathBuf, what: String| PretrainError::Record { path, what };
        let config = serde_json::to_string_pretty(&self.config.to_hugging_face())
            .map_err(|error| wrong(config_path(layout), error.to_string()))?;
        let record =
            toml::to_string(&self.record).map_err(|error| wrong(layout.pretraining(), error.to_string()))?;
        let (vocab, settings) = (self.tokenizer.vocab_pieces(), self.tokenizer.settings());
        save_tokenizer(layout.root(), vocab, settings, &self.config)?;
        for (path, text) in [(config_path(layout), config), (layout.pretraining(), record)] {
            write_atomic(&path, text.as_bytes()).map_err(RunError::from)?;
        }
        Ok(())
    }
}

fn config_path(layout: &Layout) -> PathBuf {
    layout.root().join("config.json")
}

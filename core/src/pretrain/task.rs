//! Pre-training as the loop sees it: masked texts, and what is saved of the weights.

use super::{
    PretrainRecipe,
    corpus::Corpus,
    masked_texts::{MaskedBatch, MaskedTexts},
    shared_sums::shared_sums,
};
use crate::{
    checkpoint::{SpanbertMeta, Weights},
    config::BertConfig,
    engine::{EngineError, PredictionSums, PretrainEngine, PretrainSums, SharedRanks},
    evaluate::Monitor,
    run::Event,
    score::HeldOutScores,
    tokenizer::BertTokenizer,
    train::{
        Batches, EvaluateEvery, EvaluatedAt, EvaluatorError, Heads, Limits, LrSchedule, Metric, Place,
        SavedModel, Schedule, Scored, Serving, Task, in_order,
    },
};

/// Documents named when numbers go wrong; a batch of them would fill the screen.
const DOCUMENTS_NAMED: usize = 8;

/// Evaluations of a run whose recipe does not say how many updates lie between them.
const EVALUATIONS: usize = 10;

/// Masked texts, and all that is written beside weights.
pub(super) struct Pretraining<'a> {
    /// Architecture, as it is saved.
    pub(super) config: &'a BertConfig,
    /// Vocabulary and casing, as they are saved.
    pub(super) tokenizer: &'a BertTokenizer,
    pub(super) corpus: &'a Corpus,
    pub(super) data: MaskedTexts<'a>,
    /// Text to be evaluated on, if there is any.
    pub(super) held_out: Option<MaskedTexts<'a>>,
    pub(super) schedule: Schedule,
    /// Step and scores of the latest evaluation.
    pub(super) latest: Option<(usize, HeldOutScores)>,
    /// The other workers, if there are any.
    pub(super) ranks: Option<SharedRanks>,
}

/// Counts and learning rates of a pre-training on so many texts. Unlike in fine-tuning, the learning rate reaches 0 at the
/// last update that is made.
pub(super) fn schedule(recipe: &PretrainRecipe, texts: usize) -> Schedule {
    let batches_per_epoch = texts.div_ceil(recipe.train_batch_size);
    let all = batches_per_epoch * recipe.num_train_epochs;
    let steps = recipe.max_steps.map_or(all, |most| most.min(all));
    Schedule {
        batches_per_epoch,
        accumulation: 1,
        epochs: recipe.num_train_epochs,
        schedule_steps: steps as f64,
        evaluate_every: EvaluateEvery::Updates(recipe.eval_steps.unwrap_or((steps / EVALUATIONS).max(1))),
        warmup: recipe.warmup_proportion,
        shape: LrSchedule::Linear,
        max_steps: Some(steps),
    }
}

impl<'a> Task for Pretraining<'a> {
    type Engine = dyn PretrainEngine;
    type Batch = MaskedBatch;
    type Batches = Batches<'a, MaskedBatch>;
    type Scores = HeldOutScores;

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    fn limits(&self) -> Limits {
        let recipe = self.data.recipe;
        Limits {
            checkpoint_minutes: Some(recipe.checkpoint_minutes),
            checkpoint_steps: None,
            ends_at_last_update: true,
            patience: recipe.early_stopping_patience,
            fixed_loss_scale: recipe.loss_scale > 0.0,
        }
    }

    fn batches(&self, _training: usize, from: Place) -> Batches<'a, MaskedBatch> {
        let data = self.data;
        let order = move |epoch| data.order(epoch);
        in_order(self.schedule.epochs, from, order, move |epoch, position, texts: Vec<usize>| {
            data.batch(epoch, position, &texts)
        })
    }

    fn serving(batch: &MaskedBatch) -> Serving {
        batch.serving
    }

    fn accumulate(&mut self, engine: &mut Self::Engine, batch: &MaskedBatch) -> Result<(), EngineError> {
        engine.accumulate_parts(&batch.places, &batch.micro_batches())
    }

    fn describe(&self, _training: usize, batches: &[(usize, usize)]) -> String {
        let texts =
            batches.iter().filter_map(|&(epoch, position)| self.data.order(epoch).into_iter().nth(position));
        let mut documents: Vec<usize> =
            texts.flatten().filter_map(|text| Some(self.corpus.texts.get(text)?.document)).collect();
        documents.sort_unstable();
        documents.dedup();
        let more = documents.len().saturating_sub(DOCUMENTS_NAMED);
        documents.truncate(DOCUMENTS_NAMED);
        self.corpus.name(&documents, more)
    }

    fn evaluation_rows(&self) -> Option<usize> {
        self.held_out.map(|held_out| held_out.texts.len())
    }

    async fn evaluate(
        &mut self,
        engine: &mut Self::Engine,
        monitor: &mut dyn Monitor,
    ) -> Result<Option<Scored<HeldOutScores>>, EvaluatorError> {
        let Some(held_out) = self.held_out else { return Ok(None) };
        let (rank, size) = self.ranks.as_ref().map_or((0, 1), |ranks| {
            let ranks = ranks.borrow();
            (ranks.rank(), ranks.size())
        });
        let (mut done, all) = (0, held_out.texts.len());
        let mut own = Vec::new();
        for (index, batch) in held_out.evaluation_batches().enumerate() {
            // All report before each round, in which every worker predicts one batch: so they agree on a stop.
            if index % size == 0 && monitor.report(done, all).is_break() {
                return Ok(None);
            }
            if index % size == rank {
                own.push((index, engine.predict_masked_async(&batch).await?));
            }
            done += batch.batch.rows;
            monitor.yield_now().await;
        }
        let mut sums = PretrainSums::default();
        for found in shared_sums(own, self.ranks.as_ref())? {
            sums.mlm.add(found.mlm);
            sums.sbo.add(found.sbo);
        }
        let scores = scores(&sums);
        // Weights that predict anything but numbers must not become the best.
        if !scores.loss.is_finite() {
            return Err("the loss on held-out text is not finite".into());
        }
        let files = vec![("results.json", serde_json::to_vec_pretty(&scores)?)];
        Ok(Some(Scored { scores, files }))
    }

    fn metric(&self) -> Metric {
        Metric { name: HeldOutScores::METRIC, lower_is_better: true }
    }

    fn value(&self, scores: &HeldOutScores) -> Option<f64> {
        Some(scores.loss)
    }

    fn evaluated(&mut self, at: &EvaluatedAt, scores: &HeldOutScores) -> Event {
        let EvaluatedAt { place: Place { step, epoch, .. }, best, secs } = *at;
        self.latest = Some((step, *scores));
        Event::HeldOut { step, epoch, scores: *scores, best, secs }
    }

    fn best_model(&self, weights: Weights, place: Place, scores: &HeldOutScores) -> SavedModel<'_> {
        self.model(weights, place, Some(scores))
    }

    fn last_model(&self, weights: Weights, place: Place) -> SavedModel<'_> {
        let own = self.latest.as_ref().filter(|(step, _)| *step == place.step);
        self.model(weights, place, own.map(|(_, scores)| scores))
    }
}

/// Means over what was predicted.
fn scores(sums: &PretrainSums) -> HeldOutScores {
    let mean = |sums: PredictionSums| {
        let targets = sums.targets as f64;
        (sums.loss / targets, 100.0 * sums.correct / targets)
    };
    let (mlm_loss, mlm_accuracy) = mean(sums.mlm);
    let sbo = (sums.sbo.targets > 0).then(|| mean(sums.sbo));
    HeldOutScores {
        loss: mlm_loss + sbo.map_or(0.0, |(loss, _)| loss),
        mlm_loss,
        mlm_perplexity: libm::exp(mlm_loss),
        mlm_accuracy,
        sbo_loss: sbo.map(|(loss, _)| loss),
        sbo_accuracy: sbo.map(|(_, accuracy)| accuracy),
        pieces: sums.mlm.targets,
    }
}

impl Pretraining<'_> {
    fn model(&self, weights: Weights, place: Place, scores: Option<&HeldOutScores>) -> SavedModel<'_> {
        let scores = scores.map(HeldOutScores::entries).unwrap_or_default().into_iter();
        SavedModel {
            config: self.config,
            weights,
            vocab: self.tokenizer.vocab_pieces(),
            settings: self.tokenizer.settings(),
            meta: SpanbertMeta {
                max_seq_length: Some(self.data.recipe.max_seq_length),
                global_step: Some(place.step as u64),
                scores: scores.map(|(name, value)| (name.to_owned(), value)).collect(),
                created_by: Some(concat!("SpanBERT Studio ", env!("CARGO_PKG_VERSION")).to_owned()),
                ..SpanbertMeta::default()
            },
            heads: Heads::Pretraining,
        }
    }
}

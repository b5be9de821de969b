//! Fine-tuning as the loop sees it: windows of questions, the development set, and what is saved of the weights.

use super::{
    Batches, EvaluatedAt, Evaluator, EvaluatorError, Heads, Limits, Metric, Place, Prepared, Progress,
    Recipe, SavedModel, Schedule, Scored, Serving, Task, Teacher, TrainingData, batches,
};
use crate::{
    checkpoint::{SpanbertMeta, Weights},
    config::BertConfig,
    engine::{EngineError, TrainingEngine},
    evaluate::Monitor,
    run::Event,
    score::{ResultValue, Scores, eval_results_text},
    tokenizer::BertTokenizer,
};

/// Ids named when numbers go wrong; a batch of them would fill the screen.
const IDS_NAMED: usize = 8;

/// Windows, development set, and all that is written beside weights.
pub struct FineTuning<'a> {
    /// Every hyper-parameter.
    pub recipe: &'a Recipe,
    /// Counts and learning rates.
    pub schedule: &'a Schedule,
    /// Windows and their order.
    pub data: TrainingData<'a>,
    /// The development set, if there is one.
    pub evaluator: Option<Box<dyn Evaluator + 'a>>,
    /// Architecture, as it is saved.
    pub config: &'a BertConfig,
    /// Vocabulary and casing, as they are saved.
    pub tokenizer: &'a BertTokenizer,
    /// Version of the training data, as it is saved.
    pub dataset_version: String,
    /// Another model to learn from, if there is one.
    pub teacher: Option<Teacher>,
    /// Step and scores of the latest evaluation.
    pub latest: Option<(usize, Scores)>,
}

impl<'a> Task for FineTuning<'a> {
    type Engine = dyn TrainingEngine;
    type Batch = Prepared;
    type Batches = Batches<'a, Prepared>;
    type Scores = Scores;

    fn schedule(&self) -> &Schedule {
        self.schedule
    }

    fn limits(&self) -> Limits {
        Limits {
            checkpoint_steps: self.recipe.checkpoint_steps,
            checkpoint_minutes: self.recipe.checkpoint_minutes,
            ends_at_last_update: self.recipe.max_steps.is_some(),
            patience: self.recipe.early_stopping_patience,
            fixed_loss_scale: self.recipe.loss_scale > 0.0,
        }
    }

    fn batches(&self, training: usize, from: Place) -> Batches<'a, Prepared> {
        batches(self.data, self.recipe, self.schedule, training, from)
    }

    fn serving(batch: &Prepared) -> Serving {
        let Prepared { epoch, position, windows, tokens, .. } = *batch;
        Serving { epoch, position, rows: windows, tokens }
    }

    fn accumulate(&mut self, engine: &mut Self::Engine, batch: &Prepared) -> Result<(), EngineError> {
        match &mut self.teacher {
            Some(teacher) => teacher.accumulate(engine, batch),
            None => engine.accumulate_parts(&batch.places, &batch.micro_batches()),
        }
    }

    fn describe(&self, training: usize, batches: &[(usize, usize)]) -> String {
        let TrainingData { order, windows, question_ids, .. } = self.data;
        let batch = |&(epoch, position): &(usize, usize)| {
            order.epoch(training * self.schedule.epochs + epoch).get(position).copied()
        };
        let mut ids: Vec<&str> = batches
            .iter()
            .filter_map(batch)
            .flat_map(|batch| order.batch(batch))
            .filter_map(|&window| windows.get(window))
            .filter_map(|window| question_ids.get(window.example_index).map(String::as_str))
            .collect();
        ids.dedup();
        let more = ids.len().saturating_sub(IDS_NAMED);
        ids.truncate(IDS_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("questions {}{more}", ids.join(", "))
    }

    fn evaluation_rows(&self) -> Option<usize> {
        self.evaluator.as_ref().map(|evaluator| evaluator.windows())
    }

    async fn evaluate(
        &mut self,
        engine: &mut Self::Engine,
        monitor: &mut dyn Monitor,
    ) -> Result<Option<Scored<Scores>>, EvaluatorError> {
        match &mut self.evaluator {
            Some(evaluator) => evaluator.evaluate(engine, monitor).await,
            None => Ok(None),
        }
    }

    fn metric(&self) -> Metric {
        Metric { name: self.recipe.eval_metric.key(), lower_is_better: false }
    }

    fn value(&self, scores: &Scores) -> Option<f64> {
        scores.get(self.recipe.eval_metric.key())
    }

    fn evaluated(&mut self, at: &EvaluatedAt, scores: &Scores) -> Event {
        let EvaluatedAt { place, best, secs } = *at;
        self.latest = Some((place.step, scores.clone()));
        let Place { step, training, epoch, .. } = place;
        Event::Evaluation { step, training, epoch, scores: scores.clone(), best, secs }
    }

    fn note(&self, progress: &mut Progress) {
        progress.latest.clone_from(&self.latest);
    }

    fn best_model(&self, weights: Weights, place: Place, scores: &Scores) -> SavedModel<'_> {
        self.model(weights, self.meta(place, Some((place.step, scores))))
    }

    /// With the threshold of the latest evaluation.
    fn last_model(&self, weights: Weights, place: Place) -> SavedModel<'_> {
        let latest = self.latest.as_ref().map(|(step, scores)| (*step, scores));
        self.model(weights, self.meta(place, latest))
    }

    fn results(&self, place: Place, learning_rate: f64, scores: &Scores) -> Option<String> {
        let extra = [
            ("global_step", ResultValue::Count(place.training_step as u64)),
            ("epoch", ResultValue::Count(place.epoch as u64)),
            ("learning_rate", ResultValue::Float(learning_rate)),
            ("batch_size", ResultValue::Count(self.recipe.batch_rows() as u64)),
        ];
        Some(eval_results_text(scores, &extra))
    }
}

impl FineTuning<'_> {
    fn model(&self, weights: Weights, meta: SpanbertMeta) -> SavedModel<'_> {
        SavedModel {
            config: self.config,
            weights,
            vocab: self.tokenizer.vocab_pieces(),
            settings: self.tokenizer.settings(),
            meta,
            heads: Heads::QuestionAnswering,
        }
    }

    /// `evaluation` is the step it was made at and its scores; scores of other weights than these are left out,
    /// their threshold is the best guess there is.
    fn meta(&self, place: Place, evaluation: Option<(usize, &Scores)>) -> SpanbertMeta {
        let own = evaluation.filter(|(step, _)| *step == place.step);
        SpanbertMeta {
            threshold: evaluation.and_then(|(_, scores)| scores.best_f1_thresh),
            max_seq_length: Some(self.recipe.max_seq_length),
            doc_stride: Some(self.recipe.doc_stride),
            max_query_length: Some(self.recipe.max_query_length),
            n_best_size: Some(self.recipe.n_best_size),
            max_answer_length: Some(self.recipe.max_answer_length),
            dataset_version: Some(self.dataset_version.clone()),
            global_step: Some(place.training_step as u64),
            scores: own
                .map(|(_, scores)| {
                    let values = scores.entries().into_iter();
                    values.filter_map(|(name, value)| Some((name.to_owned(), value.as_f64()?))).collect()
                })
                .unwrap_or_default(),
            created_by: Some(concat!("SpanBERT Studio ", env!("CARGO_PKG_VERSION")).to_owned()),
            ..SpanbertMeta::default()
        }
    }
}

//! The loop of a pre-training.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::{
    FramePieces, MaskPieces, Masked, MaskedText, MaskingOptions, PretrainError, PretrainRecipe,
    SPAN_POSITIONS, Text, begun::Begun, collate, mask, order::epoch_batches,
};
use crate::{
    checkpoint::{SaveCheckpoint, SpanbertMeta, save_pretrained},
    engine::{PretrainEngine, PretrainMetrics, PretrainMicroBatch},
    random::SplitMix,
    run::{CheckpointKind, Event, Layout, Phase, Request, StepEvent, take_request},
    train::{
        Ending, PROGRESS_VERSION, Pace, Patience, Place, Progress, Recorder, StopFlag, dropout_seed,
        warmup_linear, write_checkpoint,
    },
};

/// Time between looks for the end of a pause.
const PAUSE_POLL: Duration = Duration::from_millis(100);
/// Tells the draws of masking from those of dropout.
const MASKING: u64 = 0x6d61_736b_696e_6721;

/// The loop.
pub(super) struct Pretrainer<'a, 'o> {
    pub(super) begun: &'a Begun,
    pub(super) texts: Vec<Text>,
    pub(super) lengths: Vec<usize>,
    pub(super) put_in: MaskPieces,
    pub(super) layout: Layout,
    pub(super) length_multiple: usize,
    pub(super) total_steps: usize,
    pub(super) recorder: Recorder<'o>,
    pub(super) stop: StopFlag,
    pub(super) pace: Pace,
    pub(super) place: Place,
    pub(super) checkpointed: Instant,
    /// Updates whose losses are not read yet.
    pub(super) pending: VecDeque<(Place, f64)>,
    /// The last updates.
    pub(super) recent: VecDeque<PretrainMetrics>,
}

impl Pretrainer<'_, '_> {
    pub(super) fn train(&mut self, engine: &mut dyn PretrainEngine) -> Result<Ending, PretrainError> {
        let recipe = self.begun.record.recipe.clone();
        self.recorder.set_total_steps(self.total_steps);
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        while self.place.step < self.total_steps {
            let batches =
                epoch_batches(&self.lengths, recipe.train_batch_size, recipe.seed, self.place.epoch);
            while self.place.batches < batches.len() && self.place.step < self.total_steps {
                self.step(engine, &recipe, &batches[self.place.batches])?;
                self.place.batches += 1;
                self.place.step += 1;
                self.place.training_step += 1;
                if self.place.batches == batches.len() {
                    (self.place.epoch, self.place.batches) = (self.place.epoch + 1, 0);
                }
                if self.pace.update() {
                    self.drain(engine)?;
                }
                let stop = self.asked(engine)? || self.stop.is_requested();
                let old = self.checkpointed.elapsed().as_secs_f64() >= recipe.checkpoint_minutes * 60.0;
                if stop || old || self.place.step == self.total_steps {
                    self.save_checkpoint(engine)?;
                }
                if stop && self.place.step < self.total_steps {
                    return Ok(Ending::Stopped);
                }
                if self.place.batches == 0 {
                    break;
                }
            }
        }
        self.drain(engine)?;
        Ok(Ending::Completed)
    }

    fn step(
        &mut self,
        engine: &mut dyn PretrainEngine,
        recipe: &PretrainRecipe,
        batch: &[usize],
    ) -> Result<(), PretrainError> {
        let options =
            MaskingOptions { unit: recipe.masking, budget: recipe.mask_share, ..MaskingOptions::default() };
        let masked: Vec<Masked> = batch.iter().map(|&text| self.mask(text, &options, recipe.seed)).collect();
        let texts: Vec<MaskedText<'_>> = batch
            .iter()
            .zip(&masked)
            .map(|(&text, masked)| MaskedText { pieces: &self.texts[text].pieces, masked })
            .collect();
        let tokenizer = &self.begun.tokenizer;
        let frame = FramePieces { cls: tokenizer.cls_id(), sep: tokenizer.sep_id(), pad: tokenizer.pad_id() };
        let positions = if recipe.span_boundary { SPAN_POSITIONS } else { 0 };
        let longest = batch.iter().map(|&text| self.lengths[text] + 2).max().unwrap_or(0);
        let length =
            longest.next_multiple_of(self.length_multiple.max(1)).min(recipe.max_seq_length).max(longest);
        let parts: Vec<_> =
            texts.chunks(recipe.micro_batch).map(|part| collate(part, frame, length, positions)).collect();
        let weight = |count: usize| if count == 0 { 0.0 } else { 1.0 / count as f32 };
        let mlm_weight = weight(parts.iter().map(|part| part.mlm.pieces.len()).sum());
        let sbo_weight = weight(parts.iter().map(|part| part.sbo.pieces.len()).sum());
        let seed = dropout_seed(recipe.seed, self.place.epoch, self.place.batches);
        let mut first_row = 0;
        let mut micros = Vec::with_capacity(parts.len());
        for batch in &parts {
            micros.push(PretrainMicroBatch { batch, first_row, mlm_weight, sbo_weight, seed });
            first_row += batch.batch.rows;
        }
        engine.accumulate(&micros)?;
        let done = self.place.step as f64 / self.total_steps as f64;
        let learning_rate = recipe.learning_rate * warmup_linear(done, recipe.warmup_proportion);
        engine.update(learning_rate)?;
        self.pending.push_back((self.place, learning_rate));
        self.pace.batch(batch.len(), batch.iter().map(|&text| self.lengths[text]).sum());
        Ok(())
    }

    fn mask(&self, text: usize, options: &MaskingOptions, seed: u64) -> Masked {
        let Text { pieces, word_starts } = &self.texts[text];
        let mut random = SplitMix::new(dropout_seed(seed ^ MASKING, self.place.epoch, text));
        mask(pieces, word_starts, &self.put_in, options, &mut random)
    }

    /// Waits for the device, then records every update since the last time.
    fn drain(&mut self, engine: &mut dyn PretrainEngine) -> Result<(), PretrainError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let metrics = engine.drain_metrics()?;
        let now = Instant::now();
        let speed = self.pace.report(now);
        let eta_secs = self.pace.eta_secs(self.total_steps.saturating_sub(self.place.step), 0, 0);
        for metrics in metrics {
            let Some((place, learning_rate)) = self.pending.pop_front() else { break };
            let step = place.step + 1;
            let loss = metrics.mlm_loss + metrics.sbo_loss;
            if !loss.is_finite() {
                return Err(PretrainError::NotFinite { step, loss });
            }
            self.recent.push_back(metrics);
            if self.recent.len() > 100 {
                self.recent.pop_front();
            }
            self.recorder.record(Event::Step(StepEvent {
                step,
                total_steps: self.total_steps,
                training: 0,
                epoch: place.epoch,
                loss: f64::from(loss),
                learning_rate,
                grad_norm: Some(f64::from(metrics.grad_norm)).filter(|norm| norm.is_finite()),
                windows_per_sec: speed.windows_per_sec,
                tokens_per_sec: speed.tokens_per_sec,
                elapsed_secs: self.pace.elapsed_secs(now),
                eta_secs,
                memory_bytes: None,
            }))?;
        }
        Ok(())
    }

    /// Takes a request from the run folder; waits out a pause. Gives whether the run is to stop.
    fn asked(&mut self, engine: &mut dyn PretrainEngine) -> Result<bool, PretrainError> {
        match take_request(&self.layout)? {
            Some(Request::Stop) => return Ok(true),
            Some(Request::Pause) => {}
            _ => return Ok(false),
        }
        self.drain(engine)?;
        self.recorder.phase(Phase::Paused)?;
        let stop = loop {
            match take_request(&self.layout)? {
                Some(Request::Resume) => break false,
                Some(Request::Stop) => break true,
                _ if self.stop.is_requested() => break true,
                _ => std::thread::sleep(PAUSE_POLL),
            }
        };
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(stop)
    }

    fn save_checkpoint(&mut self, engine: &mut dyn PretrainEngine) -> Result<(), PretrainError> {
        self.drain(engine)?;
        self.recorder.phase(Phase::Saving)?;
        let progress = Progress {
            version: PROGRESS_VERSION,
            place: self.place,
            learning_rate: self.begun.record.recipe.learning_rate,
            best: None,
            latest: None,
            evaluations: 0,
            owed_evaluation: false,
            patience: Patience::default(),
            elapsed_secs: self.pace.elapsed_secs(Instant::now()),
            loss_scale: None,
            files: BTreeMap::new(),
        };
        let warnings =
            write_checkpoint(&self.layout, &engine.weights()?, engine.optimizer_state()?, progress)?;
        for warning in warnings {
            self.recorder.warn(warning)?;
        }
        self.checkpointed = Instant::now();
        let step = self.place.step;
        self.saved(CheckpointKind::Training, format!("checkpoints/step-{step}"))?;
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(())
    }

    pub(super) fn save_last(&mut self, engine: &mut dyn PretrainEngine) -> Result<(), PretrainError> {
        self.recorder.phase(Phase::Saving)?;
        let meta = SpanbertMeta {
            max_seq_length: Some(self.begun.record.recipe.max_seq_length),
            global_step: Some(self.place.step as u64),
            created_by: Some(concat!("SpanBERT Studio ", env!("CARGO_PKG_VERSION")).to_owned()),
            ..SpanbertMeta::default()
        };
        let checkpoint = SaveCheckpoint {
            config: &self.begun.config,
            weights: &engine.weights()?,
            vocab: self.begun.tokenizer.vocab_pieces(),
            settings: self.begun.tokenizer.settings(),
            meta: &meta,
        };
        save_pretrained(&self.layout.last(), &checkpoint)?;
        self.saved(CheckpointKind::Last, "last".to_owned())
    }

    fn saved(&mut self, kind: CheckpointKind, path: String) -> Result<(), PretrainError> {
        Ok(self.recorder.record(Event::Checkpoint { kind, step: self.place.step, path })?)
    }
}

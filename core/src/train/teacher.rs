//! Knowledge distillation: another model's logits of the training windows, to be learnt along with the gold answers.

use std::{collections::BTreeMap, path::Path};

use spanbert_backends::BackendKind;

use super::{Prepared, Recipe, TrainingData};
use crate::{
    advice::Advice,
    checkpoint::{Checkpoint, CheckpointError, LoadOptions, Weights, load, made_of},
    config::BertConfig,
    engine::{
        EngineError, InferenceEngine, Logits, MicroBatch, SoftTargets, TrainingEngine,
        memory::{Work, estimate},
    },
    hash::Fingerprint,
    tokenizer::{BertTokenizer, TokenizerError},
};

/// Bytes of the start and the end logit of a position.
const LOGITS_BYTES: u64 = 8;

/// Opens a teacher on the chosen device.
pub type OpenTeacher<'a> = dyn Fn(&BertConfig, Weights) -> Result<Box<dyn InferenceEngine>, EngineError> + 'a;

/// Why a checkpoint cannot teach.
#[derive(Debug, thiserror::Error)]
pub enum TeacherError {
    /// The folder.
    #[error("the teacher cannot be read: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// Its vocabulary.
    #[error("the teacher cannot be read: {0}")]
    Tokenizer(#[from] TokenizerError),
    /// It would not understand the student's input.
    #[error("the teacher {folder} does not read text as the model does: {what}")]
    OtherTokenizer {
        /// Its folder.
        folder: String,
        /// In what they differ.
        what: String,
    },
    /// It has not learnt to answer.
    #[error("the teacher {folder} has no trained question-answering head")]
    NoHead {
        /// Its folder.
        folder: String,
    },
    /// Its windows are shorter.
    #[error("max_seq_length is {max_seq_length}, but the teacher {folder} has {positions} positions")]
    TooLong {
        /// Its folder.
        folder: String,
        /// The recipe's.
        max_seq_length: usize,
        /// What it has.
        positions: usize,
    },
}

impl Advice for TeacherError {
    fn remedy(&self) -> String {
        match self {
            Self::Checkpoint(error) => error.remedy(),
            Self::Tokenizer(error) => error.remedy(),
            Self::OtherTokenizer { .. } => {
                "choose a teacher with the vocabulary and casing of the model".into()
            }
            Self::NoHead { .. } => "train the teacher first, with `spanbert train`".into(),
            Self::TooLong { positions, .. } => format!("lower max_seq_length to {positions}"),
        }
    }
}

/// A teacher's checkpoint, found to read what the student reads.
pub(super) struct TeacherModel {
    config: BertConfig,
    weights: Weights,
    /// Its files.
    #[cfg_attr(not(feature = "native"), allow(dead_code, reason = "goes into environment.json"))]
    pub files: Vec<Fingerprint>,
    /// What to tell the user.
    pub note: String,
}

impl TeacherModel {
    /// Reads the recipe's teacher; `tokenizer` is the student's.
    pub fn read(folder: &str, tokenizer: &BertTokenizer, recipe: &Recipe) -> Result<Self, TeacherError> {
        let path = Path::new(folder);
        let checkpoint = load(path, LoadOptions::default())?;
        let named = || folder.to_owned();
        if checkpoint.report.has_fresh_head() {
            return Err(TeacherError::NoHead { folder: named() });
        }
        if let Some(what) = tokenizer.difference(&checkpoint.tokenizer()?) {
            return Err(TeacherError::OtherTokenizer { folder: named(), what });
        }
        let positions = checkpoint.config.max_position_embeddings;
        let max_seq_length = recipe.max_seq_length;
        if max_seq_length > positions {
            return Err(TeacherError::TooLong { folder: named(), max_seq_length, positions });
        }
        let files = made_of(path, &checkpoint.report)?;
        let Checkpoint { config, weights, report, .. } = checkpoint;
        let (weight, temperature) = (recipe.distillation_weight, recipe.distillation_temperature);
        let note = format!(
            "learning from the teacher {folder} ({}): {weight} of the loss, at temperature {temperature}",
            report.architecture
        );
        Ok(Self { config, weights, files, note })
    }
}

/// A teacher on the device, and what it has said.
pub struct Teacher {
    engine: Box<dyn InferenceEngine>,
    weight: f32,
    temperature: f32,
    /// Whether batches come again, in later epochs or trainings: they are always cut alike, so that the logits are kept in the
    /// host's memory.
    remembers: bool,
    /// Logits by batch and first row.
    known: BTreeMap<(usize, usize), Logits>,
}

impl Teacher {
    pub(super) fn open(
        model: TeacherModel,
        recipe: &Recipe,
        open: &OpenTeacher<'_>,
    ) -> Result<Self, EngineError> {
        let engine = open(&model.config, model.weights)?;
        let remembers = recipe.whole_epochs() > 1 || recipe.learning_rates().len() > 1;
        let (weight, temperature) =
            (recipe.distillation_weight as f32, recipe.distillation_temperature as f32);
        Ok(Self { engine, weight, temperature, remembers, known: BTreeMap::new() })
    }

    /// Has the student add the gradients of a batch.
    ///
    /// # Errors
    /// If the batch does not fit one of the two, or a device fails.
    pub fn accumulate(
        &mut self,
        student: &mut (dyn TrainingEngine + 'static),
        batch: &Prepared,
    ) -> Result<(), EngineError> {
        let micros = batch.micro_batches();
        let key = |micro: &MicroBatch<'_>| (batch.batch, micro.first_row);
        for micro in &micros {
            if !self.known.contains_key(&key(micro)) {
                self.known.insert(key(micro), self.engine.predict(micro.batch)?);
            }
        }
        let known = micros.iter().filter_map(|micro| self.known.get(&key(micro)));
        let soft: Vec<SoftTargets<'_>> = known.map(|logits| self.soft(logits)).collect();
        student.accumulate_distilled(&batch.places, &micros, &soft)?;
        if !self.remembers {
            self.known.clear();
        }
        Ok(())
    }

    /// The same for a micro-batch that is of no batch.
    pub(super) fn accumulate_alone(
        &mut self,
        student: &mut (dyn TrainingEngine + 'static),
        micro: MicroBatch<'_>,
    ) -> Result<(), EngineError> {
        let logits = self.engine.predict(micro.batch)?;
        student.accumulate_distilled(&[0], &[micro], &[self.soft(&logits)])
    }

    fn soft<'a>(&self, logits: &'a Logits) -> SoftTargets<'a> {
        let Logits { start, end, .. } = logits;
        SoftTargets { start, end, weight: self.weight, temperature: self.temperature }
    }

    /// Says how many bytes the student takes on the same device.
    pub(super) fn share_device(&mut self, student: u64) {
        self.engine.share_device(student);
    }

    /// Bytes that it takes on a device of this kind to answer so many rows of `length` pieces at once; on a processor with the
    /// logits that are kept.
    pub(super) fn bytes(&self, rows: usize, length: usize, kind: BackendKind, kept: u64) -> u64 {
        let model = estimate(self.engine.config(), rows, length, kind, Work::Inference).total;
        if kind == BackendKind::Cpu { model.saturating_add(kept) } else { model }
    }

    /// Bytes of the logits that are kept of all batches.
    pub(super) fn kept_bytes(&self, data: TrainingData<'_>, recipe: &Recipe) -> u64 {
        if !self.remembers {
            return 0;
        }
        let lengths = data.windows.iter().map(|window| window.input_ids.len());
        let padded = lengths.map(|length| recipe.padded_length(length, data.length_multiple) as u64);
        padded.sum::<u64>().saturating_mul(LOGITS_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use spanbert_backends::MemoryUse;

    use super::*;
    use crate::{
        batch::{Batch, Order, TrainMode},
        checkpoint::{SaveCheckpoint, SpanbertMeta, fresh, save},
        engine::Engine,
        tokenizer::TokenizerSettings,
        train::{
            fake::{Calls, FakeEngine, tiny_config, windows},
            prepare,
        },
    };

    /// Notes the rows that it was asked about.
    struct Asked(Rc<RefCell<Vec<usize>>>, BertConfig);

    impl Engine for Asked {
        fn config(&self) -> &BertConfig {
            &self.1
        }

        fn memory(&self) -> Option<MemoryUse> {
            None
        }
    }

    impl InferenceEngine for Asked {
        fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
            self.0.borrow_mut().push(batch.rows);
            let logits = vec![0.5; batch.rows * batch.length];
            Ok(Logits { rows: batch.rows, length: batch.length, start: logits.clone(), end: logits })
        }
    }

    #[test]
    fn a_teacher_is_asked_once_about_a_batch_that_comes_again() {
        let windows = windows(7);
        let lengths: Vec<usize> = windows.iter().map(|window| window.input_ids.len()).collect();
        let order = Order::new(&lengths, 4, TrainMode::Sorted, 42);
        for epochs in [1.0, 2.0] {
            let recipe = Recipe {
                train_batch_size: 4,
                num_train_epochs: epochs,
                learning_rate: Some(1e-3),
                ..Recipe::default()
            };
            let data = TrainingData {
                windows: &windows,
                question_ids: &[],
                order: &order,
                length_multiple: 8,
                micro_batch: 3,
                share: None,
            };
            let asked = Rc::new(RefCell::new(Vec::new()));
            let model = TeacherModel {
                config: tiny_config(),
                weights: Weights::new(),
                files: Vec::new(),
                note: String::new(),
            };
            let open = |config: &BertConfig, _| {
                Ok(Box::new(Asked(Rc::clone(&asked), config.clone())) as Box<dyn InferenceEngine>)
            };
            let mut teacher = Teacher::open(model, &recipe, &open).unwrap();
            // Seven windows padded to eight, start and end.
            assert_eq!(teacher.kept_bytes(data, &recipe), if epochs > 1.0 { 7 * 8 * 8 } else { 0 });
            let mut student = FakeEngine::new(&Calls::default());
            for batch in [0, 1, 1, 0] {
                teacher.accumulate(&mut student, &prepare(data, &recipe, batch)).unwrap();
            }
            let again: &[usize] = if epochs > 1.0 { &[] } else { &[3, 3, 1] };
            assert_eq!(*asked.borrow(), [&[3, 1, 3], again].concat());
        }
    }

    #[test]
    fn a_teacher_that_cannot_teach_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let pieces = |words: &str| -> Vec<String> {
            format!("[PAD] [UNK] [CLS] [SEP] [MASK] {words}").split(' ').map(str::to_owned).collect()
        };
        let own = pieces("a b c d e f g");
        let student = BertTokenizer::new(own.clone(), TokenizerSettings::bert(true)).unwrap();
        let refused = |vocab: &[String], lower: bool, head: bool, max_seq_length: usize| {
            let config = tiny_config();
            let mut weights = fresh(&config, 1);
            let (settings, meta) = (TokenizerSettings::bert(lower), SpanbertMeta::default());
            let parts = SaveCheckpoint {
                config: &config,
                weights: &weights,
                vocab,
                settings: &settings,
                meta: &meta,
            };
            save(folder.path(), &parts).unwrap();
            if !head {
                weights.retain(|name, _| !name.starts_with("qa_outputs"));
                let bytes = crate::checkpoint::to_safetensors(&weights, &BTreeMap::new()).unwrap();
                std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
            }
            let recipe = Recipe { max_seq_length, ..Recipe::default() };
            let read = TeacherModel::read(folder.path().to_str().unwrap(), &student, &recipe);
            read.err().map(|error| {
                assert!(crate::advice::is_remedy(&error.remedy()), "{}", error.remedy());
                error.in_one_line()
            })
        };
        assert_eq!(refused(&own, true, true, 64), None);
        let holds = |told: Option<String>, text: &str| {
            let told = told.unwrap_or_default();
            assert!(told.contains(text), "{told}");
        };
        let other = pieces("a b c d e f h");
        holds(refused(&other, true, true, 64), "piece 11 of its vocabulary is \"h\", not \"g\"");
        holds(refused(&own, false, true, 64), "it does not lower-case text");
        holds(refused(&own, true, false, 64), "has no trained question-answering head; train the teacher");
        holds(refused(&own, true, true, 65), "has 64 positions; lower max_seq_length to 64");
    }
}

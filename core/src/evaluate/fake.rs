//! A model that can be foretold, with the questions and the vocabulary that it reads.

use std::sync::Arc;

use crate::{
    batch::Batch,
    config::BertConfig,
    engine::{Engine, EngineError, InferenceEngine, Logits},
    tokenizer::BertTokenizer,
};

/// Finds the name that follows the verb of the question; certain of it only where the passage has the verb.
pub(crate) struct Reader {
    pub config: BertConfig,
    /// Rows and length of each batch it was given.
    pub batches: Vec<(usize, usize)>,
    /// The logit of "no answer"; that of a name is twice as high.
    pub value: f32,
}

impl Engine for Reader {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn memory(&self) -> Option<spanbert_backends::MemoryUse> {
        None
    }
}

impl InferenceEngine for Reader {
    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        self.batches.push((batch.rows, batch.length));
        let mut start = vec![0.0; batch.rows * batch.length];
        for (row, ids) in batch.input_ids.chunks(batch.length).enumerate() {
            let verb = ids[2];
            start[row * batch.length] = self.value; // no answer
            for position in 4..ids.len() {
                if batch.segment_ids[row * batch.length + position] == 1 && ids[position - 1] == verb {
                    start[row * batch.length + position] = 2.0 * self.value;
                }
            }
        }
        Ok(Logits { rows: batch.rows, length: batch.length, end: start.clone(), start })
    }
}

pub(crate) fn reader() -> Reader {
    Reader {
        config: BertConfig { max_position_embeddings: 64, ..BertConfig::default() },
        batches: Vec::new(),
        value: 2.0,
    }
}

pub(crate) const SQUAD: &str = r#"{"version": "v2.0", "data": [{"title": "People", "paragraphs": [
    {"context": "We met  Ann , then\nsaw Zoë .", "qas": [
        {"id": "met", "question": "who met", "answers": [{"text": "Ann", "answer_start": 8}], "is_impossible": false},
        {"id": "saw", "question": "who saw", "answers": [{"text": "Zoë", "answer_start": 23}], "is_impossible": false},
        {"id": "lost", "question": "who lost", "answers": [], "is_impossible": true,
         "plausible_answers": [{"text": "Ann", "answer_start": 8}]}]},
    {"context": "Then they lost Bob .", "qas": [
        {"id": "lost2", "question": "who lost", "answers": [{"text": "Bobby", "answer_start": 15}], "is_impossible": false}]}
]}]}"#;

pub(crate) fn tokenizer() -> Arc<BertTokenizer> {
    let pieces = "[PAD] [UNK] [CLS] [SEP] who met saw lost We Ann , then Zoë . Then they Bob";
    Arc::new(BertTokenizer::from_vocab(pieces.split(' ').map(str::to_owned).collect(), false).unwrap())
}

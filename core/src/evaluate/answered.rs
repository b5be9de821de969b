//! An evaluation as a breakdown takes it.

use std::{collections::HashMap, path::Path};

use pollster::block_on;

use super::{EvaluateError, Evaluation, Record, ResultsFile};
use crate::{
    answers::nbest_json,
    breakdown::{Answers, Known, NbestLists},
    score::NullOdds,
};

/// Scores and records of an evaluation, as they are stored.
#[derive(Clone, Debug)]
pub struct StoredEvaluation {
    /// `results.json`.
    pub results: ResultsFile,
    /// `records.jsonl`, in the data set's order.
    pub records: Vec<Record>,
}

impl Evaluation {
    /// What a breakdown takes, without the way over a folder.
    ///
    /// # Errors
    /// Never in practice: texts and numbers always serialise.
    pub fn answers(&self, name: String) -> Result<Answers, EvaluateError> {
        let nbest = NbestLists::from_json(&nbest_json(&self.predictions)?, "nbest_predictions.json")?;
        let stored = StoredEvaluation { results: self.results.clone(), records: self.records() };
        Ok(stored.answers(name, Some(nbest)))
    }
}

impl StoredEvaluation {
    /// Makes it of the contents of its files; messages name them as files of `folder`.
    ///
    /// # Errors
    /// If one is damaged; the file, and the line of a record, are named.
    pub fn from_bytes(folder: &Path, results: &[u8], records: &[u8]) -> Result<Self, EvaluateError> {
        block_on(Self::in_parts(folder, results, records, usize::MAX, &mut async || ()))
    }

    /// [`Self::from_bytes`] where one thread does everything: after each part of so many records `pause` lets other work be done.
    ///
    /// # Errors
    /// As [`Self::from_bytes`].
    pub async fn in_parts(
        folder: &Path,
        results: &[u8],
        records: &[u8],
        part: usize,
        pause: &mut impl AsyncFnMut(),
    ) -> Result<Self, EvaluateError> {
        let path = folder.join("results.json");
        let results = serde_json::from_slice(results).map_err(EvaluateError::damaged(&path))?;
        let path = folder.join("records.jsonl").display().to_string();
        let lines = records.strip_suffix(b"\n").unwrap_or(records).split(|byte| *byte == b'\n').enumerate();
        let record = |(index, line)| {
            serde_json::from_slice(line).map_err(|error| EvaluateError::Damaged {
                place: format!("{path}, line {}", index + 1),
                message: error.to_string(),
            })
        };
        let mut read = Vec::new();
        for line in lines.filter(|_| !records.is_empty()) {
            read.push(record(line)?);
            if read.len() % part == 0 {
                pause().await;
            }
        }
        Ok(Self { results, records: read })
    }

    /// What the model answered, as a breakdown takes it.
    #[must_use]
    pub fn answers(&self, name: String, nbest: Option<NbestLists>) -> Answers {
        let odds = self.records.iter().filter_map(|record| Some((record.id.clone(), record.score_diff?)));
        let odds: NullOdds = odds.collect();
        let named = self.results.named;
        let known = |record: &Record| Known {
            windows: Some(record.windows),
            gold_pieces: record.reach.map(|reach| reach.gold_pieces),
            gold_in_window: record.reach.map(|reach| reach.in_window),
            span: record.span.as_ref().map(|span| span.bytes.clone()),
        };
        Answers {
            name,
            predictions: self
                .records
                .iter()
                .map(|record| (record.id.clone(), record.prediction.clone()))
                .collect(),
            null_odds: (!odds.is_empty()).then_some(odds),
            nbest,
            known: self
                .records
                .iter()
                .map(|record| (record.id.clone(), known(record)))
                .collect::<HashMap<_, _>>(),
            stored_threshold: named.and_then(|named| named.stored_threshold).map(|point| point.threshold),
            given_threshold: named.and_then(|named| named.given_threshold).map(|point| point.threshold),
            max_answer_length: self.results.max_answer_length,
            language: self.results.answer_language,
            ..Answers::default()
        }
    }
}

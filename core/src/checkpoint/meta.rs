//! `spanbert.json`: what we keep with a checkpoint beyond what Hugging Face's files say.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CheckpointError, files::Source};
use crate::json;

/// Name of the file in a checkpoint directory.
pub const META_FILE: &str = "spanbert.json";

/// How a fine-tuned checkpoint is to be used, and how it came about. Every key is optional; unknown ones are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpanbertMeta {
    /// No-answer threshold tuned on the dev set (`best_f1_thresh`): a question counts as unanswerable if its null
    /// score minus its best answer's score, in logits, is above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Longest window in word pieces, `[CLS]` and `[SEP]` included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seq_length: Option<usize>,
    /// Step between the windows of a long context, in word pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc_stride: Option<usize>,
    /// Longest question in word pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_query_length: Option<usize>,
    /// Length of the n-best lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_best_size: Option<usize>,
    /// Longest answer in word pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_answer_length: Option<usize>,
    /// Version of SQuAD trained on, such as `v2.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_version: Option<String>,
    /// Optimizer updates behind the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_step: Option<u64>,
    /// Scores on the dev set by name (`best_f1`, `best_exact`…), in percent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, f64>,
    /// Program and version that wrote the checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Keys of other programs or later versions.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl SpanbertMeta {
    /// Reads a directory's `spanbert.json`, if it has one.
    ///
    /// # Errors
    /// If the file is there but cannot be read or is not the JSON expected.
    pub fn load(directory: &Path) -> Result<Option<Self>, CheckpointError> {
        Self::of(Source::Folder(directory))
    }

    /// [`Self::load`] of any source.
    pub(super) fn of(source: Source<'_>) -> Result<Option<Self>, CheckpointError> {
        let path = source.root().join(META_FILE);
        if !source.is_file(&path) {
            return Ok(None);
        }
        Self::from_json(&source.read(&path)?, &path).map(Some)
    }

    /// Reads the content of a `spanbert.json`; `path` names it in errors.
    ///
    /// # Errors
    /// If it is not the JSON expected.
    pub fn from_json(text: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        json::parse(text).map_err(|cause| CheckpointError::Json { path: path.to_path_buf(), cause })
    }

    /// Without values that JSON cannot hold.
    pub(super) fn finite(&self) -> Self {
        let mut meta = self.clone();
        meta.threshold = meta.threshold.filter(|threshold| threshold.is_finite());
        meta.scores.retain(|_, score| score.is_finite());
        meta
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_survive_and_absent_ones_are_none() {
        let text = r#"{"threshold": -2.625, "colour": "blue", "scores": {"best_f1": 83.6}}"#;
        let meta: SpanbertMeta = serde_json::from_str(text).unwrap();
        assert_eq!((meta.threshold, meta.doc_stride, meta.scores["best_f1"]), (Some(-2.625), None, 83.6));
        let again: Value = serde_json::from_str(&serde_json::to_string(&meta).unwrap()).unwrap();
        assert_eq!(again, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn numbers_that_json_lacks_are_left_out() {
        let scores = [("a".to_owned(), f64::NAN), ("b".to_owned(), 1.0)].into();
        let meta =
            SpanbertMeta { threshold: Some(f64::INFINITY), scores, ..SpanbertMeta::default() }.finite();
        assert_eq!(serde_json::to_string(&meta).unwrap(), r#"{"scores":{"b":1.0}}"#);
    }
}

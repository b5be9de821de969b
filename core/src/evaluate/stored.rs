//! An evaluation in a folder: written, and read back.

use std::path::Path;

use super::{EvaluateError, Evaluation, StoredEvaluation};
use crate::run::{Layout, replace_outputs};

impl Evaluation {
    /// Writes [`files`](Self::files) into a folder that is the evaluation's alone, creating it if need be. All appear
    /// together, `results.json` last; files of an earlier evaluation are replaced or removed.
    ///
    /// # Errors
    /// Naming the file that could not be written.
    pub fn write(&self, folder: &Path) -> Result<(), EvaluateError> {
        Ok(replace_outputs(folder, &self.files()?)?)
    }
}

impl StoredEvaluation {
    /// Reads what [`Evaluation::write`](super::Evaluation::write) wrote.
    ///
    /// # Errors
    /// If a file is missing or damaged; the file, and the line of a record, are named.
    pub fn read(folder: &Path) -> Result<Self, EvaluateError> {
        let content = |name| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(EvaluateError::read(&path))
        };
        Self::from_bytes(folder, &content("results.json")?, &content("records.jsonl")?)
    }
}

/// The evaluations of a run, by the number of updates before them, in order.
#[must_use]
pub fn evaluated_steps(layout: &Layout) -> Vec<usize> {
    let Ok(entries) = std::fs::read_dir(layout.evaluations()) else { return Vec::new() };
    let mut steps: Vec<usize> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok())
        // Written last: without it the evaluation is not complete.
        .filter(|step| layout.evaluation(*step).join("results.json").is_file())
        .collect();
    steps.sort_unstable();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_record_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let error = StoredEvaluation::read(path).unwrap_err().to_string();
        assert!(error.contains("results.json"), "{error}");
        let scores = r#"{"exact":1.0,"f1":1.0,"total":1}"#;
        let results =
            format!(r#"{{"run_squad":{scores},"official":{scores},"windows":1,"non_finite_windows":0}}"#);
        std::fs::write(path.join("results.json"), results).unwrap();
        std::fs::write(path.join("records.jsonl"), "{}\n").unwrap();
        let error = StoredEvaluation::read(path).unwrap_err().to_string();
        assert!(error.contains("records.jsonl, line 1"), "{error}");
    }

    #[test]
    fn only_complete_evaluations_count() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert!(evaluated_steps(&layout).is_empty());
        for step in [20, 3] {
            std::fs::create_dir_all(layout.evaluation(step)).unwrap();
            std::fs::write(layout.evaluation(step).join("results.json"), "{}").unwrap();
        }
        std::fs::create_dir_all(layout.evaluation(4)).unwrap();
        std::fs::create_dir_all(layout.evaluations().join("notes")).unwrap();
        assert_eq!(evaluated_steps(&layout), [3, 20]);
    }
}

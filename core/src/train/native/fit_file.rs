//! `fit.json` of a run folder.

use std::path::Path;

use super::Fit;
use crate::run::{Layout, RunError, write_json};

impl Fit {
    /// Reads a run's; `None` if it has none yet, or one that says nothing usable (it is found anew then).
    #[must_use]
    pub fn read(layout: &Layout) -> Option<Self> {
        Self::from_json(&std::fs::read(layout.fit()).ok()?)
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), RunError> {
        Ok(write_json(&layout.fit(), self)?)
    }
}

/// `run` for messages, as it would be typed.
#[must_use]
pub fn resume_command(run: &Path) -> String {
    let command = Layout::new(run).resuming_command();
    let text = run.display().to_string();
    if text.contains(|c: char| !(c.is_alphanumeric() || "/._-+:\\".contains(c))) {
        format!("spanbert {command} --resume '{text}'")
    } else {
        format!("spanbert {command} --resume {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(Fit::read(&layout), None);
        let fit = Fit { micro_batch: 4, recompute: true, eval_batch: 8, probed: true, faults: 2 };
        fit.write(&layout).unwrap();
        assert_eq!(Fit::read(&layout), Some(fit));
        std::fs::write(layout.fit(), r#"{"micro_batch":0,"eval_batch":1}"#).unwrap();
        assert_eq!(Fit::read(&layout), None);
    }

    #[test]
    fn commands_can_be_pasted() {
        assert_eq!(resume_command(Path::new("runs/a-1")), "spanbert train --resume runs/a-1");
        assert_eq!(resume_command(Path::new("my runs/a")), "spanbert train --resume 'my runs/a'");
    }
}

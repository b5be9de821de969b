//! `fit.json` of a run folder.

use std::path::Path;

use super::Fit;
use crate::run::{Environment, Layout, RunError, write_json};

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

/// The command that goes on with a run, as it would be typed; by as many workers as before.
#[must_use]
pub fn resume_command(run: &Path) -> String {
    let layout = Layout::new(run);
    let command = layout.resuming_command();
    let text = run.display().to_string();
    let needs_quotes = text.contains(|c: char| !(c.is_alphanumeric() || "/._-+:\\".contains(c)));
    let run = if needs_quotes { format!("'{text}'") } else { text };
    let workers = Environment::read(&layout).ok().and_then(|environment| environment.workers);
    match workers.filter(|workers| workers.count > 1) {
        Some(workers) => {
            let start = workers.start().map_or_else(String::new, |start| format!("{start} "));
            format!("{start}spanbert {command} --distributed --resume {run}")
        }
        None => format!("spanbert {command} --resume {run}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Workers;

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
        let folder = tempfile::tempdir().unwrap();
        let command = |count: usize, launcher: Option<&str>| {
            let workers = Workers { count, connection: "MPI".into(), launcher: launcher.map(str::to_owned) };
            let environment = Environment { workers: Some(workers), ..Environment::of_this_process("cpu") };
            environment.write(&Layout::new(folder.path())).unwrap();
            let command = resume_command(folder.path());
            command.split(" --resume ").next().unwrap().to_owned()
        };
        assert_eq!(command(1, Some("mpirun")), "spanbert train");
        assert_eq!(command(4, Some("mpirun")), "mpirun -n 4 spanbert train --distributed");
        assert_eq!(command(4, Some("torchrun")), "torchrun … spanbert train --distributed");
        assert_eq!(command(4, None), "spanbert train --distributed");
    }
}

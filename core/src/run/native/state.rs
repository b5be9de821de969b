//! A run folder's `state.json`.

use super::{Layout, Phase, RunError, RunState, write_json};

impl RunState {
    /// The state of a trainer that has just started in this process.
    #[must_use]
    pub fn starting() -> Self {
        let now = super::now();
        Self {
            phase: Phase::Loading,
            outcome: None,
            step: 0,
            total_steps: 0,
            epoch: 0,
            eta_secs: None,
            best: None,
            pid: std::process::id(),
            started: now.clone(),
            updated: now,
            error: None,
            reason: None,
        }
    }

    /// Writes it with the time now.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&mut self, layout: &Layout) -> Result<(), RunError> {
        self.updated = super::now();
        Ok(write_json(&layout.state(), self)?)
    }

    /// Reads a run's state.
    ///
    /// # Errors
    /// If there is none or it is damaged.
    pub fn read(layout: &Layout) -> Result<Self, RunError> {
        let path = layout.state();
        let text = std::fs::read(&path).map_err(RunError::read(&path))?;
        Self::from_json(&text, &path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let mut state = RunState { step: 3, eta_secs: Some(1.5), ..RunState::starting() };
        state.write(&layout).unwrap();
        assert_eq!(RunState::read(&layout).unwrap(), state);
    }

    #[test]
    fn damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert!(RunState::read(&layout).unwrap_err().to_string().contains("state.json"));
        std::fs::write(layout.state(), "{").unwrap();
        assert!(matches!(RunState::read(&layout), Err(RunError::Damaged { .. })));
        let state = RunState { epoch: usize::MAX, ..RunState::starting() };
        std::fs::write(layout.state(), serde_json::to_vec(&state).unwrap()).unwrap();
        assert!(matches!(RunState::read(&layout), Err(RunError::Damaged { .. })));
    }
}

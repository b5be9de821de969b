//! Why a run has ended, recorded by another than its trainer's loop.

use super::{Event, EventLog, Layout, Outcome, Phase, RunState, TrainLog};

/// Records that a run's training has failed, unless its state says already how it ended. What cannot be written is left out: there
/// is nobody left to tell.
pub fn record_failure(layout: &Layout, message: &str) {
    let Ok(mut state) = RunState::read(layout) else { return };
    if state.outcome.is_some() {
        return;
    }
    let event = Event::Error { message: message.to_owned() };
    let _ = EventLog::open(&layout.events()).and_then(|mut log| log.append(&event));
    let _ = TrainLog::open(&layout.train_log()).and_then(|mut log| log.line(&format!("error: {message}")));
    (state.phase, state.outcome) = (Phase::Finished, Some(Outcome::Failed));
    (state.error, state.eta_secs) = (Some(message.to_owned()), None);
    let _ = state.write(layout);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::read_events;

    #[test]
    fn the_first_word_counts() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        record_failure(&layout, "nobody is there");
        assert!(!layout.events().exists());
        RunState { step: 3, ..RunState::starting() }.write(&layout).unwrap();
        record_failure(&layout, "worker 1 hangs");
        record_failure(&layout, "worker 0 hangs");
        let state = RunState::read(&layout).unwrap();
        assert_eq!((state.outcome, state.step), (Some(Outcome::Failed), 3));
        assert_eq!(state.error.as_deref(), Some("worker 1 hangs"));
        assert_eq!(read_events(&layout.events()).unwrap().len(), 1);
    }
}

//! Looking for devices without holding up a frame.

use std::sync::mpsc::{Receiver, TryRecvError};

use egui::Context;
use spanbert_backends::BackendReport;

use crate::background;

/// How far the search for devices is.
#[derive(Debug)]
pub enum Probe {
    /// Nobody has asked yet.
    Idle,
    /// Somebody is looking; the answer comes through this channel.
    Running(Receiver<Vec<BackendReport>>),
    /// What it found.
    Done(Vec<BackendReport>),
    /// The search could not be started, or ended without an answer.
    Failed(String),
}

impl Probe {
    /// Starts to look with `probe`, on a thread of its own, and wakes the window when the answer is there.
    pub fn start(context: &Context, probe: impl FnOnce() -> Vec<BackendReport> + Send + 'static) -> Self {
        match background::find(context, "probe", probe) {
            Ok(receiver) => Self::Running(receiver),
            Err(error) => Self::Failed(format!("the search for devices could not start: {error}")),
        }
    }

    /// Takes the answer if it is there; never waits.
    pub fn poll(&mut self) {
        if let Self::Running(receiver) = self {
            match receiver.try_recv() {
                Ok(reports) => *self = Self::Done(reports),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    *self = Self::Failed("the search for devices ended without an answer".to_owned());
                }
            }
        }
    }

    /// Whether the answer is still to come.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running(_))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    use super::*;

    fn wait(probe: &mut Probe) {
        let start = Instant::now();
        while probe.is_running() && start.elapsed() < Duration::from_secs(10) {
            probe.poll();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn the_answer_arrives_without_waiting_for_it() {
        let (release, held) = channel::<()>();
        let mut probe = Probe::start(&Context::default(), move || {
            held.recv().unwrap();
            Vec::new()
        });
        probe.poll();
        assert!(probe.is_running());
        release.send(()).unwrap();
        wait(&mut probe);
        assert!(matches!(probe, Probe::Done(reports) if reports.is_empty()));
    }

    #[test]
    fn a_search_that_dies_is_told() {
        let mut probe = Probe::start(&Context::default(), || panic!("expected by this test"));
        wait(&mut probe);
        assert!(matches!(probe, Probe::Failed(_)), "{probe:?}");
    }
}

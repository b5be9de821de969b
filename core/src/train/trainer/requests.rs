//! Requests from other processes while a training goes on.

use std::time::{Duration, Instant};

use super::{Trainer, Training, evaluation::Asked};
use crate::{
    run::{Phase, Request, take_request},
    train::{Activity, InjectedFault, Task, TrainError},
};

/// Time between looks for the end of a pause.
const PAUSE_POLL: Duration = Duration::from_millis(200);

impl<T: Task> Trainer<'_, T> {
    /// Takes a request from the run folder; on a pause, waits here until it is over. Evaluations that are asked for
    /// during a pause are made in it.
    pub(super) fn request(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
    ) -> Result<Option<Request>, TrainError> {
        let request = take_request(&self.layout)?;
        if request != Some(Request::Pause) {
            return Ok(request.filter(|request| *request != Request::Resume));
        }
        self.drain(engine, training)?;
        self.recorder.phase(Phase::Paused)?;
        let next = loop {
            if self.stop.is_requested() {
                break Some(Request::Stop);
            }
            match take_request(&self.layout)? {
                Some(Request::Pause) | None => std::thread::sleep(PAUSE_POLL),
                Some(Request::Resume) => break None,
                Some(Request::Evaluate) => {
                    self.evaluate(engine, training, Asked::ByRequest)?;
                    self.recorder.phase(Phase::Paused)?;
                }
                Some(Request::Stop) => break Some(Request::Stop),
            }
        };
        self.recorder.phase(Phase::Training)?;
        self.pace.resumed(Instant::now());
        Ok(next)
    }

    /// For tests: has the device fail if this is the moment.
    pub(super) fn inject_if_due(&self, activity: Activity, step: usize) {
        if self.inject_fault == Some(InjectedFault { activity, step }) {
            spanbert_backends::fault::inject("a fault was asked for");
        }
    }
}

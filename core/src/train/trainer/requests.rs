//! Requests while a training goes on.

use std::time::Duration;

use super::{Trainer, Training, evaluation::Asked};
use crate::{
    run::{Phase, Request},
    train::{Activity, InjectedFault, Task, TrainError},
};

/// Time between looks for the end of a pause.
const PAUSE_POLL: Duration = Duration::from_millis(200);

impl<T: Task> Trainer<'_, T> {
    /// Takes a request from the host; on a pause, waits here until it is over. Evaluations that are asked for
    /// during a pause are made in it.
    pub(super) async fn request(
        &mut self,
        engine: &mut T::Engine,
        training: Training,
    ) -> Result<Option<Request>, TrainError> {
        let request = self.host.take_request()?;
        if request != Some(Request::Pause) {
            return Ok(request.filter(|request| *request != Request::Resume));
        }
        self.drain(engine, training).await?;
        self.host.phase(Phase::Paused)?;
        let next = loop {
            if self.host.is_stop_requested() {
                break Some(Request::Stop);
            }
            match self.host.take_request()? {
                Some(Request::Pause) | None => self.host.sleep(PAUSE_POLL).await,
                Some(Request::Resume) => break None,
                Some(Request::Evaluate) => {
                    self.evaluate(engine, training, Asked::ByRequest).await?;
                    self.host.phase(Phase::Paused)?;
                }
                Some(Request::Stop) => break Some(Request::Stop),
            }
        };
        self.host.phase(Phase::Training)?;
        self.pace.resumed(self.host.clock());
        Ok(next)
    }

    /// For tests: has the device fail if this is the moment.
    pub(super) fn inject_if_due(&self, activity: Activity, step: usize) {
        if self.inject_fault == Some(InjectedFault { activity, step }) {
            spanbert_backends::fault::inject("a fault was asked for");
        }
    }
}

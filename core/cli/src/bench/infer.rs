//! `spanbert bench infer`: windows a second in answering.

use clap::Args;

use super::{
    args::SpeedArgs,
    engine,
    speed::{self, Kind},
};
use crate::error::CliError;
use spanbert_core::bench::Answering;

/// Measure answering: forward, and the logits back on the host.
#[derive(Debug, Args)]
pub(super) struct InferBench {
    #[command(flatten)]
    speed: SpeedArgs,
}

impl InferBench {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let how = (self.speed.precision, self.speed.unfused);
        speed::run(Kind::Infer, &self.speed, None, |device, model| {
            let summary = model.summary();
            let engine = engine::answering(device, &model.config, model.weights, how)?;
            Ok((Box::new(Answering::new(engine)), summary))
        })
    }
}

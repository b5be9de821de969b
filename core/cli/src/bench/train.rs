//! `spanbert bench train`: windows a second in fine-tuning.

use clap::Args;

use super::{
    args::SpeedArgs,
    engine,
    speed::{self, Kind},
};
use crate::error::CliError;
use spanbert_core::bench::Learning;

/// Measure fine-tuning: forward, backward and update, with batches made as in a training.
#[derive(Debug, Args)]
pub(super) struct TrainBench {
    #[command(flatten)]
    speed: SpeedArgs,
    /// Windows computed at once; without it the whole batch.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    micro_batch: Option<u32>,
    /// Dropout probability instead of the configuration's; 0 for none.
    #[arg(long, value_name = "P")]
    dropout: Option<f64>,
    /// Compute activations again in the backward pass, layer by layer.
    #[arg(long)]
    recompute: bool,
}

impl TrainBench {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        if let Some(dropout) = self.dropout
            && !(0.0..1.0).contains(&dropout)
        {
            return Err(CliError::new(
                format_args!("a dropout of {dropout}"),
                "use a probability from 0 to below 1",
            ));
        }
        let how = (self.speed.precision, self.speed.unfused);
        speed::run(Kind::Train, &self.speed, self.micro_batch, |device, mut model| {
            if let Some(dropout) = self.dropout {
                model.config.set_dropout(dropout);
            }
            let summary = model.summary();
            let mut engine = engine::learning(device, &model.config, model.weights, how)?;
            engine.set_recompute(self.recompute);
            Ok((Box::new(Learning::new(engine)), summary))
        })
    }
}

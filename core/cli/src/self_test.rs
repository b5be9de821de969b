//! `spanbert self-test`: one attempt of a device's self-test, for the process that waits for it.

use clap::Args;

use super::{error::CliError, supervisor};
use spanbert_core::{open, selftest};

/// Test a device for another `spanbert` process, which asks on standard input
#[derive(Debug, Args)]
pub(super) struct SelfTestCommand {}

impl SelfTestCommand {
    /// Runs the command.
    #[allow(clippy::unused_self, reason = "as every command")]
    pub(super) fn run(&self) -> Result<(), CliError> {
        // What there is to say about the runtime, the waiting process has said.
        open::configure_runtime(&mut |_| true);
        match selftest::answer(supervisor::end_worker) {
            Some(()) => supervisor::end_worker(0),
            None => Err(CliError::new(
                "this command is started by others, with a request on its standard input",
                "use `spanbert devices --check`, which tests every device",
            )),
        }
    }
}

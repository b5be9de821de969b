//! The command line under a name of its own, so that tests can start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    spanbert_core::cli::main()
}

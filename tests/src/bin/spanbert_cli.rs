//! The command line under a name of its own, so that tests can start it.

use std::process::ExitCode;

fn main() -> ExitCode {
    // SAFETY: no other thread exists yet.
    #[allow(unsafe_code)]
    unsafe {
        spanbert_backends::quiet_vulkan();
    }
    spanbert_cli::main()
}

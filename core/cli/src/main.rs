//! The headless command line; everything is in [`spanbert_cli`].

use std::process::ExitCode;

// The system allocator gives big buffers back to the kernel after every step and gets them back zeroed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // SAFETY: no other thread exists yet.
    #[allow(unsafe_code)]
    unsafe {
        spanbert_backends::quiet_vulkan();
    }
    spanbert_cli::main()
}

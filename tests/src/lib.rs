//! What the tests share: the reference's outputs, where they are at hand, and devices to test on.

pub mod command;
pub mod cuda_on_host;
pub mod demo;
pub mod device;
pub mod gradients;
pub mod hub;
#[cfg(unix)]
pub mod launchers;
pub mod oracle;
pub mod small;
pub mod trace;

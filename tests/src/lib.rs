//! What the tests share: the reference's outputs, where they are at hand, and devices to test on.

pub mod adapter;
pub mod command;
pub mod gradients;
pub mod oracle;
pub mod small;
pub mod trace;

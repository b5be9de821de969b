//! Files that appear whole or not at all: written beside their destination, synced, renamed into place.
//!
//! A symbolic link stays one: the file that it leads to is replaced. What is no file (a pipe, a device, standard output) is
//! written to and never replaced.

mod busy;
mod destination;
mod error;
mod staged;
mod write;

pub use busy::{patiently, rename};
pub use error::WriteError;
pub use staged::StagedFiles;
pub use write::{create_folder, write_atomic, write_json};

//! What paths lead to: the disk or, in a browser, what the user has handed to the page.

#[cfg(target_family = "wasm")]
mod handed;
#[cfg(not(target_family = "wasm"))]
mod on_disk;
#[cfg(any(test, target_family = "wasm"))]
mod trouble;
#[cfg(any(test, target_family = "wasm"))]
mod zip;

#[cfg(target_family = "wasm")]
pub use handed::{
    Content, below, content, demo_model, folders, hand_over, handing, is_checkpoint, is_file, is_folder,
    keep, read, save, size, within,
};
#[cfg(not(target_family = "wasm"))]
pub use on_disk::{demo_model, is_checkpoint, is_file, is_folder, open, read, save};
#[cfg(target_family = "wasm")]
pub(crate) use trouble::Trouble;

/// Whether paths can be typed: there is a disk with files that nobody has handed over.
pub const ON_DISK: bool = cfg!(not(target_family = "wasm"));

/// A file that is made of what is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
}

//! Models and data sets from the network, only ever when asked for.
//!
//! Models come from the Hugging Face hub and lie in the user's own cache in its own layout, so that other programs find
//! what was fetched here and the other way round. The SQuAD files come from their official address. A file is moved
//! into place only after its checksum matches; interrupted downloads are resumed.

mod catalogue;
mod checksum;
mod error;
mod listing;
mod model;
mod places;
mod resolve;
mod squad;
#[cfg(test)]
mod tests;
mod transfer;

use std::path::PathBuf;

pub use self::{
    catalogue::{KNOWN_MODELS, KnownModel, SQUAD_SETS, SquadFile, SquadSet},
    error::FetchError,
    places::Places,
    resolve::{Located, locate_data, locate_model, resolve_data, resolve_model},
};
use self::{model::fetch_model, squad::fetch_squad};

/// What is going on, for whoever waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchEvent<'a> {
    /// The hub is asked what there is.
    Listing {
        /// The model.
        name: &'a str,
    },
    /// So many bytes of a file are there.
    File {
        /// Its name.
        name: &'a str,
        /// Bytes there, earlier attempts included.
        done: u64,
        /// Its size in bytes.
        total: u64,
    },
    /// A file is there already, or complete now.
    Complete {
        /// Its name.
        name: &'a str,
        /// Whether it was there before.
        already: bool,
    },
    /// Something went wrong and is tried again.
    Retry {
        /// The file.
        name: &'a str,
        /// What went wrong.
        why: String,
    },
}

/// Takes events; giving false ends the transfer, and what has come is kept for the next time.
pub type Watcher<'a> = dyn FnMut(FetchEvent<'_>) -> bool + 'a;

/// Fetches whatever has this name: a data set, or a model of the hub.
///
/// # Errors
/// If the name means nothing, the hub or the address does not answer, or a file is not what it should be or cannot be written.
pub fn fetch(name: &str, places: &Places, watcher: &mut Watcher<'_>) -> Result<Fetched, FetchError> {
    match SquadSet::find(name) {
        Some(_) => fetch_squad(name, places, watcher),
        None => fetch_model(name, places, watcher),
    }
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// A model's folder, or the folder of the data files.
    pub folder: PathBuf,
    /// The files in it that were asked for.
    pub files: Vec<PathBuf>,
    /// Their size in bytes, together.
    pub bytes: u64,
    /// What the licence allows, if that is known.
    pub licence: Option<String>,
    /// The commit, of a model.
    pub commit: Option<String>,
}

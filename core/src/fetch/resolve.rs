//! From a name to what was fetched under it.

use std::path::{Path, PathBuf};

use super::{
    FetchError, Places, SquadSet,
    model::{Address, snapshot},
};
use crate::demo::{MODEL_NAME, trained_folder};

/// The folder that `--model` means: a path, the name of a model in the cache, or that of the model inside the program, which
/// is written into the user's cache then. What is neither stays a path, for
/// whoever opens it to complain about.
///
/// # Errors
/// If it is a name and the model is not in the cache, or cannot be written there.
pub fn resolve_model(given: &Path, places: &Places) -> Result<PathBuf, FetchError> {
    let name = given.to_str().filter(|_| !given.exists());
    if name == Some(MODEL_NAME) {
        return Ok(trained_folder()?);
    }
    let Some((name, address)) = name.and_then(|name| Some((name, Address::of(name)?))) else {
        return Ok(given.to_owned());
    };
    snapshot(&address.in_cache(places)).ok_or_else(|| FetchError::NotFetched {
        name: name.to_owned(),
        fetch: name.to_owned(),
        cache: places.cache.clone(),
    })
}

/// The file that `--train-file` and the like mean: a path, or a part of a data set such as `squad2:train`.
///
/// # Errors
/// If it is a name and the file was not fetched.
pub fn resolve_data(given: &Path, places: &Places) -> Result<PathBuf, FetchError> {
    let name = given.to_str().filter(|_| !given.exists());
    let Some((name, (set, file))) = name.and_then(|name| Some((name, SquadSet::find_part(name)?))) else {
        return Ok(given.to_owned());
    };
    let path = places.squad_folder.join(file.file);
    if path.is_file() {
        return Ok(path);
    }
    let (name, fetch) = (name.to_owned(), set.name.to_owned());
    Err(FetchError::NotFetched { name, fetch, cache: places.squad_folder.clone() })
}

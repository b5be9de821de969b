//! From a name to what was fetched under it.

use std::path::{Path, PathBuf};

use super::{
    FetchError, KnownModel, Places, SquadSet,
    model::{Address, snapshot},
};
use crate::{
    checkpoint::config_file,
    demo::{MODEL_NAME, trained_folder},
};

/// What stands after a name that is to mean a model, whatever folders there are.
const MAIN: &str = "@main";

/// A file or folder, and what there is to say about its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where it is.
    pub path: PathBuf,
    /// Which of two things of the same name was taken, and how to get the other.
    pub note: Option<String>,
}

impl From<PathBuf> for Located {
    fn from(path: PathBuf) -> Self {
        Self { path, note: None }
    }
}

/// What a name means where no folder has it.
enum Named {
    BuiltIn,
    /// In the cache.
    Fetched(PathBuf),
    /// Known by name, but not in the cache.
    Known,
}

impl Named {
    fn of(name: &str, places: &Places) -> Option<Self> {
        if name == MODEL_NAME || name.strip_suffix(MAIN) == Some(MODEL_NAME) {
            return Some(Self::BuiltIn);
        }
        let address = Address::of(name)?;
        match snapshot(&address.in_cache(places)) {
            Some(folder) => Some(Self::Fetched(folder)),
            None => KnownModel::find(name).map(|_| Self::Known),
        }
    }
}

/// The folder that `--model` means: a path, the name of a model in the cache, or that of the model inside the program, which
/// is written into the user's cache then. A folder comes before a model of the same name, if it holds a model at all; the
/// note says so. What is neither stays a path, for whoever opens it to complain about.
///
/// # Errors
/// If it is a name and the model is not in the cache, or cannot be written there.
pub fn locate_model(given: &Path, places: &Places) -> Result<Located, FetchError> {
    let Some(name) = given.to_str() else { return Ok(given.to_owned().into()) };
    if !given.exists() {
        return Ok(by_name(name, places)?.unwrap_or_else(|| given.to_owned()).into());
    }
    let Some(named) = Named::of(name, places) else { return Ok(given.to_owned().into()) };
    let usable = config_file(given).is_some();
    let model = match &named {
        Named::BuiltIn => "the built-in model",
        Named::Fetched(_) => "the model in the cache",
        Named::Known => "the model of the hub",
    };
    if usable || matches!(named, Named::Known) {
        let fetch = if matches!(named, Named::Known) {
            format!("fetch it with `spanbert fetch {name}` and ")
        } else {
            String::new()
        };
        let full = if name.contains('@') { name.to_owned() } else { format!("{name}{MAIN}") };
        let note = format!(
            "{name} is the folder here of that name, not {model}; to get the model, {fetch}write {full}"
        );
        return Ok(Located { path: given.to_owned(), note: Some(note) });
    }
    let path = match named {
        Named::Fetched(folder) => folder,
        _ => trained_folder()?,
    };
    let (kind, why) =
        if given.is_dir() { ("folder", "has no config.json") } else { ("file", "is not a folder") };
    let note = format!(
        "{name} is {model}, not the {kind} here of that name, which {why}; to get the {kind}, write ./{name}"
    );
    Ok(Located { path, note: Some(note) })
}

/// The folder of [`locate_model`].
///
/// # Errors
/// As [`locate_model`].
pub fn resolve_model(given: &Path, places: &Places) -> Result<PathBuf, FetchError> {
    Ok(locate_model(given, places)?.path)
}

/// The model of a name, if it is one.
fn by_name(name: &str, places: &Places) -> Result<Option<PathBuf>, FetchError> {
    match Named::of(name, places) {
        Some(Named::BuiltIn) => Ok(Some(trained_folder()?)),
        Some(Named::Fetched(folder)) => Ok(Some(folder)),
        Some(Named::Known) | None => match Address::of(name) {
            None => Ok(None),
            Some(_) => Err(FetchError::NotFetched {
                name: name.to_owned(),
                fetch: name.to_owned(),
                cache: places.cache.clone(),
            }),
        },
    }
}

/// The file that `--train-file` and the like mean: a path, or a part of a data set such as `squad2:train`. A file comes
/// before data of the same name; the note says so.
///
/// # Errors
/// If it is a name and the file was not fetched.
pub fn locate_data(given: &Path, places: &Places) -> Result<Located, FetchError> {
    let Some((name, (set, file))) = given.to_str().and_then(|name| Some((name, SquadSet::find_part(name)?)))
    else {
        return Ok(given.to_owned().into());
    };
    let path = places.squad_folder.join(file.file);
    if given.exists() {
        let fetch = if path.is_file() {
            String::new()
        } else {
            format!("fetch it with `spanbert fetch {}` and ", set.name)
        };
        let note = format!(
            "{name} is the file here of that name, not {}; to get that, {fetch}write {}",
            set.title,
            path.display()
        );
        return Ok(Located { path: given.to_owned(), note: Some(note) });
    }
    if path.is_file() {
        return Ok(path.into());
    }
    let (name, fetch) = (name.to_owned(), set.name.to_owned());
    Err(FetchError::NotFetched { name, fetch, cache: places.squad_folder.clone() })
}

/// The file of [`locate_data`].
///
/// # Errors
/// As [`locate_data`].
pub fn resolve_data(given: &Path, places: &Places) -> Result<PathBuf, FetchError> {
    Ok(locate_data(given, places)?.path)
}

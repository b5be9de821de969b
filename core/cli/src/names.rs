//! Models and data by path, or by the name they were fetched under.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{error::CliError, output};
use spanbert_core::{
    fetch::{FetchError, Located, Places, locate_data, locate_model},
    train::Recipe,
};

/// A checkpoint folder, or a name such as `spanbert-base`.
#[derive(Clone, Debug)]
pub(super) struct ModelArg(PathBuf);

impl From<OsString> for ModelArg {
    fn from(given: OsString) -> Self {
        Self(given.into())
    }
}

impl ModelArg {
    /// The folder.
    pub(super) fn folder(&self) -> Result<PathBuf, CliError> {
        path_of(locate_model(&self.0, &Places::from_env()))
    }
}

/// Has a recipe name its teacher's folder where it names a fetched model.
pub(super) fn locate_teacher(recipe: &mut Recipe) -> Result<(), CliError> {
    if let Some(teacher) = &mut recipe.teacher {
        *teacher = ModelArg(PathBuf::from(&*teacher)).folder()?.display().to_string();
    }
    Ok(())
}

/// The path from the root, as it is found again from another folder.
pub(super) fn absolute(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The path, after what there is to say about its name.
fn path_of(located: Result<Located, FetchError>) -> Result<PathBuf, CliError> {
    let Located { path, note } = located?;
    if let Some(note) = note {
        output::note(note);
    }
    Ok(path)
}

/// What stands for standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// A file of questions, or a name such as `squad2:dev`.
#[derive(Clone, Debug)]
pub(super) struct DataArg(PathBuf);

impl From<OsString> for DataArg {
    fn from(given: OsString) -> Self {
        Self(given.into())
    }
}

impl DataArg {
    /// The file, or `-` for standard input.
    pub(super) fn input(&self) -> Result<PathBuf, CliError> {
        if self.0.as_os_str() == STANDARD_INPUT { Ok(self.0.clone()) } else { self.file() }
    }

    /// The file, for those who read it more than once.
    pub(super) fn file(&self) -> Result<PathBuf, CliError> {
        if self.0.as_os_str() == STANDARD_INPUT {
            return Err(CliError::new(
                "a training cannot read its data from standard input, for it reads it again when it is resumed",
                "save it to a file first and name that",
            ));
        }
        path_of(locate_data(&self.0, &Places::from_env()))
    }

    /// The file of a flag that may be absent.
    pub(super) fn optional(given: Option<&Self>) -> Result<Option<PathBuf>, CliError> {
        given.map(Self::file).transpose()
    }
}

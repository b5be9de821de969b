//! Paths of the disk.

use std::{
    io,
    path::{Path, PathBuf},
};

use spanbert_core::{
    advice::Advice,
    checkpoint::config_file,
    demo,
    run::atomic::{create_folder, write_atomic},
};

use super::Made;

/// Whether there is a file.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether there is a folder.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Whether there is a folder that holds a model.
#[must_use]
pub fn is_checkpoint(path: &Path) -> bool {
    config_file(path).is_some()
}

/// The content of a file.
///
/// # Errors
/// If it is not there or may not be read.
#[allow(clippy::unused_async, reason = "its twin for browsers waits")]
pub async fn read(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// The path of the demonstration's model.
///
/// # Errors
/// If it cannot be written where models are looked for; cause and remedy.
pub fn demo_model() -> Result<PathBuf, String> {
    demo::trained_folder().map_err(|error| error.in_one_line())
}

/// Saves files that were made of an evaluation in the folder `exports` beside it. Gives where they are.
///
/// # Errors
/// Which file cannot be written, why, and what to do.
pub fn save(evaluation: &Path, files: &[Made]) -> Result<String, String> {
    let folder = evaluation.join("exports");
    create_folder(&folder).map_err(|error| error.in_one_line())?;
    for Made { name, content } in files {
        write_atomic(&folder.join(name), content).map_err(|error| error.in_one_line())?;
    }
    let place = match files {
        [only] => folder.join(&only.name),
        _ => folder,
    };
    Ok(format!("written to {}", place.display()))
}

/// Opens a folder in the system's file manager.
///
/// # Errors
/// Why it could not.
pub fn open(folder: &Path) -> Result<(), String> {
    opener::open(folder).map_err(|error| format!("{} could not be opened: {error}", folder.display()))
}

//! Standard output: results only, so that it can be piped; everything else goes to standard error.

use std::{io, io::Write, path::Path};

use serde::Serialize;

use super::error::CliError;

/// Prints text as it is.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints a line.
pub(super) fn line(text: impl std::fmt::Display) -> Result<(), CliError> {
    print(&format!("{text}\n"))
}

/// Prints a value as indented JSON.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value)?;
    line(text)
}

/// Says something to the person at the terminal, if it is still there: a training goes on without.
pub(super) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Warns the person at the terminal.
pub(super) fn warn(text: impl std::fmt::Display) {
    note(format_args!("warning: {text}"));
}

/// Checks that a folder can be made or written before hours are spent on what goes into it.
pub(super) fn writable_folder(folder: &Path) -> Result<(), CliError> {
    let refuse = |error: io::Error| {
        CliError::new(
            format_args!("cannot write to the folder {}: {error}", folder.display()),
            "name a folder you may write to",
        )
    };
    std::fs::create_dir_all(folder).map_err(refuse)?;
    tempfile::tempfile_in(folder).map_err(refuse)?;
    Ok(())
}

//! `train.log`: the run for people.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use super::{RunError, WriteError, now};

/// Appends lines with the time.
#[derive(Debug)]
pub struct TrainLog {
    path: PathBuf,
    file: File,
}

impl TrainLog {
    /// Opens or creates the log.
    ///
    /// # Errors
    /// If the file cannot be opened for writing.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let file = File::options().append(true).create(true).open(path).map_err(WriteError::at(path))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends a line; line breaks in it become spaces.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn line(&mut self, text: &str) -> Result<(), RunError> {
        let line = format!("{} {}\n", now(), text.replace(['\n', '\r'], " "));
        Ok(self.file.write_all(line.as_bytes()).map_err(WriteError::at(&self.path))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.log");
        let mut log = TrainLog::open(&path).unwrap();
        log.line("one\ntwo").unwrap();
        log.line("three").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().map(|line| &line[25..]).collect::<Vec<_>>(), ["one two", "three"]);
    }
}

//! Reading `events.jsonl`, finished or growing.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{Record, RunError};

/// Follows an event log: each call returns the lines completed since the last.
#[derive(Debug)]
pub struct EventReader {
    path: PathBuf,
    offset: u64,
}

impl EventReader {
    /// A reader from the beginning; the file need not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), offset: 0 }
    }

    /// The events completed since the last call. A last line without its end is left for the next call; a line that
    /// is no event (torn by a crash) is skipped.
    ///
    /// # Errors
    /// If the file exists but cannot be read.
    pub fn poll(&mut self) -> Result<Vec<Record>, RunError> {
        let bytes = match self.read_new() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(RunError::read(&self.path)(error)),
        };
        let complete = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        self.offset += complete as u64;
        Ok(bytes[..complete]
            .split(|&byte| byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }

    fn read_new(&self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// All complete events of a log; none if there is no file.
///
/// # Errors
/// If the file exists but cannot be read.
pub fn read_events(path: &Path) -> Result<Vec<Record>, RunError> {
    EventReader::new(path).poll()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_come_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut reader = EventReader::new(&path);
        assert_eq!(reader.poll().unwrap(), []);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"{\"time\":\"1\",\"event\":\"warning\",\"message\":\"a\"}\n{\"time\":\"2\",")
            .unwrap();
        assert_eq!(reader.poll().unwrap().len(), 1);
        assert_eq!(reader.poll().unwrap().len(), 0);
        file.write_all(b"\"event\":\"warning\",\"message\":\"b\"}\n").unwrap();
        let records = reader.poll().unwrap();
        assert_eq!((records.len(), records[0].time.as_str()), (1, "2"));
    }
}

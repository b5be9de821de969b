//! Reading `events.jsonl`, finished or growing.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{EventRecord, RunError, history};

/// Longest line that can be an event; ours have a few hundred bytes. A longer one is not kept in memory.
const MAX_LINE: u64 = 1 << 20;

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
    pub fn poll(&mut self) -> Result<Vec<EventRecord>, RunError> {
        match self.read_new() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(RunError::read(&self.path)),
        }
    }

    fn read_new(&mut self) -> std::io::Result<Vec<EventRecord>> {
        let mut file = BufReader::new(File::open(&self.path)?);
        file.seek(SeekFrom::Start(self.offset))?;
        // Kept only if all goes well: after a failure the same lines come again.
        let mut offset = self.offset;
        let (mut records, mut line) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            file.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
            // Of a line without its end only one that is too long is passed over, piece by piece.
            if line.last() != Some(&b'\n') && (line.len() as u64) < MAX_LINE {
                self.offset = offset;
                return Ok(records);
            }
            offset += line.len() as u64;
            records.extend(EventRecord::from_line(&line));
        }
    }
}

/// All complete events of a log; none if there is no file.
///
/// # Errors
/// If the file exists but cannot be read.
pub fn read_events(path: &Path) -> Result<Vec<EventRecord>, RunError> {
    EventReader::new(path).poll()
}

/// All events of a log that still hold; see [`history()`].
///
/// # Errors
/// If the file exists but cannot be read.
pub fn read_history(path: &Path) -> Result<Vec<EventRecord>, RunError> {
    Ok(history(read_events(path)?))
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

    #[test]
    fn a_line_of_any_length_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let event = b"{\"time\":\"1\",\"event\":\"warning\",\"message\":\"a\"}\n";
        let mut text = vec![b'['; 3 << 20];
        text.extend(b"\n\xff\n\n");
        text.extend(event);
        std::fs::write(&path, text).unwrap();
        assert_eq!(read_events(&path).unwrap().len(), 1);
    }
}

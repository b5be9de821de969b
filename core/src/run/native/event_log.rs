//! Writing `events.jsonl`.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{Event, EventRecord, RunError, WriteError, now};

/// Appends events, each line in one write.
#[derive(Debug)]
pub struct EventLog {
    path: PathBuf,
    file: File,
}

impl EventLog {
    /// Opens or creates the log. A line torn by a crash is closed, so that it spoils none that follow.
    ///
    /// # Errors
    /// If the file cannot be opened for writing.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let open = || {
            let mut file = File::options().read(true).append(true).create(true).open(path)?;
            if file.metadata()?.len() > 0 {
                let mut last = [0];
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    file.write_all(b"\n")?;
                }
            }
            Ok(file)
        };
        Ok(Self { path: path.to_owned(), file: open().map_err(WriteError::at(path))? })
    }

    /// Appends an event with the time now.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn append(&mut self, event: &Event) -> Result<(), RunError> {
        let record = EventRecord { time: now(), event: event.clone() };
        let mut line = serde_json::to_vec(&record)
            .map_err(|error| WriteError { path: self.path.clone(), source: std::io::Error::other(error) })?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(WriteError::at(&self.path))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::read_events;

    fn warning(message: &str) -> Event {
        Event::Warning { message: message.into() }
    }

    #[test]
    fn what_is_appended_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        EventLog::open(&path).unwrap().append(&warning("one\ntwo")).unwrap();
        EventLog::open(&path).unwrap().append(&warning("three")).unwrap();
        let events: Vec<Event> = read_events(&path).unwrap().into_iter().map(|record| record.event).collect();
        assert_eq!(events, [warning("one\ntwo"), warning("three")]);
    }

    #[test]
    fn a_torn_line_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        EventLog::open(&path).unwrap().append(&warning("one")).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(br#"{"time":"2026","event":"wa"#);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(read_events(&path).unwrap().len(), 1);
        EventLog::open(&path).unwrap().append(&warning("two")).unwrap();
        let events: Vec<Event> = read_events(&path).unwrap().into_iter().map(|record| record.event).collect();
        assert_eq!(events, [warning("one"), warning("two")]);
    }
}

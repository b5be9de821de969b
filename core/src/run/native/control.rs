//! Requests of another process to a trainer, through the file `control`.

use std::{fs::File, io::Read};

use super::{Layout, Request, RunError, WriteError, write_atomic};
use crate::atomic::{patiently, rename};

/// Bytes read of a request; the words are short.
const LONGEST: u64 = 64;

/// Leaves a request, in place of one not yet taken.
///
/// # Errors
/// If the file cannot be written.
pub fn request(layout: &Layout, request: Request) -> Result<(), RunError> {
    Ok(write_atomic(&layout.control(), format!("{}\n", request.word()).as_bytes())?)
}

/// Takes the request that waits, if any; words nobody knows are dropped.
///
/// # Errors
/// If the file cannot be taken away (it would be obeyed again and again).
pub fn take_request(layout: &Layout) -> Result<Option<Request>, RunError> {
    let path = layout.control();
    // Taken by its name first: a request that arrives between a reading and a removal would be lost.
    let taken = path.with_extension("taken");
    match rename(&path, &taken) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        result => result.map_err(WriteError::at(&path))?,
    }
    let mut text = Vec::new();
    // What cannot be read is no request of ours.
    let _ = File::open(&taken).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    patiently(|| std::fs::remove_file(&taken)).map_err(WriteError::at(&taken))?;
    Ok(Request::from_text(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(take_request(&layout).unwrap(), None);
        request(&layout, Request::Stop).unwrap();
        assert_eq!(take_request(&layout).unwrap(), Some(Request::Stop));
        assert_eq!(take_request(&layout).unwrap(), None);
        std::fs::write(layout.control(), "jump").unwrap();
        assert_eq!(take_request(&layout).unwrap(), None);
        assert!(!layout.control().exists());
        // Not even text: dropped like any other word.
        std::fs::write(layout.control(), [0xff; 100]).unwrap();
        assert_eq!(take_request(&layout).unwrap(), None);
        assert!(!layout.control().exists());
    }
}

//! Curves for TensorBoard: an event file of scalars.
//!
//! A record ([`tfrecord`](super::tfrecord)) holds one protocol buffer `Event`: wall_time = 1 (double), step = 2
//! (varint), file_version = 3 (string) or summary = 5; a summary holds values = 1 with tag = 1 (string) and
//! simple_value = 2 (float); session_log = 7 marks a restart.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use super::{RunError, WriteError, atomic::create_folder, tfrecord::frame};

const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// Writes scalars, each record in one write.
#[derive(Debug)]
pub struct ScalarWriter {
    path: PathBuf,
    file: File,
}

impl ScalarWriter {
    /// Makes the folder and a new event file in it.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn create(folder: &Path) -> Result<Self, RunError> {
        create_folder(folder)?;
        let time = jiff::Timestamp::now();
        let name = format!("events.out.tfevents.{}.{}.spanbert", time.as_second(), std::process::id());
        let path = folder.join(name);
        let file = File::create(&path).map_err(WriteError::at(&path))?;
        let mut writer = Self { path, file };
        writer.append(&version_event(seconds(time)))?;
        Ok(writer)
    }

    /// Has TensorBoard forget the points of `step` and later: a resumed run draws them again.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn restart(&mut self, step: usize) -> Result<(), RunError> {
        self.append(&restart_event(seconds(jiff::Timestamp::now()), step as u64))
    }

    /// Adds one point to each of the named curves.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalars(&mut self, step: usize, values: &[(&str, f64)]) -> Result<(), RunError> {
        self.append(&scalar_event(seconds(jiff::Timestamp::now()), step as u64, values))
    }

    fn append(&mut self, event: &[u8]) -> Result<(), RunError> {
        Ok(self.file.write_all(&frame(event)).map_err(WriteError::at(&self.path))?)
    }
}

fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1e3
}

fn version_event(wall_time: f64) -> Vec<u8> {
    let mut event = Vec::new();
    key(&mut event, 1, FIXED64);
    event.extend(wall_time.to_le_bytes());
    bytes(&mut event, 3, b"brain.Event:2");
    event
}

/// A session log = 7 with status = 1 START: TensorBoard drops what older files say of this step and later ones.
fn restart_event(wall_time: f64, step: u64) -> Vec<u8> {
    let mut event = Vec::new();
    key(&mut event, 1, FIXED64);
    event.extend(wall_time.to_le_bytes());
    key(&mut event, 2, 0);
    varint(&mut event, step);
    bytes(&mut event, 7, &[1 << 3, 1]);
    event
}

fn scalar_event(wall_time: f64, step: u64, values: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut scalar = Vec::new();
        bytes(&mut scalar, 1, tag.as_bytes());
        key(&mut scalar, 2, FIXED32);
        scalar.extend((*value as f32).to_le_bytes());
        bytes(&mut summary, 1, &scalar);
    }
    let mut event = Vec::new();
    key(&mut event, 1, FIXED64);
    event.extend(wall_time.to_le_bytes());
    key(&mut event, 2, 0);
    varint(&mut event, step);
    bytes(&mut event, 5, &summary);
    event
}

fn key(buffer: &mut Vec<u8>, field: u8, wire_type: u8) {
    buffer.push(field << 3 | wire_type);
}

fn bytes(buffer: &mut Vec<u8>, field: u8, content: &[u8]) {
    key(buffer, field, BYTES);
    varint(buffer, content.len() as u64);
    buffer.extend_from_slice(content);
}

fn varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hex;

    /// The constants come from tests/scripts/tensorboard_golden.py, which builds the same records another way.
    #[test]
    fn bytes_are_those_of_an_independent_encoder() {
        assert_eq!(hex(&frame(&version_event(1_700_000_000.5))), VERSION_GOLDEN);
        let values = [("train/loss", 2.5), ("train/learning_rate", 2e-5)];
        assert_eq!(hex(&frame(&scalar_event(1_700_000_001.25, 25_311, &values))), SCALAR_GOLDEN);
    }

    #[test]
    fn a_file_is_a_chain_of_records() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = ScalarWriter::create(&folder.path().join("tb")).unwrap();
        writer.scalars(1, &[("a", 1.0)]).unwrap();
        let content = std::fs::read(&writer.path).unwrap();
        let mut rest = &content[..];
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(frame(&rest[12..12 + length]), rest[..length + 16]);
            records.push(length);
            rest = &rest[length + 16..];
        }
        assert_eq!(records.len(), 2);
    }

    const VERSION_GOLDEN: &str =
        "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110";
    const SCALAR_GOLDEN: &str = "3e00000000000000d9d240e70900005040fc54d94110dfc5012a2f0a110a0a747261696e2f6c6f737315000020\
        400a1a0a13747261696e2f6c6561726e696e675f7261746515acc5a737dcfcbc53";
}

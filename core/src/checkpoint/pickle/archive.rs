//! The container since PyTorch 1.6: a zip archive with `NAME/data.pkl` and one entry `NAME/data/KEY` per storage,
//! all stored without compression.
//!
//! Only the directory at the archive's end is believed, and only after checking each entry against the file; entries
//! are slices of the file, so nothing is unpacked. (General zip libraries allocate by the archive's own claims.)

use std::collections::BTreeMap;

use super::{Container, PickleError, StateDict, cursor::MAX_PICKLE_BYTES, machine, state_dict};

/// How a zip archive starts.
pub const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const DIRECTORY_HEADER: &[u8] = b"PK\x01\x02";
const DIRECTORY_END: &[u8] = b"PK\x05\x06";
const DIRECTORY_END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

/// Most entries an archive may have; one per storage.
const MAX_ENTRIES: usize = 1 << 16;

/// Reads a state dict of the zip container.
///
/// # Errors
/// As [`super::read_state_dict`].
pub fn read(bytes: &[u8]) -> Result<StateDict<'_>, PickleError> {
    let entries = directory(bytes)?;
    let pickle = entries.keys().find(|name| name.ends_with("/data.pkl") || **name == "data.pkl");
    let Some(pickle) = pickle else {
        return Err(damaged("no data.pkl in it, so it is no PyTorch file"));
    };
    let root = pickle.trim_end_matches("data.pkl");
    let entry = |name: &str| entries.get(format!("{root}{name}").as_str());
    if let Some(order) = entry("byteorder")
        && order.contents(bytes)? != b"little"
    {
        return Err(PickleError::BigEndian);
    }
    let program = entries.get(pickle).ok_or_else(|| damaged("no data.pkl in it"))?.contents(bytes)?;
    if program.len() > MAX_PICKLE_BYTES {
        return Err(PickleError::TooLarge { what: "bytes of pickle", limit: MAX_PICKLE_BYTES });
    }
    let outcome = machine::run(program)?;
    // A storage is checked once, however many tensors share it.
    let mut checked = BTreeMap::new();
    let mut total = 0usize;
    state_dict::collect(&outcome, Container::Zip, |storage| {
        if let Some(&contents) = checked.get(storage.key) {
            return Ok(contents);
        }
        let Some(entry) = entry(&format!("data/{}", storage.key)) else {
            return Err(format!("refers to storage data/{}, which the file does not have", storage.key));
        };
        let contents = entry.contents(bytes).map_err(|error| format!("is damaged: {error}"))?;
        total = total.saturating_add(contents.len());
        if total > bytes.len() {
            return Err("shares its bytes with another storage".into());
        }
        let needed = storage.elements.checked_mul(storage.dtype.size());
        let contents = needed.and_then(|needed| contents.get(..needed));
        let contents = contents.ok_or_else(|| {
            format!("expects {} elements ({}) of a shorter storage", storage.elements, storage.dtype)
        })?;
        checked.insert(storage.key, contents);
        Ok(contents)
    })
}

/// One entry of the archive, from its directory.
struct Entry<'a> {
    name: &'a str,
    stored: bool,
    checksum: u32,
    length: u64,
    compressed_length: u64,
    /// Where its local header starts.
    header: u64,
}

impl Entry<'_> {
    /// The entry's bytes, compared with their checksum.
    fn contents<'f>(&self, file: &'f [u8]) -> Result<&'f [u8], PickleError> {
        if !self.stored || self.length != self.compressed_length {
            return Err(PickleError::Compressed { entry: self.name.to_owned() });
        }
        let outside = || damaged(&format!("entry {} reaches beyond the file", self.name));
        let header = usize::try_from(self.header).map_err(|_| outside())?;
        let mut fields = Fields { bytes: file.get(header..).ok_or_else(outside)? };
        if fields.take(4) != Some(LOCAL_HEADER) {
            return Err(damaged(&format!("entry {} is not where the directory says", self.name)));
        }
        fields.take(22).ok_or_else(outside)?;
        let name = fields.u16().ok_or_else(outside)?;
        let extra = fields.u16().ok_or_else(outside)?;
        fields.take(usize::from(name) + usize::from(extra)).ok_or_else(outside)?;
        let length = usize::try_from(self.length).map_err(|_| outside())?;
        let contents = fields.take(length).ok_or_else(outside)?;
        if crc32(contents) != self.checksum {
            return Err(damaged(&format!("entry {} does not match its checksum", self.name)));
        }
        Ok(contents)
    }
}

/// The archive's entries by name, from the directory at its end.
fn directory(bytes: &[u8]) -> Result<BTreeMap<&str, Entry<'_>>, PickleError> {
    let (mut fields, count) = find_directory(bytes)?;
    if count > MAX_ENTRIES as u64 {
        return Err(PickleError::TooLarge { what: "entries in the zip archive", limit: MAX_ENTRIES });
    }
    let mut entries = BTreeMap::new();
    for _ in 0..count {
        let entry = directory_entry(&mut fields).ok_or_else(|| damaged("its directory is cut short"))?;
        if entries.insert(entry.name, entry).is_some() {
            return Err(damaged("two entries of one name"));
        }
    }
    Ok(entries)
}

/// Where the directory starts, and its number of entries.
fn find_directory(bytes: &[u8]) -> Result<(Fields<'_>, u64), PickleError> {
    let cut =
        || PickleError::Truncated { what: "the zip archive (its directory at the end is missing)".into() };
    // The end record is 22 bytes plus a comment of at most 65,535.
    let tail = bytes.len().saturating_sub(22 + 65_535);
    let window = bytes.get(tail..).unwrap_or_default();
    let at = tail + window.windows(4).rposition(|four| four == DIRECTORY_END).ok_or_else(cut)?;
    let mut end = Fields { bytes: bytes.get(at + 10..).ok_or_else(cut)? };
    let mut read_end = || {
        let (count, _size, start, comment) = (end.u16()?, end.u32()?, end.u32()?, end.u16()?);
        (end.bytes.len() == usize::from(comment)).then_some((u64::from(count), u64::from(start)))
    };
    let (mut count, mut start) = read_end().ok_or_else(cut)?;
    // Archives above 4 GB, and those of PyTorch at any size, keep the true numbers in a wider record.
    let locator = at.checked_sub(20).and_then(|locator| bytes.get(locator..at));
    if let Some(locator) = locator.filter(|locator| locator.starts_with(LOCATOR_64)) {
        let wide = || {
            let position = usize::try_from(Fields { bytes: locator.get(8..)? }.u64()?).ok()?;
            let mut record = Fields { bytes: bytes.get(position..)? };
            (record.take(4)? == DIRECTORY_END_64).then_some(())?;
            record.take(28)?;
            let count = record.u64()?;
            record.take(8)?;
            Some((count, record.u64()?))
        };
        (count, start) = wide().ok_or_else(|| damaged("its wide directory record is unreadable"))?;
    }
    let start = usize::try_from(start).ok().and_then(|start| bytes.get(start..at));
    let fields = Fields { bytes: start.ok_or_else(|| damaged("its directory lies outside the file"))? };
    Ok((fields, count))
}

fn directory_entry<'a>(fields: &mut Fields<'a>) -> Option<Entry<'a>> {
    (fields.take(4)? == DIRECTORY_HEADER).then_some(())?;
    fields.take(4)?;
    let flags = fields.u16()?;
    let method = fields.u16()?;
    fields.take(4)?;
    let checksum = fields.u32()?;
    let mut compressed_length = u64::from(fields.u32()?);
    let mut length = u64::from(fields.u32()?);
    let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
    fields.take(8)?;
    let mut header = u64::from(fields.u32()?);
    let name = std::str::from_utf8(fields.take(name.into())?).ok()?;
    let mut extra = Fields { bytes: fields.take(extra.into())? };
    fields.take(comment.into())?;
    // Extra field 1 holds, in this order, those of the numbers that did not fit 32 bits.
    while let (Some(kind), Some(size)) = (extra.u16(), extra.u16()) {
        let mut wide = Fields { bytes: extra.take(size.into())? };
        if kind == 1 {
            for number in [&mut length, &mut compressed_length, &mut header] {
                if *number == u64::from(u32::MAX) {
                    *number = wide.u64()?;
                }
            }
        }
    }
    let encrypted = flags & 1 != 0;
    Some(Entry { name, stored: method == 0 && !encrypted, checksum, length, compressed_length, header })
}

/// Little-endian numbers, one after the other.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

fn damaged(what: &str) -> PickleError {
    PickleError::Archive { what: what.to_owned() }
}

/// The zip format's checksum (ISO 3309, "CRC-32").
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_zip() {
        // The check value every description of the polynomial gives.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}

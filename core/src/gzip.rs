//! Gzip, recognised by its first bytes, unpacked within bounds.

use std::{borrow::Cow, io::Read};

use flate2::read::MultiGzDecoder;

const MAGIC: &[u8] = b"\x1f\x8b";
/// Any file may unpack to this many bytes,
const FREE: u64 = 64 << 20;
/// and larger ones to this many times their size. JSON that repeats its passages shrinks to a thirtieth; a file that was
/// made to fill memory unpacks to a thousand times its size.
const RATIO: u64 = 200;

/// Why something packed cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum GzipError {
    /// It ends too early.
    #[error("the gzip data ends too early")]
    Cut,
    /// It is damaged.
    #[error("the gzip data is damaged ({0})")]
    Damaged(std::io::Error),
    /// It would fill the memory.
    #[error("the gzip data unpacks to more than {} MiB, {RATIO} times its size", .0 >> 20)]
    TooLarge(u64),
}

/// The bytes as they are, or unpacked if they are gzip.
pub fn unpacked(bytes: &[u8]) -> Result<Cow<'_, [u8]>, GzipError> {
    if !bytes.starts_with(MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    let limit = FREE.max((bytes.len() as u64).saturating_mul(RATIO));
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(limit + 1).read_to_end(&mut unpacked);
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => GzipError::Cut,
        _ => GzipError::Damaged(error),
    })?;
    if unpacked.len() as u64 > limit {
        return Err(GzipError::TooLarge(limit));
    }
    Ok(Cow::Owned(unpacked))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_unpacked_and_all_else_is_left_alone() {
        assert_eq!(*unpacked(b"{}").unwrap(), *b"{}");
        assert_eq!(*unpacked(&packed(b"{}")).unwrap(), *b"{}");
        // Files that were packed one by one and put together.
        assert_eq!(*unpacked(&[packed(b"{}"), packed(b"[]")].concat()).unwrap(), *b"{}[]");
    }

    #[test]
    fn damage_and_bombs_are_refused() {
        let whole = packed(b"{\"data\": []}");
        assert!(matches!(unpacked(&whole[..whole.len() - 5]), Err(GzipError::Cut)));
        let mut damaged = whole.clone();
        let at = whole.len() - 8;
        damaged[at] ^= 1;
        assert!(matches!(unpacked(&damaged), Err(GzipError::Damaged(_))));
        let bomb = packed(&vec![b' '; (FREE + 2) as usize]);
        assert!(matches!(unpacked(&bomb), Err(GzipError::TooLarge(limit)) if limit == FREE));
    }
}

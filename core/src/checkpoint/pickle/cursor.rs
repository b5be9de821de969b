//! The bytes of a pickle, one operand after the other.

use super::error::PickleError;

/// Longest pickle that is read; a state dict of BERT-large takes 60 kB.
pub const MAX_PICKLE_BYTES: usize = 2 << 20;
const MAX_STRING: usize = 1 << 16;

/// Where in a pickle the machine is.
#[derive(Debug, Default)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// At the start of a pickle that ends somewhere in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.get(..MAX_PICKLE_BYTES).unwrap_or(bytes), position: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// LONG1: two's complement, little-endian.
    pub fn long(&mut self) -> Result<i128, PickleError> {
        let length = self.byte()?.into();
        let digits = self.take(length)?;
        if digits.len() > 16 {
            return Err(self.malformed("an integer of more than 128 bits"));
        }
        let negative = digits.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        wide[..digits.len()].copy_from_slice(digits);
        Ok(i128::from_le_bytes(wide))
    }

    /// Text of so many bytes.
    pub fn text(&mut self, length: usize) -> Result<&'a str, PickleError> {
        if length > MAX_STRING {
            return Err(PickleError::TooLarge { what: "bytes in a string of the pickle", limit: MAX_STRING });
        }
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("a string that is not UTF-8"))
    }

    /// Text up to the end of the line.
    pub fn line(&mut self) -> Result<&'a str, PickleError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let rest = rest.get(..MAX_STRING).unwrap_or(rest);
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.truncated())?;
        let line = self.take(length)?;
        self.position += 1;
        std::str::from_utf8(line).map_err(|_| self.malformed("a name that is not UTF-8"))
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.truncated())
    }

    /// The next so many bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], PickleError> {
        let end = self.position.checked_add(length).ok_or_else(|| self.truncated())?;
        let bytes = self.bytes;
        let taken = bytes.get(self.position..end).ok_or_else(|| self.truncated())?;
        self.position = end;
        Ok(taken)
    }

    /// An error at this place.
    pub fn malformed(&self, what: &'static str) -> PickleError {
        PickleError::Malformed { what, offset: self.position }
    }

    fn truncated(&self) -> PickleError {
        if self.bytes.len() == MAX_PICKLE_BYTES {
            return PickleError::TooLarge { what: "bytes of pickle", limit: MAX_PICKLE_BYTES };
        }
        PickleError::Truncated { what: "the pickle that describes the tensors".into() }
    }
}

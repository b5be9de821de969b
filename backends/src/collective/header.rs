//! What every operation begins with: each process says what it is about to do, and whether it still can.

/// Bytes of a header.
pub(super) const BYTES: usize = 24;

/// What the processes are about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Operation {
    /// Learn a number of each.
    Numbers = 1,
    /// Learn bytes of the first.
    Broadcast = 2,
    /// Learn bytes of each.
    Gather = 3,
    /// Sum vectors.
    Sum = 4,
    /// Learn why one has failed. Takes the place of any other.
    Failure = 5,
}

/// A process's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub operation: u64,
    /// A number, or how many bytes follow.
    pub value: u64,
    /// A second one.
    pub more: u64,
}

impl Header {
    pub fn new(operation: Operation, value: u64, more: u64) -> Self {
        Self { operation: operation as u64, value, more }
    }

    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (place, word) in bytes.chunks_exact_mut(8).zip([self.operation, self.value, self.more]) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut words = bytes.chunks_exact(8).map(|word| {
            let mut eight = [0; 8];
            eight.copy_from_slice(word);
            u64::from_le_bytes(eight)
        });
        let mut next = || words.next().unwrap_or_default();
        Self { operation: next(), value: next(), more: next() }
    }
}

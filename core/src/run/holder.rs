//! Who is at work in a run folder.

use serde::{Deserialize, Serialize};

/// The process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// When it took the lock, RFC 3339, UTC.
    pub since: String,
}

impl Holder {
    /// Who the content of a lock file says holds it; `None` if it does not say.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }
}

//! What a repository of the hub holds.

use serde::Deserialize;

use super::{FetchError, checksum::Checksum, transfer::Client};

/// The hub's answer about a model, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    /// Commit.
    pub(super) sha: String,
    /// Files.
    #[serde(default)]
    pub(super) siblings: Vec<Sibling>,
    #[serde(default, rename = "cardData")]
    card: Option<Card>,
}

/// A file.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sibling {
    #[serde(rename = "rfilename")]
    pub(super) name: String,
    #[serde(default)]
    pub(super) size: Option<u64>,
    /// SHA-1 of the file as git counts it.
    #[serde(default, rename = "blobId")]
    blob_id: Option<String>,
    #[serde(default)]
    lfs: Option<Lfs>,
}

#[derive(Clone, Debug, Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

#[derive(Debug, Deserialize)]
struct Card {
    #[serde(default)]
    license: Option<serde_json::Value>,
}

impl Sibling {
    /// Size and checksum, if the hub tells them.
    pub(super) fn content(&self) -> Option<(u64, Checksum)> {
        if let Some(lfs) = &self.lfs {
            return is_hexadecimal(&lfs.sha256, 64)
                .then(|| (lfs.size, Checksum::Sha256(lfs.sha256.to_ascii_lowercase())));
        }
        let id = self.blob_id.as_deref().filter(|id| is_hexadecimal(id, 40))?;
        Some((self.size?, Checksum::GitBlob(id.to_ascii_lowercase())))
    }
}

impl Listing {
    /// Asks the hub.
    pub(super) fn ask(client: &Client, id: &str, revision: &str) -> Result<Self, FetchError> {
        let url = format!("{}/api/models/{id}/revision/{revision}?blobs=true", client.places.hub);
        let text = client.text(&url)?;
        let listing: Self = serde_json::from_str(&text)
            .map_err(|error| FetchError::Answer { url: url.clone(), why: error.to_string() })?;
        // It becomes the name of a folder.
        if !is_hexadecimal(&listing.sha, 40) {
            return Err(FetchError::Answer { url, why: format!("{:?} is not a commit", listing.sha) });
        }
        Ok(listing)
    }

    /// The file of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Sibling> {
        self.siblings.iter().find(|sibling| sibling.name == name)
    }

    /// The licence that the model's card names.
    pub(super) fn licence(&self) -> Option<String> {
        match self.card.as_ref()?.license.as_ref()? {
            serde_json::Value::String(name) => Some(format!("{name}, by the model's card")),
            serde_json::Value::Array(names) => {
                let names: Vec<&str> = names.iter().filter_map(serde_json::Value::as_str).collect();
                Some(format!("{}, by the model's card", names.join(", ")))
            }
            _ => None,
        }
    }
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

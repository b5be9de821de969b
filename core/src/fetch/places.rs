//! Where things come from and where they lie, by the environment variables of the Hugging Face tools.

use std::{env, path::PathBuf};

/// The hub.
const HUB: &str = "https://huggingface.co";
/// The official address of the SQuAD files.
const SQUAD: &str = "https://rajpurkar.github.io/SQuAD-explorer/dataset";

/// Addresses, folders and who asks.
#[derive(Clone, Debug)]
pub struct Places {
    /// Address of the hub, without a slash at the end; `HF_ENDPOINT`.
    pub hub: String,
    /// Address of the SQuAD files; `SPANBERT_SQUAD_ENDPOINT`.
    pub squad: String,
    /// Folder of the hub's cache; `HF_HUB_CACHE`, else `hub` in `HF_HOME`.
    pub cache: PathBuf,
    /// Folder of the SQuAD files: `squad` in `HF_HOME`.
    pub squad_folder: PathBuf,
    /// Who asks; `HF_TOKEN`.
    pub token: Option<String>,
    /// Where the hub's own login keeps it, read only if the hub is asked; `HF_TOKEN_PATH`, else `token` in `HF_HOME`.
    pub token_file: PathBuf,
    /// Whether the network is not to be used; `HF_HUB_OFFLINE`.
    pub offline: bool,
}

impl Places {
    /// The token from wherever it is.
    pub(super) fn token(&self) -> Option<String> {
        let token = self.token.clone().or_else(|| std::fs::read_to_string(&self.token_file).ok());
        token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty())
    }

    /// As this process's environment says.
    #[must_use]
    pub fn from_env() -> Self {
        let text = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = path("HF_HOME").unwrap_or_else(|| {
            let caches = path("XDG_CACHE_HOME")
                .or_else(|| directories::BaseDirs::new().map(|folders| folders.home_dir().join(".cache")));
            caches.unwrap_or_else(env::temp_dir).join("huggingface")
        });
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE"));
        let token_file = path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        let yes = |value: String| matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "yes" | "true");
        let address = |name, usual: &str| {
            text(name).map_or_else(|| usual.to_owned(), |text| text.trim_end_matches('/').to_owned())
        };
        Self {
            hub: address("HF_ENDPOINT", HUB),
            squad: address("SPANBERT_SQUAD_ENDPOINT", SQUAD),
            cache: cache.unwrap_or_else(|| home.join("hub")),
            squad_folder: home.join("squad"),
            token: text("HF_TOKEN"),
            token_file,
            offline: text("HF_HUB_OFFLINE").is_some_and(yes),
        }
    }
}

//! Where this system keeps what programs can make again.

use std::path::PathBuf;

/// Where compiled kernels, self-test results and the demonstration's model are kept between runs.
#[must_use]
pub fn cache_folder() -> PathBuf {
    directories::ProjectDirs::from("", "", "spanbert").map_or_else(
        || std::env::temp_dir().join("spanbert"),
        |directories| directories.cache_dir().to_owned(),
    )
}

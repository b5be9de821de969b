//! The version of Burn.

/// Version of Burn in this build: compiled kernels, and self-tests of devices, hold for it only.
pub const BURN_VERSION: &str = "0.21.0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_version_is_the_pinned_one() {
        let manifest =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("burn = {{ version = \"={BURN_VERSION}\"")));
    }
}

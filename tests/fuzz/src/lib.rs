//! The readers of `tests/tests/hostile` as fuzz targets.
#![allow(dead_code, reason = "the property tests use more of the shared modules")]

#[path = "../../tests/hostile/memory.rs"]
mod memory;
#[path = "../../tests/hostile/pickles.rs"]
mod pickles;
#[path = "../../tests/hostile/readers/mod.rs"]
mod readers;
#[path = "../../tests/hostile/seeds.rs"]
mod seeds;

#[global_allocator]
static ALLOCATOR: memory::Metered = memory::Metered;

/// Folder to write a target's seeds into before it starts.
const SEEDS: &str = "SPANBERT_FUZZ_SEEDS";

/// Writes the seeds of a reader, if asked to.
pub fn write_seeds(name: &str) {
    let Some(folder) = std::env::var_os(SEEDS) else { return };
    for (index, seed) in seeds::seeds(name).into_iter().enumerate() {
        let path = std::path::Path::new(&folder).join(format!("seed-{index}"));
        std::fs::write(&path, seed).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// Reads one input; panics if the reader does, or takes more memory than the input justifies.
pub fn check(name: &str, bytes: &[u8]) {
    readers::Reader::named(name).check(bytes);
}

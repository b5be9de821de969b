//! The demonstration's model after fine-tuning, which is part of the program: as files in memory, and as a folder.

#[cfg(feature = "native")]
use std::path::{Path, PathBuf};

use super::weights::FINE_TUNED;
use crate::checkpoint::{Files, META_FILE, SAFETENSORS_FILE};
#[cfg(feature = "native")]
use crate::{
    checkpoint::{CheckpointError, StagedFiles},
    hash::sha256_hex,
    user_folders::cache_folder,
};

/// Files of the trained model beside its weights, made by `assets/demo/build.sh`; the configuration, which makes a folder a
/// checkpoint, is last.
const FILES: [(&str, &[u8]); 4] = [
    ("vocab.txt", include_bytes!("../../../assets/demo/model/vocab.txt")),
    ("tokenizer_config.json", include_bytes!("../../../assets/demo/model/tokenizer_config.json")),
    (META_FILE, include_bytes!("../../../assets/demo/model/spanbert.json")),
    ("config.json", include_bytes!("../../../assets/demo/model/config.json")),
];
/// The name that stands for the model where a model is asked for.
pub const MODEL_NAME: &str = "demo";
/// What it is, in a line.
pub const LABEL: &str = "small demonstration model, trained on generated text";

/// All of its files, the weights first.
fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    std::iter::once((SAFETENSORS_FILE, FINE_TUNED.as_slice())).chain(FILES)
}

/// The trained model in memory.
#[must_use]
pub fn trained_files() -> Files {
    let mut files = Files::new(MODEL_NAME);
    for (name, bytes) in self::files() {
        files.insert(name, bytes);
    }
    files
}

/// Writes the trained model's folder, unless it is there already.
///
/// # Errors
/// If the folder cannot be written.
#[cfg(feature = "native")]
fn write_trained(folder: &Path) -> Result<(), CheckpointError> {
    let same =
        |(name, bytes): (&str, &[u8])| std::fs::read(folder.join(name)).is_ok_and(|there| there == bytes);
    if files().all(same) {
        return Ok(());
    }
    let mut staged = StagedFiles::new(folder)?;
    for (name, bytes) in files() {
        staged.stage(name, |out| out.write_all(bytes))?;
    }
    Ok(staged.commit()?)
}

/// The trained model as a folder, for whatever takes folders: in the user's cache, or among the temporary files if that
/// cannot be written.
///
/// # Errors
/// If neither can be written.
#[cfg(feature = "native")]
pub fn trained_folder() -> Result<PathBuf, CheckpointError> {
    let digest = sha256_hex(&FINE_TUNED);
    let inside = Path::new("models").join(digest.get(..12).unwrap_or(&digest)).join(MODEL_NAME);
    let cached = cache_folder().join(&inside);
    if write_trained(&cached).is_ok() {
        return Ok(cached);
    }
    let temporary = std::env::temp_dir().join("spanbert").join(inside);
    write_trained(&temporary).map(|()| temporary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checkpoint::{load, load_files},
        demo::{random_model, weights::PRETRAINED},
    };

    #[test]
    fn the_trained_model_is_small_and_of_the_starting_model_s_make() {
        let folder = tempfile::tempdir().unwrap();
        write_trained(folder.path()).unwrap();
        let (trained, start) = (load(folder.path(), Default::default()).unwrap(), random_model());
        let carried = load_files(&trained_files(), Default::default()).unwrap();
        assert_eq!((&carried.weights, &carried.stored), (&trained.weights, &trained.stored));
        assert_eq!((&trained.config, &trained.vocab), (&start.config, &start.vocab));
        assert!(!trained.casing.do_lower_case && !trained.report.has_fresh_head());
        assert!(trained.stored.is_some_and(|meta| meta.threshold.is_some()));
        let size: usize = files().map(|(_, bytes)| bytes.len()).sum::<usize>() + PRETRAINED.len();
        assert!(size < 12 << 20, "{size} bytes");
    }

    #[test]
    fn a_damaged_copy_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join(SAFETENSORS_FILE);
        write_trained(folder.path()).unwrap();
        std::fs::write(&weights, "half a file").unwrap();
        write_trained(folder.path()).unwrap();
        assert_eq!(std::fs::read(&weights).unwrap(), *FINE_TUNED);
    }
}

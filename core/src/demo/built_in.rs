//! The demonstration's models: one with random weights, made on the spot, the same pre-trained, and the same fine-tuned, both
//! inside the program.

use std::path::{Path, PathBuf};

use super::{start, vocab};
use crate::{
    checkpoint::{CheckpointError, META_FILE, SAFETENSORS_FILE, StagedFiles, weights_from_bytes},
    open::cache_folder,
    run::sha256_hex,
    tokenizer::TokenizerSettings,
    train::StartingModel,
};

/// Files of the trained model, made by `assets/demo/build.sh`; the configuration, which makes a folder a checkpoint, is last.
const FILES: [(&str, &[u8]); 5] = [
    (SAFETENSORS_FILE, include_bytes!("../../../assets/demo/model/model.safetensors")),
    ("vocab.txt", include_bytes!("../../../assets/demo/model/vocab.txt")),
    ("tokenizer_config.json", include_bytes!("../../../assets/demo/model/tokenizer_config.json")),
    (META_FILE, include_bytes!("../../../assets/demo/model/spanbert.json")),
    ("config.json", include_bytes!("../../../assets/demo/model/config.json")),
];
/// Weights of the pre-trained model, made by the same script.
const PRETRAINED: &[u8] = include_bytes!("../../../assets/demo/pretrained/model.safetensors");
/// The name that stands for the trained model where a model is asked for.
pub const MODEL_NAME: &str = "demo";
/// What it is, in a line.
pub const LABEL: &str = "small demonstration model, trained on generated text";
/// Seed of the starting weights.
const WEIGHTS_SEED: u64 = 42;

/// The model with random weights, in memory.
#[must_use]
pub fn random_model() -> StartingModel {
    let config = start::config();
    StartingModel {
        weights: start::weights(&config, WEIGHTS_SEED),
        config,
        vocab: vocab::pieces(),
        settings: TokenizerSettings::bert(false),
        notes: vec!["a small model with random weights".to_owned()],
        warnings: Vec::new(),
        files: Vec::new(),
    }
}

/// The pre-trained model, in memory: what the demonstration fine-tunes. Its question-answering head is random.
///
/// # Errors
/// If the program's own copy is damaged.
pub fn pretrained_model() -> Result<StartingModel, CheckpointError> {
    let random = random_model();
    let path = Path::new("assets/demo/pretrained").join(SAFETENSORS_FILE);
    let (weights, _) = weights_from_bytes(path, PRETRAINED, &random.config, WEIGHTS_SEED)?;
    let notes = vec!["a small model, pre-trained on generated text".to_owned()];
    Ok(StartingModel { weights, notes, ..random })
}

/// Writes the trained model's folder, unless it is there already.
///
/// # Errors
/// If the folder cannot be written.
fn write_trained(folder: &Path) -> Result<(), CheckpointError> {
    let same =
        |(name, bytes): &(&str, &[u8])| std::fs::read(folder.join(name)).is_ok_and(|there| there == *bytes);
    if FILES.iter().all(same) {
        return Ok(());
    }
    let mut staged = StagedFiles::new(folder)?;
    for (name, bytes) in FILES {
        staged.stage(name, |out| out.write_all(bytes))?;
    }
    Ok(staged.commit()?)
}

/// The trained model as a folder, for whatever takes folders: in the user's cache, or among the temporary files if that
/// cannot be written.
///
/// # Errors
/// If neither can be written.
pub fn trained_folder() -> Result<PathBuf, CheckpointError> {
    let digest = sha256_hex(FILES[0].1);
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
    use crate::checkpoint::load;

    #[test]
    fn the_trained_model_is_small_and_of_the_starting_model_s_make() {
        let folder = tempfile::tempdir().unwrap();
        write_trained(folder.path()).unwrap();
        let (trained, start) = (load(folder.path(), Default::default()).unwrap(), random_model());
        assert_eq!((&trained.config, &trained.vocab), (&start.config, &start.vocab));
        assert!(!trained.casing.do_lower_case && !trained.report.has_fresh_head());
        assert!(trained.stored.is_some_and(|meta| meta.threshold.is_some()));
        let size: usize = FILES.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() + PRETRAINED.len();
        assert!(size < 12 << 20, "{size} bytes");
    }

    #[test]
    fn the_pretrained_model_is_the_random_one_further_on() {
        let (pretrained, random) = (pretrained_model().unwrap(), random_model());
        let encoder = |model: &StartingModel| {
            let names = model.weights.keys().filter(|name| name.starts_with("bert."));
            names.cloned().collect::<Vec<_>>()
        };
        assert_eq!(encoder(&pretrained), encoder(&random));
        let query = "bert.encoder.layer.0.attention.self.query.weight";
        assert_ne!(pretrained.weights[query], random.weights[query]);
        // Pre-training has not seen questions and their answers' places: the head is as random as before.
        let head = |model: &StartingModel| model.weights["qa_outputs.weight"].values.clone();
        for (one, other) in head(&pretrained).into_iter().zip(head(&random)) {
            assert!((one - other).abs() < 1e-3, "{one} {other}");
        }
    }

    #[test]
    fn a_damaged_copy_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join(SAFETENSORS_FILE);
        write_trained(folder.path()).unwrap();
        std::fs::write(&weights, "half a file").unwrap();
        write_trained(folder.path()).unwrap();
        assert_eq!(std::fs::read(&weights).unwrap(), FILES[0].1);
    }
}

//! Damaged, foreign and hostile checkpoints: always a clear error, never a panic, never much memory.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail like the test itself")]

use std::{fs, path::Path, path::PathBuf};

use proptest::prelude::*;
use spanbert_core::advice::Advice;
use spanbert_core::checkpoint::{
    LoadOptions, from_safetensors_bytes, load,
    pickle::{PickleError, read_state_dict},
};

mod pickles;

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/checkpoints").join(name)).unwrap()
}

/// A loadable directory of the fixture's configuration and vocabulary with these weights.
fn directory(weights_name: &str, weights: &[u8]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.json"), fixture("config.json")).unwrap();
    let mut vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n".to_owned();
    vocab.extend((4..24).map(|id| format!("Piece{id}\n")));
    fs::write(home.path().join("vocab.txt"), vocab).unwrap();
    fs::write(home.path().join(weights_name), weights).unwrap();
    home
}

/// The error of loading a directory, which must name a file in it.
fn error(home: &Path) -> String {
    let message = load(home, LoadOptions::default()).unwrap_err().in_one_line();
    assert!(message.contains(home.file_name().unwrap().to_str().unwrap()), "names no file: {message}");
    assert!(!message.contains('\n'), "more than a line: {message}");
    message
}

fn assert_refused(weights_name: &str, weights: &[u8], expected: &str) {
    let message = error(directory(weights_name, weights).path());
    assert!(message.contains(expected), "expected {expected:?}: {message}");
}

#[test]
fn directories_that_are_none_say_what_to_do() {
    let good = directory("pytorch_model.bin", &fixture("tiny_zip.bin"));
    load(good.path(), LoadOptions::default()).unwrap();
    let at = |path: PathBuf| load(&path, LoadOptions::default()).unwrap_err().in_one_line();
    assert!(at(good.path().join("nothing")).contains("no such directory"));
    assert!(at(good.path().join("vocab.txt")).contains("is a file, not a model folder; give the folder"));

    let remove = |name: &str| fs::remove_file(good.path().join(name)).unwrap();
    remove("pytorch_model.bin");
    assert!(error(good.path()).contains("neither model.safetensors nor pytorch_model.bin; put"));
    fs::write(good.path().join("model.safetensors.index.json"), "{}").unwrap();
    assert!(error(good.path()).contains("not an index of shards (missing field `weight_map`"));
    remove("vocab.txt");
    assert!(error(good.path()).contains("neither vocab.txt nor tokenizer.json"));
    remove("config.json");
    assert!(error(good.path()).contains("no config.json"));
}

#[test]
fn a_vocabulary_of_another_model_is_named() {
    let home = directory("pytorch_model.bin", &fixture("tiny_zip.bin"));
    fs::write(home.path().join("vocab.txt"), "[UNK]\n[CLS]\n[SEP]\n").unwrap();
    assert!(error(home.path()).contains("vocab.txt has 3 pieces, but the model's vocabulary"));
}

#[test]
fn another_configuration_is_named() {
    let home = directory("model.safetensors", &fixture("tiny.safetensors"));
    let config = String::from_utf8(fixture("config.json")).unwrap();
    let with = |old: &str, new: &str| {
        assert!(config.contains(old));
        fs::write(home.path().join("config.json"), config.replace(old, new)).unwrap();
        error(home.path())
    };
    let message = with("\"intermediate_size\": 12", "\"intermediate_size\": 16");
    let expected =
        "bert.encoder.layer.0.intermediate.dense.weight is [12, 8] in the file but [16, 8] by config.json";
    assert!(message.contains(expected), "{message}");
    assert!(message.contains("and 1 more") && message.contains("model.safetensors"), "{message}");
    let message = with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4");
    assert!(
        message.contains("lacks 32 of the encoder's tensors (bert.encoder.layer.2.attention"),
        "{message}"
    );
    assert!(with("\"gelu\"", "\"mish\"").contains("hidden_act is \"mish\""));
    assert!(with("}", "").contains("EOF"));
}

#[test]
fn files_that_are_no_weights_are_recognised() {
    for (contents, expected) in [
        (b"".as_slice(), "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 440473133\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html><body>Not found</body></html>", "this is a web page"),
        (b"<HTML>", "this is a web page"),
        (b"\x1f\x8b\x08\x00\x00", "gzip"),
    ] {
        assert_refused("pytorch_model.bin", contents, expected);
        assert_refused("model.safetensors", contents, expected);
    }
    assert_refused("pytorch_model.bin", b"what is this?", "not a PyTorch file");
    assert_refused("model.safetensors", b"what is this?", "not readable as safetensors");
    assert_refused("pytorch_model.bin", &fixture("tiny.safetensors"), "rename it to model.safetensors");
    assert_refused("model.safetensors", &fixture("tiny_zip.bin"), "rename it to pytorch_model.bin");
    assert_refused("model.safetensors", &fixture("tiny_legacy_fp16.bin"), "rename it to pytorch_model.bin");
}

#[test]
fn a_file_cut_short_is_an_error_wherever_it_is_cut() {
    for (name, file) in [
        ("pytorch_model.bin", "tiny_zip.bin"),
        ("pytorch_model.bin", "tiny_odd_zip.bin"),
        ("pytorch_model.bin", "tiny_legacy_fp16.bin"),
        ("pytorch_model.bin", "tiny_legacy_fp16_noqa.bin"),
        ("pytorch_model.bin", "tiny_odd_legacy.bin"),
        ("model.safetensors", "tiny.safetensors"),
    ] {
        let bytes = fixture(file);
        let home = directory(name, &bytes);
        let path = home.path().join(name);
        load(home.path(), LoadOptions::default()).unwrap();
        for eighth in 0..8 {
            fs::write(&path, &bytes[..bytes.len() * eighth / 8]).unwrap();
            assert!(error(home.path()).contains(name), "{file} cut to {eighth}/8");
        }
        // Everywhere, without the disk.
        for cut in 0..bytes.len() {
            let whole = if name.ends_with("bin") {
                read_state_dict(&bytes[..cut]).is_ok()
            } else {
                from_safetensors_bytes(&bytes[..cut]).is_ok()
            };
            assert!(!whole, "{file} cut at {cut}");
        }
    }
    // The last storage's end: the tensor is named.
    let bytes = fixture("tiny_legacy_fp32.bin");
    let Err(PickleError::Tensor { name, what }) = read_state_dict(&bytes[..bytes.len() - 1]) else {
        panic!()
    };
    assert!(
        (name.starts_with("bert.") || name.starts_with("qa_")) && what == "is cut short",
        "{name} {what}"
    );
}

#[test]
fn weights_that_are_not_numbers_are_named() {
    let bytes = fixture("tiny.safetensors");
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let start = header["qa_outputs.weight"]["data_offsets"][0].as_u64().unwrap();
    let third = 8 + length + usize::try_from(start).unwrap() + 12;
    for (value, expected) in
        [(f32::NAN, "holds NaN at element 3"), (f32::NEG_INFINITY, "holds -inf at element 3")]
    {
        let mut bytes = bytes.clone();
        bytes[third..third + 4].copy_from_slice(&value.to_le_bytes());
        assert_refused("model.safetensors", &bytes, expected);
        assert_refused("model.safetensors", &bytes, "\"qa_outputs.weight\"");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes_never_panic(
        file in prop::sample::select(vec![
            "tiny_zip.bin", "tiny_odd_zip.bin", "tiny_legacy_fp16.bin", "tiny_odd_legacy.bin", "tiny_protocol4.bin",
            "tiny_python2.bin", "tiny.safetensors",
        ]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        head in any::<bool>(),
    ) {
        let mut bytes = fixture(file);
        // Half of the time only within the part that describes the tensors.
        let range = if head { bytes.len().min(4096) } else { bytes.len() };
        for (index, value) in flips {
            bytes[index.index(range)] = value;
        }
        if file.ends_with("bin") {
            if let Ok(dict) = read_state_dict(&bytes) {
                for tensor in dict.tensors.values() {
                    if let Ok(tensor) = tensor.to_host() {
                        prop_assert_eq!(tensor.shape.iter().product::<usize>(), tensor.values.len());
                        prop_assert!(tensor.values.len() <= bytes.len());
                    }
                }
            }
        } else {
            drop(from_safetensors_bytes(&bytes));
        }
    }
}

//! Every checkpoint file of the reference, and our own fixtures of the same kinds, load to the same weights.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail like the test itself")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use spanbert_core::{
    checkpoint::{
        Checkpoint, CheckpointError, LoadOptions, SaveCheckpoint, SpanbertMeta, Weights, WeightsFormat,
        fresh_tensor, from_safetensors_bytes, inspect, load, save,
    },
    config::{BertConfig, parameter_shapes},
    tokenizer::TokenizerSettings,
};

/// The folder of reference outputs; not there for users.
fn oracle() -> Option<PathBuf> {
    let shared = std::env::var_os("SPANBERT_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
    let model = shared.join("oracle/model");
    if !model.is_dir() {
        eprintln!("skipped: no oracle");
        return None;
    }
    Some(model)
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/checkpoints")
}

/// A directory with these weights, the configuration beside them and a vocabulary of the right length.
fn directory(weights: &Path, config: &Path) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::copy(config, home.path().join("config.json")).unwrap();
    let name =
        if weights.extension().unwrap() == "safetensors" { "model.safetensors" } else { "pytorch_model.bin" };
    fs::copy(weights, home.path().join(name)).unwrap();
    let config = BertConfig::from_path(config).unwrap();
    let mut vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned).to_vec();
    vocab.extend((vocab.len()..config.vocab_size).map(|id| format!("Piece{id}")));
    fs::write(home.path().join("vocab.txt"), vocab.join("\n") + "\n").unwrap();
    home
}

fn load_file(folder: &Path, name: &str) -> Checkpoint {
    let home = directory(&folder.join(name), &folder.join("config.json"));
    load(home.path(), LoadOptions::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn assert_same(name: &str, found: &Weights, expected: &Weights) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{name}");
    for (key, tensor) in expected {
        assert_eq!(&found[key], tensor, "{name}: {key}");
    }
}

/// File, format, tensors renamed, entries unused.
type Case = (&'static str, WeightsFormat, usize, usize);

const LAYER_NORM_PARTS: usize = 10;

/// Names of the reference's files; our fixtures have the same.
const CASES: [Case; 9] = [
    ("tiny.safetensors", WeightsFormat::Safetensors, 0, 0),
    ("tiny_zip.bin", WeightsFormat::TorchZip, 0, 0),
    ("tiny_zip_plain_dict.bin", WeightsFormat::TorchZip, 0, 0),
    ("tiny_legacy_fp32.bin", WeightsFormat::TorchLegacy, 0, 0),
    ("tiny_legacy_fp16.bin", WeightsFormat::TorchLegacy, LAYER_NORM_PARTS, 0),
    ("tiny_legacy_fp16_noqa.bin", WeightsFormat::TorchLegacy, LAYER_NORM_PARTS, 2),
    ("tiny_legacy_fp16_decoder_prefix.bin", WeightsFormat::TorchLegacy, 41, 0),
    ("tiny_odd_zip.bin", WeightsFormat::TorchZip, 0, 1),
    ("tiny_odd_legacy.bin", WeightsFormat::TorchLegacy, 0, 1),
];

fn every_file_loads_alike(folder: &Path, layers: usize) {
    let (expected, metadata) =
        from_safetensors_bytes(&fs::read(folder.join("tiny.safetensors")).unwrap()).unwrap();
    assert!(metadata.is_empty() || metadata["format"] == "pt");
    assert_eq!(expected.len(), 5 + 16 * layers + 2 + 2);
    for (name, format, renamed, unused) in CASES {
        let checkpoint = load_file(folder, name);
        let mut expected = expected.clone();
        if name.contains("noqa") {
            for (key, shape) in parameter_shapes(&checkpoint.config, false) {
                if key.starts_with("qa_outputs.") {
                    let tensor = fresh_tensor(&key, shape, checkpoint.config.initializer_range, 42);
                    expected.insert(key, tensor);
                }
            }
        }
        assert_same(name, &checkpoint.weights, &expected);
        let report = &checkpoint.report;
        assert_eq!(
            (report.format, report.renamed.len(), report.unused.len()),
            (format, renamed, unused),
            "{name}"
        );
        assert_eq!(report.has_fresh_head(), name.contains("noqa"), "{name}");
        assert_eq!(
            report.missing.len(),
            if name.contains("noqa") { 2 } else { 0 },
            "{name}: {:?}",
            report.missing
        );
        assert_eq!(report.dtypes.contains_key("F16"), name.contains("fp16"), "{name}: {:?}", report.dtypes);
    }
}

#[test]
fn every_reference_file_loads_alike() {
    if let Some(oracle) = oracle() {
        every_file_loads_alike(&oracle, 2);
    }
}

#[test]
fn every_fixture_loads_alike() {
    every_file_loads_alike(&fixtures(), 2);
}

/// Other ways to pack a state dict, made by `scripts/make_checkpoint_fixtures.py` for these tests only.
#[test]
fn rarer_packings_load_alike() {
    let folder = fixtures();
    let (expected, _) = from_safetensors_bytes(&fs::read(folder.join("tiny.safetensors")).unwrap()).unwrap();
    for name in [
        "tiny_bare_encoder.bin",
        "tiny_bf16.safetensors",
        "tiny_f64.safetensors",
        "tiny_protocol4.bin",
        "tiny_python2.bin",
        "tiny_wrapped.bin",
    ] {
        let checkpoint = load_file(&folder, name);
        let mut weights = checkpoint.weights;
        if name == "tiny_bare_encoder.bin" {
            assert!(checkpoint.report.has_fresh_head());
            for key in ["qa_outputs.weight", "qa_outputs.bias"] {
                weights.insert(key.into(), expected[key].clone());
            }
        }
        assert_same(name, &weights, &expected);
    }
}

#[test]
fn the_fresh_head_is_normal_and_follows_the_seed() {
    let folder = fixtures();
    let home = directory(&folder.join("tiny_legacy_fp16_noqa.bin"), &folder.join("config.json"));
    let head = |seed| {
        let options = LoadOptions { seed, ..LoadOptions::default() };
        let weights = load(home.path(), options).unwrap().weights;
        assert_eq!(weights["qa_outputs.bias"].values, [0.0, 0.0]);
        weights["qa_outputs.weight"].values.clone()
    };
    assert_eq!(head(1), head(1));
    assert_ne!(head(1), head(2));
    let deviation = (head(1).iter().map(|value| value * value).sum::<f32>() / head(1).len() as f32).sqrt();
    assert!((0.005..0.05).contains(&deviation), "{deviation}");
}

#[test]
fn what_is_saved_loads_back_bit_by_bit() {
    let folder = fixtures();
    let home = directory(&folder.join("tiny_legacy_fp16.bin"), &folder.join("config.json"));
    let first = load(home.path(), LoadOptions::default()).unwrap();
    let scores = BTreeMap::from([("best_f1".to_owned(), 83.6)]);
    let meta = SpanbertMeta { threshold: Some(-1.25), scores, ..SpanbertMeta::default() };
    let out = tempfile::tempdir().unwrap();
    let saved = SaveCheckpoint {
        config: &first.config,
        weights: &first.weights,
        vocab: &first.vocab,
        settings: &TokenizerSettings::bert(false),
        meta: &meta,
    };
    // Twice: the second time over the first.
    for _ in 0..2 {
        save(out.path(), &saved).unwrap();
    }
    let again = load(out.path(), LoadOptions::default()).unwrap();
    assert_same("saved", &again.weights, &first.weights);
    assert_eq!((again.config, again.vocab), (first.config.clone(), first.vocab.clone()));
    assert_eq!(again.stored, Some(meta.clone()));
    assert!(!again.casing.do_lower_case);
    assert!(
        again.report.renamed.is_empty() && again.report.missing.is_empty() && again.report.unused.is_empty()
    );
    let mut names: Vec<_> =
        fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let expected = [
        "config.json",
        "model.safetensors",
        "spanbert.json",
        "special_tokens_map.json",
        "tokenizer_config.json",
        "vocab.txt",
    ];
    assert_eq!(names, expected, "no temporary files remain");

    let mut broken = first.weights.clone();
    broken.get_mut("qa_outputs.bias").unwrap().values[1] = f32::NAN;
    let error = save(out.path(), &SaveCheckpoint { weights: &broken, ..saved }).unwrap_err();
    assert!(error.to_string().contains("\"qa_outputs.bias\" holds NaN at element 1"), "{error}");
    broken.remove("qa_outputs.bias");
    let error = save(out.path(), &SaveCheckpoint { weights: &broken, ..saved }).unwrap_err();
    assert!(error.to_string().contains("\"qa_outputs.bias\" is missing"), "{error}");
    assert_eq!(
        load(out.path(), LoadOptions::default()).unwrap().weights,
        first.weights,
        "nothing was changed"
    );
}

#[test]
fn inspection_reports_what_loading_refuses() {
    let folder = fixtures();
    let home = directory(&folder.join("tiny_zip.bin"), &folder.join("config.json"));
    let good = inspect(home.path(), LoadOptions::default()).unwrap();
    assert_eq!((good.problems.as_slice(), good.vocabulary), (&[][..], Some(good.config.vocab_size)));
    assert!(good.to_string().contains("PyTorch zip archive, F32"), "{good}");

    let config = fs::read_to_string(folder.join("config.json")).unwrap();
    let config = config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    fs::write(home.path().join("config.json"), config).unwrap();
    fs::write(home.path().join("vocab.txt"), "[UNK]\n[CLS]\n[SEP]\n").unwrap();
    let bad = inspect(home.path(), LoadOptions::default()).unwrap();
    assert_eq!(bad.weights.missing.len(), 16);
    assert_eq!(bad.problems.len(), 2, "{:?}", bad.problems);
    assert!(matches!(load(home.path(), LoadOptions::default()), Err(CheckpointError::VocabularySize { .. })));
    let json = serde_json::to_value(&bad).unwrap();
    assert_eq!(json["weights"]["format"], "torch_zip");
    assert_eq!(json["casing"]["source"], "vocabulary");
}

/// Runs only where `SPANBERT_PYTHON` names a Python with torch and transformers.
#[test]
fn transformers_loads_what_is_saved() {
    let (Some(oracle), Some(python)) = (oracle(), std::env::var_os("SPANBERT_PYTHON")) else {
        eprintln!("skipped: no oracle or no SPANBERT_PYTHON");
        return;
    };
    let checkpoint = load_file(&oracle, "tiny_legacy_fp16.bin");
    let home = tempfile::tempdir().unwrap();
    let meta = SpanbertMeta { threshold: Some(0.5), ..SpanbertMeta::default() };
    let saved = SaveCheckpoint {
        config: &checkpoint.config,
        weights: &checkpoint.weights,
        vocab: &checkpoint.vocab,
        settings: &TokenizerSettings::bert(false),
        meta: &meta,
    };
    save(home.path(), &saved).unwrap();

    let expected = fs::read(oracle.join("tiny_expected.safetensors")).unwrap();
    let expected = safetensors::SafeTensors::deserialize(&expected).unwrap();
    let integers = |name: &str| -> Vec<Vec<i64>> {
        let tensor = expected.tensor(name).unwrap();
        let values: Vec<i64> =
            tensor.data().as_chunks::<8>().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect();
        values.chunks(tensor.shape()[1]).map(<[i64]>::to_vec).collect()
    };
    let inputs = serde_json::json!({
        "input_ids": integers("input_ids"),
        "segment_ids": integers("segment_ids"),
        "input_mask": integers("input_mask"),
    });
    let inputs_path = home.path().join("inputs.json");
    fs::write(&inputs_path, inputs.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/load_in_transformers.py");
    let output = std::process::Command::new(python)
        .arg(script)
        .arg(home.path())
        .stdin(fs::File::open(inputs_path).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["missing"], serde_json::json!([]));
    // The pooler, which transformers' question answering model does not have.
    for name in answer["unexpected"].as_array().unwrap() {
        assert!(name.as_str().unwrap().contains("pooler"), "{name}");
    }
    assert_eq!(answer["tokenizer"]["length"], checkpoint.vocab.len());
    for name in ["start_logits", "end_logits"] {
        let tensor = expected.tensor(name).unwrap();
        let reference: Vec<f32> =
            tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        let found = answer[name].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
        let worst = found
            .zip(&reference)
            .map(|(found, &reference)| (found.as_f64().unwrap() - f64::from(reference)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 1e-5, "{name} differ by {worst}");
        eprintln!("{name}: largest difference {worst:.1e}");
    }
}

//! Every family of encoders against `transformers`: logits, loss and every parameter's gradient, names in files, and what
//! the commands do with them. tests/scripts/make_family_fixtures.py writes the checkpoints; with its `--real`, larger ones
//! into a folder that is given as `SPANBERT_FAMILIES`.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::Command;
use serde_json::Value;
use spanbert_backends::{DeviceChoice, Fusion, Precision, fault};
use spanbert_core::{
    batch::{Batch, MlmTargets, PretrainBatch, SboTargets, Targets},
    checkpoint::{
        Checkpoint, HostTensor, LoadOptions, SaveCheckpoint, SpanbertMeta, Weights, fresh,
        from_safetensors_bytes, inspect, load, pickle::read_state_dict, save, to_safetensors,
    },
    config::{BertConfig, FAMILIES, Family},
    engine::{
        MicroBatch, OptimizerConfig, PretrainMicroBatch, TrainingEngine, open_inference, open_pretraining,
        open_training,
    },
    model::fresh_pretraining,
    run::{Event, Layout},
    train::{ModelSource, Observer, Recipe, Start, StopFlag},
};
use spanbert_tests::{device, gradients::difference, small};

/// Checkpoints for question answering.
const ANSWERING: [&str; 3] = ["distilbert", "electra-small", "electra-base"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/families")
}

fn safetensors(path: &Path) -> Weights {
    from_safetensors_bytes(&fs::read(path).unwrap()).unwrap().0
}

/// A copy of a checkpoint with a vocabulary of as many pieces as it has rows.
fn folder(from: &Path) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors", "pytorch_model.bin"] {
        if from.join(name).is_file() {
            fs::copy(from.join(name), home.path().join(name)).unwrap();
        }
    }
    let rows = BertConfig::from_path(&from.join("config.json")).unwrap().vocab_size;
    let mut vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n".to_owned();
    vocab.extend((5..rows).map(|id| format!("piece{id}\n")));
    fs::write(home.path().join("vocab.txt"), vocab).unwrap();
    home
}

fn loaded(folder: &Path) -> Checkpoint {
    load(folder, LoadOptions::default()).unwrap()
}

/// What `transformers` computes of a checkpoint.
struct Reference {
    tensors: Weights,
}

impl Reference {
    fn read(folder: &Path) -> Self {
        Self { tensors: safetensors(&folder.join("expected.safetensors")) }
    }

    fn integers(&self, name: &str) -> Vec<i32> {
        self.tensors[name].values.iter().map(|&value| value as i32).collect()
    }

    fn batch(&self) -> Batch {
        let &[rows, length] = self.tensors["input_ids"].shape.as_slice() else { panic!("no batch") };
        let whole = || vec![1; rows * length];
        let mask = self.tensors.contains_key("attention_mask");
        let targets = self.tensors.contains_key("start");
        Batch {
            rows,
            length,
            input_ids: self.integers("input_ids"),
            segment_ids: self.integers("segment_ids"),
            attention_mask: if mask { self.integers("attention_mask") } else { whole() },
            targets: targets.then(|| Targets {
                start: self.integers("start"),
                end: self.integers("end"),
                smoothing: 0.0,
            }),
        }
    }

    /// The gradients by canonical names.
    fn gradients(&self, family: &Family) -> Weights {
        let named = self.tensors.iter().filter_map(|(name, tensor)| {
            Some((family.canonical_name(name.strip_prefix("gradient.")?), tensor.clone()))
        });
        named.collect()
    }
}

fn largest_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn accumulate(engine: &mut dyn TrainingEngine, batch: &Batch) -> f32 {
    let weight = 0.5 / batch.rows as f32;
    let micro = MicroBatch { batch, first_row: 0, start_weight: weight, end_weight: weight, seed: 3 };
    engine.accumulate_all(&[micro]).unwrap();
    engine.last_loss().unwrap().unwrap()
}

/// Gradients as they are applied: without that of the padding row.
fn applied(engine: &mut dyn TrainingEngine) -> Weights {
    let mut gradients = engine.gradients().unwrap();
    let words = gradients.get_mut("bert.embeddings.word_embeddings.weight").unwrap();
    let width = words.shape[1];
    words.values[..width].fill(0.0);
    gradients
}

/// Compares a checkpoint's logits, loss and gradients on a device.
fn check(from: &Path, choice: &DeviceChoice, fusion: Fusion, most: (f32, f64)) {
    let home = folder(from);
    let Checkpoint { config, weights, report, .. } = loaded(home.path());
    assert_eq!((report.missing.len(), report.unused.len(), report.renamed.len()), (0, 0, 0), "{report}");
    let reference = Reference::read(from);
    let batch = reference.batch();
    let mut engine = open_inference(choice, fusion, &config, weights.clone(), Precision::F32).unwrap();
    let logits = engine.predict(&batch).unwrap();
    for (ours, name) in [(&logits.start, "start_logits"), (&logits.end, "end_logits")] {
        let apart = largest_difference(ours, &reference.tensors[name].values);
        println!("{} on {choice} {fusion}: {name} {apart:e}", from.display());
        assert!(apart <= most.0, "{}: {name} differ by {apart}", from.display());
    }
    let optimizer = OptimizerConfig::bert_adam();
    for recompute in [false, true] {
        let mut engine =
            open_training(choice, fusion, &config, weights.clone(), optimizer, Precision::F32).unwrap();
        engine.set_recompute(recompute);
        let loss = accumulate(engine.as_mut(), &batch);
        let expected = reference.tensors["loss"].values[0];
        let (apart, name) = difference(&reference.gradients(config.family), &applied(engine.as_mut()));
        println!("  loss {loss} for {expected}; gradients {apart:e} ({name})");
        assert!((loss - expected).abs() <= most.0, "{}: loss {loss}, not {expected}", from.display());
        assert!(apart <= most.1, "{}: the gradient of {name} differs by {apart}", from.display());
    }
}

#[test]
fn logits_loss_and_gradients_are_those_of_transformers() {
    for name in ANSWERING {
        check(&fixtures().join(name), &DeviceChoice::Cpu, Fusion::Unfused, (3e-6, 1e-5));
    }
    let Some(real) = std::env::var_os("SPANBERT_FAMILIES").map(PathBuf::from) else { return };
    for entry in fs::read_dir(real).unwrap() {
        check(&entry.unwrap().path(), &DeviceChoice::Cpu, Fusion::Unfused, (2e-5, 2e-4));
    }
}

#[test]
fn logits_loss_and_gradients_on_a_gpu_are_those_of_transformers() {
    let Some(device) = device::under_test() else { return };
    let most = if device.rounds_to_tf32() {
        let rounding = device::tf32_rounding(device::TWO_LAYERS.1);
        (rounding as f32 * 8.0, rounding)
    } else {
        (1e-5, 1e-4)
    };
    for fusion in [Fusion::Fused, Fusion::Unfused] {
        for name in ANSWERING {
            check(&fixtures().join(name), &device.choice, fusion, most);
        }
    }
    assert_eq!(fault::check(), Ok(()));
}

#[test]
fn masked_language_modelling_is_that_of_transformers() {
    for name in ["distilbert-mlm", "electra-generator"] {
        let from = fixtures().join(name);
        let config = BertConfig::from_path(&from.join("config.json")).unwrap();
        let file = fs::read(from.join("pytorch_model.bin")).unwrap();
        let state = read_state_dict(&file).unwrap();
        // The span-boundary head is ours alone.
        let mut weights = fresh_pretraining(&config, 1);
        let own: BTreeMap<String, HostTensor> = state
            .tensors
            .iter()
            .filter(|(_, tensor)| tensor.shape() != [1, config.max_position_embeddings])
            .map(|(name, tensor)| (config.family.canonical_name(name), tensor.to_host().unwrap()))
            .collect();
        for (name, tensor) in &mut weights {
            if !name.starts_with("sbo.") {
                assert_eq!(own[name].shape, tensor.shape, "{name}");
                *tensor = own[name].clone();
            }
        }
        let reference = Reference::read(&from);
        let labels = reference.integers("labels");
        let masked = (0..).zip(&labels).filter(|&(_, &label)| label >= 0);
        let (places, pieces): (Vec<i32>, Vec<i32>) = masked.map(|(place, &label)| (place, label)).unzip();
        let count = pieces.len() as f32;
        let batch = PretrainBatch {
            batch: reference.batch(),
            mlm: MlmTargets { places, pieces },
            sbo: SboTargets { left: vec![], right: vec![], offset: vec![], pieces: vec![] },
        };
        let optimizer = OptimizerConfig::bert_adam();
        let choice = DeviceChoice::Cpu;
        let mut engine =
            open_pretraining(&choice, Fusion::Unfused, &config, weights, optimizer, Precision::F32).unwrap();
        let mlm_weight = 1.0 / count;
        let micro = PretrainMicroBatch { batch: &batch, first_row: 0, mlm_weight, sbo_weight: 0.0, seed: 1 };
        engine.accumulate(&[micro]).unwrap();
        let mut gradients = engine.gradients().unwrap();
        gradients.retain(|name, _| !name.starts_with("sbo."));
        let (apart, which) = difference(&reference.gradients(config.family), &gradients);
        assert!(apart <= 1e-5, "{name}: the gradient of {which} differs by {apart}");
        engine.update(1e-3).unwrap();
        let loss = engine.drain_metrics().unwrap()[0].pretraining.unwrap().mlm;
        let expected = reference.tensors["loss"].values[0];
        assert!((loss - expected).abs() <= 3e-6, "{name}: loss {loss}, not {expected}");
    }
}

#[test]
fn checkpoints_of_pre_training_lack_the_head_and_nothing_else() {
    for (name, class, unused) in [
        ("distilbert-mlm", "DistilBERT", 6),
        ("electra-discriminator", "ELECTRA", 4),
        ("electra-generator", "ELECTRA", 6),
    ] {
        let home = folder(&fixtures().join(name));
        let Checkpoint { report, config, weights, .. } = loaded(home.path());
        assert_eq!(report.missing, ["qa_outputs.weight", "qa_outputs.bias"]);
        assert_eq!((report.unused.len(), report.renamed.len()), (unused, 0), "{report}");
        assert!(report.architecture.starts_with(class), "{}", report.architecture);
        assert_eq!(
            weights.values().map(|tensor| tensor.values.len()).sum::<usize>(),
            config.parameter_count()
        );
    }
}

#[test]
fn prefixes_are_left_out_and_the_generator_is_set_aside() {
    for name in ANSWERING {
        let home = folder(&fixtures().join(name));
        let (file, stored) = (home.path().join("model.safetensors"), loaded(home.path()));
        let (tensors, base) = (safetensors(&file), stored.config.family.prefix);
        let put = |rename: &dyn Fn(&str) -> String| {
            let renamed: Weights =
                tensors.iter().map(|(name, tensor)| (rename(name), tensor.clone())).collect();
            fs::write(&file, to_safetensors(&renamed, &BTreeMap::new()).unwrap()).unwrap();
            load(home.path(), LoadOptions::default())
        };
        let own = |name: &str| name.strip_prefix(&format!("{base}.")).map(str::to_owned);
        for prefix in ["module.", "model.", "discriminator.", "bert."] {
            assert_eq!(put(&|name| format!("{prefix}{name}")).unwrap().weights, stored.weights, "{prefix}");
        }
        for base in ["", "encoder.", "bert."] {
            let rename = |name: &str| own(name).map_or(name.to_owned(), |inner| format!("{base}{inner}"));
            assert_eq!(put(&rename).unwrap().weights, stored.weights, "{base:?}");
        }
        // Another family's encoder.
        let other = if base == "electra" { "distilbert" } else { "electra" };
        let error = put(&|name| name.replacen(base, other, 1)).unwrap_err().to_string();
        assert!(error.contains("of the encoder's tensors") && error.contains(base), "{error}");
        if base == "electra" {
            let mut both: Weights = BTreeMap::new();
            for (name, tensor) in &tensors {
                let tilted = tensor.values.iter().map(|value| value + 1.0).collect();
                let tilted = HostTensor { shape: tensor.shape.clone(), values: tilted };
                both.insert(format!("generator_model.{name}"), tilted);
                both.insert(format!("discriminator_model.{name}"), tensor.clone());
            }
            fs::write(&file, to_safetensors(&both, &BTreeMap::new()).unwrap()).unwrap();
            assert_eq!(loaded(home.path()).weights, stored.weights);
        }
    }
}

#[test]
fn what_is_saved_has_the_family_s_names_again() {
    for name in ANSWERING {
        let from = fixtures().join(name);
        let home = folder(&from);
        let Checkpoint { config, weights, vocab, settings, .. } = loaded(home.path());
        let meta = SpanbertMeta::default();
        let saved = home.path().join("saved");
        let checkpoint = SaveCheckpoint {
            config: &config,
            weights: &weights,
            vocab: &vocab,
            settings: &settings,
            meta: &meta,
        };
        save(&saved, &checkpoint).unwrap();
        assert_eq!(
            safetensors(&saved.join("model.safetensors")),
            safetensors(&from.join("model.safetensors"))
        );
        let read = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
        let (ours, theirs) = (read(saved.join("config.json")), read(from.join("config.json")));
        for (key, value) in ours.as_object().unwrap() {
            // PyTorch's name of the type is new in transformers 5, the kind of positions gone from it.
            if !["torch_dtype", "position_embedding_type"].contains(&key.as_str()) {
                let equal = value == &theirs[key] || value.as_f64().is_some_and(|x| theirs[key] == x);
                assert!(equal, "{name}: {key} is {value}, not {}", theirs[key]);
            }
        }
        let tokenizer = read(saved.join("tokenizer_config.json"));
        let without_segments = config.type_vocab_size == 0;
        assert_eq!(tokenizer["model_input_names"].is_array(), without_segments);
        assert_eq!(
            tokenizer["tokenizer_class"],
            if without_segments { "DistilBertTokenizer" } else { "BertTokenizer" }
        );
        assert_eq!(loaded(&saved).weights, weights);
        assert!(inspect(&saved, LoadOptions::default()).unwrap().problems.is_empty());
    }
}

/// Runs only where `SPANBERT_PYTHON` names a Python with torch and transformers.
#[test]
fn transformers_loads_what_is_saved() {
    let Some(python) = std::env::var_os("SPANBERT_PYTHON") else {
        eprintln!("skipped: no SPANBERT_PYTHON");
        return;
    };
    for name in ANSWERING {
        let from = fixtures().join(name);
        let home = folder(&from);
        let Checkpoint { config, weights, vocab, settings, .. } = loaded(home.path());
        let (saved, meta) = (home.path().join("saved"), SpanbertMeta::default());
        let (weights, vocab, settings) = (&weights, &vocab, &settings);
        save(&saved, &SaveCheckpoint { config: &config, weights, vocab, settings, meta: &meta }).unwrap();
        let reference = Reference::read(&from);
        let rows = |name: &str| {
            let length = reference.tensors[name].shape[1];
            reference.integers(name).chunks(length).map(<[i32]>::to_vec).collect::<Vec<_>>()
        };
        let inputs = serde_json::json!({
            "input_ids": rows("input_ids"),
            "segment_ids": rows("segment_ids"),
            "input_mask": rows("attention_mask"),
        });
        let inputs_path = home.path().join("inputs.json");
        fs::write(&inputs_path, inputs.to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/load_in_transformers.py");
        let output = std::process::Command::new(&python)
            .arg(script)
            .arg(&saved)
            .stdin(fs::File::open(inputs_path).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&answer["missing"], &answer["unexpected"]),
            (&Value::Array(vec![]), &Value::Array(vec![]))
        );
        assert_eq!(answer["tokenizer"]["length"], vocab.len());
        let inputs = answer["tokenizer"]["inputs"].as_array().unwrap();
        assert_eq!(
            inputs.iter().any(|input| input == "token_type_ids"),
            config.type_vocab_size > 0,
            "{name}"
        );
        for logits in ["start_logits", "end_logits"] {
            let found = answer[logits].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
            let found: Vec<f32> = found.map(|value| value.as_f64().unwrap() as f32).collect();
            let apart = largest_difference(&found, &reference.tensors[logits].values);
            assert!(apart <= 3e-6, "{name}: {logits} differ by {apart}");
        }
    }
}

/// The tests' small model, of every family and with embeddings of another width where there can be.
fn small_models() -> Vec<(&'static str, BertConfig)> {
    let of = |family: &'static Family| {
        let defaults = (family.defaults)();
        let width = defaults.embedding_size.map(|_| 24);
        BertConfig {
            family,
            embedding_size: width,
            head_dropout_prob: defaults.head_dropout_prob,
            type_vocab_size: defaults.type_vocab_size,
            ..small::config()
        }
    };
    FAMILIES.into_iter().map(|family| (family.model_type, of(family))).collect()
}

#[test]
fn dropout_falls_on_the_same_places_when_recomputed() {
    for (name, config) in small_models() {
        let weights = fresh(&config, 5);
        let batch = Batch {
            rows: 2,
            length: 8,
            input_ids: (0..16).collect(),
            segment_ids: (0..16).map(|index| index / 4 % 2).collect(),
            attention_mask: (0..16).map(|index| i32::from(index < 14)).collect(),
            targets: Some(Targets { start: vec![3, 0], end: vec![4, 0], smoothing: 0.0 }),
        };
        let learn = |change: &dyn Fn(&mut BertConfig), recompute| {
            let (mut config, optimizer) = (config.clone(), OptimizerConfig::bert_adam());
            change(&mut config);
            let choice = DeviceChoice::Cpu;
            let weights = weights.clone();
            let mut engine =
                open_training(&choice, Fusion::Unfused, &config, weights, optimizer, Precision::F32).unwrap();
            engine.set_recompute(recompute);
            (accumulate(engine.as_mut(), &batch), engine.gradients().unwrap())
        };
        let (loss, gradients) = learn(&|config| config.set_dropout(0.3), false);
        let (again, recomputed) = learn(&|config| config.set_dropout(0.3), true);
        assert_eq!(loss.to_bits(), again.to_bits(), "{name}");
        let (apart, which) = difference(&gradients, &recomputed);
        assert!(apart <= 1e-5, "{name}: {which} differs by {apart} when recomputed");
        // Each dropout by itself, where the family has it.
        let (plain, _) = learn(&|config| config.set_dropout(0.0), false);
        let alone = |change: fn(&mut BertConfig)| {
            let change = |config: &mut BertConfig| {
                config.set_dropout(0.0);
                change(config);
            };
            learn(&change, false).0 != plain
        };
        assert!(alone(|config| config.hidden_dropout_prob = 0.3), "{name}");
        assert!(alone(|config| config.attention_probs_dropout_prob = 0.3), "{name}");
        assert!(alone(|config| config.head_dropout_prob = 0.3), "{name}");
    }
}

/// Raises a flag after an update.
struct StopAfter(usize, StopFlag);

impl Observer for StopAfter {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Step(step) if step.step >= self.0) {
            self.1.request();
        }
    }
}

#[test]
fn every_family_is_trained_resumed_and_read_again() {
    for (name, config) in small_models() {
        let home = small::Folder::new();
        let (model, train) = (home.path("model"), home.data("train.json", &small::dataset(8, true)));
        small::write_model_of(&model, &config);
        let recipe = || Recipe { dropout: Some(0.1), ..small::recipe() };
        let last = |output: &Path| safetensors(&Layout::new(output).last().join("model.safetensors"));
        let whole = home.path("whole");
        small::train(&train, Some(&train), recipe(), &whole, |job| {
            job.model = ModelSource::Directory(&model)
        })
        .unwrap();
        let halves = home.path("halves");
        small::train(&train, Some(&train), recipe(), &halves, |job| {
            job.model = ModelSource::Directory(&model);
            job.observer = Box::leak(Box::new(StopAfter(3, job.stop.clone())));
        })
        .unwrap();
        small::train(&train, Some(&train), recipe(), &halves, |job| {
            job.model = ModelSource::Directory(&model);
            job.start = Start::Resume { force: false };
        })
        .unwrap();
        assert_eq!(last(&whole), last(&halves), "{name}");
        let before = safetensors(&model.join("model.safetensors"));
        let names = |weights: &Weights| weights.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&before), names(&last(&whole)), "{name}");
        assert_ne!(before, last(&whole), "{name}");
        let read = loaded(&Layout::new(&whole).last());
        assert_eq!((read.config.family, read.report.renamed.len()), (config.family, 0), "{name}");
    }
}

fn spanbert(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    command.current_dir(folder).env("HF_HOME", folder.join("hf")).env("XDG_CACHE_HOME", folder.join("cache"));
    command.args(arguments).output().unwrap()
}

#[test]
fn every_command_takes_every_family() {
    for (name, config) in small_models() {
        let home = small::Folder::new();
        let model = home.path("model");
        small::write_model_of(&model, &config);
        home.data("data.json", &small::dataset(4, true));
        let at = model.parent().unwrap();
        fs::write(at.join("passage.txt"), "Ada lives in Oslo. Ben lives in Rome.").unwrap();
        let run = |arguments: &[&str]| {
            let output = spanbert(arguments, at);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{name}: {arguments:?}: {errors}");
            (String::from_utf8_lossy(&output.stdout).into_owned(), errors)
        };
        let (told, _) = run(&["inspect", "model"]);
        assert!(told.contains(config.family.title) && told.contains("2 layers"), "{told}");
        assert!(!told.contains("Problem") && !told.contains("Renamed"), "{told}");
        let (told, _) = run(&["inspect", "model", "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["config"]["model_type"], config.family.model_type);

        run(&["export", "model", "--output-dir", "half", "--dtype", "bf16"]);
        let (half, whole) =
            (safetensors(&at.join("half/model.safetensors")), safetensors(&model.join("model.safetensors")));
        assert!(half.keys().eq(whole.keys()), "{name}");
        let question =
            ["--passage", "passage.txt", "--question", "Where does Ada live?", "--json", "--backend", "cpu"];
        for from in ["model", "half"] {
            let (told, _) = run(&[&["ask", "--model", from][..], &question].concat());
            assert!(serde_json::from_str::<Value>(&told).unwrap()[0]["answer"].is_string(), "{told}");
        }
        let flags = ["--max-seq-length=32", "--doc-stride=8", "--max-query-length=12", "--backend=cpu"];
        let train = [
            "train",
            "--model=model",
            "--train-file=data.json",
            "--dev-file=data.json",
            "--output-dir=run",
            "--learning-rate=1e-3",
            "--num-train-epochs=1",
        ];
        run(&[&train[..], &flags].concat());
        run(&["evaluate", "--model", "run/best", "--data", "data.json", "--backend", "cpu"]);
        fs::write(at.join("corpus.txt"), "ada lives in oslo . ben lives in rome .\n\n".repeat(8)).unwrap();
        let pretrain = [
            "pretrain",
            "--model=model",
            "--corpus=corpus.txt",
            "--output-dir=pretrained",
            "--max-seq-length=16",
            "--train-batch-size=4",
            "--num-train-epochs=1",
            "--backend=cpu",
        ];
        run(&pretrain);
        let pretrained = loaded(&at.join("pretrained/last"));
        assert_eq!(
            (pretrained.config.family, pretrained.report.has_fresh_head()),
            (config.family, true),
            "{name}"
        );
    }
}

//! Checkpoints as people have them: wrapped and renamed, in shards, with other activations, one segment type, buffers and
//! other heads; and what cannot be loaded, which is named.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::Command;
use serde::Deserialize;
use serde_json::{Value, json};
use spanbert_backends::{DeviceChoice, Fusion, Precision};
use spanbert_core::{
    advice::Advice,
    batch::{Batch, Targets},
    checkpoint::{
        Checkpoint, LoadOptions, SaveCheckpoint, SpanbertMeta, Weights, from_safetensors_bytes, inspect,
        load, save, to_safetensors,
    },
    config::BertConfig,
    engine::{MicroBatch, OptimizerConfig, TrainingEngine, open_inference, open_training},
};
use spanbert_tests::{gradients::difference, small};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn tiny() -> Weights {
    from_safetensors_bytes(&fs::read(fixtures().join("checkpoints/tiny.safetensors")).unwrap()).unwrap().0
}

fn config_json() -> Value {
    serde_json::from_slice(&fs::read(fixtures().join("checkpoints/config.json")).unwrap()).unwrap()
}

/// A folder with the tiny model's configuration and vocabulary, changed as asked, and no weights.
fn folder(change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut config = config_json();
    change(&mut config);
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let mut vocab = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n".to_owned();
    vocab.extend((4..24).map(|id| format!("Piece{id}\n")));
    fs::write(home.path().join("vocab.txt"), vocab).unwrap();
    home
}

fn write_weights(folder: &Path, name: &str, weights: &Weights) {
    fs::write(folder.join(name), to_safetensors(weights, &BTreeMap::new()).unwrap()).unwrap();
}

/// The tiny weights under other names.
fn renamed(rename: impl Fn(&str) -> String) -> Weights {
    tiny().into_iter().map(|(name, tensor)| (rename(&name), tensor)).collect()
}

fn loaded(folder: &Path) -> Checkpoint {
    load(folder, LoadOptions::default()).unwrap()
}

fn refusal(folder: &Path) -> String {
    load(folder, LoadOptions::default()).unwrap_err().in_one_line()
}

fn spanbert(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    for name in ["HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT"] {
        command.env_remove(name);
    }
    command.current_dir(folder).env("HF_HOME", folder.join("hf")).env("XDG_CACHE_HOME", folder.join("cache"));
    command.args(arguments).output().unwrap()
}

fn told(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into(), String::from_utf8_lossy(&output.stderr).into())
}

#[test]
fn prefixes_that_all_names_share_are_left_out_and_said() {
    for prefix in [
        "_orig_mod.",
        "model.",
        "module.",
        "bert.",
        "module._orig_mod.",
        "net.encoder.model.",
        "0.auto_model.",
    ] {
        let home = folder(|_| {});
        write_weights(home.path(), "model.safetensors", &renamed(|name| format!("{prefix}{name}")));
        let Checkpoint { weights, report, .. } = loaded(home.path());
        assert_eq!(weights, tiny(), "{prefix}");
        assert_eq!((report.missing.len(), report.unused.len()), (0, 0), "{prefix}");
        assert_eq!(
            report.notes,
            [format!("tensors are named in the file with {prefix:?} in front, which is left out")]
        );
        let told = inspect(home.path(), LoadOptions::default()).unwrap().to_string();
        assert!(
            told.contains(&format!("Note        tensors are named in the file with {prefix:?}")),
            "{told}"
        );
    }
    // A part of the model compiled on its own.
    let home = folder(|_| {});
    write_weights(
        home.path(),
        "model.safetensors",
        &renamed(|name| name.replacen("bert.encoder", "bert._orig_mod.encoder", 1)),
    );
    assert_eq!(loaded(home.path()).weights, tiny());
    // A bare encoder in a model of one's own, the head beside it.
    let home = folder(|_| {});
    write_weights(home.path(), "model.safetensors", &renamed(|name| name.replacen("bert.", "backbone.", 1)));
    assert_eq!(loaded(home.path()).weights, tiny());
}

/// The demo's fine-tuned model with its weights changed, and its configuration.
fn demo_model(change: impl FnOnce(&mut Weights, &mut Value)) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/model");
    for name in ["vocab.txt", "tokenizer_config.json", "spanbert.json"] {
        fs::copy(from.join(name), home.path().join(name)).unwrap();
    }
    let mut weights = from_safetensors_bytes(&fs::read(from.join("model.safetensors")).unwrap()).unwrap().0;
    let mut config = serde_json::from_slice(&fs::read(from.join("config.json")).unwrap()).unwrap();
    change(&mut weights, &mut config);
    write_weights(home.path(), "model.safetensors", &weights);
    fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    home
}

/// What `ask` says of a model, and its answer.
fn asked(folder: &Path) -> (String, String) {
    let passage = folder.join("passage.txt");
    fs::write(&passage, "Marra built the mill of Kelford in 1842.").unwrap();
    let question = "Who built the mill of Kelford?";
    let flags = ["ask", "--backend", "cpu", "--model", ".", "--passage", "passage.txt", "--json", question];
    let output = spanbert(&flags, folder);
    let (out, errors) = told(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let printed: Value = serde_json::from_str(&out).unwrap();
    (printed[0]["answer"].as_str().unwrap_or_default().to_owned(), errors)
}

#[test]
fn what_inspect_notes_ask_says_too() {
    let home = demo_model(|weights, _| {
        *weights = std::mem::take(weights)
            .into_iter()
            .map(|(name, tensor)| (format!("net.{name}"), tensor))
            .collect();
    });
    let (answer, said) = asked(home.path());
    assert_eq!(answer, "Marra");
    assert!(
        said.contains("tensors are named in the file with \"net.\" in front, which is left out"),
        "{said}"
    );
    let home = demo_model(|weights, config| {
        config["type_vocab_size"] = json!(1);
        let tensor = weights.get_mut("bert.embeddings.token_type_embeddings.weight").unwrap();
        tensor.shape[0] = 1;
        tensor.values.truncate(tensor.shape[1]);
    });
    assert!(asked(home.path()).1.contains("the model has one segment type (type_vocab_size 1)"));
    // Layers that config.json does not ask for.
    let home = demo_model(|_, config| config["num_hidden_layers"] = json!(1));
    let said = asked(home.path()).1;
    assert!(said.contains("more of an encoder than config.json asks for (num_hidden_layers 1)"), "{said}");
    // A part of the head.
    let home = demo_model(|weights, _| drop(weights.remove("qa_outputs.bias")));
    let said = asked(home.path()).1;
    assert!(said.contains("lacks qa_outputs.bias of the question-answering head"), "{said}");
    let home = demo_model(|weights, _| weights.retain(|name, _| !name.starts_with("qa_outputs.")));
    assert!(asked(home.path()).1.contains("has no question-answering head, so its answers are random"));
}

#[test]
fn a_length_beyond_the_model_s_positions_is_said() {
    let home = demo_model(|_, _| {});
    fs::write(home.path().join("spanbert.json"), r#"{"dataset_version": "SQuAD 2.0"}"#).unwrap();
    let (answer, said) = asked(home.path());
    assert_eq!(answer, "Marra");
    assert!(said.contains("max_seq_length 384 was lowered to 192, the positions of the model"), "{said}");
}

#[test]
fn bert_config_json_serves_where_config_json_is_absent() {
    let home = demo_model(|_, _| {});
    fs::rename(home.path().join("config.json"), home.path().join("bert_config.json")).unwrap();
    assert_eq!(asked(home.path()).0, "Marra");
    let output = spanbert(&["inspect", "."], home.path());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output).1);
    let output = spanbert(&["export", ".", "--output-dir", "out"], home.path());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output).1);
    assert!(home.path().join("out/config.json").is_file());
    // The real one goes before it.
    let home = demo_model(|_, _| {});
    fs::write(home.path().join("bert_config.json"), r#"{"hidden_size": 7}"#).unwrap();
    assert_eq!(asked(home.path()).0, "Marra");
    // Google's own release is named for what it is.
    let home = folder(|_| {});
    fs::rename(home.path().join("config.json"), home.path().join("bert_config.json")).unwrap();
    fs::write(home.path().join("bert_model.ckpt.index"), "x").unwrap();
    assert!(refusal(home.path()).contains("weights of TensorFlow 1"), "{}", refusal(home.path()));
}

#[test]
fn a_run_given_for_a_checkpoint_is_told_where_its_weights_are() {
    let home = tempfile::tempdir().unwrap();
    let best = home.path().join("best");
    fs::create_dir(&best).unwrap();
    fs::write(best.join("config.json"), config_json().to_string()).unwrap();
    let told = refusal(home.path());
    assert!(
        told.contains("has no config.json; give the run's weights: ") && told.ends_with("best"),
        "{told}"
    );
    for text in ["[]", r#"{"hidden_size": 1.5}"#] {
        fs::write(best.join("config.json"), text).unwrap();
        let told = refusal(&best);
        assert!(!told.contains("struct") && !told.contains("usize"), "{told}");
    }
}

#[test]
fn two_models_in_one_file_are_refused() {
    let home = folder(|_| {});
    let mut both = renamed(|name| format!("student.{name}"));
    both.extend(renamed(|name| format!("teacher.{name}")));
    write_weights(home.path(), "model.safetensors", &both);
    let told = refusal(home.path());
    assert!(told.contains("\"student.bert.embeddings.word_embeddings.weight\""), "{told}");
    assert!(
        told.contains("both stand for bert.embeddings.word_embeddings.weight; keep one of them"),
        "{told}"
    );
    // One of them by its usual name is the one that is meant.
    let mut both = tiny();
    both.extend(renamed(|name| format!("teacher.{name}")));
    write_weights(home.path(), "model.safetensors", &both);
    let checkpoint = loaded(home.path());
    assert_eq!((checkpoint.weights.len(), checkpoint.report.unused.len()), (tiny().len(), tiny().len()));
    // Another family's tensors are not BERT's, whatever config.json says.
    write_weights(home.path(), "model.safetensors", &renamed(|name| name.replacen("bert.", "roberta.", 1)));
    assert!(refusal(home.path()).contains("lacks 37 of the encoder's tensors"), "{}", refusal(home.path()));
}

#[test]
fn state_dicts_are_found_inside_what_scripts_save() {
    for name in ["tiny_nested.bin", "tiny_deepspeed.bin", "tiny_wrapped.bin"] {
        let home = folder(|_| {});
        fs::copy(fixtures().join("checkpoints").join(name), home.path().join("pytorch_model.bin")).unwrap();
        assert_eq!(loaded(home.path()).weights, tiny(), "{name}");
    }
    let home = folder(|_| {});
    fs::copy(fixtures().join("checkpoints/tiny_two_models.bin"), home.path().join("pytorch_model.bin"))
        .unwrap();
    let told = refusal(home.path());
    assert!(told.contains("several state dicts, \"student\" and \"teacher\"; save"), "{told}");
}

/// The tiny weights in two shards with their index.
fn sharded() -> tempfile::TempDir {
    let home = folder(|_| {});
    let weights = tiny();
    let mut map = BTreeMap::new();
    for (number, keep) in [(1, 0), (2, 1)] {
        let file = format!("model-0000{number}-of-00002.safetensors");
        let part: Weights = weights
            .clone()
            .into_iter()
            .enumerate()
            .filter(|(index, _)| index % 2 == keep)
            .map(|(_, entry)| entry)
            .collect();
        map.extend(part.keys().map(|name| (name.clone(), file.clone())));
        write_weights(home.path(), &file, &part);
    }
    let index = json!({"metadata": {"total_size": 1}, "weight_map": map});
    fs::write(home.path().join("model.safetensors.index.json"), index.to_string()).unwrap();
    home
}

#[test]
fn shards_load_as_one_file() {
    let home = sharded();
    let Checkpoint { weights, report, .. } = loaded(home.path());
    assert_eq!(weights, tiny());
    assert_eq!(report.shards.len(), 2);
    assert!(
        report.to_string().contains("model.safetensors.index.json (safetensors in 2 shards, F32)"),
        "{report}"
    );
    let (text, errors) = told(&spanbert(&["inspect", "."], home.path()));
    assert!(text.contains("in 2 shards"), "{text}{errors}");
    let output = spanbert(&["export", ".", "--output-dir", "whole"], home.path());
    assert_eq!(output.status.code(), Some(0), "{:?}", told(&output));
    assert_eq!(loaded(&home.path().join("whole")).weights, tiny());

    let home = folder(|_| {});
    let mut map = BTreeMap::new();
    for number in [1, 2] {
        let name = format!("pytorch_model-0000{number}-of-00002.bin");
        fs::copy(fixtures().join("checkpoints").join(&name), home.path().join(&name)).unwrap();
        map.insert(if number == 1 { "bert.embeddings.LayerNorm.bias" } else { "qa_outputs.bias" }, name);
    }
    let index = json!({"weight_map": map}).to_string();
    fs::write(home.path().join("pytorch_model.bin.index.json"), index).unwrap();
    assert_eq!(loaded(home.path()).weights, tiny());
}

#[test]
fn shards_that_do_not_fit_together_are_named() {
    let home = sharded();
    let second = home.path().join("model-00002-of-00002.safetensors");
    let whole = fs::read(&second).unwrap();
    fs::write(&second, &whole[..whole.len() - 8]).unwrap();
    let told = refusal(home.path());
    assert!(told.contains("model-00002-of-00002.safetensors: not readable as safetensors"), "{told}");
    fs::remove_file(&second).unwrap();
    let told = refusal(home.path());
    assert!(told.contains("of which 1 are not there (model-00002-of-00002.safetensors); download"), "{told}");
    // A shard of another save: some tensors twice, or not there.
    write_weights(home.path(), "model-00002-of-00002.safetensors", &tiny());
    assert!(refusal(home.path()).contains("in two of its shards"), "{}", refusal(home.path()));
    write_weights(home.path(), "model-00002-of-00002.safetensors", &Weights::new());
    assert!(refusal(home.path()).contains("is in model-00002-of-00002.safetensors, which is not so"));
    // Out of the folder.
    let index = home.path().join("model.safetensors.index.json");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, text.replace("model-00002-of", "../model-00002-of")).unwrap();
    let told = refusal(home.path());
    assert!(told.contains("names the shard \"../model-00002-of-00002.safetensors\""), "{told}");
    assert!(told.contains("model.safetensors.index.json"), "{told}");
}

/// What `transformers` computes; see tests/scripts/make_activation_fixture.py.
#[derive(Deserialize)]
struct Reference {
    ids: [Vec<i32>; 2],
    segments: [Vec<i32>; 2],
    mask: [Vec<i32>; 2],
    start: Vec<i32>,
    end: Vec<i32>,
    factor: f32,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    activation: String,
    segment_types: usize,
    start_logits: Vec<f32>,
    end_logits: Vec<f32>,
    loss: f32,
    wide_gradient: Vec<f32>,
}

impl Case {
    /// The model of the script, as a folder that is loaded.
    fn model(&self, factor: f32) -> (tempfile::TempDir, Checkpoint) {
        let home = folder(|config| {
            config["hidden_act"] = json!(self.activation);
            config["type_vocab_size"] = json!(self.segment_types);
            config["hidden_dropout_prob"] = json!(0.0);
            config["attention_probs_dropout_prob"] = json!(0.0);
        });
        let mut weights = tiny();
        for (name, tensor) in &mut weights {
            if name.ends_with("intermediate.dense.weight") {
                tensor.values.iter_mut().for_each(|value| *value *= factor);
            }
            if name.ends_with("token_type_embeddings.weight") {
                tensor.shape[0] = self.segment_types;
                tensor.values.truncate(self.segment_types * tensor.shape[1]);
            }
        }
        write_weights(home.path(), "model.safetensors", &weights);
        let checkpoint = loaded(home.path());
        (home, checkpoint)
    }
}

impl Reference {
    fn read() -> Self {
        serde_json::from_slice(&fs::read(fixtures().join("activations/logits.json")).unwrap()).unwrap()
    }

    fn batch(&self) -> Batch {
        Batch {
            rows: 2,
            length: self.ids[0].len(),
            input_ids: self.ids.concat(),
            // Segments of a model that has but one are ours to mend.
            segment_ids: self.segments.concat(),
            attention_mask: self.mask.concat(),
            targets: Some(Targets { start: self.start.clone(), end: self.end.clone(), smoothing: 0.0 }),
        }
    }
}

fn largest_difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn trainer(config: &BertConfig, weights: &Weights, precision: Precision) -> Box<dyn TrainingEngine> {
    let optimizer = OptimizerConfig::bert_adam();
    open_training(&DeviceChoice::Cpu, Fusion::Unfused, config, weights.clone(), optimizer, precision).unwrap()
}

fn accumulate(engine: &mut dyn TrainingEngine, batch: &Batch) -> f32 {
    let micro = MicroBatch { batch, first_row: 0, start_weight: 0.25, end_weight: 0.25, seed: 0 };
    engine.accumulate(&micro).unwrap();
    engine.last_loss().unwrap().unwrap()
}

#[test]
fn every_activation_computes_what_transformers_computes() {
    let reference = Reference::read();
    assert_eq!(reference.cases.len(), 12);
    let batch = reference.batch();
    for case in &reference.cases {
        let (_home, Checkpoint { config, weights, report, .. }) = case.model(reference.factor);
        let what = format!("{} with {} segment types", case.activation, case.segment_types);
        assert_eq!(
            report.notes.iter().any(|note| note.contains("one segment type")),
            case.segment_types == 1
        );
        let mut engine =
            open_inference(&DeviceChoice::Cpu, Fusion::Unfused, &config, weights.clone(), Precision::F32)
                .unwrap();
        let logits = engine.predict(&batch).unwrap();
        for (ours, theirs) in [(&logits.start, &case.start_logits), (&logits.end, &case.end_logits)] {
            let difference = largest_difference(ours, theirs);
            assert!(difference <= 3e-6, "{what}: logits differ by {difference}");
        }

        let mut engine = trainer(&config, &weights, Precision::F32);
        let loss = accumulate(engine.as_mut(), &batch);
        assert!((loss - case.loss).abs() <= 3e-6, "{what}: the loss is {loss}, not {}", case.loss);
        let gradients = engine.gradients().unwrap();
        let ours = &gradients["bert.encoder.layer.0.intermediate.dense.weight"].values;
        let difference_of_gradients = largest_difference(ours, &case.wide_gradient);
        let size = case.wide_gradient.iter().fold(0.0f32, |size, value| size.max(value.abs()));
        assert!(
            difference_of_gradients <= 1e-5 * size.max(1.0),
            "{what}: gradients differ by {difference_of_gradients}"
        );

        // Computed again layer by layer, and with rounded products.
        let mut again = trainer(&config, &weights, Precision::F32);
        again.set_recompute(true);
        assert_eq!(accumulate(again.as_mut(), &batch).to_bits(), loss.to_bits(), "{what}");
        let (apart, name) = difference(&gradients, &again.gradients().unwrap());
        assert!(apart <= 1e-5, "{what}: {name} differs by {apart} when recomputed");
        let mut half = trainer(&config, &weights, Precision::Bf16);
        let rounded = accumulate(half.as_mut(), &batch);
        assert!((rounded - loss).abs() < 0.05, "{what}: {rounded} in bf16, not {loss}");
        half.update(1e-3).unwrap();
        assert!(
            half.weights()
                .unwrap()
                .values()
                .all(|tensor| tensor.values.iter().all(|value| value.is_finite()))
        );
    }
    // The forms differ by more than they are compared to.
    let of = |name: &str| reference.cases.iter().find(|case| case.activation == name).unwrap();
    assert!(largest_difference(&of("gelu").start_logits, &of("gelu_new").start_logits) > 1e-5);
}

#[test]
fn what_is_saved_keeps_the_activation_and_the_segment_types() {
    let reference = Reference::read();
    for case in reference.cases.iter().filter(|case| case.activation == "gelu_new" || case.segment_types == 1)
    {
        let (home, checkpoint) = case.model(reference.factor);
        let meta = SpanbertMeta::default();
        let saved = home.path().join("saved");
        let Checkpoint { config, weights, vocab, settings, .. } = &checkpoint;
        save(&saved, &SaveCheckpoint { config, weights, vocab, settings, meta: &meta }).unwrap();
        let text: Value = serde_json::from_slice(&fs::read(saved.join("config.json")).unwrap()).unwrap();
        assert_eq!(
            (&text["hidden_act"], &text["type_vocab_size"]),
            (&json!(case.activation), &json!(case.segment_types))
        );
        assert_eq!(&loaded(&saved).config, config);
    }
}

#[test]
fn families_and_activations_that_cannot_be_used_are_named_by_every_command() {
    for (key, value, expected) in [
        (
            "model_type",
            "roberta",
            ["model_type is \"roberta\": RoBERTa", "try: use spanbert-base or spanbert-large"],
        ),
        ("model_type", "modernbert", ["model_type is \"modernbert\": ModernBERT", "try: use spanbert-base"]),
        ("model_type", "longformer", ["model_type is \"longformer\": Longformer", "overlapping windows"]),
        ("hidden_act", "mish", ["hidden_act is \"mish\", which is not implemented", "gelu_new"]),
    ] {
        let home = folder(|config| config[key] = json!(value));
        write_weights(home.path(), "model.safetensors", &tiny());
        fs::write(home.path().join("data.json"), small::dataset(2, true).to_string()).unwrap();
        for arguments in [
            &["inspect", "."][..],
            &["ask", "--model", ".", "--question", "Who?", "--passage", "config.json"],
            &["export", ".", "--output-dir", "out"],
            &[
                "train",
                "--model=.",
                "--train-file=data.json",
                "--dev-file=data.json",
                "--learning-rate=1e-3",
                "--max-seq-length=10",
                "--output-dir=run",
                "--backend=cpu",
            ],
        ] {
            let output = spanbert(arguments, home.path());
            let (_, errors) = told(&output);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
            assert!(expected.iter().all(|part| errors.contains(part)), "{arguments:?}: {errors}");
            assert!(!errors.contains("correct what is named above"), "{errors}");
        }
    }
}

#[test]
fn buffers_and_other_heads_do_no_harm() {
    let home = folder(|_| {});
    fs::copy(fixtures().join("checkpoints/tiny_odd_zip.bin"), home.path().join("pytorch_model.bin")).unwrap();
    assert_eq!(loaded(home.path()).report.unused, ["bert.embeddings.position_ids"]);
    let output = spanbert(&["export", ".", "--output-dir", "out"], home.path());
    let (_, errors) = told(&output);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(errors.contains("left out: bert.embeddings.position_ids (integers, not weights)"), "{errors}");
    assert_eq!(loaded(&home.path().join("out")).weights, tiny());

    // Heads of pre-training and of a classifier, the words' matrix once more.
    let home = folder(|_| {});
    let mut weights = tiny();
    let words = weights["bert.embeddings.word_embeddings.weight"].clone();
    for name in
        ["cls.predictions.decoder.weight", "cls.predictions.transform.dense.weight", "classifier.weight"]
    {
        weights.insert(name.to_owned(), words.clone());
    }
    write_weights(home.path(), "model.safetensors", &weights);
    let checkpoint = loaded(home.path());
    assert_eq!((checkpoint.weights, checkpoint.report.unused.len()), (tiny(), 3));
}

#[test]
fn weights_of_other_programs_are_named_with_the_way_to_convert_them() {
    for (file, expected) in [
        ("tf_model.h5", "but tf_model.h5 (TensorFlow's weights); convert it once with transformers 4"),
        (
            "flax_model.msgpack",
            "but flax_model.msgpack (Flax's weights); convert it once with transformers 4",
        ),
        ("bert_model.ckpt.index", "weights of TensorFlow 1"),
        ("model.onnx", "(a model for ONNX); use the PyTorch model"),
        ("bert.gguf", "(a model for llama.cpp); use the PyTorch model"),
        ("last.ckpt", "but last.ckpt; rename it to pytorch_model.bin"),
        ("adapter_model.safetensors", "an adapter to another model; merge it"),
        ("model-00001-of-00002.safetensors", "a part of them; download the other parts"),
    ] {
        let home = folder(|_| {});
        fs::write(home.path().join(file), "not read").unwrap();
        let told = refusal(home.path());
        assert!(
            told.contains("neither model.safetensors nor pytorch_model.bin") && told.contains(expected),
            "{told}"
        );
        assert!(!told.contains("from_tf or from_flax"), "{told}");
    }
}

#[test]
fn a_folder_named_like_a_model_is_said_to_be_taken() {
    let home = folder(|_| {});
    let at = home.path();
    // The built-in model is asked for, and there is a folder without a model: the model is taken.
    fs::create_dir(at.join("demo")).unwrap();
    let (text, errors) = told(&spanbert(&["inspect", "demo"], at));
    assert!(text.contains("3 layers"), "{text}{errors}");
    assert!(
        errors.contains(
            "demo is the built-in model, not the folder here of that name, which has no config.json"
        ),
        "{errors}"
    );
    assert!(errors.contains("write ./demo"), "{errors}");
    // With a model in it, the folder is.
    for name in ["demo", "spanbert-base-cased", "SpanBERT/spanbert-large-cased"] {
        let folder = at.join(name);
        fs::create_dir_all(&folder).unwrap();
        for file in ["config.json", "vocab.txt"] {
            fs::copy(at.join(file), folder.join(file)).unwrap();
        }
        write_weights(&folder, "model.safetensors", &tiny());
        let (text, errors) = told(&spanbert(&["inspect", name], at));
        assert!(text.contains("2 layers"), "{text}{errors}");
        assert!(errors.contains(&format!("{name} is the folder here of that name, not the")), "{errors}");
        assert!(errors.contains(&format!("write {name}@main")), "{errors}");
        // A path is no name, and needs no word.
        let (text, errors) = told(&spanbert(&["inspect", &format!("./{name}")], at));
        assert!(text.contains("2 layers") && errors.is_empty(), "{text}{errors}");
    }
    let (text, errors) = told(&spanbert(&["inspect", "demo@main"], at));
    assert!(text.contains("3 layers") && errors.is_empty(), "{text}{errors}");
    // Data by the same rule.
    fs::write(at.join("squad2:dev"), r#"{"data": []}"#).unwrap();
    let output = spanbert(&["features", "--model", "demo@main", "--data", "squad2:dev"], at);
    let (_, errors) = told(&output);
    assert!(errors.contains("squad2:dev is the file here of that name, not SQuAD 2.0"), "{errors}");
    assert!(errors.contains("dev-v2.0.json"), "{errors}");
}

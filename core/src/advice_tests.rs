//! Every error with a remedy of its own says what to do, in the form that [`Advice`] promises.

use std::io;

use spanbert_backends::BackendError;

use super::*;
use crate::{
    answers::{AnswerError, NpyError, jsonl::JsonlError},
    ask::AskError,
    atomic::WriteError,
    breakdown::{BreakdownError, Query},
    checkpoint::CheckpointError,
    config::ConfigError,
    engine::EngineError,
    features::FeatureError,
    model::WeightsError,
    score::ScoreError,
    squad::{DataFormat, SquadError},
    tokenizer::TokenizerError,
};

/// What a system's error may read, so that nothing is cut at a semicolon.
const TOLD: &str = "refused; by the system; for now";

fn io_error() -> io::Error {
    io::Error::other(TOLD)
}

fn json_error() -> serde_json::Error {
    serde_json::from_str::<u8>("x").unwrap_err()
}

/// The cause is one line and does not hold the remedy; the remedy begins with a verb.
fn holds(errors: &[&dyn Advice]) {
    for error in errors {
        let (cause, remedy) = (error.to_string(), error.remedy());
        assert!(is_remedy(&remedy), "{error:?}: {remedy}");
        assert!(!cause.contains(&remedy), "{cause}");
        assert!(!cause.contains('\n') && !cause.ends_with(['.', '?', ';', ':']), "{cause}");
        assert!(!cause.replace(TOLD, "").contains("; "), "{error:?}: {cause}");
        assert_eq!(error.in_one_line(), format!("{cause}; {remedy}"));
    }
}

#[test]
fn a_remedy_begins_with_a_verb() {
    for text in ["add --model DIR", "check the path", "undo that, or add `--force`"] {
        assert!(is_remedy(text), "{text}");
    }
    for text in
        ["", "was it cut short?", "results since the last checkpoint are discarded", "add it.", "`x` lists"]
    {
        assert!(!is_remedy(text), "{text}");
    }
}

#[test]
fn data_and_predictions() {
    let file = || "dev.json".to_owned();
    holds(&[
        &SquadError::Read { file: file(), cause: io_error() },
        &SquadError::Packed { file: file(), cause: "the gzip data ends too early".into() },
        &SquadError::Table { file: file(), what: "a CSV table", convert: "f().to_json()".into() },
        &SquadError::Page { file: file() },
        &SquadError::Syntax {
            file: file(),
            line: 1,
            column: 2,
            cause: "trailing characters".into(),
            cut: false,
        },
        &SquadError::Syntax { file: file(), line: 1, column: 2, cause: "the end".into(), cut: true },
        &SquadError::Schema {
            file: file(),
            place: "data[0]".into(),
            expected: "an object".into(),
            found: "null".into(),
            format: None,
        },
        &SquadError::Schema {
            file: file(),
            place: "data[0]".into(),
            expected: "an object".into(),
            found: "null".into(),
            format: Some(DataFormat::Rows),
        },
        &SquadError::NoQuestions { file: file() },
        &FeatureError::NoStride,
        &FeatureError::NoQuery,
        &FeatureError::NoRoom { max_seq_length: 10, max_query_length: 64 },
        &FeatureError::NoTarget { qas_id: "1".into() },
        &FeatureError::TargetOutside { qas_id: "1".into(), start: 1, end: 2, words: 1 },
        &ScoreError::Json { file: file(), source: json_error(), expected: "texts" },
        &ScoreError::MissingPredictions { ids: vec!["1".into()], total: 2 },
        &ScoreError::MissingNullOdds { ids: vec!["1".into()], total: 2 },
        &ScoreError::NoQuestions,
        &BreakdownError::Score(ScoreError::NoQuestions),
        &BreakdownError::OtherQuestions { predictions: 1, questions: 2, data: file(), example: "x".into() },
        &BreakdownError::Nbest { file: file(), source: json_error() },
        &BreakdownError::NotANumber { id: "1".into(), value: f64::NAN },
        &BreakdownError::NotComparable {
            first: "a".into(),
            second: "b".into(),
            missing: 1,
            total: 2,
            example: "x".into(),
        },
    ]);
}

#[test]
fn queries() {
    for text in [
        "",
        "f1 <",
        "nothing = 1",
        "f1 = what",
        "(f1 < 1",
        "f1 < 1 f1",
        "f1 < 1 and",
        "question ~ 1",
        "f1 = \"",
        "@",
    ] {
        holds(&[&Query::parse(text).unwrap_err()]);
    }
}

#[test]
fn logits_and_windows() {
    holds(&[
        &AnswerError::UnequalLogits { unique_id: 1, start: 2, end: 3 },
        &AnswerError::TooFewLogits { unique_id: 1, pieces: 2, logits: 1 },
        &AnswerError::CandidateCount { windows: 1, candidates: 2 },
        &AnswerError::UnknownExample { unique_id: 1, example_index: 2, examples: 1 },
        &AnswerError::UnknownWord { unique_id: 1, word: 2, words: 1 },
        &NpyError::NotNpy,
        &NpyError::Header("no shape".into()),
        &NpyError::ElementType("<f8".into()),
        &NpyError::Shape("(1,)".into()),
        &NpyError::Size { expected: 2, found: 1 },
        &JsonlError::Read { line: 1, source: io_error() },
        &JsonlError::Json { line: 1, source: json_error() },
        &JsonlError::Window { line: 1, reason: "a reason".into() },
        &JsonlError::Logits { line: 1, unique_id: 2, reason: "has logits already" },
        &JsonlError::MissingLogits { missing: 1, windows: 2, first: 3 },
        &AskError::EmptyQuestion,
        &AskError::EmptyPassage,
        &AskError::Zero("n_best_size"),
        &AskError::NotFinite(2),
        &AskError::Cancelled,
    ]);
}

#[test]
fn models_and_devices() {
    use spanbert_backends::{BackendKind, DeviceChoice, Obstacle, Precision, fault::Fault};

    let path = || std::path::PathBuf::from("model");
    let fault =
        |message: &str| Fault { message: message.into(), thread: String::new(), location: String::new() };
    let value = |key| ConfigError::Value { origin: "c".into(), key, value: "0".into(), why: "it must be 1" };
    holds(&[
        &CheckpointError::NotFound { path: path() },
        &CheckpointError::NotADirectory { path: path() },
        &CheckpointError::NoConfig { path: path() },
        &CheckpointError::NoVocabulary { path: path() },
        &CheckpointError::Io { path: path(), cause: io_error() },
        &CheckpointError::Onto { path: path() },
        &CheckpointError::Write(WriteError { path: path(), source: io_error() }),
        &CheckpointError::Json { path: path(), cause: json_error() },
        &CheckpointError::Vocabulary { path: path(), what: "line 1 is not UTF-8".into() },
        &CheckpointError::VocabularySize { path: path(), pieces: 3, rows: 2, lacking: String::new() },
        &CheckpointError::Tokenizer { path: path(), cause: TokenizerError::NotUtf8 { line: 1 } },
        &CheckpointError::Safetensors { path: path(), what: "no header".into() },
        &CheckpointError::Ambiguous { path: path(), first: "a".into(), second: "b".into(), name: "c".into() },
        &CheckpointError::Missing { path: path(), count: 1, names: "a".into() },
        &CheckpointError::Mismatched { path: path(), details: "a".into() },
        &CheckpointError::Tensor { path: path(), name: "a".into(), what: "holds NaN".into() },
        &ConfigError::Io { path: path(), cause: io_error() },
        &ConfigError::Json { origin: "c".into(), cause: json_error() },
        &value("model_type"),
        &value("hidden_size"),
        &TokenizerError::MissingSpecialTokens { missing: vec!["[CLS]".to_owned()], size: 1 },
        &TokenizerError::AddedId { content: "x".into(), id: 1, pieces: 3 },
        &TokenizerError::Steps { part: "normalizer", what: "odd".into() },
        &TokenizerError::TooLarge { size: 1 },
        &TokenizerError::WordPiece("no".into()),
        &WeightsError::Missing { name: "a".into() },
        &WeightsError::Shape { name: "a".into(), found: vec![1], expected: vec![2] },
        &EngineError::Fault(fault("lost")),
        &EngineError::Fault(fault("out of memory")),
        &EngineError::Read("lost".into()),
        &EngineError::NoModel,
        &EngineError::weights(WeightsError::Missing { name: "a".into() }),
        &EngineError::Defect("an empty batch".into()),
        &BackendError::Unknown("tpu".into()),
        &BackendError::Unavailable {
            kind: BackendKind::Cuda,
            obstacle: Obstacle::new("no driver", "install the driver"),
        },
        &BackendError::Unusable {
            choice: DeviceChoice::Cuda(0),
            name: "GPU".into(),
            obstacle: Obstacle::new("too old", "use another GPU"),
        },
        &BackendError::FailedSelfTest {
            choice: DeviceChoice::Cuda(0),
            name: "GPU".into(),
            reason: "its logits differ".into(),
        },
        &BackendError::NoSuchDevice { choice: DeviceChoice::Cpu, count: 1 },
        &BackendError::Precision {
            choice: DeviceChoice::Cpu,
            precision: Precision::F16,
            supported: vec![Precision::F32],
        },
        &BackendError::Failed { choice: DeviceChoice::Cpu, reason: "lost".into() },
    ]);
}

#[cfg(feature = "native")]
#[test]
fn starting_a_backend() {
    use spanbert_backends::runtime::RuntimeError;

    holds(&[
        &RuntimeError::TooLate,
        &RuntimeError::NoCache { path: "cache".into(), reason: "read-only".into() },
    ]);
}

/// Files that lie under a weights file's name, as they are met.
#[test]
fn weights_that_are_none() {
    use crate::checkpoint::{LoadOptions, load};

    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(home.path().join(name), bytes).unwrap();
    let refused = || {
        let error = load(home.path(), LoadOptions::default()).unwrap_err();
        holds(&[&error]);
        error.in_one_line()
    };
    let folder = home.path().join("config.json");
    assert!(refused().contains("has no config.json; give a Hugging Face model folder"));
    std::fs::write(
        folder,
        r#"{"vocab_size": 4, "hidden_size": 4, "num_attention_heads": 1, "intermediate_size": 4}"#,
    )
    .unwrap();
    assert!(refused().contains("neither vocab.txt nor tokenizer.json; copy the vocabulary there"));
    write("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
    assert!(refused().contains("pytorch_model.bin; put the model's weights there"));
    write("tf_model.h5", b"x");
    assert!(refused().contains("(TensorFlow's weights); convert it once"));
    for (name, bytes, expected) in [
        ("model.safetensors", &b""[..], "the file is empty; download it again"),
        (
            "model.safetensors",
            b"version https://git-lfs.github.com/spec/v1",
            "not the weights; run `git lfs pull`",
        ),
        ("model.safetensors", b"<!doctype html>", "web page, not weights; download"),
        ("model.safetensors", b"\x1f\x8b", "gzip archive; unpack it first"),
        ("model.safetensors", b"PK\x03\x04", "PyTorch file; rename it to pytorch_model.bin"),
        ("model.safetensors", b"garbage that is no header", "; download it again"),
    ] {
        write(name, bytes);
        let text = refused();
        assert!(text.contains(expected), "{text}");
    }
}

#[cfg(feature = "native")]
#[test]
fn runs_and_recipes() {
    use crate::{
        config::BertConfig,
        demo::DemoError,
        evaluate::{EvaluateError, Shard, ShardError},
        fetch::FetchError,
        pretrain::PretrainError,
        run::{OutputError, RunError},
        train::{Recipe, RecipeError, TrainError},
    };

    let path = || std::path::PathBuf::from("run");
    let text = || "x".to_owned();
    let write = |kind: io::ErrorKind| WriteError { path: path(), source: kind.into() };
    holds(&[
        &write(io::ErrorKind::StorageFull),
        &write(io::ErrorKind::PermissionDenied),
        &WriteError { path: path(), source: io_error() },
        &RunError::Occupied { folder: path(), found: "events.jsonl" },
        &OutputError::Taken { folder: path(), what: "a run".into(), found: "recipe.toml".into() },
        &RunError::NoRun(path()),
        &RunError::NotAFolder(path()),
        &RunError::Locked { folder: path(), holder: None },
        &RunError::Read { path: path(), source: io_error() },
        &RunError::Damaged { path: path(), message: text() },
        &RecipeError::Read { path: text(), source: io_error() },
        &RecipeError::Parse { path: text(), message: text(), command: "train" },
        &TrainError::Evaluation("x".into()),
        &TrainError::Evaluation(Box::new(EvaluateError::Zero("n_best_size"))),
        &TrainError::NotVersion2 { file: text() },
        &TrainError::Metric { metric: "best_f1", file: text() },
        &TrainError::NoWindows { file: text() },
        &TrainError::TooFewBatches { batches: 1, accumulation: 2 },
        &TrainError::NoWholeCheckpoint { folder: path(), what: text() },
        &TrainError::Changed { run: path(), differences: text() },
        &TrainError::Complete { run: path(), steps: 1 },
        &TrainError::NotFinite { what: "the loss", value: 1.0, step: 1, examples: text(), kept: text() },
        &EvaluateError::Zero("n_best_size"),
        &EvaluateError::NoQuestions(text()),
        &EvaluateError::TooLong { max_seq_length: 2, positions: 1 },
        &EvaluateError::Stopped { done: 1, total: 2 },
        &EvaluateError::Read { path: text(), source: io_error() },
        &EvaluateError::Damaged { place: text(), message: text() },
        &EvaluateError::NoEvaluation { folder: text() },
        &EvaluateError::DataUnknown { folder: text() },
        &EvaluateError::Data { path: text(), message: text() },
        &EvaluateError::Json(json_error()),
        &ShardError::Taken { folder: path(), what: text() },
        &ShardError::None { folder: path() },
        &ShardError::Missing { folder: path(), missing: vec![2, 3], count: 4 },
        &ShardError::Twice { shard: Shard { index: 1, count: 2 }, first: path(), second: path() },
        &ShardError::Differs { folder: path(), what: text(), other: path() },
        &ShardError::Damaged { path: path(), what: text() },
        &ShardError::Read { path: path(), source: io_error() },
        &PretrainError::Corpus { path: path(), source: io_error() },
        &PretrainError::EmptyCorpus,
        &PretrainError::EmptyHeldOut,
        &PretrainError::NoMask,
        &PretrainError::Vocabulary { characters: 2, size: 1 },
        &PretrainError::Record { path: path(), what: text() },
        &DemoError::Json(json_error()),
        &DemoError::Folder { path: text(), source: io_error() },
        &FetchError::NotFetched { name: text(), fetch: text(), cache: path() },
        &FetchError::Offline { name: text() },
        &FetchError::Name { name: text(), known: text() },
        &FetchError::Refused { url: text(), told: text() },
        &FetchError::NotFound { url: text() },
        &FetchError::Status { url: text(), status: 500 },
        &FetchError::Connection { url: text(), why: text() },
        &FetchError::Checksum { name: text(), expected: text(), found: text() },
        &FetchError::Answer { url: text(), why: text() },
        &FetchError::Unusable { name: text(), missing: text() },
        &FetchError::File { path: path(), source: io_error() },
        &FetchError::Busy { name: text() },
        &FetchError::Cancelled,
    ]);

    let wrong = Recipe {
        train_batch_size: 0,
        eval_batch_size: 0,
        eval_per_epoch: 0,
        n_best_size: 0,
        max_answer_length: 0,
        max_query_length: 0,
        doc_stride: 0,
        length_multiple: Some(0),
        max_steps: Some(0),
        checkpoint_steps: Some(0),
        checkpoint_minutes: Some(0.0),
        gradient_accumulation_steps: 7,
        seed: u64::MAX,
        learning_rate: Some(2.0),
        num_train_epochs: 0.5,
        warmup_proportion: 1.0,
        weight_decay: -1.0,
        max_grad_norm: 0.0,
        loss_scale: 0.5,
        dropout: Some(1.0),
        max_seq_length: 1024,
        ..Recipe::default()
    };
    let errors = wrong.field_errors(&BertConfig::default());
    assert!(errors.len() > 18, "{}", errors.len());
    for error in errors {
        holds(&[&error, &RecipeError::Field(error.clone())]);
    }
}

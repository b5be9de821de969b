//! Honest files of every kind, made here: what the fuzzers start from and the property tests damage.

use std::{collections::BTreeMap, io::Write};

use serde_json::{Value, json};
use spanbert_core::{
    checkpoint::{SpanbertMeta, fresh, to_safetensors},
    config::BertConfig,
    hash::Fingerprint,
    run::{BestScore, CheckpointKind, Environment, Event, EventRecord, Outcome, Phase, RunState, StepEvent},
    score::Scores,
    train::{Preset, Recipe},
};

use super::{
    pickles::{legacy_model, zip_model},
    readers::tiny_config,
};

/// Files that the readers of this name read without complaint.
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let weights = || fresh(&tiny_config(), 1);
    match name {
        "squad_json" => vec![squad(true), squad(false), rows(), table(), mrqa(), gzip(&squad(true))],
        "pickle" => vec![zip_model(&weights()), legacy_model(&weights())],
        "safetensors" => {
            let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
            vec![
                to_safetensors(&weights(), &metadata).unwrap(),
                to_safetensors(&weights(), &BTreeMap::new()).unwrap(),
            ]
        }
        "vocab_txt" => vec![
            b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nparis\n##s\n##\xc3\xa9\nun\n.\n".to_vec(),
            b"\xef\xbb\xbf[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nParis\r\n\r\n\xe6\x97\xa5\r\n".to_vec(),
        ],
        "tokenizer_json" => tokenizers(),
        "config_json" => configs(),
        "run_folder" => run_folder(),
        "answer_files" => answer_files(),
        _ => panic!("no reader {name}"),
    }
}

fn squad(version_2: bool) -> Vec<u8> {
    let question = |id: &str, answers: Value, impossible: bool| {
        let mut question = json!({"id": id, "question": "who left ?", "answers": answers});
        if version_2 {
            question["is_impossible"] = json!(impossible);
            question["plausible_answers"] = json!([{"text": "c", "answer_start": 4}]);
        }
        question
    };
    let paragraph = json!({"context": "a b, c é left.", "qas": [
        question("q1", json!([{"text": "é left", "answer_start": 7}]), false),
        question("q2", json!([{"text": "a", "answer_start": 0}]), false),
    ]});
    let impossible = json!({"context": " the who ", "qas": if version_2 { json!([question("q3", json!([]), true)]) } else { json!([]) }});
    let version = if version_2 { "v2.0" } else { "1.1" };
    let data = json!([{"title": "T", "paragraphs": [paragraph, impossible]}, {"paragraphs": []}]);
    json!({"version": version, "data": data}).to_string().into_bytes()
}

fn rows() -> Vec<u8> {
    let row = |id: Value, answers: Value| {
        let row = json!({"id": id, "title": "T", "context": "a b, c é left.", "question": "who ?", "answers": answers});
        format!("{row}\n")
    };
    let given = json!({"text": ["é left"], "answer_start": ["7"]});
    [row(json!("q1"), given), row(json!(2), json!({"text": [], "answer_start": []}))].concat().into_bytes()
}

fn table() -> Vec<u8> {
    let contexts = json!({"0": "a b", "1": "a b \u{fffd}"});
    json!({"data": {"id": ["q", null], "context": contexts, "question": ["a ?", "b ?"], "answers": [["a"], null]}})
        .to_string()
        .replace('\u{fffd}', "\\ud83d")
        .into_bytes()
}

fn mrqa() -> Vec<u8> {
    let found = json!([{"text": "B", "char_spans": [[2, 2]], "token_spans": [[1, 1]]}]);
    let question = json!({"qid": "q", "question": "who ?", "answers": ["b", "c"], "detected_answers": found});
    let lines = [json!({"header": {"dataset": "X"}}), json!({"id": "", "context": "a b", "qas": [question]})];
    lines.map(|line| format!("{line}\n")).concat().into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tokenizers() -> Vec<Vec<u8>> {
    let bert = json!({
        "added_tokens": [{"id": 3, "content": "[SEP]"}, {"id": 5, "content": "[EXTRA]"}],
        "normalizer": {"type": "BertNormalizer", "lowercase": true},
        "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "Paris": 4, "[CLS]": 2, "[SEP]": 3, "[PAD]": 1}},
    });
    let steps = json!({"normalizer": {"normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]}, "do_lower_case": true});
    [bert, steps].iter().map(|file| file.to_string().into_bytes()).collect()
}

fn configs() -> Vec<Vec<u8>> {
    let meta = SpanbertMeta {
        threshold: Some(-1.5),
        max_seq_length: Some(384),
        doc_stride: Some(128),
        max_query_length: Some(64),
        n_best_size: Some(20),
        max_answer_length: Some(30),
        scores: BTreeMap::from([("best_f1".to_owned(), 83.6)]),
        ..SpanbertMeta::default()
    };
    let meta = serde_json::to_vec(&meta).unwrap();
    let config = json!({"model_type": "bert", "pad_token_id": null, "hidden_act": "gelu", "vocab_size": 200,
        "hidden_size": 32, "num_attention_heads": 4, "label2id": {"a": 0}});
    vec![
        BertConfig::default().to_hugging_face().to_string().into_bytes(),
        config.to_string().into_bytes(),
        meta,
    ]
}

fn run_folder() -> Vec<Vec<u8>> {
    let step = StepEvent {
        step: 1,
        total_steps: 9,
        training: 0,
        epoch: 0,
        loss: 1.5,
        learning_rate: 2e-5,
        grad_norm: Some(1.0),
        windows_per_sec: 3.0,
        tokens_per_sec: 900.0,
        elapsed_secs: 1.0,
        eta_secs: Some(8.0),
        memory_bytes: Some(1 << 30),
        ..StepEvent::default()
    };
    let scores = Scores { exact: 50.0, f1: 60.0, total: 2, best_f1: Some(61.0), ..Scores::default() };
    let events = [
        Event::Phase { phase: Phase::Training, detail: Some("é".into()) },
        Event::Step(step),
        Event::Evaluation { step: 1, training: 0, epoch: 0, scores, best: true, secs: 1.0 },
        Event::Resumed { step: 1, evaluations: 1, device: "cpu".into() },
        Event::Fault { step: 1, out_of_memory: true, message: "m".into() },
        Event::Checkpoint { kind: CheckpointKind::Best, step: 1, path: "best".into() },
        Event::Warning { message: "w".into() },
        Event::Finished { outcome: Outcome::Completed, step: 9, elapsed_secs: 9.0, reason: None },
    ];
    let lines =
        events.map(|event| serde_json::to_string(&EventRecord { time: "t".into(), event }).unwrap() + "\n");
    let best = BestScore { metric: "f1".into(), value: 60.0, step: 1 };
    let state =
        RunState { best: Some(best.clone()), outcome: Some(Outcome::Stopped), ..RunState::starting() };
    let mut environment = Environment::of_this_process("cpu");
    environment.command = vec!["spanbert".into()];
    environment.checkpoint = vec![Fingerprint::of_bytes("model", b"")];
    let progress = json!({"version": 2, "learning_rate": 2e-5, "best": best, "evaluations": 1, "elapsed_secs": 3.5, "files": {"model.safetensors": "00"},
        "place": {"training": 0, "epoch": 1, "batches": 2, "training_step": 3, "step": 3}});
    vec![
        lines.concat().into_bytes(),
        serde_json::to_vec(&state).unwrap(),
        serde_json::to_vec(&environment).unwrap(),
        progress.to_string().into_bytes(),
        br#"{"pid":1,"since":"2020-01-01T00:00:00Z"}"#.to_vec(),
        br#"{"micro_batch":8,"recompute":true,"eval_batch":4,"probed":true,"faults":1}"#.to_vec(),
        b"stop\n".to_vec(),
        Preset::SpanbertBaseSquad2.recipe().to_toml().into_bytes(),
        Recipe { dropout: Some(0.1), max_steps: Some(3), ..Recipe::default() }.to_toml().into_bytes(),
        b"HasAns_exact = 1e-05\nbest_f1_thresh = -5.0234375\nglobal_step = 3\n".to_vec(),
    ]
}

fn answer_files() -> Vec<Vec<u8>> {
    let window = json!({"unique_id": 1, "example_index": 0, "doc_span_index": 0, "input_ids": [2, 14, 3, 13, 4, 15, 3],
        "segment_lengths": [3, 4], "start_position": null, "end_position": 4, "first_doc_token": 3,
        "token_to_orig": [0, 1, 2], "token_is_max_context": "110"});
    let logits = json!({"unique_id": 1, "start_logits": [0, 0, 0, 2, 1, 0, 0.5], "end_logits": [0, 1e3, 0, 1, 2, 3, -1]});
    let npy = |version: u8, header: &str| {
        let length = (header.len() as u32).to_le_bytes();
        let length = if version == 1 { &length[..2] } else { &length[..] };
        let values: Vec<u8> = (0..14).flat_map(|value| (value as f32).to_le_bytes()).collect();
        [b"\x93NUMPY", &[version, 0][..], length, header.as_bytes(), &values].concat()
    };
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 7), }   \n";
    vec![
        format!("{window}\n\n{window}\n").into_bytes(),
        format!("{logits}\n").into_bytes(),
        npy(1, header),
        npy(2, header),
        br#"{"q1": "the left", "q2": ""}"#.to_vec(),
        br#"{"q2": -1.5, "q1": 1e-3, "q3": 7}"#.to_vec(),
    ]
}

//! Against a hub on the loopback address.

#[allow(dead_code, reason = "not every test that shares it needs all of it")]
#[path = "../../../tests/src/hub.rs"]
mod hub;

use crate::advice::Advice;
use std::{path::Path, time::Duration};

use sha1::{Digest, Sha1};

use self::hub::{COMMIT, Hub, Plan};
use super::{model, squad, transfer::Client, *};
use crate::hash::{hex, sha256_hex};

/// A hub that announces small files by git's checksum, as the real one does.
fn start(mut plan: Plan) -> Hub {
    let blob = |content: &[u8]| {
        let mut hasher = Sha1::new();
        hasher.update(format!("blob {}\0", content.len()));
        hasher.update(content);
        hex(&hasher.finalize())
    };
    let small = plan.files.iter().filter(|(name, _)| !name.ends_with(".bin"));
    plan.git_blobs = small.map(|(name, content)| (name.clone(), blob(content))).collect();
    Hub::start(plan)
}

fn weights() -> Vec<u8> {
    (0..3_000_000_u32).map(|index| (index % 251) as u8).collect()
}

fn spanbert() -> Plan {
    let files = [
        ("config.json", b"{}".to_vec()),
        ("vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n".to_vec()),
        ("flax_model.msgpack", b"not wanted".to_vec()),
        ("pytorch_model.bin", weights()),
    ];
    Plan { files: files.map(|(name, content)| (name.to_owned(), content)).into(), ..Plan::default() }
}

fn client(places: Places) -> Client {
    let mut client = Client::new(places);
    client.pause = Duration::from_millis(1);
    client
}

fn fetch(places: &Places) -> Result<Fetched, FetchError> {
    model::fetch("spanbert-base", client(places.clone()), &mut |_| true)
}

#[test]
fn a_model_comes_whole_and_is_found_by_its_names() {
    let home = tempfile::tempdir().unwrap();
    let hub = start(spanbert());
    let places = hub.places(home.path());
    let missing = resolve_model(Path::new("spanbert-base"), &places).unwrap_err().in_one_line();
    assert!(missing.contains("spanbert fetch spanbert-base"), "{missing}");
    let fetched = fetch(&places).unwrap();
    assert_eq!(fetched.commit.as_deref(), Some(COMMIT));
    assert!(fetched.licence.unwrap().contains("CC-BY-NC 4.0"));
    let names: Vec<_> = fetched.files.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["config.json", "vocab.txt", "pytorch_model.bin"]);
    assert_eq!(std::fs::read(fetched.folder.join("pytorch_model.bin")).unwrap(), weights());
    // The layout of the hub's own tools.
    let root = home.path().join("hub/models--SpanBERT--spanbert-base-cased");
    assert_eq!(fetched.folder, root.join("snapshots").join(COMMIT));
    assert_eq!(std::fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    assert!(root.join("blobs").join(sha256_hex(&weights())).is_file());
    for name in ["spanbert-base", "spanbert-base-cased", "SpanBERT/spanbert-base-cased"] {
        assert_eq!(resolve_model(Path::new(name), &places).unwrap(), fetched.folder, "{name}");
    }
    // Nothing is transferred twice.
    let before = hub.asked().len();
    fetch(&places).unwrap();
    assert_eq!(hub.asked().len(), before + 1, "only the listing: {:?}", hub.asked());
    // And without a network nothing is asked.
    let offline = Places { offline: true, hub: "http://127.0.0.1:1".into(), ..places };
    assert_eq!(fetch(&offline).unwrap().folder, fetched.folder);
}

#[test]
fn a_broken_connection_is_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let hub = start(Plan { cuts: vec![1_000_000, 700_000, 0], ..spanbert() });
    let fetched = fetch(&hub.places(home.path())).unwrap();
    assert_eq!(std::fs::read(fetched.folder.join("pytorch_model.bin")).unwrap(), weights());
    let ranges: Vec<String> =
        hub.asked().into_iter().filter(|asked| asked.starts_with("/pytorch_model.bin")).collect();
    assert_eq!(
        ranges,
        [
            "/pytorch_model.bin",
            "/pytorch_model.bin bytes=1000000-",
            "/pytorch_model.bin bytes=1700000-",
            "/pytorch_model.bin bytes=1700000-"
        ]
    );
}

#[test]
fn a_fetch_that_was_ended_is_gone_on_with() {
    let home = tempfile::tempdir().unwrap();
    let hub = start(spanbert());
    let places = hub.places(home.path());
    let mut until_half =
        |event: FetchEvent<'_>| !matches!(event, FetchEvent::File { done, .. } if done > 1_000_000);
    let ended = model::fetch("spanbert-base", client(places.clone()), &mut until_half).unwrap_err();
    assert!(matches!(ended, FetchError::Cancelled));
    // Half a model is no model.
    assert!(resolve_model(Path::new("spanbert-base"), &places).is_err());
    let offline = Places { offline: true, ..places.clone() };
    assert!(matches!(fetch(&offline).unwrap_err(), FetchError::Offline { .. }));
    fetch(&places).unwrap();
    let last = hub.asked().pop().unwrap();
    let from: usize =
        last.strip_prefix("/pytorch_model.bin bytes=").unwrap().trim_end_matches('-').parse().unwrap();
    assert!(from > 1_000_000, "{last}");
}

#[test]
fn a_server_that_knows_no_ranges_sends_all_again() {
    let home = tempfile::tempdir().unwrap();
    let hub = start(Plan { cuts: vec![1_000_000], ignores_ranges: true, ..spanbert() });
    let fetched = fetch(&hub.places(home.path())).unwrap();
    assert_eq!(std::fs::read(fetched.folder.join("pytorch_model.bin")).unwrap(), weights());
}

#[test]
fn what_is_not_as_announced_is_thrown_away() {
    let home = tempfile::tempdir().unwrap();
    let mut other = weights();
    other[2_000_000] ^= 1;
    let hub = start(Plan { altered: [("pytorch_model.bin".to_owned(), other)].into(), ..spanbert() });
    let places = hub.places(home.path());
    let error = fetch(&places).unwrap_err();
    assert!(matches!(&error, FetchError::Checksum { name, .. } if name == "pytorch_model.bin"), "{error}");
    assert!(resolve_model(Path::new("spanbert-base"), &places).is_err());
    // The next attempt begins anew and, with the right content, succeeds.
    hub.plan.lock().unwrap().altered.clear();
    fetch(&places).unwrap();
    assert_eq!(hub.asked().pop().unwrap(), "/pytorch_model.bin");
    // A damaged small file in the cache is noticed.
    let config =
        places.cache.join("models--SpanBERT--spanbert-base-cased/snapshots").join(COMMIT).join("config.json");
    std::fs::write(&config, "[]").unwrap();
    fetch(&places).unwrap();
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "{}");
}

#[test]
fn refusals_say_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let hub = start(Plan { token: Some("secret".into()), ..spanbert() });
    let places = hub.places(home.path());
    let told = fetch(&places).unwrap_err().in_one_line();
    assert!(told.contains("Invalid username") && told.contains("HF_TOKEN"), "{told}");
    // The token goes to the hub and not to the store it sends us to; see `answer`.
    fetch(&Places { token: Some("secret".into()), ..places.clone() }).unwrap();

    let absent = model::fetch(
        "some/model",
        client(Places { token: Some("secret".into()), ..places.clone() }),
        &mut |_| true,
    );
    assert!(matches!(absent.unwrap_err(), FetchError::NotFound { .. }));
    for name in ["nonsense", "../etc/passwd", "a/b/c", "a/..", "/a/b", "a/b@../c"] {
        let error = model::fetch(name, client(places.clone()), &mut |_| true).unwrap_err();
        assert!(matches!(error, FetchError::Name { .. }), "{name}: {error}");
    }
    let nobody = Places { hub: "http://127.0.0.1:1".into(), ..places };
    assert!(matches!(fetch(&nobody).unwrap_err(), FetchError::Connection { .. }));
}

#[test]
fn a_busy_server_is_asked_again() {
    let home = tempfile::tempdir().unwrap();
    let hub = start(Plan { failures: vec![503, 429], ..spanbert() });
    fetch(&hub.places(home.path())).unwrap();
    let hub = start(Plan { failures: vec![503; 20], ..spanbert() });
    assert!(matches!(fetch(&hub.places(home.path())).unwrap_err(), FetchError::Status { status: 503, .. }));
}

#[test]
fn a_repository_without_a_model_is_told() {
    let home = tempfile::tempdir().unwrap();
    let mut plan = spanbert();
    plan.files.remove("vocab.txt");
    let hub = start(plan);
    let told = fetch(&hub.places(home.path())).unwrap_err().in_one_line();
    assert!(told.contains("has no vocab.txt or tokenizer.json"), "{told}");
    assert_eq!(asked_for(&hub), ["config.json"], "nothing large is transferred for nothing");
}

/// The files that were asked for, in order.
fn asked_for(hub: &Hub) -> Vec<String> {
    let asked = hub.asked().into_iter().filter(|path| !path.starts_with("/api/"));
    asked.filter_map(|path| Some(path.rsplit('/').next()?.to_owned())).collect()
}

#[test]
fn a_model_that_cannot_be_used_costs_only_its_configuration() {
    for (config, expected) in [
        (
            r#"{"model_type": "roberta", "vocab_size": 50265}"#,
            ["RoBERTa is another family", "use spanbert-base"],
        ),
        (r#"{"model_type": "deberta-v2"}"#, ["DeBERTa v2 or v3", "use spanbert-base"]),
        (r#"{"model_type": "xlm-roberta"}"#, ["XLM-RoBERTa", "use google-bert/bert-base-multilingual-cased"]),
        (r#"{"architectures": ["AlbertModel"]}"#, ["ALBERT", "use spanbert-base"]),
        (r#"{"model_type": "bert", "hidden_act": "mish"}"#, ["hidden_act is \"mish\"", "gelu_new"]),
        (r#"{"position_embedding_type": "relative_key"}"#, ["position_embedding_type", "absolute"]),
        (r#"{"num_attention_heads": 7}"#, ["num_attention_heads is 7", "divide"]),
        ("<html>", ["config.json", "; give the config.json of a Hugging Face BERT"]),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut plan = spanbert();
        // As the hub has RoBERTa: no vocab.txt that could be missed first.
        plan.files.remove("vocab.txt");
        plan.files.insert("vocab.json".to_owned(), b"{}".to_vec());
        plan.files.insert("config.json".to_owned(), config.as_bytes().to_vec());
        let hub = start(plan);
        let error = fetch(&hub.places(home.path())).unwrap_err();
        assert!(matches!(error, FetchError::Unsuitable { .. }), "{config}: {error}");
        let told = error.in_one_line();
        assert!(told.starts_with("SpanBERT/spanbert-base-cased was not fetched: config.json: "), "{told}");
        assert!(expected.iter().all(|part| told.contains(part)), "{config}: {told}");
        assert_eq!(asked_for(&hub), ["config.json"], "{config}");
    }
}

#[test]
fn a_vocabulary_that_cannot_be_used_costs_no_weights() {
    for (config, vocab, expected) in [
        (r#"{"vocab_size": 3}"#, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "has 4 pieces"),
        ("{}", "<pad>\n<unk>\n", "no [UNK]"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut plan = spanbert();
        plan.files.insert("config.json".to_owned(), config.as_bytes().to_vec());
        plan.files.insert("vocab.txt".to_owned(), vocab.as_bytes().to_vec());
        plan.files.insert("tokenizer_config.json".to_owned(), br#"{"do_lower_case": false}"#.to_vec());
        let hub = start(plan);
        let told = fetch(&hub.places(home.path())).unwrap_err().in_one_line();
        assert!(told.contains("was not fetched") && told.contains(expected), "{told}");
        assert_eq!(asked_for(&hub), ["config.json", "tokenizer_config.json", "vocab.txt"]);
    }
}

#[test]
fn weights_of_another_program_are_named() {
    for (file, expected) in [
        ("tf_model.h5", "tf_model.h5 (TensorFlow's weights); convert it once with transformers 4"),
        ("flax_model.msgpack", "Flax's weights"),
        ("onnx/model.onnx", "onnx/model.onnx (a model for ONNX)"),
        ("bert.Q4_0.gguf", "llama.cpp"),
        ("README.md", "; give the id of a BERT model in PyTorch or safetensors format"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut plan = spanbert();
        plan.files.retain(|name, _| ["config.json", "vocab.txt"].contains(&name.as_str()));
        plan.files.insert(file.to_owned(), b"what it is".to_vec());
        let hub = start(plan);
        let told = fetch(&hub.places(home.path())).unwrap_err().in_one_line();
        assert!(
            told.contains("neither model.safetensors nor pytorch_model.bin") && told.contains(expected),
            "{told}"
        );
        assert_eq!(asked_for(&hub), ["config.json"]);
    }
}

/// A repository whose weights are in two parts.
fn sharded(index: &str) -> Plan {
    let mut plan = spanbert();
    plan.files.remove("pytorch_model.bin");
    for (name, content) in [
        ("pytorch_model.bin.index.json", index),
        ("pytorch_model-00001-of-00002.bin", "first"),
        ("pytorch_model-00002-of-00002.bin", "second"),
    ] {
        plan.files.insert(name.to_owned(), content.as_bytes().to_vec());
    }
    plan
}

#[test]
fn shards_come_with_their_index() {
    let home = tempfile::tempdir().unwrap();
    let index = r#"{"weight_map": {"a": "pytorch_model-00001-of-00002.bin", "b": "pytorch_model-00002-of-00002.bin",
        "c": "pytorch_model-00001-of-00002.bin"}}"#;
    let hub = start(sharded(index));
    let places = hub.places(home.path());
    let fetched = fetch(&places).unwrap();
    let names: Vec<_> = fetched.files.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    assert_eq!(
        names,
        [
            "config.json",
            "vocab.txt",
            "pytorch_model.bin.index.json",
            "pytorch_model-00001-of-00002.bin",
            "pytorch_model-00002-of-00002.bin"
        ]
    );
    assert_eq!(std::fs::read(fetched.folder.join("pytorch_model-00002-of-00002.bin")).unwrap(), b"second");
    assert_eq!(resolve_model(Path::new("spanbert-base"), &places).unwrap(), fetched.folder);
    // A part that went missing makes the model one to be fetched again.
    std::fs::remove_file(fetched.folder.join("pytorch_model-00002-of-00002.bin")).unwrap();
    assert!(matches!(resolve_model(Path::new("spanbert-base"), &places), Err(FetchError::NotFetched { .. })));
}

#[test]
fn an_index_that_leads_astray_costs_no_weights() {
    for (index, expected) in [
        (r#"{"weight_map": {"a": "../../../../etc/passwd"}}"#, "which is no .safetensors or .bin file"),
        (
            r#"{"weight_map": {"a": "pytorch_model-00003-of-00002.bin"}}"#,
            "has no pytorch_model-00003-of-00002.bin, which",
        ),
        ("[]", "is not an index of shards"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let hub = start(sharded(index));
        let told = fetch(&hub.places(home.path())).unwrap_err().in_one_line();
        assert!(told.contains(expected), "{told}");
        assert_eq!(asked_for(&hub), ["config.json", "vocab.txt", "pytorch_model.bin.index.json"]);
    }
}

#[test]
fn a_folder_with_the_name_of_a_model_is_taken_and_said() {
    let home = tempfile::tempdir().unwrap();
    let hub = start(spanbert());
    let places = hub.places(home.path());
    // Paths other than the bare name are not looked at in the working folder's place; so the folder has the id's form.
    let here = home.path().join("SpanBERT/spanbert-base-cased");
    std::fs::create_dir_all(&here).unwrap();
    let located = locate_model(&here, &places).unwrap();
    assert_eq!((located.path, located.note), (here, None), "a path is no name");
    let data = Path::new("squad2:nothing");
    assert_eq!(locate_data(data, &places).unwrap().path, data);
    assert!(locate_model(Path::new("demo@main"), &places).unwrap().path.join("config.json").is_file());
}

#[test]
fn squad_files_are_compared_with_what_is_known_of_them() {
    let home = tempfile::tempdir().unwrap();
    let content: [&[u8]; 2] = [b"{\"train\": 1}", b"{\"dev\": 1}"];
    let files = [("train-v2.0.json", content[0].to_vec()), ("dev-v2.0.json", content[1].to_vec())];
    let plan =
        Plan { files: files.map(|(name, content)| (name.to_owned(), content)).into(), ..Plan::default() };
    let hub = start(plan);
    let places = hub.places(home.path());
    // Not the real files: refused.
    let error = fetch_squad(
        "squad2",
        &Places { squad: format!("{}/squad", hub.address), ..places.clone() },
        &mut |event| !matches!(event, FetchEvent::Retry { .. }),
    );
    assert!(matches!(error.unwrap_err(), FetchError::Cancelled | FetchError::Checksum { .. }));
    // The same with their own checksums.
    let hashes: Vec<&'static str> =
        content.iter().map(|content| &*Box::leak(sha256_hex(content).into_boxed_str())).collect();
    let mut set = SQUAD_SETS[0];
    for (file, (content, hash)) in set.files.iter_mut().zip(content.iter().zip(hashes)) {
        (file.bytes, file.sha256) = (content.len() as u64, hash);
    }
    let missing = resolve_data(Path::new("squad2:train"), &places).unwrap_err().in_one_line();
    assert!(missing.contains("spanbert fetch squad2"), "{missing}");
    let fetched = squad::fetch(&set, &client(places.clone()), &mut |_| true).unwrap();
    assert_eq!(std::fs::read(&fetched.files[0]).unwrap(), content[0]);
    assert_eq!(resolve_data(Path::new("squad2:train"), &places).unwrap(), fetched.files[0]);
    assert_eq!(resolve_data(Path::new("squad2:dev"), &places).unwrap(), fetched.files[1]);
    assert_eq!(resolve_data(Path::new("squad2:test"), &places).unwrap(), Path::new("squad2:test"));
    let before = hub.asked().len();
    squad::fetch(&set, &client(Places { offline: true, ..places }), &mut |_| true).unwrap();
    assert_eq!(hub.asked().len(), before);
}

#[test]
fn two_at_once_do_not_mix() {
    let home = tempfile::tempdir().unwrap();
    let hub = start(spanbert());
    let places = hub.places(home.path());
    let held = model::lock(&places.cache, "models--SpanBERT--spanbert-base-cased").unwrap();
    assert!(matches!(fetch(&places).unwrap_err(), FetchError::Busy { .. }));
    drop(held);
    fetch(&places).unwrap();
}

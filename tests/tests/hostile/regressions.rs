//! Inputs that once broke a reader, or would have, each with what it did.

use std::path::PathBuf;

use spanbert_core::{
    answers::NpyLogits,
    checkpoint::{CheckpointError, fresh, pickle::read_state_dict, weights_from_bytes},
    config::BertConfig,
    run::EventRecord,
    squad::Dataset,
};

use super::{
    memory::{peak_of, total_of},
    pickles::{dictionary, legacy, tensor, text, zip},
    readers::{READERS, Reader, tiny_config},
};

const MEGABYTE: usize = 1 << 20;

/// Entries with the long key remembered by the pickle's memo were kept once each: 39 GB for two megabytes.
#[test]
fn a_long_key_named_again_and_again_is_kept_once() {
    let key = "k".repeat(65_000);
    let entries = b"h\x00N".repeat(60_000);
    let start = [b"\x80\x02ccollections\nOrderedDict\n)R".as_slice(), &text(&key), b"q\x00Ns("].concat();
    // In portions, as the stack is bounded.
    let portions: Vec<u8> = entries.chunks(60_000).flat_map(|part| [part, b"u("].concat()).collect();
    let pickle = [start, portions, b"u.".to_vec()].concat();
    let peak = peak_of(|| {
        let error = read_state_dict(&legacy(&pickle, &[])).unwrap_err().to_string();
        assert!(error.contains("no tensors"), "{error}");
    });
    assert!(peak < 20 * MEGABYTE, "{peak} bytes");
}

/// Every parameter a view of the same storage: a file of some kilobytes gave thousands of tensors of its whole size.
#[test]
fn tensors_that_share_a_storage_do_not_multiply_it() {
    let config = BertConfig { num_hidden_layers: 100, ..tiny_config() };
    let shapes: Vec<(String, Vec<usize>)> =
        fresh(&config, 1).into_iter().map(|(name, tensor)| (name, tensor.shape)).collect();
    let entry = |(name, shape): (String, Vec<usize>)| (name, tensor("0", b"K\x08", &shape));
    let entries: Vec<_> = shapes.into_iter().map(entry).collect();
    let honest_size = 4 * 8;
    let pickle = dictionary(&entries);
    // The memo would make the pickle as small as one likes; here the names and shapes are the larger part of it.
    let file = zip(&[("a/data.pkl".into(), pickle), ("a/data/0".into(), vec![0; honest_size])]);
    let small = weights_from_bytes("pytorch_model.bin".into(), &file, &config, 1);
    assert!(small.is_ok(), "{:?}", small.err().map(|error| error.to_string()));

    let config =
        BertConfig { hidden_size: 64, intermediate_size: 64, num_hidden_layers: 40, ..tiny_config() };
    let entries: Vec<_> = fresh(&config, 1)
        .into_iter()
        .map(|(name, host)| (name, tensor("0", b"M\x00\x10", &host.shape)))
        .collect();
    let file = zip(&[("a/data.pkl".into(), dictionary(&entries)), ("a/data/0".into(), vec![0; 4 * 4096])]);
    let path = PathBuf::from("pytorch_model.bin");
    let peak = peak_of(|| {
        let error = weights_from_bytes(path, &file, &config, 1).map(drop).unwrap_err();
        assert!(matches!(error, CheckpointError::NotWeights { .. }), "{error}");
        assert!(error.to_string().contains("share their elements"), "{error}");
    });
    assert!(peak < 2 * MEGABYTE, "{peak} bytes");
}

/// A file of a kilobyte that announces terabytes is refused before anything is made of the announcement.
#[test]
fn announcements_cost_nothing() {
    let huge = b"\x8a\x06\xff\xff\xff\xff\xff\x7f".as_slice();
    let pickle = |elements: &[u8]| dictionary(&[("w".into(), tensor("0", elements, &[1 << 30, 1 << 30]))]);
    let in_zip = zip(&[("a/data.pkl".into(), pickle(huge)), ("a/data/0".into(), vec![0; 64])]);
    let mut in_legacy = legacy(&pickle(huge), &[text("0")]);
    in_legacy.extend(i64::MAX.to_le_bytes());
    let mut zip_entry = in_zip.clone();
    let size = zip_entry.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap() + 20;
    zip_entry[size..size + 8].fill(0xfe);
    let announced = br#"{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#;
    let in_safetensors = [&(announced.len() as u64).to_le_bytes()[..], announced, &[0; 64]].concat();
    let long_header = [&(1u64 << 40).to_le_bytes()[..], b"{"].concat();
    for (name, file) in [
        ("pytorch_model.bin", in_zip),
        ("pytorch_model.bin", in_legacy),
        ("pytorch_model.bin", zip_entry),
        ("model.safetensors", in_safetensors),
        ("model.safetensors", long_header),
    ] {
        let peak = peak_of(|| {
            let result = weights_from_bytes(name.into(), &file, &tiny_config(), 1);
            assert!(result.is_err());
        });
        assert!(peak < MEGABYTE / 4, "{name}: {peak} bytes");
    }
}

/// A pickle is a program; none of it is run.
#[test]
fn pickles_execute_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("executed");
    let command = text(&format!("touch {}", trace.display()));
    for call in [
        [b"cos\nsystem\n".as_slice(), &command, b"\x85R"].concat(),
        [b"\x8c\x02os\x8c\x06system\x93", command.as_slice(), b"\x85R"].concat(),
        [b"(", command.as_slice(), b"ios\nsystem\n"].concat(),
        [b"cbuiltins\neval\n", text("__import__('os').system('true')").as_slice(), b"\x85R"].concat(),
        [b"csubprocess\nPopen\n".as_slice(), &command, b"\x85R"].concat(),
        [b"ctorch.hub\nload\n".as_slice(), &command, b"\x85R"].concat(),
        [b"ccollections\nOrderedDict\n", command.as_slice(), b"\x85\x81"].concat(),
    ] {
        let pickle = [b"\x80\x02}", text("w").as_slice(), &call, b"s."].concat();
        let zipped = zip(&[("a/data.pkl".into(), pickle.clone())]);
        for file in [legacy(&pickle, &[]), zipped, pickle] {
            let error = read_state_dict(&file).unwrap_err().to_string();
            assert!(error.contains("refused") || error.contains("instruction"), "{error}");
        }
    }
    assert!(!trace.exists());
}

/// The title was copied into every finding: 10 GB for a megabyte of blank questions under half a megabyte of title.
#[test]
fn a_long_title_is_not_copied_for_every_finding() {
    let questions: Vec<String> = (0..5000).map(|id| format!(r#"{{"id":"{id}","question":""}}"#)).collect();
    let file = format!(
        r#"{{"data":[{{"title":"{}","paragraphs":[{{"context":"a","qas":[{}]}}]}}]}}"#,
        "t".repeat(500_000),
        questions.join(",")
    );
    let peak = peak_of(|| assert_eq!(Dataset::from_json(&file, "data.json").unwrap().warnings.len(), 5000));
    assert!(peak < 10 * MEGABYTE, "{peak} bytes");
}

/// For every answer that is nowhere the whole context was copied: minutes for a megabyte.
#[test]
fn answers_that_are_nowhere_do_not_copy_the_context() {
    let questions: Vec<String> = (0..3000)
        .map(|id| {
            format!(r#"{{"id":"{id}","question":"q","answers":[{{"text":"z{id}","answer_start":0}}]}}"#)
        })
        .collect();
    let file = format!(
        r#"{{"data":[{{"paragraphs":[{{"context":"{}","qas":[{}]}}]}}]}}"#,
        "a b ".repeat(50_000),
        questions.join(",")
    );
    let total = total_of(|| assert_eq!(Dataset::from_json(&file, "data.json").unwrap().warnings.len(), 3000));
    assert!(total < 20 * MEGABYTE, "{total} bytes");
}

/// To name the place of a mistake the file was read again as a tree, at fifty times its size.
#[test]
fn a_mistake_in_a_file_of_many_values_is_found_without_a_tree() {
    let file = format!(r#"{{"data":[{}0]}}"#, "0,".repeat(5_000_000));
    let peak = peak_of(|| {
        let error = Dataset::from_json(&file, "data.json").unwrap_err().to_string();
        assert!(error.contains("data.json") && error.contains("line 1"), "{error}");
    });
    assert!(peak < MEGABYTE, "{peak} bytes");
}

/// The bytes of a row overflowed, and in a release build came to 0, which cannot be cut into.
#[test]
fn an_array_of_no_windows_may_not_announce_endless_rows() {
    for length in ["4611686018427387904", "9223372036854775807"] {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2, {length}), }}\n");
        let file = [b"\x93NUMPY\x01\0", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
        assert!(NpyLogits::parse(&file).is_err());
    }
}

/// `runs show` counts epochs from 1, which overflowed.
#[test]
fn an_epoch_that_cannot_be_counted_on_is_no_event() {
    let event = |epoch: u64| {
        let line = format!(
            r#"{{"time":"t","event":"evaluation","step":1,"training":0,"epoch":{epoch},"scores":{{"exact":0.0,"f1":0.0,"total":1}},"best":false,"secs":0.0}}"#
        );
        EventRecord::from_line(line.as_bytes())
    };
    assert!(event(3).is_some() && event(u64::MAX).is_none());
}

/// Nesting is bounded everywhere; without a bound the stack overflows, which nothing can catch.
#[test]
fn nesting_is_bounded() {
    for (open, count) in [("[", 200_000), ("{\"a\":", 100_000), ("a = [", 1), ("a=", 1)] {
        let text = open.repeat(count) + &"[".repeat(100_000);
        for reader in &READERS {
            reader.check(text.as_bytes());
        }
    }
    Reader::named("run_folder").check(("a.".repeat(50_000) + "b = 1").as_bytes());
}

/// The smallest things a format has, a megabyte of them: memory must stay in proportion.
#[test]
fn memory_stays_in_proportion() {
    for (start, part, end) in [
        ("[", "0,", "0]"),
        ("[", "[],", "[]]"),
        ("{", "\"\":0,", "\"\":0}"),
        ("{\"q1\":{", "\"\":{},", "\"\":0}}"),
        ("{\"model\":{\"vocab\":{", "\"\":0,", "\"\":0}}}"),
        ("{\"added_tokens\":[", "{},", "{}]}"),
        ("{\"data\":[", "{\"paragraphs\":[]},", "{\"paragraphs\":[]}]}"),
        ("{\"data\":[{\"paragraphs\":[{\"context\":\"", "a ", "\",\"qas\":[]}]}]}"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "\n", "a"),
        ("", "{\"time\":\"\",\"event\":\"x\"}\n", ""),
        ("seed = 1\n", "[[a]]\n", ""),
        ("\u{80}", "\u{2}}", "."),
    ] {
        let text = start.to_owned() + &part.repeat(MEGABYTE / part.len()) + end;
        for reader in &READERS {
            reader.check(text.as_bytes());
        }
    }
    // A pickle's instructions: objects, marks, numbers, memo entries, references.
    for part in [&b"}b"[..], b")", b"(", b"]", b"N", b"]q\x00", b"h\x00", b"(t", b"Nr\x00\x00\x01\x00"] {
        for prefix in [&b""[..], b"}q\x00"] {
            let pickle = [b"\x80\x02", prefix, &part.repeat(MEGABYTE / part.len()), b"."].concat();
            Reader::named("pickle").check(&legacy(&pickle, &[]));
            Reader::named("pickle").check(&zip(&[("a/data.pkl".into(), pickle)]));
        }
    }
}

/// Short inputs that broke a reader, by its name. What the fuzzers find belongs here.
#[test]
fn short_inputs_stay_harmless() {
    for (name, bytes) in FOUND {
        Reader::named(name).check(bytes);
    }
}

const FOUND: &[(&str, &[u8])] = &[
    // The line number was counted in a slice of the text that could end inside a character.
    ("run_folder", "é = \u{1f44d}\nseed = \u{e9}".as_bytes()),
    // The next failure of the device could not be counted.
    ("run_folder", br#"{"micro_batch":8,"eval_batch":4,"faults":18446744073709551615}"#),
    // The shortest window for such a question overflowed.
    ("run_folder", b"max_query_length = 18446744073709551615"),
    // A valid recipe that TOML could not hold: it was written as one of defaults.
    ("run_folder", b"n_best_size = 18446744073709551615"),
];

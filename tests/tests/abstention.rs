//! Whether a model may abstain: the user's word, else the checkpoint's record, else the file.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{fs, path::PathBuf, process::Output};

use assert_cmd::Command;
use serde_json::{Value, json};
use spanbert_tests::demo::demo;
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    /// A folder with a copy of the demo's model (its name: `m`).
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("m")).unwrap();
        for entry in fs::read_dir(demo().join("model")).unwrap().flatten() {
            fs::copy(entry.path(), place.path("m").join(entry.file_name())).unwrap();
        }
        place.meta("m", json!({}));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Replaces the record of a checkpoint but for the lengths of its windows.
    fn meta(&self, model: &str, record: Value) {
        let mut meta = json!({"max_seq_length": 128, "doc_stride": 64, "max_query_length": 32});
        meta.as_object_mut().unwrap().extend(record.as_object().unwrap().clone());
        fs::write(self.path(model).join("spanbert.json"), meta.to_string()).unwrap();
    }

    fn squad(&self, name: &str, questions: &Value) {
        let context = "Marra built the mill of Kelford in 1842. Torik built the library of Kelford.";
        let file = json!({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": questions}]}]});
        fs::write(self.path(name), file.to_string()).unwrap();
    }

    fn run(&self, arguments: &str) -> (Output, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.env("XDG_CACHE_HOME", demo().join("cache")).current_dir(self.0.path());
        let output = command.args(arguments.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, said)
    }

    /// What a command that succeeds prints for programs, and what it says beside.
    fn json(&self, arguments: &str) -> (Value, String) {
        let (output, said) = self.run(&format!("{arguments} --json --backend cpu"));
        assert_eq!(output.status.code(), Some(0), "{arguments}: {said}");
        (serde_json::from_slice(&output.stdout).unwrap(), said)
    }

    fn refused(&self, arguments: &str, code: i32, expected: &[&str]) {
        let (output, said) = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {said}");
        for part in expected {
            assert!(said.contains(part), "{arguments}: {part} is missing in {said}");
        }
    }

    fn read(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }
}

/// Two questions, nothing said about answers: a test file as people have it.
fn bare() -> Value {
    json!([{"id": "a", "question": "Who built the mill of Kelford?"}, {"id": "b", "question": "Who built the church?"}])
}

/// Two questions with answers: SQuAD 1.1.
fn answered() -> Value {
    json!([
        {"id": "a", "question": "Who built the mill of Kelford?", "answers": [{"text": "Marra", "answer_start": 0}]},
        {"id": "b", "question": "Who built the library of Kelford?", "answers": [{"text": "Torik", "answer_start": 41}]},
    ])
}

fn reason(printed: &Value) -> (bool, &str) {
    let found = &printed["abstention"];
    (found["allowed"].as_bool().unwrap(), found["decided_by"].as_str().unwrap())
}

#[test]
fn predict_follows_the_user_then_the_checkpoint_then_the_file() {
    let place = Place::new();
    place.squad("bare.json", &bare());
    let version_2 = json!({"dataset_version": "SQuAD 2.0", "threshold": 1.5});
    let version_1 = json!({"dataset_version": "SQuAD 1.1"});
    let cases = [
        (json!({}), "", (false, "data_is_squad1")),
        (json!({}), " --squad-version 2.0", (true, "squad_version_flag")),
        (json!({}), " --threshold -1000", (true, "threshold_flag")),
        (json!({"threshold": 1.5}), "", (true, "stored_threshold")),
        (version_2.clone(), "", (true, "trained_on_squad2")),
        (version_2, " --squad-version 1.1", (false, "squad_version_flag")),
        (version_1.clone(), "", (false, "trained_on_squad1")),
        (version_1, " --threshold 0.5", (true, "threshold_flag")),
    ];
    for (number, (meta, flags, expected)) in cases.iter().enumerate() {
        place.meta("m", meta.clone());
        let out = format!("out{number}");
        let (printed, said) =
            place.json(&format!("predict --model m --data bare.json --output-dir {out}{flags}"));
        assert_eq!(reason(&printed), *expected, "{meta} {flags}");
        let line = if expected.0 { "the model may abstain: " } else { "the model may not abstain: " };
        assert_eq!(said.matches(line).count(), 1, "{said}");
        assert_eq!(place.path(&out).join("null_odds.json").is_file(), expected.0, "{meta} {flags}");
        assert_eq!(printed["threshold"].is_number(), expected.0);
        if flags.contains("-1000") {
            assert_eq!(printed["answered"], 0, "the threshold given blanks every answer");
            assert_eq!(place.read("out2/predictions.json"), json!({"a": "", "b": ""}));
        }
    }
    place.refused(
        "predict --model m --data bare.json --output-dir o --squad-version 1.1 --threshold 0",
        1,
        &["--threshold 0", "--squad-version 1.1"],
    );
}

#[test]
fn evaluate_decides_the_same_way_and_keeps_the_decision() {
    let place = Place::new();
    place.squad("one.json", &answered());
    let evaluate = "evaluate --model m --data one.json --output-dir out";
    let (printed, _) = place.json(evaluate);
    assert_eq!(reason(&printed), (false, "data_is_squad1"));
    assert!(printed.get("named").is_none());
    place.meta("m", json!({"dataset_version": "SQuAD 2.0", "threshold": 2.5}));
    let (printed, said) = place.json(evaluate);
    assert_eq!(reason(&printed), (true, "trained_on_squad2"));
    assert!(said.contains("the model may abstain: the checkpoint was trained on SQuAD 2.0"), "{said}");
    assert_eq!(place.read("out/results.json")["abstention"], printed["abstention"]);
    assert!(place.path("out/null_odds.json").is_file());
    assert_eq!(printed["named"]["stored_threshold"]["threshold"], 2.5);
}

#[test]
fn evaluate_scores_at_a_threshold_of_one_s_own() {
    let place = Place::new();
    place.squad("one.json", &answered());
    let evaluate = "evaluate --model m --data one.json --output-dir out --threshold";
    let (printed, _) = place.json(&format!("{evaluate} -1000"));
    assert_eq!(printed["named"]["given_threshold"]["threshold"], -1000.0);
    assert_eq!(printed["named"]["given_threshold"]["exact"], 0.0);
    assert_eq!(printed["official"]["exact"], 0.0, "the answers written are those at the threshold");
    assert_eq!(place.read("out/predictions.json"), json!({"a": "", "b": ""}));
    let (printed, _) = place.json(&format!("{evaluate} 1000"));
    assert_eq!(printed["official"]["exact"], printed["named"]["given_threshold"]["exact"]);
    let (output, _) = place.run("evaluate --model m --data one.json --backend cpu --threshold 1000");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("at --threshold"), "{shown}");
}

#[test]
fn a_breakdown_begins_at_the_threshold_that_was_given() {
    let place = Place::new();
    place.squad("one.json", &answered());
    place.meta("m", json!({"dataset_version": "SQuAD 2.0", "threshold": 2.5}));
    let breakdown = |flags: &str| {
        let (output, said) = place.run(&format!("breakdown out --json{flags}"));
        assert_eq!(output.status.code(), Some(0), "{said}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let named = printed["thresholds"].as_array().unwrap().iter();
        let names: Vec<String> = named.map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        (printed["threshold"].as_f64().unwrap(), names)
    };
    place.json("evaluate --model m --data one.json --output-dir out");
    assert_eq!(breakdown("").0, 2.5, "the stored one");
    place.json("evaluate --model m --data one.json --output-dir out --threshold -0.25");
    let (threshold, names) = breakdown("");
    assert_eq!(threshold, -0.25);
    assert!(names.contains(&"given threshold".to_owned()), "{names:?}");
    assert_eq!(breakdown(" --threshold 1").0, 1.0);
}

#[test]
fn mrqa_has_no_abstention_unless_the_user_asks_for_it() {
    let place = Place::new();
    place.meta("m", json!({"dataset_version": "SQuAD 2.0", "threshold": 2.5}));
    let context = "Marra built the mill of Kelford in 1842. Torik built the library of Kelford.";
    let line = json!({"context": context, "qas": [{"qid": "a", "question": "Who built the mill of Kelford?",
        "answers": ["Marra"], "detected_answers": [{"text": "Marra", "char_spans": [[0, 4]]}]}]});
    fs::write(place.path("m.jsonl"), format!("{{\"header\": {{}}}}\n{line}\n")).unwrap();
    let (printed, said) = place.json("evaluate --model m --data m.jsonl");
    assert_eq!(reason(&printed), (false, "data_is_mrqa"));
    let line =
        "the model may not abstain: MRQA has no unanswerable questions (--squad-version 2.0 allows it)";
    assert!(said.contains(line), "{said}");
    let (printed, _) = place.json("predict --model m --data m.jsonl --output-dir out");
    assert_eq!((reason(&printed), printed["answered"].clone()), ((false, "data_is_mrqa"), json!(1)));
    assert!(!place.path("out/null_odds.json").exists());
    let (printed, _) = place.json("evaluate --model m --data m.jsonl --squad-version 2.0");
    assert_eq!(reason(&printed), (true, "squad_version_flag"));
    let (printed, _) = place.json("evaluate --model m --data m.jsonl --threshold 1");
    assert_eq!(reason(&printed), (true, "threshold_flag"));
}

#[test]
fn a_file_without_gold_answers_is_predicted_and_not_scored() {
    let place = Place::new();
    place.squad("bare.json", &bare());
    let expected = ["bare.json has no gold answers", "spanbert predict"];
    place.refused("evaluate --model m --data bare.json", 1, &expected);
    place.refused("run_squad --output_dir m --do_eval --dev_file bare.json", 1, &expected);
    // No answers for any question is not the same as nothing said.
    let empty = json!([{"id": "a", "question": "Who built the church?", "answers": []}]);
    place.squad("empty.json", &empty);
    let (printed, _) = place.json("evaluate --model m --data empty.json");
    assert_eq!(reason(&printed), (true, "data_is_squad2"));
}

#[test]
fn run_squad_follows_the_reference_s_flag() {
    let place = Place::new();
    place.squad("bare.json", &bare());
    place.squad("one.json", &answered());
    fs::write(place.path("m/eval_results.txt"), "best_f1_thresh = -1000.0\n").unwrap();
    let test = "run_squad --output_dir m --no_cuda --do_eval --eval_test --test_file bare.json";
    let (output, said) = place.run(&format!("{test} --version_2_with_negative"));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("may abstain: --version_2_with_negative"), "{said}");
    assert_eq!(place.read("m/predictions.json"), json!({"a": "", "b": ""}));
    assert!(place.path("m/null_odds.json").is_file());
    // Evaluating on the test set is evaluating.
    let (output, said) = place.run("run_squad --output_dir m --no_cuda --eval_test --test_file bare.json");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("may not abstain"), "{said}");
    let (_, said) =
        place.run("run_squad --output_dir m --no_cuda --eval_test --test_file bare.json --squad_version 2.0");
    assert!(said.contains("may abstain: --squad-version is 2.0"), "{said}");
    place.refused("run_squad --output_dir m --do_eval", 2, &["--dev_file"]);
    place.refused("run_squad --output_dir m --do_eval --eval_test", 2, &["--test-file"]);
    place.refused(
        "run_squad --output_dir m --do_eval --version_2_with_negative --dev_file one.json",
        1,
        &["--version-2-with-negative", "one.json", "SQuAD 1.1"],
    );
}

#[test]
fn damaged_weights_are_told_of() {
    let place = Place::new();
    place.squad("one.json", &answered());
    let path = place.path("m/model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    // Large values of mixed signs after the header: they are numbers, but the layers' sums are not.
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    for (number, value) in bytes[8 + header..].chunks_exact_mut(2).enumerate() {
        value.copy_from_slice(if number * number % 7 < 3 { &[0xff, 0x7b] } else { &[0xff, 0xfb] });
    }
    fs::write(&path, bytes).unwrap();
    let warning = "the model's output was not finite in 2 windows";
    let (printed, said) = place.json("predict --model m --data one.json --output-dir out");
    assert_eq!(printed["non_finite_windows"], 2);
    assert!(said.contains(warning), "{said}");
    let (printed, said) = place.json("evaluate --model m --data one.json");
    assert_eq!(printed["non_finite_windows"], 2);
    assert!(said.contains(warning), "{said}");
    let (_, said) = place.run("run_squad --output_dir m --no_cuda --eval_test --test_file one.json");
    assert!(said.contains(warning), "{said}");
}

#[test]
fn shortened_windows_and_questions_are_told_of() {
    let place = Place::new();
    let long = format!("Who, {}, built the mill?", "of all the people of Kelford".repeat(12));
    place.squad(
        "long.json",
        &json!([
            {"id": "a", "question": long, "answers": [{"text": "Marra", "answer_start": 0}]},
            {"id": "b", "question": "Who?", "answers": [{"text": "Marra", "answer_start": 0}]},
        ]),
    );
    let (_, said) = place.json("evaluate --model m --data long.json");
    assert!(said.contains("1 question is longer than max_query_length 32"), "{said}");
    fs::remove_file(place.path("m/spanbert.json")).unwrap();
    let (_, said) = place.json("evaluate --model m --data long.json");
    assert!(said.contains("max_seq_length is 192 instead of 384"), "{said}");
    place.refused(
        "evaluate --model m --data long.json --backend cpu --max-seq-length 256",
        1,
        &["max_seq_length 256", "192 positions"],
    );
    let (_, said) = place.json("evaluate --model m --data long.json --max-seq-length 128 --doc-stride 32");
    assert!(!said.contains("instead of"), "{said}");
}

#[test]
fn ask_answers_every_question_where_the_model_may_not_abstain() {
    let place = Place::new();
    fs::write(place.path("passage.txt"), "Marra built the mill of Kelford in 1842.").unwrap();
    let asked = |flags: &str| {
        let (printed, said) = place.json(&format!("ask --model m --passage passage.txt{flags} Why?"));
        (printed[0]["answered"].as_bool().unwrap(), said)
    };
    assert!(!asked(" --threshold -1000").0);
    assert!(asked(" --squad-version 1.1").0);
    place.meta("m", json!({"dataset_version": "SQuAD 1.1"}));
    let (answered, said) = asked("");
    assert!(answered && said.contains("the model may not abstain"), "{said}");
    assert!(!asked(" --threshold -1000").0);
}

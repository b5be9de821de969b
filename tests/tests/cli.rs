//! The command line as users and programs meet it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use assert_cmd::Command;
use serde_json::{Value, json};
use spanbert_backends::{DeviceChoice, Precision};
use spanbert_core::message::Message;
use spanbert_tests::{demo::demo, oracle::shared};

/// The program, with its caches in a folder of the test.
fn spanbert(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    command.env("XDG_CACHE_HOME", demo().join("cache")).args(arguments).output().unwrap()
}

/// What it prints when it succeeds.
fn stdout(arguments: &[&str]) -> String {
    let output = spanbert(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn parsed(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(arguments)).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The first paragraphs of the demo's dev set, as a file of its own.
fn few_questions(folder: &Path, paragraphs: usize) -> PathBuf {
    let mut file: Value = serde_json::from_slice(&fs::read(demo().join("dev.json")).unwrap()).unwrap();
    file["data"].as_array_mut().unwrap().truncate(1);
    file["data"][0]["paragraphs"].as_array_mut().unwrap().truncate(paragraphs);
    let path = folder.join("few.json");
    fs::write(&path, file.to_string()).unwrap();
    path
}

#[test]
fn help_names_every_command_and_wrong_usage_is_code_2() {
    let help = stdout(&["--help"]);
    for command in [
        "train",
        "evaluate",
        "predict",
        "ask",
        "score",
        "devices",
        "inspect",
        "export",
        "features",
        "postprocess",
        "runs",
        "run_squad",
        "demo",
        "bench",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing in\n{help}");
        assert!(stdout(&[command, "--help"]).contains("Usage:"), "{command}");
    }
    assert!(stdout(&["--version"]).starts_with("spanbert "));
    for wrong in [&["no-such-command"][..], &["score"], &["ask", "--model"], &["devices", "--backend"], &[]] {
        assert_eq!(spanbert(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn devices_always_include_the_processor() {
    let listing = parsed(&["devices", "--json"]);
    assert!(listing["automatic"].is_string());
    let backends = listing["backends"].as_array().unwrap();
    let names: Vec<&str> = backends.iter().map(|backend| backend["kind"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for backend in backends {
        let none = backend["devices"].as_array().unwrap().is_empty();
        assert_eq!(none, backend["unavailable"]["cause"].is_string(), "{backend}");
        assert_eq!(none, backend["unavailable"]["remedy"].is_string(), "{backend}");
    }
    assert!(stdout(&["devices"]).contains("cpu"));
}

#[test]
fn a_checkpoint_is_described() {
    let model = demo().join("model");
    let described = parsed(&["inspect", text(&model), "--json"]);
    assert_eq!(described["config"]["num_hidden_layers"], 3);
    assert_eq!(described["casing"]["do_lower_case"], false);
    assert_eq!(described["problems"], json!([]));
    let shown = stdout(&["inspect", text(&model)]);
    assert!(shown.contains("cased") && shown.contains("Vocabulary"), "{shown}");
}

/// Logits that point at the gold answers, made from the training windows, have to give full marks.
#[test]
fn windows_answers_and_scores_close_the_circle() {
    let folder = tempfile::tempdir().unwrap();
    let (data, model) = (few_questions(folder.path(), 8), demo().join("model"));
    let (data, model) = (text(&data), text(&model));
    let windows = stdout(&["features", "--data", data, "--model", model, "--training"]);
    let logits: Vec<String> = windows
        .lines()
        .map(|line| {
            let window: Value = serde_json::from_str(line).unwrap();
            let length = window["input_ids"].as_array().unwrap().len();
            let peak = |name: &str| {
                let mut logits = vec![0.0; length];
                logits[window[name].as_u64().unwrap() as usize] = 9.0;
                logits
            };
            json!({
                "unique_id": window["unique_id"],
                "start_logits": peak("start_position"),
                "end_logits": peak("end_position"),
            })
            .to_string()
        })
        .collect();
    let logits_file = folder.path().join("logits.jsonl");
    fs::write(&logits_file, logits.join("\n")).unwrap();
    let out = folder.path().join("out");
    let arguments = ["postprocess", "--data", data, "--model", model, "--logits", text(&logits_file)];
    let lines = stdout(&arguments);
    assert_eq!(lines.lines().count(), 48);
    stdout(&[&arguments[..], &["--output-dir", text(&out)]].concat());
    let (predictions, odds) = (out.join("predictions.json"), out.join("null_odds.json"));
    let scores = parsed(&[
        "score",
        "--data",
        data,
        "--predictions",
        text(&predictions),
        "--null-odds",
        text(&odds),
        "--na-prob-thresh",
        "0",
        "--json",
    ]);
    assert_eq!(scores["exact"], 100.0, "{scores}");
    assert_eq!((&scores["total"], &scores["NoAns_total"]), (&json!(48), &json!(16)));
    assert_eq!((&scores["best_f1"], &scores["pr_oracle_ap"]), (&json!(100.0), &json!(100.0)));
}

#[test]
fn underscores_are_dashes() {
    let (data, model) = (demo().join("dev.json"), demo().join("model"));
    let count = |stride| {
        let flags = ["--max_seq_length=64", "--doc_stride", stride, "--max-query-length", "24", "--digests"];
        let base = ["features", "--data", text(&data), "--model", text(&model)];
        stdout(&[&base[..], &flags].concat()).lines().count()
    };
    assert!(count("8") > count("32"), "the stride is used");
}

#[test]
fn features_are_the_reference_s() {
    let Some(shared) = shared() else { return };
    let oracle = shared.join("oracle/features");
    let vocab = shared.join("data/vocab/bert-base-cased-vocab.txt");
    for (mode, file, settings) in
        [("train", "squad_train.json", [384, 128, 64]), ("eval", "squad_dev.json", [384, 128, 64])]
    {
        let [length, stride, query] = settings.map(|number: usize| number.to_string());
        let data = oracle.join(file);
        let mut arguments = vec![
            "features",
            "--data",
            text(&data),
            "--vocab",
            text(&vocab),
            "--digests",
            "--max_seq_length",
            &length,
            "--doc_stride",
            &stride,
            "--max_query_length",
            &query,
        ];
        if mode == "train" {
            arguments.push("--training");
        }
        let expected =
            fs::read_to_string(oracle.join(format!("digests_{mode}_{length}_{stride}_{query}.txt")));
        assert_eq!(stdout(&arguments), expected.unwrap(), "{mode}");
    }
}

#[test]
fn postprocessing_is_the_reference_s() {
    let Some(shared) = shared() else { return };
    let oracle = shared.join("oracle");
    let vocab = shared.join("data/vocab/bert-base-cased-vocab.txt");
    let (data, logits) =
        (oracle.join("features/squad_dev.json"), oracle.join("postprocess/logits_384_128_64.npy"));
    let folder = tempfile::tempdir().unwrap();
    stdout(&[
        "postprocess",
        "--data",
        text(&data),
        "--logits",
        text(&logits),
        "--vocab",
        text(&vocab),
        "--output-dir",
        text(folder.path()),
    ]);
    let read = |path: PathBuf| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let expected = read(oracle.join("postprocess/v2_predictions.json"));
    assert_eq!(read(folder.path().join("predictions.json")), expected);
    let (odds, expected) =
        (read(folder.path().join("null_odds.json")), read(oracle.join("postprocess/v2_scores_diff.json")));
    for (id, value) in expected.as_object().unwrap() {
        let difference = odds[id].as_f64().unwrap() - value.as_f64().unwrap();
        assert!(difference.abs() <= 1e-9, "{id}");
    }
}

#[test]
fn scores_are_the_official_script_s() {
    let Some(shared) = shared() else { return };
    let (data, folder) = (shared.join("data/dev-v2.0.json"), shared.join("data/predictions"));
    let predictions = folder.join("BERT_single.predictions.json");
    let scores = parsed(&["score", "--data", text(&data), "--predictions", text(&predictions), "--json"]);
    let expected: Value =
        serde_json::from_slice(&fs::read(folder.join("BERT_single.eval.json")).unwrap()).unwrap();
    for (name, value) in scores.as_object().unwrap() {
        let difference = value.as_f64().unwrap() - expected[name].as_f64().unwrap();
        assert!(difference.abs() <= 1e-9, "{name}: {value} instead of {}", expected[name]);
    }
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&scores), names(&expected)[..names(&scores).len()], "names and their order");
}

#[test]
fn a_file_is_answered_and_scored() {
    let folder = tempfile::tempdir().unwrap();
    let (data, model) = (few_questions(folder.path(), 5), demo().join("model"));
    let common = ["--model", text(&model), "--data", text(&data), "--backend", "cpu"];
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let evaluated = parsed(&[&["evaluate"], &common[..], &["--output-dir", text(&one), "--json"]].concat());
    assert_eq!(evaluated["official"]["total"], 30);
    for file in
        ["predictions.json", "nbest_predictions.json", "null_odds.json", "results.json", "records.jsonl"]
    {
        assert!(one.join(file).is_file(), "{file}");
    }
    let predicted = parsed(&[&["predict"], &common[..], &["--output-dir", text(&two), "--json"]].concat());
    assert_eq!(predicted["questions"], 30);
    let same = |name: &str| fs::read(one.join(name)).unwrap() == fs::read(two.join(name)).unwrap();
    assert!(same("nbest_predictions.json") && same("null_odds.json"));
    // Padding to the longest input, as the reference does, may change an answer but not the number of answers.
    let padded = parsed(&[&["evaluate"], &common[..], &["--pad-to-max-length", "--json"]].concat());
    assert_eq!(padded["official"]["total"], 30);
    let shown = stdout(&[&["evaluate"], &common[..]].concat());
    assert!(shown.contains("all unanswered") && shown.contains("at the best threshold here"), "{shown}");
}

#[test]
fn messages_for_a_program_are_lines_that_it_can_parse() {
    let folder = tempfile::tempdir().unwrap();
    let (data, model) = (few_questions(folder.path(), 1), demo().join("model"));
    let with = |data: &Path| {
        let files = ["--model", text(&model), "--data", text(data)];
        let output =
            spanbert(&[&["evaluate", "--backend=cpu", "--message-format=json"], &files[..]].concat());
        let lines = String::from_utf8(output.stderr).unwrap();
        let messages: Vec<Message> = lines.lines().map(|line| Message::parse(line).unwrap()).collect();
        (output.status.code(), messages)
    };
    let (code, messages) = with(&data);
    assert_eq!(code, Some(0));
    assert!(messages.iter().any(|message| matches!(message, Message::Note { .. })), "{messages:?}");
    let progress = messages.iter().filter_map(|message| match message {
        Message::Progress { work, done, total } if work == "answering" => Some((*done, *total)),
        _ => None,
    });
    let progress: Vec<_> = progress.collect();
    assert_eq!((progress.first(), progress.last()), (Some(&(0, 0)), Some(&(6, 6))), "{progress:?}");

    let (code, messages) = with(&folder.path().join("none.json"));
    assert_eq!(code, Some(1));
    let Some(Message::Error { cause, remedy }) = messages.last() else { panic!("{messages:?}") };
    assert!(cause.contains("none.json") && !remedy.is_empty(), "{cause}; {remedy}");
}

#[test]
fn questions_about_a_passage_from_standard_input() {
    let model = demo().join("model");
    let passage = "Zoë was born in Altona.\nÉlan keeps 12 goats.";
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    let arguments = ["ask", "--model", text(&model), "--backend", "cpu", "--threshold", "1e9"];
    let questions = ["Where was Zoë born?", "How many goats does Élan keep?"];
    command.env("XDG_CACHE_HOME", demo().join("cache")).args(arguments).args(questions);
    let output = command.arg("--json").write_stdin(passage).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.as_array().unwrap().len(), 2);
    let characters: Vec<char> = passage.chars().collect();
    for asked in answers.as_array().unwrap() {
        assert_eq!(asked["answered"], true, "the threshold lets everything pass");
        for answer in asked["answers"].as_array().unwrap() {
            let at = |end: &str| answer["chars"][end].as_u64().unwrap() as usize;
            let there: String = characters[at("start")..at("end")].iter().collect();
            assert_eq!(there, answer["text"].as_str().unwrap());
        }
    }
    let silent = command_with(&["--threshold", "-1e9"], &model, passage);
    assert!(silent.contains("no answer in the passage"), "{silent}");
    let loud = command_with(&["--threshold", "1e9"], &model, passage);
    assert!(loud.contains('[') && loud.contains("characters"), "{loud}");
}

fn command_with(flags: &[&str], model: &Path, passage: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    command.env("XDG_CACHE_HOME", demo().join("cache")).args([
        "ask",
        "--model",
        text(model),
        "--backend",
        "cpu",
    ]);
    let output = command.args(flags).arg("Who?").write_stdin(passage).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The command lines of SpanBERT's README, word for word but for the folders, get as far as looking for the model.
#[test]
fn the_reference_s_command_lines_are_understood() {
    let version_2 = "run_squad --do_train --do_eval --model spanbert-base-cased --train_file train-v2.0.json \
        --dev_file dev-v2.0.json --train_batch_size 32 --eval_batch_size 32 --learning_rate 2e-5 \
        --num_train_epochs 4 --max_seq_length 512 --doc_stride 128 --eval_metric best_f1 \
        --output_dir squad2_output --version_2_with_negative --fp16";
    let version_1 = "run_squad --do_train --do_eval --model spanbert-base-cased --train_file train-v1.1.json \
        --dev_file dev-v1.1.json --train_batch_size 32 --eval_batch_size 32 --learning_rate 2e-5 \
        --num_train_epochs 4 --max_seq_length 512 --doc_stride 128 --eval_metric f1 \
        --output_dir squad_output --fp16";
    let test = "run_squad --do_eval --eval_test --test_file t.json --model m --output_dir o --no_cuda --seed 1 \
        --verbose_logging --loss_scale 128 --do_lower_case --max_query_length 64 --n_best_size 20 \
        --max_answer_length 30 --warmup_proportion 0.1 --gradient_accumulation_steps 1 --train_mode random_sorted \
        --eval_per_epoch 10 --dev_file d.json";
    let folder = tempfile::tempdir().unwrap();
    for (line, missing) in
        [(version_2, "spanbert-base-cased"), (version_1, "spanbert-base-cased"), (test, "o ")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        let output = command
            .current_dir(folder.path())
            .env("XDG_CACHE_HOME", demo().join("cache"))
            .args(line.split_whitespace())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("error: ") && errors.contains(missing), "{errors}");
        let idle_scale = line.contains("--loss_scale") && !line.contains("--fp16");
        assert_eq!(errors.contains("--loss_scale belongs to --fp16"), idle_scale, "{errors}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }
}

#[test]
fn low_precisions_are_imitated_by_processors_and_refused_by_gpus_without_them() {
    let model = demo().join("model");
    let ask = |flags: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.env("XDG_CACHE_HOME", demo().join("cache")).args(["ask", "--model", text(&model), "--json"]);
        command.args(flags).arg("Who?").write_stdin("Zoë was born in Altona.").output().unwrap()
    };
    let processor = spanbert_backends::select(&DeviceChoice::Cpu).unwrap();
    let natively: Vec<String> = processor.precisions.iter().map(ToString::to_string).collect();
    let score = |precision: &str| {
        let output = ask(&["--backend", "cpu", "--precision", precision]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        // `devices` names what the processor has instructions for; the rest it says it makes in another way.
        let said = errors.contains("imitating") || errors.contains("in plain code");
        assert_eq!(said, !natively.iter().any(|native| native == precision), "{precision}: {errors}");
        let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
        answers[0]["score_diff"].as_f64().unwrap()
    };
    let scores @ [single, bf16, fp16, int8] = ["f32", "bf16", "fp16", "int8"].map(score);
    assert!(bf16 != single && fp16 != single && fp16 != bf16 && int8 != single, "{scores:?}");
    assert!((bf16 - single).abs() < 0.1 && (fp16 - single).abs() < 0.02, "{scores:?}");
    assert!((int8 - single).abs() < 0.2, "{scores:?}");

    assert_eq!(ask(&["--precision", "fp8"]).status.code(), Some(2));
    let device = spanbert_tests::device::under_test();
    if let Some(device) = device.filter(|device| !device.precisions.contains(&Precision::Bf16)) {
        let output = ask(&["--backend", &device.choice.to_string(), "--precision", "bf16"]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("does not compute in bf16, only in f32"), "{errors}");
        assert!(errors.contains("try: use --precision f32"), "{errors}");
    }
}

#[test]
fn runs_of_an_empty_folder() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(parsed(&["runs", "list", text(folder.path()), "--json"]), json!([]));
    let output = spanbert(&["runs", "show", text(folder.path())]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_model_inside_the_program_answers_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let passage =
        "In 1842, Marra built the mill of Kelford. The library of Norwick was built by Torik in 1790.";
    let file = folder.path().join("passage.txt");
    fs::write(&file, passage).unwrap();
    let questions = ["Who built the mill of Kelford?", "When was the library of Norwick built?"];
    let ask = ["ask", "--model", "demo", "--backend", "cpu", "--json", "--passage", text(&file)];
    let answers = parsed(&[&ask[..], &questions].concat());
    let best = |index: usize| answers[index]["answers"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!([best(0), best(1)], ["Marra", "1790"], "{answers}");
}

#[test]
fn a_checkpoint_is_exported_in_half_the_size_and_answers_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let model = demo().join("model");
    let data = few_questions(folder.path(), 2);
    let half = folder.path().join("half");
    let told = parsed(&["export", text(&model), "--dtype", "fp16", "--output-dir", text(&half), "--json"]);
    let size = |folder: &Path| fs::metadata(folder.join("model.safetensors")).unwrap().len();
    assert_eq!(told["bytes"].as_u64().unwrap(), size(&half));
    assert!(size(&half) * 2 < size(&model) + 16_384, "{} {}", size(&half), size(&model));
    let config: Value = serde_json::from_slice(&fs::read(half.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["torch_dtype"], "float16");
    let scores = |model: &Path| {
        let evaluate =
            ["evaluate", "--backend", "cpu", "--json", "--model", text(model), "--data", text(&data)];
        parsed(&evaluate)["windows"].clone()
    };
    assert_eq!(scores(&half), scores(&model));
    // Never over the checkpoint itself.
    let output = spanbert(&["export", text(&half), "--output-dir", text(&half)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the checkpoint itself"));
    assert_eq!(told["bytes"].as_u64().unwrap(), size(&half));
}

#[test]
fn an_evaluation_is_broken_down_compared_and_written_as_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let data = few_questions(folder.path(), 4);
    let evaluation = folder.path().join("answers");
    let model = demo().join("model");
    let (data, answers) = (text(&data), text(&evaluation));
    parsed(&[
        "evaluate",
        "--backend",
        "cpu",
        "--json",
        "--model",
        text(&model),
        "--data",
        data,
        "--output-dir",
        answers,
    ]);
    // The folder knows its data; the official files of the same evaluation give the same figures at the same threshold.
    let own = parsed(&["breakdown", answers, "--json", "--slice", "mine=answerable and question_words > 3"]);
    let file = |name: &str| evaluation.join(name).to_str().unwrap().to_owned();
    let threshold = own["threshold"].to_string();
    let (predictions, odds) = (file("predictions.json"), file("null_odds.json"));
    let official =
        ["breakdown", "--json", "--data", data, "--predictions", &predictions, "--null-odds", &odds];
    let other = parsed(&[&official[..], &["--threshold", &threshold]].concat());
    for figure in ["exact", "f1", "total"] {
        assert_eq!(own["official"][figure], other["official"][figure], "{figure}");
    }
    let mine = own["slices"].as_array().unwrap().last().unwrap();
    assert_eq!((&mine["dimension"], &mine["label"]), (&json!("query"), &json!("mine")));

    let page = folder.path().join("page.html");
    let told = stdout(&["breakdown", answers, "--html", text(&page), "--compare", answers]);
    for part in
        ["What became of the questions", "question word", "Confidence", "right to wrong 0, wrong to right 0"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let page = fs::read_to_string(&page).unwrap();
    assert!(page.contains("id=\"data\"") && !page.contains("https://"));
    let listed = parsed(&["breakdown", answers, "--list", "answerable", "--json"]);
    assert_eq!(listed.as_array().unwrap().len() as u64, own["official"]["HasAns_total"].as_u64().unwrap());
}

#[test]
fn a_breakdown_refuses_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let data = few_questions(folder.path(), 1);
    let predictions = folder.path().join("predictions.json");
    let refused = |content: &str, more: &[&str], cause: &str, remedy: &str| {
        fs::write(&predictions, content).unwrap();
        let named = ["breakdown", "--data", text(&data), "--predictions", text(&predictions)];
        let output = spanbert(&[&named[..], more].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(cause) && said.contains(remedy), "{said}");
    };
    refused(r#"{"x": "y"}"#, &[], "none of the 1 predictions is for one of", "choose the data set");
    refused("{}", &[], "no prediction for", "--allow-missing");
    refused("[3]", &[], "predictions.json", "question ids to texts");
    refused("{}", &["--slice", "questoin_word = \"why\""], "at column 1", "write question_word");
    refused("{}", &["--null-odds", "/nowhere.json"], "/nowhere.json", "question ids to numbers");
}

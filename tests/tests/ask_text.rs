//! `spanbert ask` on texts as people have them: any encoding, any blanks, escapes, and many passages.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::OnceLock,
};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const MILL: &str = "Who built the mill of Kelford?";
const PASSAGE: &str =
    "In 1842, Marra Torik built the mill of Kelford. The library of Norwick was built by Anna.";

/// A folder for caches that all tests share.
fn cache() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// `spanbert ask` of the built-in model.
fn ask(arguments: &[&str], piped: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    command
        .env("XDG_CACHE_HOME", cache())
        .args(["ask", "--model", "demo", "--backend", "cpu"])
        .args(arguments);
    command.write_stdin(piped).output().unwrap()
}

/// The answers of a question to one text, which is piped in.
fn asked(text: &[u8], question: &str) -> Value {
    let output = ask(&["--json", "--threshold", "1e9", question], text);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()[0].take()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Checks that every answer is the piece of the text at its characters.
fn check_places(asked: &Value, passage: &str) {
    let characters: Vec<char> = passage.chars().collect();
    for answer in asked["answers"].as_array().unwrap() {
        let at = |kind: &str, end: &str| answer[kind][end].as_u64().unwrap() as usize;
        let piece = answer["text"].as_str().unwrap();
        assert_eq!(&passage[at("bytes", "start")..at("bytes", "end")], piece);
        let there: String = characters[at("chars", "start")..at("chars", "end")].iter().collect();
        assert_eq!(there, piece);
    }
}

#[test]
fn blanks_of_all_kinds_give_the_answer_that_spaces_give() {
    let plain = asked(PASSAGE.as_bytes(), MILL);
    assert_eq!(plain["answer"], "Marra Torik");
    for blank in [
        "\u{a0}", "\u{3000}", "\u{2009}", "\u{202f}", "\u{200b}", "\u{2028}", "\u{85}", "\u{b}", "\u{c}",
        "\r\n",
    ] {
        let passage = PASSAGE.replace(' ', blank);
        let other = asked(passage.as_bytes(), MILL);
        assert_eq!(other["answer"].as_str().unwrap(), format!("Marra{blank}Torik"), "{blank:?}");
        assert_eq!(other["score_diff"], plain["score_diff"], "{blank:?}: the model sees the same");
        check_places(&other, &passage);
        let question = asked(PASSAGE.as_bytes(), &MILL.replace(' ', blank));
        assert_eq!(question["score_diff"], plain["score_diff"], "{blank:?} in the question");
    }
}

#[test]
fn marks_escapes_and_page_ends_reach_neither_model_nor_terminal() {
    let plain = asked(PASSAGE.as_bytes(), MILL);
    let hostile = format!(
        "\u{1b}]0;title\u{7}{}\u{c}",
        PASSAGE
            .replace("Marra", "\u{1b}[31mMar\u{ad}ra\u{1b}[0m")
            .replace("Torik", "\u{202e}Torik\u{202c}\u{9b}1m")
    );
    let marked = [b"\xef\xbb\xbf", hostile.as_bytes()].concat();
    let answer = asked(&marked, MILL);
    assert_eq!(answer["score_diff"], plain["score_diff"], "the model sees the same");
    assert_eq!(answer["answer"].as_str().unwrap(), "Mar\u{ad}ra\u{1b}[0m \u{202e}Torik");
    check_places(&answer, &hostile);
    for arguments in [&[MILL][..], &["--json", MILL], &["--threshold", "-1e9", "Who\u{1b}[2J\u{9b}?"]] {
        let shown = stdout(&ask(arguments, &marked));
        let obeyed = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
        assert!(!shown.contains(obeyed), "{shown:?}");
    }
    let shown = stdout(&ask(&[MILL], &marked));
    assert!(
        shown.contains("\n  Marra Torik\n  In 1842, [Marra Torik] built the mill of Kelford.\n"),
        "{shown}"
    );
}

#[test]
fn utf16_is_read_and_other_encodings_are_named_with_a_cure() {
    let folder = tempfile::tempdir().unwrap();
    let utf16 = |mark: &str, to_pair: fn(u16) -> [u8; 2]| -> Vec<u8> {
        format!("{mark}{PASSAGE}").encode_utf16().flat_map(to_pair).collect()
    };
    for bytes in [utf16("\u{feff}", u16::to_le_bytes), utf16("\u{feff}", u16::to_be_bytes)] {
        let answer = asked(&bytes, MILL);
        assert_eq!(answer["answer"], "Marra Torik");
        check_places(&answer, PASSAGE);
    }
    let latin: Vec<u8> = "Zoë built it.".chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for (name, bytes, wanted) in [
        ("latin.txt", latin, ["byte 2", "iconv -f WINDOWS-1252 -t UTF-8"]),
        ("unmarked.txt", utf16("", u16::to_le_bytes), ["byte 1", "iconv -f UTF-16LE -t UTF-8"]),
        ("paper.pdf", b"%PDF-1.4\n".to_vec(), ["a PDF", "pdftotext"]),
        ("packed.txt", b"\x1f\x8b\x08\0".to_vec(), ["gzip", "gunzip"]),
    ] {
        let path = file(folder.path(), name, bytes);
        let output = ask(&["--passage", text(&path), MILL], b"");
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(error.contains(name) && wanted.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn the_best_of_many_passages_answers_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, content: &[u8]| file(folder.path(), name, content);
    let mill = path("mill.txt", b"Marra built the mill of Kelford in 1842.");
    let library = path("library.txt", b"The library of Norwick was built by Anna.");
    let blank = path("blank.txt", b"\xef\xbb\xbf\n");
    let latin = path("latin.txt", b"Zo\xeb left.");
    let church = "Who built the church of Astow?";
    // As the shell makes it of *.txt.
    let arguments = [
        "--passage",
        text(&blank),
        text(&latin),
        text(&library),
        text(&mill),
        MILL,
        "Who built the library of Norwick?",
        church,
    ];
    let output = ask(&[&["--json"], &arguments[..]].concat(), b"");
    let answers: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let best = |index: usize| (answers[index]["answer"].clone(), answers[index]["file"].clone());
    assert_eq!(best(0), ("Marra".into(), text(&mill).into()));
    assert_eq!(best(1), ("Anna".into(), text(&library).into()));
    assert_eq!(best(2), (Value::Null, Value::Null));
    assert_eq!(
        (&answers[0]["passages"], &answers[0]["skipped"][1]["file"]),
        (&2.into(), &text(&latin).into())
    );
    let warnings = stderr(&output);
    assert!(warnings.contains("blank.txt") && warnings.contains("WINDOWS-1252"), "{warnings}");

    // The rule: what each passage says by itself decides.
    let alone = |path: &Path, question: &str| {
        asked(&fs::read(path).unwrap(), question)["score_diff"].as_f64().unwrap()
    };
    for (index, question) in [(0, MILL), (2, church)] {
        let lowest = alone(&mill, question).min(alone(&library, question));
        assert!((answers[index]["score_diff"].as_f64().unwrap() - lowest).abs() < 1e-4);
    }

    let shown = stdout(&ask(&arguments, b""));
    assert!(shown.contains(&format!("\n  in {}\n", text(&mill))), "{shown}");
    assert!(shown.contains("no answer in any of the 2 passages"), "{shown}");
    let from_folder = stdout(&ask(&["--passage", text(folder.path()), MILL], b""));
    assert!(from_folder.contains("mill.txt"), "{from_folder}");
    let piped = stdout(&ask(
        &["--passage", "-", "--passage", text(&library), "--json", MILL],
        b"Marra built the mill of Kelford.",
    ));
    assert_eq!(serde_json::from_str::<Value>(&piped).unwrap()[0]["file"], "-");
}

#[test]
fn passages_that_are_not_there_or_all_unusable_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let blank = file(folder.path(), "blank.txt", " ");
    let none = folder.path().join("none.txt");
    for (arguments, wanted) in [
        (&["--passage", text(&blank), MILL][..], "blank.txt: the passage is empty"),
        (&["--passage", text(&blank), text(&blank), MILL], "none of the 2 passages"),
        (&["--passage", text(&blank), text(&none), MILL], "there is no such file"),
        (&["--passage", text(&blank), "--passage", text(&none), MILL], "none.txt: cannot be read"),
        (&["--passage", text(&blank), text(&blank)], "no question given"),
        (&["--passage", "-", "\u{200b}"], "the question is empty"),
    ] {
        let output = ask(arguments, b"Marra left.");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(wanted), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_question_cut_and_a_length_lowered_are_said() {
    let arguments = ["--max-seq-length", "600", "--max-query-length", "4", MILL];
    let output = ask(&arguments, PASSAGE.as_bytes());
    let notes = stderr(&output);
    assert!(
        notes.contains("was cut to the first 4") && notes.contains("max_seq_length 600 was lowered to"),
        "{notes}"
    );
    let output = ask(&[&["--json"], &arguments[..]].concat(), PASSAGE.as_bytes());
    let asked: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(
        (&asked[0]["question_pieces_used"], &asked[0]["max_seq_length_asked"]),
        (&4.into(), &600.into())
    );
    assert!(asked[0]["question_pieces"].as_u64().unwrap() > 4);
    let notes = stderr(&ask(&[MILL], PASSAGE.as_bytes()));
    assert!(!notes.contains("note:"), "{notes}");
}

#[test]
fn an_abstention_explains_its_list() {
    let shown = stdout(&ask(&["--threshold", "-1e9", MILL], PASSAGE.as_bytes()));
    assert!(shown.contains("no answer in the passage\n"), "{shown}");
    assert!(
        shown.contains("what is listed is not given as an answer") && !shown.contains("empty"),
        "{shown}"
    );
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        let script = stdout(&command.args(["completions", shell]).output().unwrap());
        assert!(script.contains("spanbert") && script.contains("passage"), "{shell}: {script}");
    }
    let bash =
        Command::new(env!("CARGO_BIN_EXE_spanbert_cli")).args(["completions", "bash"]).output().unwrap();
    // The shell itself says whether it understands it, where there is one.
    if let Ok(mut parser) =
        std::process::Command::new("bash").arg("-n").stdin(std::process::Stdio::piped()).spawn()
    {
        std::io::Write::write_all(&mut parser.stdin.take().unwrap(), &bash.stdout).unwrap();
        assert!(parser.wait().unwrap().success());
    }
}

#[test]
fn other_text_files_are_read_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let data = r#"{"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "Marra built it.", "qas": [{"id": "a",
        "question": "Who built it?", "answers": [{"text": "Marra", "answer_start": 0}], "is_impossible": false}]}]}]}"#;
    let data = file(folder.path(), "data.json", data);
    let score = |predictions: &[u8]| {
        let predictions = file(folder.path(), "predictions.json", predictions);
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
        command.args(["score", "--data", text(&data), "--predictions", text(&predictions)]).output().unwrap()
    };
    let plain = stdout(&score(br#"{"a": "Marra"}"#));
    // As a shell of Windows writes it.
    let wide: Vec<u8> = "\u{feff}{\"a\": \"Marra\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(stdout(&score(&wide)), plain);
    assert_eq!(stdout(&score(b"\xef\xbb\xbf{\"a\": \"Marra\"}")), plain);
    let latin = score(b"{\"a\": \"Zo\xeb\"}");
    assert_eq!(latin.status.code(), Some(1));
    assert!(stderr(&latin).contains("iconv -f WINDOWS-1252"), "{}", stderr(&latin));

    let model = folder.path().join("model");
    let corpus = file(folder.path(), "corpus.txt", b"The caf\xe9 of Marra");
    let mut command = Command::new(env!("CARGO_BIN_EXE_spanbert_cli"));
    command.args(["pretrain", "--corpus", text(&corpus), "--config", "minilm", "--train-vocab", "300"]);
    let output = command.args(["--backend", "cpu", "--output-dir", text(&model)]).output().unwrap();
    assert!(stderr(&output).contains("iconv -f WINDOWS-1252"), "{}", stderr(&output));
}

use super::*;
use crate::selftest::tests::device;

fn request() -> Request {
    Request { device: device("wgpu:0", "1"), fusion: Fusion::Unfused, precision: Precision::Bf16 }
}

/// A shell script in the worker's place.
fn script(text: &str, patience: Duration) -> Program {
    Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), text.into()], patience }
}

fn failure(text: &str) -> String {
    match ask(&script(text, PATIENCE), &request()) {
        Some(Answer::Device(Outcome::Failed(why))) => why,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_request_reaches_the_worker_and_its_answer_comes_back() {
    let asked = serde_json::to_string(&request()).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&asked).unwrap(), request());
    let answer = Answer::Device(Outcome::Failed("its logits differ".into()));
    let told = serde_json::to_string(&answer).unwrap();
    // Drivers print before and after it.
    let text = format!(
        "read line; test \"$line\" = \"$EXPECTED\" || exit 7; echo noise; echo '{MARK}{told}'; echo more; kill -9 $$"
    );
    let mut program = script(&text, PATIENCE);
    program.arguments = vec!["-c".into(), format!("EXPECTED='{asked}'; {text}").into()];
    assert_eq!(ask(&program, &request()), Some(answer));
}

#[test]
fn a_worker_without_an_answer_fails_with_the_reason() {
    let why = failure("read line; echo first >&2; echo 'LLVM ERROR: no' >&2; echo >&2; kill -9 $$");
    assert!(why.contains("SIGKILL") && why.ends_with(": LLVM ERROR: no"), "{why}");
    let why = failure("read line; exit 3");
    assert!(why.contains("3"), "{why}");
    // It ends before it has read the request.
    assert!(failure("exec true").contains("0"));
    let why = failure(&format!("read line; echo '{MARK}{{\"Device\": 7}}'"));
    assert_eq!(why, "its process gave no readable result");
    let why = failure("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 4");
    assert!(why.contains('4') && why.len() < 2000, "{why}");
}

#[test]
fn a_worker_that_hangs_is_killed() {
    let program = script("read line; sleep 1000", Duration::from_millis(300));
    let Some(Answer::Device(Outcome::Failed(why))) = ask(&program, &request()) else { panic!() };
    assert!(why.contains("no result within"), "{why}");
}

#[test]
fn without_a_program_that_starts_there_is_no_worker() {
    let program = Program { path: "/nonexistent".into(), ..script("", PATIENCE) };
    assert_eq!(ask(&program, &request()), None);
}

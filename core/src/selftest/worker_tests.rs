use super::*;
use crate::selftest::device::tests::device;

fn request() -> Request {
    Request { device: device("wgpu:0", "1"), fusion: Fusion::Unfused, precision: Precision::Bf16 }
}

/// A shell script in the worker's place.
fn script(text: &str, patience: Duration) -> Program {
    Program {
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), text.into()],
        patience,
        first_news: FIRST_NEWS,
    }
}

fn failure(text: &str) -> String {
    match ask(&script(text, PATIENCE), &request(), &mut |_| ()) {
        Some(Answer::Broke(why)) => why,
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
    assert_eq!(ask(&program, &request(), &mut |_| ()), Some(answer));
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

/// A script that does so many steps, each after a command.
fn steps(count: usize, each: &str) -> String {
    format!("for i in $(seq {count}); do {each}; printf '\\nspanbert-self-test-step\\n'; done")
}

#[test]
fn a_worker_that_hangs_is_killed() {
    let hung = |text: &str, patience| match ask(&script(text, patience), &request(), &mut |_| ()) {
        Some(Answer::Device(Outcome::Failed(why))) => why,
        other => panic!("{text}: {other:?}"),
    };
    let run = steps_of_a_run(&request());
    let of = (1 + REPEATS) * run;
    let patience = Duration::from_secs(1);
    let why = hung("read line; sleep 1000", patience);
    assert_eq!(why, format!("it hung: nothing came for 1 s, after step 0 of {of}"));
    // Each step within the patience, all together beyond it.
    let started = Instant::now();
    let why = hung(&format!("read line; {}; sleep 1000", steps(4, "sleep 0.3")), patience);
    assert!(why.ends_with(&format!("after step 4 of {of}")), "{why}");
    assert!(started.elapsed() > 2 * patience);
    // Once kernels are compiled, it takes less for a hang.
    let started = Instant::now();
    let why = hung(&format!("read line; {}; sleep 1000", steps(2 * run, ":")), 10 * patience);
    assert!(
        why.contains("nothing came for 2 s") && why.ends_with(&format!("after step {} of {of}", 2 * run)),
        "{why}"
    );
    assert!(started.elapsed() < 10 * patience, "{:?}", started.elapsed());
}

#[test]
fn a_worker_that_takes_its_time_is_told_of() {
    let told = serde_json::to_string(&Answer::Broke("lost".into())).unwrap();
    let text = format!("read line; {}; sleep 1; echo '{MARK}{told}'", steps(3, ":"));
    let program = Program { first_news: Duration::from_millis(200), ..script(&text, PATIENCE) };
    let mut news = Vec::new();
    let answer = ask(&program, &request(), &mut |one| news.push(one));
    assert_eq!(answer, Some(Answer::Broke("lost".into())));
    let [News::GoesOn { done, of, .. }, ..] = news[..] else { panic!("{news:?}") };
    assert_eq!((done, of), (3, (1 + REPEATS) * steps_of_a_run(&request())));
    // Seldom: after 0.2 s, 0.4 s, 0.8 s.
    assert!(news.len() <= 4, "{news:?}");
}

#[test]
fn without_a_program_that_starts_there_is_no_worker() {
    let program = Program { path: "/nonexistent".into(), ..script("", PATIENCE) };
    assert_eq!(ask(&program, &request(), &mut |_| ()), None);
}

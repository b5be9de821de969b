//! Portable mode: a training with the same bits on every processor and system, these tests included.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use spanbert_core::{
    checkpoint::{LoadOptions, load},
    hash::sha256_hex,
    run::{Environment, Event, read_events},
};
use spanbert_tests::{
    command::{Case, succeeded},
    small::steps,
};

/// Digest of the bits of all losses, gradient norms and weights of the small training in portable mode. Whoever finds another on some
/// platform has found a difference; a change of what is computed changes it on all of them.
const BITS: &str = "bcec1d42de0896b42e10f5aa4d8101610e0550b94d9f8e437f9a7878589370fe";

fn case() -> Case {
    Case::new(env!("CARGO_BIN_EXE_spanbert_cli"), 1)
}

/// All bits of a run that portable mode vouches for.
fn bits(case: &Case, run: &str) -> String {
    let layout = case.layout(run);
    let updates = steps(&layout).into_iter().flat_map(|step| [step.loss, step.grad_norm.unwrap()]);
    let mut bytes: Vec<u8> = updates.flat_map(|value| (value as f32).to_le_bytes()).collect();
    let weights = load(&layout.last(), LoadOptions::default()).unwrap().weights;
    for (name, tensor) in weights {
        bytes.extend(name.as_bytes());
        bytes.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
    }
    sha256_hex(&bytes)
}

fn warnings(case: &Case, run: &str) -> Vec<String> {
    let events = read_events(&case.layout(run).events()).unwrap().into_iter();
    let warnings = events.filter_map(|record| match record.event {
        Event::Warning { message } => Some(message),
        _ => None,
    });
    warnings.filter(|warning| warning.contains("SPANBERT_PORTABLE")).collect()
}

#[test]
fn a_portable_training_has_the_bits_of_every_platform() {
    let case = case();
    let text = succeeded(&case.begin("portable").env("SPANBERT_PORTABLE", "1").output().unwrap());
    assert!(
        text.contains("SPANBERT_PORTABLE is set: results have the same bits on every processor"),
        "{text}"
    );
    assert_eq!(bits(&case, "portable"), BITS);
    assert!(Environment::read(&case.layout("portable")).unwrap().portable);
    // Nor do threads decide a bit.
    let one = &mut case.begin("one");
    succeeded(&one.env("SPANBERT_PORTABLE", "1").env("RAYON_NUM_THREADS", "1").output().unwrap());
    assert_eq!(bits(&case, "one"), BITS);
}

#[test]
fn a_run_that_goes_on_in_another_mode_says_so() {
    let case = case();
    let begun = &mut case.begin("run");
    succeeded(&begun.args(["--max-steps", "8"]).env("SPANBERT_PORTABLE", "0").output().unwrap());
    assert!(!Environment::read(&case.layout("run")).unwrap().portable);
    let resume = || case.command(&["train", "--resume", "run"]);
    succeeded(&resume().args(["--max-steps", "12"]).env("SPANBERT_PORTABLE", "1").output().unwrap());
    let told = warnings(&case, "run");
    assert!(
        told.len() == 1 && told[0].starts_with("the run began without SPANBERT_PORTABLE and goes on with it"),
        "{told:?}"
    );
    // It is remembered: what goes on in the same mode is told nothing more.
    succeeded(&resume().args(["--max-steps", "14"]).env("SPANBERT_PORTABLE", "1").output().unwrap());
    assert_eq!(warnings(&case, "run").len(), 1);
    succeeded(&resume().args(["--max-steps", "16"]).env_remove("SPANBERT_PORTABLE").output().unwrap());
    assert_eq!(warnings(&case, "run").len(), 2);
}

//! A batch that does not fit on a real device: the training splits it and goes on.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use serde_json::Value;
use spanbert_core::run::{Event, read_events};
use spanbert_tests::{
    command::{Case, succeeded},
    device,
    small::{many_heads, write_model_of},
    trace::close_weights,
};

/// Attention probabilities of 32 windows are 226 MB in one tensor; adapters such as lavapipe bind 128 MiB.
#[test]
fn a_batch_beyond_the_adapter_s_limit_is_halved() {
    let Some(device) = device::under_test() else { return };
    if device.max_buffer_bytes.is_none_or(|bytes| bytes >= 226 << 20) {
        println!("skipped: {} takes tensors of that size", device.name);
        return;
    }
    let case =
        Case { backend: device.choice.to_string(), ..Case::new(env!("CARGO_BIN_EXE_spanbert_cli"), 1) };
    write_model_of(&case.folder.path("model"), &many_heads(384));
    let train = |run: &str, micro_batch: &str| {
        let files = ["--model", "model", "--train-file", "train.json", "--output-dir", run];
        let recipe = [
            "--train-batch-size=32",
            "--learning-rate=1e-3",
            "--max-seq-length=384",
            "--pad-to-max-length",
            "--max-steps=2",
            micro_batch,
        ];
        let mut command = case.command(&["train", "--backend", &case.backend]);
        succeeded(&command.args(files).args(recipe).output().unwrap())
    };
    let text = train("halved", "--micro-batch=32");
    println!("{text}");
    assert!(
        text.contains("the device failed: ") && text.contains("training on 16 windows at once"),
        "{text}"
    );
    let layout = case.layout("halved");
    let fit: Value = serde_json::from_slice(&std::fs::read(layout.fit()).unwrap()).unwrap();
    assert_eq!((&fit["micro_batch"], &fit["faults"], &fit["probed"]), (&16.into(), &1.into(), &true.into()));
    let events = read_events(&layout.events()).unwrap();
    let out_of_memory = |event: &Event| matches!(event, Event::Fault { out_of_memory: true, .. });
    assert_eq!(events.iter().filter(|record| out_of_memory(&record.event)).count(), 1);

    // The estimate knows the limit: nothing fails, and the weights are those of the run that failed first.
    let text = train("planned", "--micro-batch=auto");
    assert!(!text.contains("failed") && text.contains("training on 16 windows at once"), "{text}");
    close_weights(&layout.last(), &case.layout("planned").last(), 1e-5);
}

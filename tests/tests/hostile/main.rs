//! Hostile files: whatever the bytes, a reader gives a value or an error, never a panic, and takes no more memory than
//! the bytes justify. `tests/fuzz` runs the same readers millions of times from the same seeds.

mod memory;
mod mutations;
mod pickles;
mod readers;
mod regressions;
mod seeds;

use proptest::prelude::*;
use spanbert_core::{
    answers::{NpyLogits, jsonl::read_windows},
    checkpoint::{StoredTokenizer, fresh, weights_from_bytes},
    run::{Environment, EventRecord, RunState},
    squad::Dataset,
    train::{Progress, Recipe},
};

use mutations::Mutation;
use readers::{READERS, tiny_config};
use seeds::seeds;

#[global_allocator]
static ALLOCATOR: memory::Metered = memory::Metered;

#[test]
fn honest_files_are_read_without_complaint() {
    for reader in &READERS {
        for seed in seeds(reader.name) {
            reader.check(&seed);
        }
    }
}

/// The seeds reach the far end of their readers: else damaging them would try little.
#[test]
fn seeds_are_whole() {
    for name in ["pickle", "safetensors"] {
        for seed in seeds(name) {
            let path = if name == "pickle" { "pytorch_model.bin" } else { "model.safetensors" };
            let (weights, report) = weights_from_bytes(path.into(), &seed, &tiny_config(), 1).unwrap();
            assert!(report.missing.is_empty() && weights == fresh(&tiny_config(), 1));
        }
    }
    for seed in seeds("squad_json") {
        Dataset::from_bytes(&seed, "seed").unwrap().validate().unwrap();
    }
    for seed in seeds("vocab_txt") {
        StoredTokenizer::from_vocab(seed, "seed".into(), None).unwrap();
    }
    StoredTokenizer::from_vocab(seeds("tokenizer_json").swap_remove(0), "seed".into(), None).unwrap();
    let run = seeds("run_folder");
    assert_eq!(run[0].split(|&byte| byte == b'\n').filter_map(EventRecord::from_line).count(), 8);
    RunState::from_json(&run[1], "seed".as_ref()).unwrap();
    Environment::from_json(&run[2], "seed".as_ref()).unwrap();
    Progress::from_json(&run[3]).unwrap();
    Recipe::from_toml(str::from_utf8(&run[8]).unwrap(), "seed").unwrap();
    let answers = seeds("answer_files");
    assert_eq!(read_windows(&answers[0][..]).unwrap().len(), 2);
    NpyLogits::parse(&answers[2]).unwrap();
    NpyLogits::parse(&answers[3]).unwrap();
}

#[test]
fn the_end_may_come_anywhere() {
    for reader in &READERS {
        for seed in seeds(reader.name) {
            for end in (0..seed.len()).step_by(1 + seed.len() / 400) {
                reader.check(&seed[..end]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for reader in &READERS {
            reader.check(&bytes);
        }
    }

    #[test]
    fn damaged_files_never_panic(
        which in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(any::<Mutation>(), 1..6),
    ) {
        for reader in &READERS {
            let seeds = seeds(reader.name);
            let mut bytes = which.get(&seeds).clone();
            for mutation in &mutations {
                mutation.apply(&mut bytes, &seeds);
            }
            reader.check(&bytes);
        }
    }
}

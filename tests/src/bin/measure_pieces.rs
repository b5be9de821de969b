//! How long a data set's windows take with their word pieces made anew, made and kept, and read from the cache.
//!
//! `measure_pieces SQUAD_FILE VOCAB_FILE lower|cased MAX_SEQ_LENGTH RUNS`: one line of JSON with the shortest and the median
//! time of each in seconds, over as many runs in turns. Stops with an error if the windows differ.

use std::{path::Path, time::Instant};

use serde_json::json;
use spanbert_core::{
    features::{Window, WindowOptions, training_examples, windows},
    piece_cache::PieceCache,
    squad::{Dataset, SquadError},
    tokenizer::BertTokenizer,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, vocab, casing, max_seq_length, runs] = &arguments[..] else {
        return Err("measure_pieces SQUAD_FILE VOCAB_FILE lower|cased MAX_SEQ_LENGTH RUNS".into());
    };
    let tokenizer = BertTokenizer::from_vocab_text(&std::fs::read_to_string(vocab)?, casing == "lower")?;
    let options = WindowOptions { max_seq_length: max_seq_length.parse()?, ..WindowOptions::default() };
    let (mut read, mut words) = (Vec::new(), Vec::new());
    let (mut anew, mut kept, mut found) = (Vec::new(), Vec::new(), Vec::new());
    let (mut questions, mut window_count, mut bytes) = (0, 0, 0);
    for _ in 0..runs.parse::<usize>()?.max(1) {
        let dataset = timed(&mut read, || Dataset::from_path(Path::new(data)))?;
        let (examples, _) = timed(&mut words, || Ok::<_, SquadError>(training_examples(&dataset)))?;
        let expected = timed(&mut anew, || windows(&examples, &tokenizer, &options, true))?;
        let folder = tempfile::tempdir()?;
        let cache = PieceCache::new(folder.path().to_owned());
        for times in [&mut kept, &mut found] {
            let same: Vec<Window> = timed(times, || cache.windows(&examples, &tokenizer, &options, true))?.0;
            if same != expected {
                return Err("the windows differ".into());
            }
        }
        (questions, window_count) = (examples.len(), expected.len());
        bytes = std::fs::read_dir(folder.path())?
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .map(|m| m.len())
            .sum();
    }
    let report = json!({
        "data": data, "max_seq_length": options.max_seq_length, "threads": std::thread::available_parallelism()?.get(),
        "questions": questions, "windows": window_count, "cache_bytes": bytes,
        "read_secs": summary(read), "words_secs": summary(words), "windows_secs": summary(anew),
        "windows_and_keep_secs": summary(kept), "windows_from_cache_secs": summary(found),
    });
    println!("{report}");
    Ok(())
}

fn timed<T>(times: &mut Vec<f64>, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    times.push(begun.elapsed().as_secs_f64());
    result
}

fn summary(mut times: Vec<f64>) -> serde_json::Value {
    times.sort_by(f64::total_cmp);
    json!({"min": times.first(), "median": times.get(times.len() / 2)})
}

//! Real SQuAD files are read without loss.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use spanbert_core::squad::{Counts, Dataset, SquadVersion};

/// The folder with real data, which users of the project do not have.
fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("SPANBERT_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    if folder.join("data").is_dir() {
        return Some(folder);
    }
    println!("skipped: no data");
    None
}

fn read(path: &Path) -> Dataset {
    let start = Instant::now();
    let dataset = Dataset::from_path(path).unwrap();
    println!("{}: {:.2} s", path.display(), start.elapsed().as_secs_f64());
    dataset
}

#[test]
fn the_official_dev_set_is_read_whole() {
    let Some(shared) = shared() else { return };
    let dataset = read(&shared.join("data/dev-v2.0.json"));
    assert_eq!(dataset.version, SquadVersion::V2);
    assert_eq!(
        dataset.counts(),
        Counts { articles: 35, paragraphs: 1204, questions: 11_873, answerable: 5928, unanswerable: 5945 }
    );
    assert_eq!(dataset.warnings, []);
    dataset.validate().unwrap();
}

#[test]
fn the_train_set_is_read_whole() {
    let Some(shared) = shared() else { return };
    let dataset = read(&shared.join("data/train-v2.0-recovered.json"));
    assert_eq!(
        dataset.counts(),
        Counts {
            articles: 442,
            paragraphs: 18_914,
            questions: 129_687,
            answerable: 86_905,
            unanswerable: 42_782
        }
    );
    assert_eq!(dataset.warnings, []);
    dataset.validate().unwrap();
}

/// The oracle's own files hold doubtful content on purpose: they must be read, and what is doubtful be said.
#[test]
fn doubtful_files_are_read_and_warned_of() {
    let Some(shared) = shared() else { return };
    for (file, questions) in [("squad_train", 289), ("squad_dev", 289), ("squad_edge_no_features", 3)] {
        let dataset = read(&shared.join(format!("oracle/features/{file}.json")));
        assert_eq!(dataset.counts().questions, questions);
        for line in dataset.warning_lines() {
            println!("{line}");
        }
        assert!(!dataset.warnings.is_empty());
        dataset.validate().unwrap();
    }
    read(&shared.join("oracle/scoring/tricky_data.json"));
}

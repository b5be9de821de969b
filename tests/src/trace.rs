//! What a training left behind, for comparing one run with another.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "helpers of tests fail like tests")]

use std::{collections::BTreeMap, path::Path};

use spanbert_core::{
    checkpoint::{LoadOptions, load},
    run::{Event, Layout, read_history},
    score::Scores,
};

use crate::small::steps;

/// All of a run that must not depend on interruptions.
#[derive(Debug, PartialEq)]
pub struct Trace {
    /// Step, epoch, loss, learning rate and gradient norm of each update.
    pub updates: Vec<(usize, usize, f64, f64, Option<f64>)>,
    /// Step, whether the best so far, scores.
    pub evaluations: Vec<(usize, bool, Scores)>,
    /// Weights, predictions and scores by path in the run folder.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Trace {
    /// Reads a run.
    #[must_use]
    pub fn of(layout: &Layout) -> Self {
        let updates = steps(layout)
            .into_iter()
            .map(|step| (step.step, step.epoch, step.loss, step.learning_rate, step.grad_norm))
            .collect();
        let records = read_history(&layout.events()).unwrap().into_iter();
        let evaluations = records
            .filter_map(|record| match record.event {
                Event::Evaluation { step, best, scores, .. } => Some((step, best, scores)),
                _ => None,
            })
            .collect();
        let mut files = BTreeMap::new();
        for folder in ["best", "last", "eval"] {
            collect(&layout.root().join(folder), folder, &mut files);
        }
        collect(&layout.eval_results(), "eval_results.txt", &mut files);
        Self { updates, evaluations, files }
    }
}

fn collect(path: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    if path.is_file() {
        files.insert(name.to_owned(), std::fs::read(path).unwrap());
    } else if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            collect(&entry.path(), &format!("{name}/{}", entry.file_name().to_string_lossy()), files);
        }
    }
}

/// The largest difference between two checkpoints' weights, which must not be above `most`.
pub fn close_weights(ours: &Path, theirs: &Path, most: f32) -> f32 {
    let weights = |folder: &Path| load(folder, LoadOptions::default()).unwrap().weights;
    let (ours, theirs) = (weights(ours), weights(theirs));
    let mut worst = 0.0f32;
    for (name, theirs) in &theirs {
        for (a, b) in ours[name].values.iter().zip(&theirs.values) {
            worst = worst.max((a - b).abs());
        }
        assert!(worst <= most, "{name} differs by {worst}");
    }
    println!("largest difference of a weight: {worst:e}");
    worst
}

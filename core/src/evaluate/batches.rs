//! Windows worked through in batches, and answers from their logits.

use std::{cmp::Reverse, collections::BTreeMap, ops::Range};

use super::{EvaluateError, EvaluateOptions, Monitor};
use crate::{
    answers::WindowCandidates,
    batch::{collate, padded_length},
    engine::{EngineError, InferenceEngine},
    features::Window,
};

/// Windows that are computed at once, and the length they are padded to.
pub(super) struct WindowBatch {
    pub(super) windows: Vec<usize>,
    pub(super) length: usize,
}

/// Indices of windows, longest first: batches of like lengths, and what does not fit on the device shows at once.
pub(super) fn longest_first(windows: &[Window]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..windows.len()).collect();
    order.sort_by_key(|&index| Reverse(windows.get(index).map(|window| window.input_ids.len())));
    order
}

/// The batches of a part of the questions. A window is padded as it would be if all were answered together: padding takes
/// part in the ranking of logits, so that only then a part has the answers that it has in the whole.
pub(super) fn batches(
    windows: &[Window],
    order: &[usize],
    questions: &Range<usize>,
    options: &EvaluateOptions,
) -> Vec<WindowBatch> {
    let mut by_length: Vec<WindowBatch> = Vec::new();
    for chunk in order.chunks(options.eval_batch_size) {
        let window = |index: &usize| windows.get(*index);
        let longest = chunk.iter().filter_map(window).map(|window| window.input_ids.len()).max();
        let length = padded(longest.unwrap_or(0), options);
        let in_part =
            |index: &&usize| window(index).is_some_and(|window| questions.contains(&window.example_index));
        let own = chunk.iter().filter(in_part).copied();
        match by_length.last_mut() {
            Some(last) if last.length == length => last.windows.extend(own),
            _ => by_length.push(WindowBatch { windows: own.collect(), length }),
        }
    }
    in_chunks(by_length, options)
}

/// The batches of windows that are padded each by itself, so that nothing depends on which are computed together.
pub(super) fn batches_alone(windows: &[Window], options: &EvaluateOptions) -> Vec<WindowBatch> {
    let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, window) in windows.iter().enumerate() {
        by_length.entry(padded(window.input_ids.len(), options)).or_default().push(index);
    }
    let by_length = by_length.into_iter().rev().map(|(length, windows)| WindowBatch { windows, length });
    in_chunks(by_length.collect(), options)
}

fn padded(longest: usize, options: &EvaluateOptions) -> usize {
    let max_seq_length = options.windows.max_seq_length;
    if options.pad_to_max_length {
        max_seq_length
    } else {
        padded_length(longest, options.length_multiple, max_seq_length)
    }
}

fn in_chunks(by_length: Vec<WindowBatch>, options: &EvaluateOptions) -> Vec<WindowBatch> {
    let chunks = by_length.iter().flat_map(|WindowBatch { windows, length }| {
        let chunks = windows.chunks(options.eval_batch_size);
        chunks.map(|windows| WindowBatch { windows: windows.to_vec(), length: *length })
    });
    chunks.collect()
}

/// The best logits of the windows of some batches, in the windows' order.
pub(super) async fn candidates(
    engine: &mut dyn InferenceEngine,
    windows: &[Window],
    batches: &[WindowBatch],
    options: &EvaluateOptions,
    monitor: &mut dyn Monitor,
) -> Result<Vec<(usize, WindowCandidates)>, EvaluateError> {
    check_length(engine, options)?;
    let each: usize = batches.iter().map(|batch| batch.windows.len()).sum();
    let total = each * engine.passes();
    let mut done = 0;
    let mut candidates: Vec<(usize, WindowCandidates)> = Vec::with_capacity(each);
    for pass in 0..engine.passes() {
        engine.begin_pass(pass)?;
        candidates.clear();
        for batch in batches {
            answer(engine, windows, batch, options, &mut candidates).await?;
            done += batch.windows.len();
            if monitor.report(done, total).is_break() && done < total {
                return Err(EvaluateError::Stopped { done, total });
            }
            monitor.yield_now().await;
        }
    }
    candidates.sort_unstable_by_key(|(index, _)| *index);
    Ok(candidates)
}

/// Refuses windows that are longer than the model takes.
pub(super) fn check_length(
    engine: &dyn InferenceEngine,
    options: &EvaluateOptions,
) -> Result<(), EvaluateError> {
    let max_seq_length = options.windows.max_seq_length;
    let positions = engine.config().max_position_embeddings;
    if max_seq_length > positions {
        return Err(EvaluateError::TooLong { max_seq_length, positions });
    }
    Ok(())
}

/// Adds the best logits of a batch's windows.
pub(super) async fn answer(
    engine: &mut dyn InferenceEngine,
    windows: &[Window],
    WindowBatch { windows: indices, length }: &WindowBatch,
    options: &EvaluateOptions,
    candidates: &mut Vec<(usize, WindowCandidates)>,
) -> Result<(), EvaluateError> {
    let length = *length;
    let rows: Vec<&Window> = indices.iter().filter_map(|&index| windows.get(index)).collect();
    let batch = collate(&rows, length, false);
    let logits = engine.predict_async(&batch).await?;
    if (logits.rows, logits.length) != (batch.rows, batch.length) {
        return Err(EvaluateError::Engine(EngineError::Defect(format!(
            "a batch of {} x {} gave logits of {} x {}",
            batch.rows, batch.length, logits.rows, logits.length
        ))));
    }
    let values = logits.start.chunks(length).zip(logits.end.chunks(length));
    for ((&index, window), (start, end)) in indices.iter().zip(&rows).zip(values) {
        let best = WindowCandidates::from_logits(window, start, end, options.n_best_size)?;
        candidates.push((index, best));
    }
    Ok(())
}

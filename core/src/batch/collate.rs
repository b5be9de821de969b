//! Windows to one padded batch.

use super::{Batch, Targets};
use crate::features::Window;

/// The length a batch is padded to: its longest window, rounded up to `multiple`, at most `max_seq_length`.
/// A `multiple` of 0 counts as 1. The longest window wins over `max_seq_length`, so nothing is ever cut off.
#[must_use]
pub fn padded_length(longest: usize, multiple: usize, max_seq_length: usize) -> usize {
    longest.next_multiple_of(multiple.max(1)).min(max_seq_length).max(longest)
}

/// Gathers windows into a batch of `[windows, length]`. A `length` below the longest window is raised to it.
///
/// With `training` the gold positions come along, clamped to `length`, which the loss ignores (the reference's
/// `clamp_`); a window without them counts as unanswerable (`[CLS]`, position 0).
#[must_use]
pub fn collate(windows: &[&Window], length: usize, training: bool) -> Batch {
    let rows = windows.len();
    let length = windows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0).max(length);
    let mut batch = Batch {
        rows,
        length,
        input_ids: Vec::with_capacity(rows * length),
        segment_ids: Vec::with_capacity(rows * length),
        attention_mask: Vec::with_capacity(rows * length),
        targets: training.then(|| Targets {
            start: windows.iter().map(|window| clamp(window.start_position, length)).collect(),
            end: windows.iter().map(|window| clamp(window.end_position, length)).collect(),
            smoothing: 0.0,
        }),
    };
    for (row, window) in windows.iter().enumerate() {
        let real = window.input_ids.len();
        let end = (row + 1) * length;
        // Word piece ids are below the vocabulary's size, far from the limit of i32.
        batch.input_ids.extend(window.input_ids.iter().map(|&id| id as i32));
        batch.input_ids.resize(end, 0);
        batch.segment_ids.resize(row * length + window.first_segment_length.min(real), 0);
        batch.segment_ids.resize(row * length + real, 1);
        batch.segment_ids.resize(end, 0);
        batch.attention_mask.resize(row * length + real, 1);
        batch.attention_mask.resize(end, 0);
    }
    batch
}

fn clamp(position: Option<usize>, length: usize) -> i32 {
    i32::try_from(position.unwrap_or(0).min(length)).unwrap_or(i32::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A window of `length` pieces `1, 2, 3…` with two question pieces.
    pub(crate) fn window(length: usize, start: usize, end: usize) -> Window {
        Window {
            unique_id: 1_000_000_000,
            example_index: 0,
            doc_span_index: 0,
            input_ids: (1..=length as u32).collect(),
            first_segment_length: 2,
            first_doc_token: 2,
            token_to_orig: Vec::new().into(),
            token_is_max_context: Vec::new().into(),
            start_position: Some(start),
            end_position: Some(end),
        }
    }

    #[test]
    fn rows_are_padded_on_the_right() {
        let (long, short) = (window(4, 2, 3), window(3, 0, 0));
        let batch = collate(&[&long, &short], 5, true);
        assert_eq!((batch.rows, batch.length), (2, 5));
        assert_eq!(batch.input_ids, [1, 2, 3, 4, 0, 1, 2, 3, 0, 0]);
        assert_eq!(batch.segment_ids, [0, 0, 1, 1, 0, 0, 0, 1, 0, 0]);
        assert_eq!(batch.attention_mask, [1, 1, 1, 1, 0, 1, 1, 1, 0, 0]);
        assert_eq!(batch.targets, Some(Targets { start: vec![2, 0], end: vec![3, 0], smoothing: 0.0 }));
    }

    #[test]
    fn targets_beyond_the_length_are_ignored_and_evaluation_has_none() {
        let window = window(4, 9, 2);
        let batch = collate(&[&window], 6, true);
        assert_eq!(batch.targets, Some(Targets { start: vec![6], end: vec![2], smoothing: 0.0 }));
        assert_eq!(collate(&[&window], 6, false).targets, None);
    }

    #[test]
    fn nothing_is_cut_off() {
        let window = window(7, 0, 0);
        assert_eq!(collate(&[&window], 4, true).length, 7);
        assert_eq!(padded_length(500, 64, 384), 500);
    }

    #[test]
    fn lengths_round_up_to_the_multiple_within_the_maximum() {
        assert_eq!(padded_length(65, 64, 384), 128);
        assert_eq!(padded_length(64, 64, 384), 64);
        assert_eq!(padded_length(370, 64, 380), 380);
        assert_eq!(padded_length(9, 0, 384), 9);
    }

    #[test]
    fn no_windows_make_an_empty_batch() {
        let batch = collate(&[], 8, true);
        assert_eq!((batch.rows, batch.input_ids.len()), (0, 0));
    }
}

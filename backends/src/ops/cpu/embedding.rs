//! Gradient of an embedding table, its rows in parallel.

use rayon::prelude::*;

use crate::ops::embedding::PlacesLayout;

/// The gradient `[vocabulary, hidden]` from that of the looked-up rows, `[positions, hidden]`. A row's contributions
/// are added in the order of their positions, from zero, as a serial scatter would.
pub fn gradient(grad: &[f32], index: &[i32], layout: PlacesLayout, hidden: usize) -> Vec<f32> {
    let mut table = vec![0.0; layout.vocabulary * hidden];
    if hidden == 0 {
        return table;
    }
    let place = |value: i32| usize::try_from(value).unwrap_or_default();
    let (first_chunks, rest) = index.split_at(layout.chunk_starts());
    let (starts, positions) = rest.split_at(layout.chunks + 1);
    table.par_chunks_mut(hidden).zip(first_chunks.par_windows(2)).for_each(|(row, chunks)| {
        let [first, end] = [chunks[0], chunks[1]].map(|chunk| place(starts[place(chunk)]));
        for &position in &positions[first..end] {
            let from = place(position) * hidden;
            row.iter_mut().zip(&grad[from..from + hidden]).for_each(|(sum, value)| *sum += value);
        }
    });
    table
}

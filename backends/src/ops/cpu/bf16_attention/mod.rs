//! Self-attention with products of bfloat16 by the processor's own instructions, to their definition ([`bf16`]). Values are rounded where
//! [`self_attention`](super::self_attention) rounds them, which has the products of f32.
//!
//! Every (sequence, head) is a task of its own, on data that stays in the core's second cache.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    attention::{softmax, softmax_backward},
    bf16::{
        Instructions, LeftRows, RightPanels, TASK_ROWS, WIDTH, exact, multiply_rows, narrow_row, round_row,
    },
    dropout,
    simd::widest,
    unwritten::Unwritten,
};
use crate::ops::SelfAttention;

/// One head of one sequence: where its values are, and what is drawn for it.
#[derive(Clone, Copy)]
struct Head<'a> {
    spec: &'a SelfAttention,
    task: usize,
}

impl Head<'_> {
    /// Where the head's values of a position begin in `[batch * length, hidden]`.
    fn at(self, position: usize) -> usize {
        let (sequence, head) = (self.task / self.spec.heads, self.task % self.spec.heads);
        (sequence * self.spec.length + position) * self.spec.hidden() + head * self.spec.head_size
    }

    /// The head's values of a position.
    fn row<T>(self, values: &[T], position: usize) -> &[T] {
        &values[self.at(position)..][..self.spec.head_size]
    }

    /// Drops of a row of probabilities, or of its gradient.
    #[inline(always)]
    fn drop(self, position: usize, row: &mut [f32]) {
        if let Some(dropout) = self.spec.dropout {
            dropout::apply_row(
                row,
                dropout.part((self.task * self.spec.length + position) * self.spec.length),
            );
        }
    }

    /// Rows that are worked on together.
    fn blocks(self) -> impl Iterator<Item = Range<usize>> {
        let length = self.spec.length;
        (0..length).step_by(TASK_ROWS).map(move |first| first..length.min(first + TASK_ROWS))
    }

    /// Writes rows of values from a position on.
    ///
    /// # Safety
    /// `to` has room for `[batch * length, hidden]`, and nothing else accesses this head's part of these rows meanwhile.
    #[allow(unsafe_code)]
    unsafe fn write(self, to: &Unwritten<f32>, first: usize, rows: &[f32]) {
        let size = self.spec.head_size;
        for (position, from) in (first..).zip(rows.chunks_exact(size)) {
            // SAFETY: the caller's promise.
            let to = unsafe { to.part(self.at(position), size) };
            to.iter_mut().zip(from).for_each(|(to, from)| {
                to.write(*from);
            });
        }
    }
}

/// Room for products of a block of rows.
struct Products {
    sums: Vec<[f32; WIDTH]>,
    /// `[rows, columns]` of the last one.
    last: Vec<f32>,
    instructions: Instructions,
}

impl Products {
    fn new(spec: &SelfAttention, instructions: Instructions) -> Self {
        Self {
            sums: vec![[0.0; WIDTH]; TASK_ROWS],
            last: vec![0.0; TASK_ROWS * spec.length.max(spec.head_size)],
            instructions,
        }
    }

    /// Rows of a product.
    fn rows(&mut self, left: &LeftRows, rows: Range<usize>, right: &RightPanels) -> &mut [f32] {
        let to = &mut self.last[..rows.len() * right.columns()];
        multiply_rows(&left.left(), rows, &right.panels(), self.instructions, &mut self.sums, to);
        to
    }
}

/// Context `[batch * length, hidden]`, and the bits of the probabilities before dropout, `[batch * heads, length, length]`, if they are
/// to be kept.
pub fn forward(
    [query, key, value]: [&[u16]; 3],
    mask: &[f32],
    spec: &SelfAttention,
    instructions: Instructions,
    keep: bool,
) -> (Vec<f32>, Option<Vec<u16>>) {
    let (length, size, tasks) = (spec.length, spec.head_size, spec.batch * spec.heads);
    let count = tasks * length * size;
    assert!([query, key, value].iter().all(|values| values.len() == count), "sizes of an attention");
    let context = Unwritten::new(count);
    let squares = tasks * length * length;
    let kept = keep.then(|| Unwritten::new(squares));
    let scratch = || {
        let keys = RightPanels::new(size, length);
        let values = RightPanels::new(length, size);
        let rows = (LeftRows::new(length, size), LeftRows::new(length, length));
        (rows, keys, values, Products::new(spec, instructions))
    };
    (0..tasks).into_par_iter().for_each_init(
        scratch,
        |((queries, weights), keys, values, products), task| {
            let head = Head { spec, task };
            widest(
                #[inline(always)]
                || {
                    for (position, to) in queries.rows_mut().enumerate() {
                        to[..size].copy_from_slice(head.row(query, position));
                    }
                    values.fill(length, |position| head.row(value, position));
                    keys.fill_columns(|position| head.row(key, position));
                },
            );
            let sequence = task / spec.heads;
            let mask = &mask[sequence * length..(sequence + 1) * length];
            for block in head.blocks() {
                let scores = products.rows(queries, block.clone(), keys);
                widest(
                    #[inline(always)]
                    || {
                        let rows = scores.chunks_exact_mut(length).zip(weights.rows_mut().skip(block.start));
                        for (position, (row, weights)) in block.clone().zip(rows) {
                            softmax(row, mask, spec.scale);
                            let weights = &mut weights[..length];
                            narrow_row(weights, row);
                            if let Some(kept) = &kept {
                                // SAFETY: a row of this task.
                                #[allow(unsafe_code)]
                                let kept = unsafe { kept.part((task * length + position) * length, length) };
                                for (to, bits) in kept.iter_mut().zip(&*weights) {
                                    to.write(*bits);
                                }
                            }
                            if spec.dropout.is_some() {
                                round_row(row);
                                head.drop(position, row);
                                narrow_row(weights, row);
                            }
                        }
                    },
                );
                let first = block.start;
                let rows = products.rows(weights, block, values);
                // SAFETY: this task's part of its rows.
                #[allow(unsafe_code)]
                unsafe {
                    head.write(&context, first, rows);
                }
            }
        },
    );
    // SAFETY: every task has written its rows.
    #[allow(unsafe_code)]
    unsafe {
        (context.written(count), kept.map(|kept| kept.written(squares)))
    }
}

/// What the backward of a task lays out.
struct Operands {
    grads: LeftRows,
    /// `[head_size, length]`, as those of the queries.
    turned_grads: LeftRows,
    turned_queries: LeftRows,
    values: RightPanels,
    keys: RightPanels,
    /// Probabilities after dropout, and gradients of scores.
    weights: LeftRows,
    scores: LeftRows,
    weight_panels: RightPanels,
    score_panels: RightPanels,
}

impl Operands {
    fn new(spec: &SelfAttention) -> Self {
        let (length, size) = (spec.length, spec.head_size);
        Self {
            grads: LeftRows::new(length, size),
            turned_grads: LeftRows::new(size, length),
            turned_queries: LeftRows::new(size, length),
            values: RightPanels::new(size, length),
            keys: RightPanels::new(length, size),
            weights: LeftRows::new(length, length),
            scores: LeftRows::new(length, length),
            weight_panels: RightPanels::new(length, length),
            score_panels: RightPanels::new(length, length),
        }
    }

    #[inline(always)]
    fn lay_out(&mut self, head: Head<'_>, [query, key, value]: [&[u16]; 3], grad: &[f32]) {
        let (length, size) = (head.spec.length, head.spec.head_size);
        for (position, to) in self.grads.rows_mut().enumerate() {
            narrow_row(&mut to[..size], head.row(grad, position));
        }
        for (place, to) in self.turned_grads.rows_mut().enumerate() {
            for (position, to) in to[..length].iter_mut().enumerate() {
                *to = self.grads.row(position)[place];
            }
        }
        for (place, to) in self.turned_queries.rows_mut().enumerate() {
            for (position, to) in to[..length].iter_mut().enumerate() {
                *to = query[head.at(position) + place];
            }
        }
        self.values.fill_columns(|position| head.row(value, position));
        self.keys.fill(length, |position| head.row(key, position));
    }
}

/// Gradients of query, key and value, each `[batch * length, hidden]`, from the bits of what was multiplied, of the probabilities that
/// were kept, and the gradient of the context.
pub fn backward(
    inputs: [&[u16]; 3],
    probabilities: &[u16],
    grad: &[f32],
    spec: &SelfAttention,
    instructions: Instructions,
) -> [Vec<f32>; 3] {
    let (length, size, tasks) = (spec.length, spec.head_size, spec.batch * spec.heads);
    let count = tasks * length * size;
    assert!(
        inputs.iter().all(|values| values.len() == count) && grad.len() == count,
        "sizes of an attention"
    );
    assert_eq!(probabilities.len(), tasks * length * length, "probabilities of an attention");
    let [d_query, d_key, d_value] = [(); 3].map(|()| Unwritten::new(count));
    let scratch = || {
        (Operands::new(spec), Products::new(spec, instructions), vec![0.0; length], vec![0.0; length * size])
    };
    (0..tasks).into_par_iter().for_each_init(scratch, |(operands, products, row, turned), task| {
        let head = Head { spec, task };
        widest(
            #[inline(always)]
            || operands.lay_out(head, inputs, grad),
        );
        let probabilities = &probabilities[task * length * length..(task + 1) * length * length];
        for block in head.blocks() {
            let d_weights = products.rows(&operands.grads, block.clone(), &operands.values);
            widest(
                #[inline(always)]
                || {
                    let weights = operands.weights.rows_mut().skip(block.start);
                    let scores = operands.scores.rows_mut().skip(block.start);
                    let rows = d_weights.chunks_exact_mut(length).zip(weights.zip(scores));
                    for (position, (d_weights, (weights, scores))) in block.clone().zip(rows) {
                        let kept = &probabilities[position * length..(position + 1) * length];
                        for (to, bits) in row.iter_mut().zip(kept) {
                            *to = exact(*bits);
                        }
                        head.drop(position, d_weights);
                        softmax_backward(row, d_weights, spec.scale);
                        narrow_row(scores, d_weights);
                        head.drop(position, row);
                        narrow_row(weights, row);
                    }
                },
            );
            let first = block.start;
            let rows = products.rows(&operands.scores, block, &operands.keys);
            // SAFETY: this task's part of its rows.
            #[allow(unsafe_code)]
            unsafe {
                head.write(&d_query, first, rows);
            }
        }
        let Operands { turned_grads, turned_queries, weights, scores, weight_panels, score_panels, .. } =
            operands;
        widest(
            #[inline(always)]
            || {
                weight_panels.fill(length, |position| &weights.row(position)[..length]);
                score_panels.fill(length, |position| &scores.row(position)[..length]);
            },
        );
        // Both transposed, so that no square has to be.
        for (left, right, to) in
            [(&*turned_grads, &*weight_panels, &d_value), (&*turned_queries, &*score_panels, &d_key)]
        {
            for first in (0..size).step_by(TASK_ROWS) {
                let rows = first..size.min(first + TASK_ROWS);
                let found = products.rows(left, rows.clone(), right);
                for (place, found) in rows.zip(found.chunks_exact(length)) {
                    for (to, value) in turned[place..].iter_mut().step_by(size).zip(found) {
                        *to = *value;
                    }
                }
            }
            // SAFETY: this task's part of its rows.
            #[allow(unsafe_code)]
            unsafe {
                head.write(to, 0, turned);
            }
        }
    });
    [d_query, d_key, d_value].map(|part| {
        // SAFETY: every task has written its rows.
        #[allow(unsafe_code)]
        unsafe {
            part.written(count)
        }
    })
}

#[cfg(test)]
mod tests;

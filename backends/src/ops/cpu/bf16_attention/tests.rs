//! Every head beside one in the plainest code.

use super::{
    super::bf16::{Left, Panels, multiply, narrow, widen},
    *,
};
use crate::{Precision, ops::Dropout};

fn values(count: usize, step: usize) -> Vec<f32> {
    let mut values: Vec<f32> = (0..count).map(|i| ((i * step % 1009) as f32 - 500.0) / 400.0).collect();
    round_row(&mut values);
    values
}

fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| values.iter().copied().skip(column).step_by(columns)).collect()
}

/// A product by the definition.
fn product(left: &[f32], right: &[f32], terms: usize, instructions: Instructions) -> Vec<f32> {
    let (left, columns) = (narrow(left), right.len() / terms);
    multiply(&Left::rows(&left, terms), &Panels::pack(&narrow(right), columns), None, instructions)
}

/// Context and probabilities, then gradients of query, key and value, of one head.
fn plain(
    [query, key, value, grad]: [&[f32]; 4],
    mask: &[f32],
    head: Head<'_>,
    instructions: Instructions,
) -> [Vec<f32>; 5] {
    let (length, size) = (head.spec.length, head.spec.head_size);
    let dropped = |values: &[f32]| {
        let mut values = values.to_vec();
        for (position, row) in values.chunks_exact_mut(length).enumerate() {
            head.drop(position, row);
        }
        values
    };
    let rounded = |mut values: Vec<f32>| {
        round_row(&mut values);
        values
    };
    let mut probabilities = product(query, &transposed(key, size), size, instructions);
    probabilities.chunks_exact_mut(length).for_each(|row| softmax(row, mask, head.spec.scale));
    let probabilities = rounded(probabilities);
    let weights = rounded(dropped(&probabilities));
    let context = product(&weights, value, length, instructions);
    let d_value = product(&transposed(&weights, length), grad, length, instructions);
    let mut scores = dropped(&product(grad, &transposed(value, size), size, instructions));
    for (row, y) in scores.chunks_exact_mut(length).zip(probabilities.chunks_exact(length)) {
        softmax_backward(y, row, head.spec.scale);
    }
    let scores = rounded(scores);
    let d_query = product(&scores, key, length, instructions);
    let d_key = product(&transposed(&scores, length), query, length, instructions);
    [context, probabilities, d_query, d_key, d_value]
}

#[test]
fn every_head_is_the_plain_one_to_the_bit() {
    // One position; odd sizes; several blocks of rows and panels; heads that are wider than a block.
    for (length, heads, head_size) in [(1, 1, 2), (7, 3, 5), (37, 2, 32), (130, 2, 64), (33, 1, 100)] {
        for probability in [None, Some(0.1)] {
            let dropout = probability.map(|probability| Dropout { probability, seed: 7, first: 1000 });
            let scale = 1.0 / (head_size as f32).sqrt();
            let precision = Precision::Bf16;
            let spec = SelfAttention { batch: 2, length, heads, head_size, scale, dropout, precision };
            let count = 2 * length * spec.hidden();
            let inputs = [37, 13, 11].map(|step| values(count, step));
            let grad = values(count, 7);
            let mask: Vec<f32> = (0..2 * length).map(|i| if i % 5 == 4 { -10_000.0 } else { 0.0 }).collect();
            let bits = inputs.each_ref().map(|values| narrow(values));
            let bits = bits.each_ref().map(|bits| &bits[..]);
            for instructions in Instructions::available() {
                let (context, kept) = forward(bits, &mask, &spec, instructions, true);
                let kept = kept.unwrap();
                assert_eq!(forward(bits, &mask, &spec, instructions, false), (context.clone(), None));
                let gradients = backward(bits, &kept, &grad, &spec, instructions);
                for task in 0..2 * heads {
                    let head = Head { spec: &spec, task };
                    let of_head = |values: &[f32]| -> Vec<f32> {
                        (0..length).flat_map(|position| head.row(values, position)).copied().collect()
                    };
                    let [query, key, value] = inputs.each_ref().map(|values| of_head(values));
                    let mask = &mask[task / heads * length..][..length];
                    let expected = plain([&query, &key, &value, &of_head(&grad)], mask, head, instructions);
                    let squares = length * length;
                    let found = [
                        of_head(&context),
                        widen(&kept[task * squares..(task + 1) * squares]),
                        of_head(&gradients[0]),
                        of_head(&gradients[1]),
                        of_head(&gradients[2]),
                    ];
                    for (name, (found, expected)) in ["context", "probabilities", "query", "key", "value"]
                        .iter()
                        .zip(found.iter().zip(&expected))
                    {
                        assert_eq!(
                            found, expected,
                            "{name} of {length} x {heads} x {head_size}, {instructions:?}"
                        );
                    }
                }
            }
        }
    }
}

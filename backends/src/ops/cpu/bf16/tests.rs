//! Products against their definition, term by term.

use super::{
    convert::{exact, nearest},
    *,
};

fn values(count: usize, step: usize) -> Vec<u16> {
    (0..count).map(|i| nearest(((i * step % 1009) as f32 - 500.0) / 77.0)).collect()
}

fn transposed(values: &[u16], columns: usize) -> Vec<u16> {
    (0..columns).flat_map(|column| values.iter().copied().skip(column).step_by(columns)).collect()
}

/// A denormal as 0 of its sign.
fn flushed(value: f32) -> f32 {
    if value.is_subnormal() { 0.0f32.copysign(value) } else { value }
}

/// The definition's sum of products, whose number is even.
fn sum(products: &[f32], instructions: Instructions) -> f32 {
    let add = |sum: f32, value: f32| flushed(sum + value);
    let pairs = products.chunks_exact(2);
    if instructions == Instructions::Avx512Bf16 {
        return pairs.fold(0.0, |sum, pair| add(add(sum, pair[1]), pair[0]));
    }
    products.chunks(32).fold(0.0, |sum, products| {
        let every_second =
            |from: usize| products[from..].iter().step_by(2).fold(0.0, |sum, product| add(sum, *product));
        add(sum, add(every_second(0), every_second(1)))
    })
}

/// The definition, in the plainest code: `left` `[rows, terms]`, `right` `[terms, columns]`.
fn plain(
    left: &[u16],
    right: &[u16],
    terms: usize,
    columns: usize,
    bias: Option<&[f32]>,
    instructions: Instructions,
) -> Vec<u32> {
    let mut result = Vec::new();
    for row in left.chunks_exact(terms) {
        for column in 0..columns {
            let factors = |term: usize| match row.get(term) {
                Some(value) => flushed(exact(*value)) * flushed(exact(right[term * columns + column])),
                None => 0.0,
            };
            let products: Vec<f32> = (0..terms.next_multiple_of(2)).map(factors).collect();
            let rounded = exact(nearest(sum(&products, instructions)));
            result.push(bias.map_or(rounded, |bias| rounded + bias[column]).to_bits());
        }
    }
    result
}

#[test]
fn every_way_to_read_the_matrices_gives_the_bits_of_the_definition() {
    let all: Vec<_> = Instructions::available().collect();
    println!("{all:?}");
    // One element; rests in every dimension; whole panels and tiles; several tasks and parts.
    for (rows, terms, columns) in [
        (1, 1, 1),
        (5, 7, 3),
        (6, 8, 64),
        (13, 37, 70),
        (100, 64, 130),
        (7, 3073, 65),
        (200, 31, 9),
        (33, 99, 40),
        (20, 64, 64),
    ] {
        let (left, right) = (values(rows * terms, 37), values(terms * columns, 13));
        let bias: Vec<f32> = (0..columns).map(|column| column as f32 / 3.0 - 1.0).collect();
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let (left_turned, right_turned) = (transposed(&left, terms), transposed(&right, columns));
        let panels = [Panels::pack(&right, columns), Panels::pack_transposed(&right_turned, terms)];
        assert!(panels[0].pairs == panels[1].pairs, "{rows} x {terms} x {columns}");
        let shape = Panels::shape(terms, columns);
        assert_eq!(panels[0].pairs.len(), shape[0] * shape[1]);
        for bias in [None, Some(&bias[..])] {
            for &instructions in &all {
                let expected = plain(&left, &right, terms, columns, bias, instructions);
                let turned = Left::transposed(&left_turned, rows, instructions);
                for (name, left) in [("rows", &Left::rows(&left, terms)), ("transposed", &turned)] {
                    let found = bits(multiply(left, &panels[0], bias, instructions));
                    assert!(found == expected, "{instructions:?}, {name}, {rows} x {terms} x {columns}");
                }
            }
        }
    }
}

#[test]
fn denormals_count_as_nothing() {
    for instructions in Instructions::available() {
        let product = |left: [f32; 2], right: [f32; 2]| {
            let [left, right] = [left, right].map(|values| values.map(nearest));
            multiply(&Left::rows(&left, 2), &Panels::pack(&right, 1), None, instructions)[0]
        };
        assert_eq!(product([1e-39, 1.0], [1e38, 3.0]), 3.0);
        assert_eq!(product([1e-20, 0.0], [1e-20, 0.0]), 0.0);
        assert!(product([f32::NAN, 1.0], [1.0, 1.0]).is_nan());
        assert_eq!(product([f32::INFINITY, 1.0], [1.0, 1.0]), f32::INFINITY);
    }
}

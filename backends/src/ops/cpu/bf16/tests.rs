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

/// The definition, in the plainest code: `left` `[rows, terms]`, `right` `[terms, columns]`.
fn plain(left: &[u16], right: &[u16], terms: usize, columns: usize, bias: Option<&[f32]>) -> Vec<u32> {
    let mut result = Vec::new();
    for row in left.chunks_exact(terms) {
        for column in 0..columns {
            let factors = |term: usize| match row.get(term) {
                Some(value) => flushed(exact(*value)) * flushed(exact(right[term * columns + column])),
                None => 0.0,
            };
            let mut sum = 0.0f32;
            for first in (0..terms).step_by(2) {
                sum = flushed(sum + factors(first + 1));
                sum = flushed(sum + factors(first));
            }
            let rounded = exact(nearest(sum));
            result.push(bias.map_or(rounded, |bias| rounded + bias[column]).to_bits());
        }
    }
    result
}

#[test]
fn every_way_to_read_the_matrices_gives_the_bits_of_the_definition() {
    if !available() {
        println!("skipped: the processor has no AVX-512 BF16");
        return;
    }
    // One element; rests in every dimension; whole panels and tiles; several tasks and parts.
    for (rows, terms, columns) in
        [(1, 1, 1), (5, 7, 3), (6, 8, 64), (13, 37, 70), (100, 64, 130), (7, 3073, 65), (200, 31, 9)]
    {
        let (left, right) = (values(rows * terms, 37), values(terms * columns, 13));
        let bias: Vec<f32> = (0..columns).map(|column| column as f32 / 3.0 - 1.0).collect();
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let (left_turned, right_turned) = (transposed(&left, terms), transposed(&right, columns));
        let panels = [Panels::pack(&right, columns), Panels::pack_transposed(&right_turned, terms)];
        assert!(panels[0].pairs == panels[1].pairs, "{rows} x {terms} x {columns}");
        let shape = Panels::shape(terms, columns);
        assert_eq!(panels[0].pairs.len(), shape[0] * shape[1]);
        for bias in [None, Some(&bias[..])] {
            let expected = plain(&left, &right, terms, columns, bias);
            for (name, left) in
                [("rows", Left::rows(&left, terms)), ("transposed", Left::transposed(&left_turned, rows))]
            {
                let found = bits(multiply(&left, &panels[0], bias));
                assert!(found == expected, "{name}, {rows} x {terms} x {columns}");
            }
        }
    }
}

#[test]
fn denormals_count_as_nothing() {
    if !available() {
        return;
    }
    let product = |left: [f32; 2], right: [f32; 2]| {
        let [left, right] = [left, right].map(|values| values.map(nearest));
        multiply(&Left::rows(&left, 2), &Panels::pack(&right, 1), None)[0]
    };
    assert_eq!(product([1e-39, 1.0], [1e38, 3.0]), 3.0);
    assert_eq!(product([1e-20, 0.0], [1e-20, 0.0]), 0.0);
    assert!(product([f32::NAN, 1.0], [1.0, 1.0]).is_nan());
    assert_eq!(product([f32::INFINITY, 1.0], [1.0, 1.0]), f32::INFINITY);
}

#[test]
fn values_are_rounded_as_by_the_crate_half() {
    let mut bits = 0u32;
    let mut all =
        vec![f32::NAN, f32::INFINITY, -0.0, f32::from_bits(0x7f7f_ffff), f32::from_bits(0x7f80_0001)];
    for _ in 0..100_000 {
        bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        all.push(f32::from_bits(bits));
    }
    // Halfway between two values, to either side.
    all.extend([0x3f80_8000, 0x3f81_8000, 0xbf80_8001, 0x3f80_7fff].map(f32::from_bits));
    let expected: Vec<u16> = all.iter().map(|value| half::bf16::from_f32(*value).to_bits()).collect();
    assert_eq!(narrow(&all), expected);
    let wide: Vec<u32> = widen(&expected).into_iter().map(f32::to_bits).collect();
    round(&mut all);
    assert_eq!(all.into_iter().map(f32::to_bits).collect::<Vec<_>>(), wide);
}

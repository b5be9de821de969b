use super::*;

/// A way to compute a product.
type Way = fn(Product<'_>);

/// Vectors of several widths in tiles of several sizes, among them those of this processor.
const WAYS: [(&str, Way); 4] = [
    ("this processor", |product| {
        // SAFETY: `compute` has checked the views.
        #[allow(unsafe_code)]
        unsafe {
            multiply(product);
        }
    }),
    ("four lanes", |product| in_tiles::<_, 6, 8>(Fours, &product)),
    ("four lanes in high tiles", |product| in_tiles::<_, 12, 8>(Fours, &product)),
    ("transposed", |product| in_tiles::<_, 6, 8>(Fours, &product.transposed())),
];

/// Values of many magnitudes, so that the order of a sum shows in its bits.
fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next() * next() * next()).collect()
}

fn at(view: View, row: usize, column: usize) -> usize {
    view.offset + row * view.row_stride + column * view.column_stride
}

/// The definition, element by element.
fn defined(
    (out, out_view): (&[f32], View),
    (left, left_view): (&[f32], View),
    (right, right_view): (&[f32], View),
    alpha: f32,
    add: bool,
) -> Vec<f32> {
    let mut result = out.to_vec();
    for row in 0..out_view.rows {
        for column in 0..out_view.columns {
            let element = &mut result[at(out_view, row, column)];
            if !add {
                *element = 0.0;
            }
            for (start, length) in parts(left_view.columns, DEPTH) {
                let mut sum = 0.0;
                for k in start..start + length {
                    sum += left[at(left_view, row, k)] * right[at(right_view, k, column)];
                }
                *element += sum * alpha;
            }
        }
    }
    result
}

/// A product by one of the ways.
fn compute(
    way: Way,
    (out, out_view): (&mut [f32], View),
    (left, left_view): (&[f32], View),
    (right, right_view): (&[f32], View),
    alpha: f32,
    add: bool,
) {
    for (view, length) in [(out_view, out.len()), (left_view, left.len()), (right_view, right.len())] {
        let inside =
            view.rows == 0 || view.columns == 0 || at(view, view.rows - 1, view.columns - 1) < length;
        assert!(inside, "{view:?} in {length}");
    }
    way(Product { out: out.as_mut_ptr(), out_view, left, left_view, right, right_view, alpha, add });
}

#[test]
fn every_width_gives_the_bits_of_the_definition() {
    // Less than a tile; tiles with a rest; more than a block, a sum and a copy.
    for (rows, depth, columns) in [
        (1, 1, 1),
        (5, 3, 7),
        (6, 4, 8),
        (13, 37, 21),
        (12, 64, 32),
        (100, 390, 67),
        (950, 9, 9),
        (7, 11, 530),
        (3, 0, 3),
        (2, 1200, 40),
    ] {
        let (left, right) = (values(rows * depth + 3, 37), values(depth * columns + 5, 13));
        let before = values(rows * columns + 2, 7);
        let dense = |offset, rows, columns| View { offset, ..View::dense(rows, columns) };
        let transposed = |offset, rows, columns| View { offset, ..View::dense(columns, rows).t() };
        for (alpha, add) in [(1.0, true), (0.3, false)] {
            for turned in 0..8 {
                let view = |bit: usize, offset, rows, columns| {
                    if turned & bit == 0 {
                        dense(offset, rows, columns)
                    } else {
                        transposed(offset, rows, columns)
                    }
                };
                let out_view = view(1, 2, rows, columns);
                let left = (&left[..], view(2, 3, rows, depth));
                let right = (&right[..], view(4, 5, depth, columns));
                let expected = defined((&before, out_view), left, right, alpha, add);
                for (name, way) in WAYS {
                    let mut out = before.clone();
                    compute(way, (&mut out, out_view), left, right, alpha, add);
                    let same = out.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{name}: {rows} x {depth} x {columns}, {turned}");
                }
            }
        }
    }
}

#[test]
fn what_lies_between_the_columns_stays() {
    let view = View { offset: 1, rows: 2, columns: 9, row_stride: 40, column_stride: 3 };
    for (name, way) in WAYS {
        let mut out = vec![7.0; 80];
        let (left, right) = ((&[1.0, 2.0][..], View::dense(2, 1)), (&[3.0; 9][..], View::dense(1, 9)));
        compute(way, (&mut out, view), left, right, 1.0, false);
        let mut expected = [7.0; 80];
        for column in 0..9 {
            (expected[1 + 3 * column], expected[41 + 3 * column]) = (3.0, 6.0);
        }
        assert_eq!(out, expected, "{name}");
    }
}

//! Dropout in one kernel that draws each element's bits from its number.
//!
//! Burn's integer operations could draw the same bits, but Fusion fuses none of the bitwise ones: a dozen passes over a
//! tensor the size of the attention probabilities instead of one.

use burn_cubecl::{CubeRuntime, tensor::CubeTensor};
use cubecl::prelude::*;

use super::launch::{count, cubes_for_units, empty, vector_size, writable};
use crate::ops::Dropout;

/// What decides a dropout, for a kernel.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct DropoutWords {
    threshold: u32,
    low: u32,
    high: u32,
    first: u32,
    scale: f32,
}

/// Arguments of a launch; without a dropout, of one that drops nothing.
pub fn words<R: CubeRuntime>(dropout: Option<Dropout>) -> DropoutWordsLaunch<R> {
    match dropout {
        Some(dropout) => {
            let [low, high, first] = dropout.words();
            DropoutWordsLaunch::new(dropout.threshold(), low, high, first, dropout.scale())
        }
        None => DropoutWordsLaunch::new(0, 0, 0, 0, 1.0),
    }
}

#[cube]
fn mix(x: u32) -> u32 {
    let a = (x ^ (x >> 16u32)) * 0x7feb_352du32;
    let b = (a ^ (a >> 15u32)) * 0x846c_a68bu32;
    b ^ (b >> 16u32)
}

/// `cpu::dropout` and `dropout::bits`, to the bit, on elements `place * N` and following of a tensor.
#[cube]
pub fn dropped<N: Size>(x: Vector<f32, N>, place: usize, words: &DropoutWords) -> Vector<f32, N> {
    let mut y = x * Vector::new(words.scale);
    #[unroll]
    for k in 0..N::value() {
        let number = words.first + (place * N::value() + k) as u32;
        let bits = mix(mix(number ^ words.low) + words.high);
        y[k] = select(bits < words.threshold, 0.0f32, y[k]);
    }
    y
}

#[cube(launch)]
fn dropout_kernel<N: Size>(
    x: &Tensor<Vector<f32, N>>,
    output: &mut Tensor<Vector<f32, N>>,
    words: &DropoutWords,
) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    output[ABSOLUTE_POS] = dropped::<N>(x[ABSOLUTE_POS], ABSOLUTE_POS, words);
}

/// Zeroes what is dropped and scales the rest.
pub fn dropout<R: CubeRuntime>(x: CubeTensor<R>, dropout: Dropout) -> CubeTensor<R> {
    let client = x.client.clone();
    let elements = count(&x);
    let vector = vector_size(&x, elements);
    let (count, dim) = cubes_for_units(&x, elements / vector);
    let in_place = writable(&x);
    let output = if in_place { x.clone() } else { empty(&x, x.meta.shape().clone()) };
    let target = if in_place { output.as_tensor_alias(0) } else { output.clone().into_tensor_arg() };
    dropout_kernel::launch(&client, count, dim, vector, x.into_tensor_arg(), target, words(Some(dropout)));
    output
}

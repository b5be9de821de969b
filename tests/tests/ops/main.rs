//! Each operation's value and gradient against the same formula written with Burn's own operations, on every backend of
//! the build: the processor, a wgpu adapter and an NVIDIA GPU, fused and unfused.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "checks of tests fail like tests")]

mod attention;
mod layers;
mod optimizer;

use burn::tensor::{ElementConversion, Tensor, TensorData, backend::Backend};
use spanbert_backends::{
    AutodiffDeviceTask, DeviceChoice, Fusion, TrainingBackend, dispatch_autodiff, fault,
};
use spanbert_tests::device::nvidia_gpu;

/// One test for each backend of a check `fn<B: TrainingBackend>(device: &B::Device)`.
macro_rules! on_every_backend {
    ($($check:ident),+ $(,)?) => {
        mod checks {
            use spanbert_backends::{AutodiffDeviceTask, TrainingBackend};

            $(#[allow(non_camel_case_types, reason = "named after what it runs")]
            pub struct $check;

            impl AutodiffDeviceTask for $check {
                type Output = ();

                fn run<B: TrainingBackend>(self, device: B::Device) {
                    super::$check::<B>(&device);
                }
            })+
        }

        mod cpu {
            $(#[test]
            fn $check() {
                crate::run(&spanbert_backends::DeviceChoice::Cpu, spanbert_backends::Fusion::Fused, super::checks::$check);
            })+
        }

        crate::on_a_gpu! { wgpu_fused, adapter, Fused, $($check),+ }
        crate::on_a_gpu! { wgpu_unfused, adapter, Unfused, $($check),+ }
        crate::on_a_gpu! { cuda_fused, nvidia_gpu, Fused, $($check),+ }
        crate::on_a_gpu! { cuda_unfused, nvidia_gpu, Unfused, $($check),+ }
    };
}

/// The tests for a kind of GPU.
macro_rules! on_a_gpu {
    ($backend:ident, $found:ident, $fusion:ident, $($check:ident),+) => {
        mod $backend {
            $(#[test]
            fn $check() {
                if let Some(device) = spanbert_tests::device::$found() {
                    crate::run(&device.choice, spanbert_backends::Fusion::$fusion, super::checks::$check);
                }
            })+
        }
    };
}
use {on_a_gpu, on_every_backend};

/// Runs a check, without a fault.
fn run(choice: &DeviceChoice, fusion: Fusion, check: impl AutodiffDeviceTask<Output = ()>) {
    dispatch_autodiff(choice, fusion, check).unwrap();
    assert_eq!(fault::check(), Ok(()));
}

/// Whether products on the device round their operands to TF32. What differs in its last bit may then be rounded to neighbours,
/// 2^-10 of its size apart.
fn rounds_to_tf32<B: Backend>(device: &B::Device) -> bool {
    B::name(device).contains("cuda") && nvidia_gpu().is_some_and(|gpu| gpu.rounds_to_tf32())
}

/// Values spread over -3 to 3, the same for the same seed on every backend.
fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 65_536.0 - 0.5
    };
    (0..count).map(|_| 2.0 * (next() + next() + next())).collect()
}

fn random<B: Backend, const D: usize>(shape: [usize; D], seed: u32, device: &B::Device) -> Tensor<B, D> {
    let data = TensorData::new(values(shape.iter().product(), seed), shape);
    Tensor::from_data(data, device)
}

fn leaf<B: TrainingBackend, const D: usize>(
    shape: [usize; D],
    seed: u32,
    device: &B::Device,
) -> Tensor<B, D> {
    random::<B, D>(shape, seed, device).require_grad()
}

/// A scalar that weighs every element differently, so that its gradient tests each of them.
fn weighed<B: TrainingBackend, const D: usize>(y: Tensor<B, D>) -> Tensor<B, 1> {
    let weights = random(y.dims(), 99, &y.device());
    (y * weights).sum()
}

fn assert_close<B: Backend, const D: usize>(
    ours: Tensor<B, D>,
    theirs: Tensor<B, D>,
    tolerance: f32,
    what: &str,
) {
    assert_eq!(ours.dims(), theirs.dims());
    let largest: f32 = (ours - theirs).abs().max().into_scalar().elem();
    assert!(largest <= tolerance, "{what} differs by {largest}");
}

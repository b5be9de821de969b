//! Each operation's value and gradient against the same formula written with Burn's own operations, on every backend of
//! the build: the processor, a wgpu adapter and an NVIDIA GPU, fused and unfused.

#![allow(clippy::unwrap_used, reason = "checks of tests fail like tests")]

mod attention;
mod layers;
mod optimizer;

use burn::tensor::{ElementConversion, Tensor, TensorData, backend::Backend};

use crate::TrainingBackend;

/// One test for each backend of a check `fn<B: TrainingBackend>(device: &B::Device)`.
macro_rules! on_every_backend {
    ($($check:ident),+ $(,)?) => {
        #[cfg(feature = "cpu")]
        mod cpu {
            $(#[test]
            fn $check() {
                super::$check::<burn::backend::Autodiff<crate::Cpu>>(&burn_flex::FlexDevice);
            })+
        }

        #[cfg(feature = "wgpu")]
        mod wgpu_fused {
            $(#[test]
            fn $check() {
                let Some(device) = crate::ops::tests::adapter() else { return };
                super::$check::<burn::backend::Autodiff<crate::WgpuFused>>(&device);
                assert_eq!(crate::fault::check(), Ok(()));
            })+
        }

        #[cfg(feature = "wgpu")]
        mod wgpu_unfused {
            $(#[test]
            fn $check() {
                let Some(device) = crate::ops::tests::adapter() else { return };
                super::$check::<burn::backend::Autodiff<crate::WgpuUnfused>>(&device);
                assert_eq!(crate::fault::check(), Ok(()));
            })+
        }

        #[cfg(with_cuda)]
        mod cuda_fused {
            $(#[test]
            fn $check() {
                let Some(device) = crate::ops::tests::cuda() else { return };
                super::$check::<burn::backend::Autodiff<crate::CudaFused>>(&device);
                assert_eq!(crate::fault::check(), Ok(()));
            })+
        }

        #[cfg(with_cuda)]
        mod cuda_unfused {
            $(#[test]
            fn $check() {
                let Some(device) = crate::ops::tests::cuda() else { return };
                super::$check::<burn::backend::Autodiff<crate::CudaUnfused>>(&device);
                assert_eq!(crate::fault::check(), Ok(()));
            })+
        }
    };
}
use on_every_backend;

/// The NVIDIA GPU that `SPANBERT_TEST_DEVICE` names, and that it does; without the variable the first.
#[cfg(with_cuda)]
fn cuda_choice() -> (crate::DeviceChoice, bool) {
    let named = std::env::var("SPANBERT_TEST_DEVICE").ok().filter(|name| name.starts_with("cuda"));
    (named.as_deref().map_or(crate::DeviceChoice::Cuda(0), |name| name.parse().unwrap()), named.is_some())
}

/// The NVIDIA GPU to test, which has to be there if it is named.
#[cfg(with_cuda)]
fn cuda() -> Option<burn_cuda::CudaDevice> {
    use crate::devices::{Address, find};

    let (choice, named) = cuda_choice();
    match find(&choice).map(|found| found.address) {
        Ok(Address::Cuda(device)) => Some(device),
        other => {
            assert!(!named, "{:?}", other.err());
            eprintln!("skipped: no NVIDIA GPU");
            None
        }
    }
}

/// The best wgpu adapter; without one the test is skipped, or fails if `SPANBERT_REQUIRE_WGPU` is set.
#[cfg(feature = "wgpu")]
fn adapter() -> Option<burn_wgpu::WgpuDevice> {
    use crate::{
        DeviceChoice,
        devices::{Address, find},
    };

    match find(&DeviceChoice::Wgpu(None)).map(|found| found.address) {
        Ok(Address::Wgpu(device)) => Some(device),
        other => {
            assert!(std::env::var_os("SPANBERT_REQUIRE_WGPU").is_none(), "no adapter: {:?}", other.err());
            eprintln!("skipped: no adapter");
            None
        }
    }
}

/// Whether products on the device round their operands to TF32. What differs in its last bit may then be rounded to neighbours,
/// 2^-10 of its size apart.
fn rounds_to_tf32<B: Backend>(device: &B::Device) -> bool {
    #[cfg(with_cuda)]
    if B::name(device).contains("cuda") {
        return crate::select(&cuda_choice().0).is_ok_and(|info| info.rounds_to_tf32());
    }
    let _ = device;
    false
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

pub(super) fn leaf<B: TrainingBackend, const D: usize>(
    shape: [usize; D],
    seed: u32,
    device: &B::Device,
) -> Tensor<B, D> {
    random::<B, D>(shape, seed, device).require_grad()
}

/// A scalar that weighs every element differently, so that its gradient tests each of them.
pub(super) fn weighed<B: TrainingBackend, const D: usize>(y: Tensor<B, D>) -> Tensor<B, 1> {
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

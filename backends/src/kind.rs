//! Names of the backends, of the number formats they compute in, and of their fused and plain variants.

use std::{fmt, str::FromStr};

use burn::tensor::FloatDType;
use serde::{Deserialize, Serialize};

use crate::BackendError;

/// Kind of backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// NVIDIA GPUs.
    Cuda,
    /// Any GPU through Vulkan, Metal or WebGPU.
    Wgpu,
    /// The processor.
    Cpu,
}

impl BackendKind {
    /// Every kind, in the order in which automatic choice tries them.
    pub const ALL: [Self; 3] = [Self::Cuda, Self::Wgpu, Self::Cpu];

    /// What a user calls such a device.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Cuda => "NVIDIA GPU",
            Self::Wgpu => "GPU through Vulkan or Metal",
            Self::Cpu => "Processor",
        }
    }

    /// The multiple that lengths of inputs are padded to: 64 keeps the number of distinct kernels small on a GPU, 8 wastes
    /// little on a processor.
    #[must_use]
    pub fn length_multiple(self) -> usize {
        match self {
            Self::Cuda | Self::Wgpu => 64,
            Self::Cpu => 8,
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
            Self::Cpu => "cpu",
        })
    }
}

impl FromStr for BackendKind {
    type Err = BackendError;

    fn from_str(name: &str) -> Result<Self, BackendError> {
        Self::ALL
            .into_iter()
            .find(|kind| name.eq_ignore_ascii_case(&kind.to_string()))
            .ok_or_else(|| BackendError::Unknown(name.to_owned()))
    }
}

/// Number format that a device computes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE single precision.
    #[default]
    F32,
    /// IEEE half precision.
    #[serde(rename = "fp16", alias = "f16")]
    F16,
    /// bfloat16: the exponent of `f32`, eight bits of significand.
    Bf16,
    /// 8-bit integers with scales, for models that only answer, on the processor.
    Int8,
}

impl Precision {
    /// The type of the operands of products in a half format; none in the other formats, for which nothing is cast.
    #[must_use]
    pub fn half(self) -> Option<FloatDType> {
        match self {
            Self::F32 | Self::Int8 => None,
            Self::F16 => Some(FloatDType::F16),
            Self::Bf16 => Some(FloatDType::BF16),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::F16 => "fp16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

/// Whether Burn may fuse the operations of a GPU backend into larger kernels.
///
/// The CPU backend has one variant and ignores this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fusion {
    /// Operations are queued and fused: fewer kernels, the default.
    #[default]
    Fused,
    /// Every operation is one kernel: slower, for adapters on which fused kernels compute wrong results.
    Unfused,
}

impl Fusion {
    /// The kinds of kernels of this build, in the order in which they are tried. A module for browsers has fused ones alone: it is
    /// downloaded, and where they fail there is the processor.
    pub const BUILT: &[Self] =
        if cfg!(target_family = "wasm") { &[Self::Fused] } else { &[Self::Fused, Self::Unfused] };
}

impl fmt::Display for Fusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fused => "fused",
            Self::Unfused => "unfused",
        })
    }
}

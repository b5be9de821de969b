//! What vendors say their devices can do at most.

use serde::Serialize;
use spanbert_backends::{BackendKind, Precision};

/// The most operations a device can do, by its vendor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Peak {
    /// 10^12 operations a second.
    pub tflops: f64,
    /// The number format of the matrix units that this is the peak of.
    pub format: &'static str,
}

/// What a data sheet says, in 10^12 operations a second: dense, with accumulation in f32.
struct Sheet {
    /// As the driver reports it, without the vendor.
    name: &'static str,
    /// Without tensor cores.
    f32: f64,
    /// f32 rounded to ten bits of significand, on tensor cores.
    tf32: Option<f64>,
    bf16: Option<f64>,
    f16: Option<f64>,
}

/// Where a data sheet gives figures "with sparsity", half of that stands here.
///
/// Sources: "NVIDIA H100 Tensor Core GPU" and "NVIDIA H200 Tensor Core GPU" data sheets, "NVIDIA A100 Tensor Core GPU"
/// data sheet, "NVIDIA L4", "NVIDIA L40S" and "NVIDIA T4" data sheets, "NVIDIA Ada GPU Architecture" (appendix A,
/// GeForce RTX 4090).
const SHEETS: [Sheet; 12] = [
    Sheet { name: "H100 80GB HBM3", f32: 67.0, tf32: Some(494.5), bf16: Some(989.5), f16: Some(989.5) },
    Sheet { name: "H100 PCIe", f32: 51.0, tf32: Some(378.0), bf16: Some(756.5), f16: Some(756.5) },
    Sheet { name: "H100 NVL", f32: 60.0, tf32: Some(417.5), bf16: Some(835.5), f16: Some(835.5) },
    Sheet { name: "H200", f32: 67.0, tf32: Some(494.5), bf16: Some(989.5), f16: Some(989.5) },
    Sheet { name: "A100-SXM4-40GB", f32: 19.5, tf32: Some(156.0), bf16: Some(312.0), f16: Some(312.0) },
    Sheet { name: "A100-SXM4-80GB", f32: 19.5, tf32: Some(156.0), bf16: Some(312.0), f16: Some(312.0) },
    Sheet { name: "A100-PCIE-40GB", f32: 19.5, tf32: Some(156.0), bf16: Some(312.0), f16: Some(312.0) },
    Sheet { name: "A100 80GB PCIe", f32: 19.5, tf32: Some(156.0), bf16: Some(312.0), f16: Some(312.0) },
    Sheet { name: "L4", f32: 30.3, tf32: Some(60.0), bf16: Some(121.0), f16: Some(121.0) },
    Sheet { name: "L40S", f32: 91.6, tf32: Some(183.0), bf16: Some(362.0), f16: Some(362.0) },
    Sheet { name: "GeForce RTX 4090", f32: 82.6, tf32: Some(82.6), bf16: Some(165.2), f16: Some(165.2) },
    Sheet { name: "T4", f32: 8.1, tf32: None, bf16: None, f16: Some(65.0) },
];

/// The peak that a program on this backend can be measured by; none for a device that is not in the table, whose name
/// must be exactly known: a laptop's or another memory's variant has other figures.
///
/// On CUDA, matrix products of f32 run on tensor cores as TF32 where there are any that do that, so that is their peak.
#[must_use]
pub fn peak(device: &str, kind: BackendKind, precision: Precision) -> Option<Peak> {
    let name = ["NVIDIA ", "Tesla "].iter().find_map(|vendor| device.strip_prefix(vendor)).unwrap_or(device);
    let &Sheet { f32, tf32, bf16, f16, .. } = SHEETS.iter().find(|sheet| sheet.name == name.trim())?;
    let (tflops, format) = match (kind, precision) {
        (BackendKind::Cpu, _) | (_, Precision::Int8) => return None,
        (BackendKind::Cuda, Precision::F32) => tf32.map_or((f32, "f32"), |tf32| (tf32, "tf32")),
        (_, Precision::F32) => (f32, "f32"),
        (_, Precision::Bf16) => (bf16?, "bf16"),
        (_, Precision::F16) => (f16?, "fp16"),
    };
    Some(Peak { tflops, format })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_the_units_in_use() {
        let of =
            |device, kind, precision| peak(device, kind, precision).map(|peak| (peak.tflops, peak.format));
        let (cuda, wgpu) = (BackendKind::Cuda, BackendKind::Wgpu);
        assert_eq!(of("NVIDIA H200", cuda, Precision::F32), Some((494.5, "tf32")));
        assert_eq!(of("NVIDIA H200", cuda, Precision::Bf16), Some((989.5, "bf16")));
        assert_eq!(of("NVIDIA H200", wgpu, Precision::F32), Some((67.0, "f32")));
        assert_eq!(of("Tesla T4", cuda, Precision::F32), Some((8.1, "f32")));
        assert_eq!(of("Tesla T4", cuda, Precision::Bf16), None);
        assert_eq!(of("Tesla T4", cuda, Precision::F16), Some((65.0, "fp16")));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for device in ["NVIDIA H200 NVL", "NVIDIA GeForce RTX 4090 Laptop GPU", "NVIDIA L400", "llvmpipe", ""]
        {
            assert_eq!(peak(device, BackendKind::Cuda, Precision::F32), None, "{device}");
        }
        assert_eq!(peak("NVIDIA H200", BackendKind::Cpu, Precision::F32), None);
    }
}

//! The weights of the demonstration's models, as `build.rs` has packed them.

use std::sync::LazyLock;

/// Safetensors of the pre-trained encoder.
pub(super) static PRETRAINED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (header, values) = unpacked(include_bytes!(concat!(env!("OUT_DIR"), "/pretrained.packed")));
    file(header, &values)
});

/// Safetensors of the fine-tuned model, byte by byte those of `assets/demo/model`.
pub(super) static FINE_TUNED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (header, differences) = unpacked(include_bytes!(concat!(env!("OUT_DIR"), "/model.packed")));
    // Tensors of the encoder come first, in the same order.
    let (_, start) = parts(&PRETRAINED);
    let start = start.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let from = start.chain(std::iter::repeat(0));
    let values: Vec<u16> =
        differences.into_iter().zip(from).map(|(steps, from)| value(steps, from)).collect();
    file(header, &values)
});

/// Header, length included, and what follows it.
fn parts(file: &[u8]) -> (&[u8], &[u8]) {
    let length = file.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    file.split_at_checked(8 + length as usize).unwrap_or((file, &[]))
}

/// The header, and the values whose lower bytes precede the upper ones.
fn unpacked(packed: &'static [u8]) -> (&'static [u8], Vec<u16>) {
    let (header, bytes) = parts(packed);
    let (lower, upper) = bytes.split_at(bytes.len() / 2);
    (header, lower.iter().zip(upper).map(|(lower, upper)| u16::from_le_bytes([*lower, *upper])).collect())
}

fn file(header: &[u8], values: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(header.len() + 2 * values.len());
    bytes.extend_from_slice(header);
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// The bfloat16 number so many steps from another, as `build.rs` counts them.
fn value(steps: u16, from: u16) -> u16 {
    let steps = steps >> 1 ^ (steps & 1).wrapping_neg();
    let place = if from & 0x8000 == 0 { from | 0x8000 } else { !from };
    let there = place.wrapping_add(steps);
    if there & 0x8000 == 0 { !there } else { there & 0x7fff }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::random_model;

    fn asset(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/demo");
        std::fs::read(format!("{folder}/{name}/model.safetensors")).unwrap()
    }

    #[test]
    fn the_fine_tuned_weights_are_the_file_s() {
        assert_eq!(*FINE_TUNED, asset("model"));
    }

    #[test]
    fn the_pretrained_encoder_is_the_file_s() {
        let config = random_model().config;
        let read = |bytes: &[u8]| {
            crate::checkpoint::weights_from_bytes("model.safetensors".into(), bytes, &config, 42).unwrap().0
        };
        assert_eq!(read(&PRETRAINED), read(&asset("pretrained")));
    }
}

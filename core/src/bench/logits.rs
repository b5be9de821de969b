//! Made-up logits for measuring what comes after the model.

use crate::{features::Window, random::SplitMix};

/// Logits of the background, far below the bumps.
const BACKGROUND: f32 = -6.0;
/// How far a bump reaches, in word pieces.
const REACH: usize = 12;

/// A NumPy `.npy` file of `[windows, 2, length]` f32, start logits before end logits, as a fine-tuned model might give
/// them: noise of deviation about 1 around -6, a bump of ten over some piece of the document, the end's a few pieces
/// after the start's, and `[CLS]` between the two. The bumps matter: with noise alone hardly a pair of a start and an
/// end makes an answer, and there would be little to do.
#[must_use]
pub fn synthetic_logits(windows: &[Window], length: usize, seed: u64) -> Vec<u8> {
    let length = windows.iter().map(|window| window.input_ids.len()).max().unwrap_or(0).max(length).max(1);
    let mut file = header(windows.len(), length);
    let mut random = SplitMix::new(seed);
    for window in windows {
        let pieces = window.token_to_orig.len().max(1);
        let start = window.first_doc_token + random.below(pieces);
        let end = start + random.below(4);
        let null = BACKGROUND + 10.0 * unit(&mut random);
        for top in [start, end] {
            for position in 0..length {
                let distance = position.abs_diff(top);
                let bump = if distance < REACH { 10.0 * libm::expf(-(distance as f32) / 4.0) } else { 0.0 };
                // The sum of four uniform numbers has deviation 0.58.
                let noise: f32 = (0..4).map(|_| unit(&mut random) - 0.5).sum();
                let logit = if position == 0 { null } else { BACKGROUND + bump };
                file.extend((logit + 1.7 * noise).to_le_bytes());
            }
        }
    }
    file
}

/// Uniform in [0, 1), in steps of 2^-24.
fn unit(random: &mut SplitMix) -> f32 {
    (random.next_u64() >> 40) as f32 / (1u32 << 24) as f32
}

/// The head of a version 1 file; the data begin at a multiple of 64, as NumPy writes it.
fn header(windows: usize, length: usize) -> Vec<u8> {
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({windows}, 2, {length}), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    file.extend(text.as_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::{NpyLogits, WindowCandidates};

    #[test]
    fn every_window_gets_answers_from_its_bump() {
        let window = |document: usize| Window {
            unique_id: 1_000_000_000,
            example_index: 0,
            doc_span_index: 0,
            input_ids: vec![5; document + 7],
            first_segment_length: 6,
            first_doc_token: 6,
            token_to_orig: (0..document as u32).collect(),
            token_is_max_context: vec![true; document].into(),
            start_position: None,
            end_position: None,
        };
        let windows: Vec<Window> = (30..60).map(window).collect();
        let file = synthetic_logits(&windows, 96, 3);
        assert_eq!(file, synthetic_logits(&windows, 96, 3));
        assert_ne!(file, synthetic_logits(&windows, 96, 4));
        let logits = NpyLogits::parse(&file).unwrap();
        assert_eq!(logits.windows(), 30);
        for (index, window) in windows.iter().enumerate() {
            let (start, end) = logits.window(index).unwrap();
            assert_eq!((start.len(), end.len()), (96, 96));
            let best = WindowCandidates::from_logits(window, &start, &end, 20).unwrap();
            assert!(best.starts.len() >= 6, "{best:?}");
            let (first, last) = (best.starts[0].position, best.ends.first().map_or(0, |end| end.position));
            assert!(last.abs_diff(first) < 12, "{best:?}");
        }
    }
}

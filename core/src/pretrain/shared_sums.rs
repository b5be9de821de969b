//! What several workers have predicted of held-out text, put together.

use crate::engine::{EngineError, PredictionSums, PretrainSums, SharedRanks};

/// Bytes of the sums of a batch: its number, and six more.
const BYTES: usize = 8 * 7;

/// The sums of all batches in order, of which this worker has some with their numbers. The order of their sum is then that of
/// one process.
pub(super) fn shared_sums(
    own: Vec<(usize, PretrainSums)>,
    ranks: Option<&SharedRanks>,
) -> Result<Vec<PretrainSums>, EngineError> {
    let Some(ranks) = ranks else { return Ok(own.into_iter().map(|(_, sums)| sums).collect()) };
    let bytes: Vec<u8> = own.iter().flat_map(|(index, sums)| to_bytes(*index, sums)).collect();
    let gathered = ranks.borrow_mut().gather(&bytes)?;
    let mut all: Vec<(usize, PretrainSums)> =
        gathered.iter().flat_map(|bytes| bytes.chunks_exact(BYTES).filter_map(from_bytes)).collect();
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, sums)| sums).collect())
}

fn to_bytes(index: usize, sums: &PretrainSums) -> Vec<u8> {
    let of = |sums: &PredictionSums| [sums.loss.to_bits(), sums.correct.to_bits(), sums.targets as u64];
    let words = [index as u64].into_iter().chain(of(&sums.mlm)).chain(of(&sums.sbo));
    words.flat_map(u64::to_le_bytes).collect()
}

fn from_bytes(bytes: &[u8]) -> Option<(usize, PretrainSums)> {
    let mut words = bytes.chunks_exact(8).filter_map(|word| Some(u64::from_le_bytes(word.try_into().ok()?)));
    let index = usize::try_from(words.next()?).ok()?;
    let mut next = || {
        let (loss, correct) = (f64::from_bits(words.next()?), f64::from_bits(words.next()?));
        Some(PredictionSums { loss, correct, targets: usize::try_from(words.next()?).ok()? })
    };
    Some((index, PretrainSums { mlm: next()?, sbo: next()? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_come_back_as_they_were_to_the_bit() {
        let sums = |loss, targets| PredictionSums { loss, correct: -0.0, targets };
        let all = PretrainSums { mlm: sums(f64::MIN_POSITIVE / 2.0, 3), sbo: sums(0.1, 0) };
        let bytes = to_bytes(7, &all);
        assert_eq!(bytes.len(), BYTES);
        let (index, back) = from_bytes(&bytes).unwrap();
        assert_eq!((index, to_bytes(7, &back)), (7, bytes.clone()));
        assert!(from_bytes(&bytes[..BYTES - 8]).is_none());
    }
}

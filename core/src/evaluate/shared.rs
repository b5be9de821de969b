//! An evaluation by several workers: each answers some of the batches, the first one scores.

use super::{
    EvaluateError, EvaluateOptions, Monitor,
    batches::{WindowBatch, answer, check_length},
};
use crate::{
    answers::{Candidate, WindowCandidates},
    engine::{EngineError, InferenceEngine, SharedRanks},
    features::Window,
};

/// [`candidates`](super::batches::candidates) by several workers: batch i is answered by worker i mod their number, whole, so that
/// its logits are those that one process gets. Every worker gets all.
///
/// All report after each round, in which every worker answers one batch: so they agree on a stop. Their engines go over the batches
/// equally often.
pub(super) async fn shared_candidates(
    engine: &mut dyn InferenceEngine,
    windows: &[Window],
    batches: &[WindowBatch],
    options: &EvaluateOptions,
    monitor: &mut dyn Monitor,
    ranks: &SharedRanks,
) -> Result<Vec<(usize, WindowCandidates)>, EvaluateError> {
    check_length(engine, options)?;
    let (rank, size) = {
        let ranks = ranks.borrow();
        (ranks.rank(), ranks.size())
    };
    let each: usize = batches.iter().map(|batch| batch.windows.len()).sum();
    let total = each * engine.passes();
    let (mut own, mut done) = (Vec::new(), 0);
    for pass in 0..engine.passes() {
        engine.begin_pass(pass)?;
        own.clear();
        for round in batches.chunks(size) {
            if let Some(batch) = round.get(rank) {
                answer(engine, windows, batch, options, &mut own).await?;
            }
            done += round.iter().map(|batch| batch.windows.len()).sum::<usize>();
            if monitor.report(done, total).is_break() && done < total {
                return Err(EvaluateError::Stopped { done, total });
            }
            monitor.yield_now().await;
        }
    }
    let gathered = ranks.borrow_mut().gather(&to_bytes(&own))?;
    let mut all = Vec::with_capacity(total);
    for bytes in gathered {
        let damaged = || EngineError::Defect("a worker's logits are not as they were sent".into());
        all.extend(from_bytes(&bytes).ok_or_else(damaged)?);
    }
    all.sort_unstable_by_key(|(index, _)| *index);
    Ok(all)
}

/// Numbers of 64 and 32 bits, one after another.
fn to_bytes(candidates: &[(usize, WindowCandidates)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let count = |bytes: &mut Vec<u8>, count: usize| bytes.extend((count as u64).to_le_bytes());
    for (index, candidates) in candidates {
        let WindowCandidates { starts, ends, null_start_logit, null_end_logit, non_finite } = candidates;
        count(&mut bytes, *index);
        count(&mut bytes, *non_finite);
        for list in [starts, ends] {
            count(&mut bytes, list.len());
            for Candidate { position, logit } in list {
                bytes.extend(position.to_le_bytes());
                bytes.extend(logit.to_le_bytes());
            }
        }
        bytes.extend(null_start_logit.to_le_bytes());
        bytes.extend(null_end_logit.to_le_bytes());
    }
    bytes
}

/// The way back; none if the bytes end too early.
fn from_bytes(mut bytes: &[u8]) -> Option<Vec<(usize, WindowCandidates)>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (index, non_finite) = (count(&mut bytes)?, count(&mut bytes)?);
        let (starts, ends) = (list(&mut bytes)?, list(&mut bytes)?);
        let (null_start_logit, null_end_logit) = (logit(&mut bytes)?, logit(&mut bytes)?);
        all.push((index, WindowCandidates { starts, ends, null_start_logit, null_end_logit, non_finite }));
    }
    Some(all)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

fn count(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(take(bytes)?)).ok()
}

fn logit(bytes: &mut &[u8]) -> Option<f32> {
    Some(f32::from_le_bytes(take(bytes)?))
}

fn list(bytes: &mut &[u8]) -> Option<Vec<Candidate>> {
    let length = count(bytes)?;
    // Each takes eight bytes: a length that is not true asks for no memory.
    let whole = bytes.len() / 8 >= length;
    let candidate = |_| Some(Candidate { position: u32::from_le_bytes(take(bytes)?), logit: logit(bytes)? });
    whole.then(|| (0..length).map(candidate).collect::<Option<_>>())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_come_back_as_they_were_to_the_bit() {
        let candidate = |position, logit| Candidate { position, logit };
        let window = |non_finite| WindowCandidates {
            starts: vec![candidate(3, -0.0), candidate(7, f32::MIN_POSITIVE / 2.0)],
            ends: vec![],
            null_start_logit: f32::NAN,
            null_end_logit: f32::NEG_INFINITY,
            non_finite,
        };
        let bytes = to_bytes(&[(5, window(0)), (usize::MAX, window(2))]);
        let back = from_bytes(&bytes).unwrap();
        assert_eq!(to_bytes(&back), bytes);
        assert_eq!((back[1].0, back[1].1.non_finite, back[0].1.starts.len()), (usize::MAX, 2, 2));
        for length in 1..bytes.len() / 2 {
            assert!(from_bytes(&bytes[..length]).is_none(), "{length}");
        }
    }
}

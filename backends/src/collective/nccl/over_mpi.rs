//! Processes that an MPI connects, with a GPU each: gradients travel by NCCL.

use std::time::Duration;

use super::{
    super::{Collective, CollectiveError, Joined, LastWords},
    communicator::Nccl,
    device::{Device, identity},
    library::{ID_BYTES, Library},
};

/// Gradients by NCCL, everything else by MPI, which is there anyway.
pub(in super::super) struct NcclOverMpi {
    nccl: Nccl,
    mpi: Box<dyn Collective>,
}

/// What a process of MPI says of its GPU: whether it can use NCCL, and which GPU it has.
const WORD: usize = 17;
/// It computes elsewhere.
const ELSEWHERE: u8 = 0;
/// It can use NCCL.
const READY: u8 = 1;
/// It has a GPU, and no NCCL for it.
const UNABLE: u8 = 2;
/// How long processes that are all there may take to connect.
const CONNECT: Duration = Duration::from_secs(120);
/// Longest failure that is told to the others.
const MESSAGE: usize = 512;

impl NcclOverMpi {
    /// Uses NCCL if all processes have a GPU of their own and can; else MPI alone, with the reason if any has a GPU.
    ///
    /// # Errors
    /// If NCCL fails where it should do, or MPI.
    pub fn over(
        mut mpi: Box<dyn Collective>,
        library: Option<Result<Library, CollectiveError>>,
        gpu: Option<usize>,
        (deadline, last_words): (Duration, LastWords),
    ) -> Result<Joined, CollectiveError> {
        let (rank, size) = (mpi.rank(), mpi.size());
        let own = gpu.zip(library).map(|(gpu, library)| Ok((library?, Device::open(gpu)?, identity(gpu)?)));
        let mut word = [ELSEWHERE; WORD];
        match &own {
            None => {}
            Some(Ok((.., identity))) => {
                word[0] = READY;
                word[1..].copy_from_slice(identity);
            }
            Some(Err::<_, CollectiveError>(_)) => word[0] = UNABLE,
        }
        let mut words = vec![0; WORD * size];
        mpi.gather_bytes(&word, &mut words)?;
        let words: Vec<&[u8]> = words.chunks_exact(WORD).collect();
        let reason = why_not(&words);
        let (library, device) = match own {
            Some(Ok((library, device, _))) if reason.is_none() => (library, device),
            Some(Err(error)) => {
                return Ok(Joined { collective: mpi, not_by_nccl: Some(error.to_string()) });
            }
            _ => {
                let reason = reason.filter(|_| words.iter().any(|word| word[0] != ELSEWHERE));
                return Ok(Joined { collective: mpi, not_by_nccl: reason });
            }
        };
        let made = if rank == 0 { library.unique_id().map(Some) } else { Ok(None) };
        let mut id = [0; ID_BYTES];
        if let Ok(Some(made)) = &made {
            id = *made;
        }
        mpi.broadcast(0, &mut id)?;
        made?;
        let joined = if id == [0; ID_BYTES] {
            Err(CollectiveError::Gone)
        } else {
            // All are there already.
            let times = (deadline.min(CONNECT), last_words);
            Nccl::connect(library, device, id, (rank, size), times, |()| Ok(()), &mut ())
        };
        // Who has failed tells the others.
        let told = joined.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let mut message = [0; MESSAGE];
        message.iter_mut().zip(told.bytes()).for_each(|(place, byte)| *place = byte);
        let mut messages = vec![0; MESSAGE * size];
        mpi.gather_bytes(&message, &mut messages)?;
        let nccl = joined?;
        let failed = messages.chunks_exact(MESSAGE).enumerate().find(|(_, message)| message[0] != 0);
        if let Some((rank, message)) = failed {
            let message = String::from_utf8_lossy(message).trim_end_matches('\0').to_owned();
            return Err(CollectiveError::Peer { rank, message });
        }
        Ok(Joined { collective: Box::new(Self { nccl, mpi }), not_by_nccl: None })
    }
}

/// Why NCCL is not used.
fn why_not(words: &[&[u8]]) -> Option<String> {
    if let Some(rank) = words.iter().position(|word| word[0] == ELSEWHERE) {
        return Some(format!("worker {rank} computes on something else than an NVIDIA GPU"));
    }
    if let Some(rank) = words.iter().position(|word| word[0] != READY) {
        return Some(format!("worker {rank} cannot use NCCL"));
    }
    let twice = words.iter().enumerate().find_map(|(rank, word)| {
        let earlier = words.iter().take(rank).position(|other| other == word)?;
        Some((earlier, rank))
    });
    twice.map(|(one, other)| format!("workers {one} and {other} compute on the same GPU"))
}

impl Collective for NcclOverMpi {
    fn rank(&self) -> usize {
        self.mpi.rank()
    }

    fn size(&self) -> usize {
        self.mpi.size()
    }

    fn name(&self) -> String {
        format!("{} and {}", self.nccl.name(), self.mpi.name())
    }

    fn all_to_all(&mut self, own: &[f32], received: &mut [f32]) -> Result<(), CollectiveError> {
        self.nccl.all_to_all(own, received)
    }

    fn all_gather(&mut self, own: &[f32], all: &mut [f32]) -> Result<(), CollectiveError> {
        self.nccl.all_gather(own, all)
    }

    fn gather_bytes(&mut self, own: &[u8], all: &mut [u8]) -> Result<(), CollectiveError> {
        self.mpi.gather_bytes(own, all)
    }

    fn broadcast(&mut self, root: usize, bytes: &mut [u8]) -> Result<(), CollectiveError> {
        self.mpi.broadcast(root, bytes)
    }

    fn finish(&mut self) {
        self.nccl.finish();
        self.mpi.finish();
    }

    fn abort(&mut self, code: i32) -> ! {
        self.nccl.lost(CollectiveError::Gone);
        self.mpi.abort(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nccl_is_for_gpus_that_are_all_there_and_all_different() {
        let word = |state: u8, gpu: u8| [&[state][..], &[gpu; 16]].concat();
        let why = |words: &[Vec<u8>]| why_not(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
        assert_eq!(why(&[word(READY, 1), word(READY, 2)]), None);
        assert!(why(&[word(READY, 1), word(ELSEWHERE, 0)]).unwrap().starts_with("worker 1 computes on"));
        assert_eq!(why(&[word(UNABLE, 1), word(READY, 0)]).unwrap(), "worker 0 cannot use NCCL");
        let same = why(&[word(READY, 1), word(READY, 2), word(READY, 1)]).unwrap();
        assert_eq!(same, "workers 0 and 2 compute on the same GPU");
    }
}

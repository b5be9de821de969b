//! Threads of one process as ranks: what the tests of everything above run on.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Collective, CollectiveError};

/// What the threads have between them.
#[derive(Default)]
struct Board {
    /// What each has put there, by rank.
    posted: Vec<Option<Vec<u8>>>,
    /// How many have read it.
    read: usize,
    /// Whether one has ended.
    gone: bool,
}

/// One of several threads.
pub struct Threads {
    rank: usize,
    size: usize,
    shared: Arc<(Mutex<Board>, Condvar)>,
}

/// So many ranks, one for each thread.
#[must_use]
pub fn threads(size: usize) -> Vec<Threads> {
    let board = Board { posted: vec![None; size], ..Board::default() };
    let shared = Arc::new((Mutex::new(board), Condvar::new()));
    (0..size).map(|rank| Threads { rank, size, shared: Arc::clone(&shared) }).collect()
}

impl Threads {
    /// Puts bytes on the board and gives what all have put there, by rank.
    fn swap(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>, CollectiveError> {
        let (board, changed) = &*self.shared;
        let board = board.lock().unwrap_or_else(PoisonError::into_inner);
        // The others may still read what was put there before.
        let mine = |board: &Board| board.posted.get(self.rank).is_some_and(Option::is_none);
        let mut board = wait(board, changed, mine)?;
        if let Some(place) = board.posted.get_mut(self.rank) {
            *place = Some(own);
        }
        changed.notify_all();
        let mut board = wait(board, changed, |board| board.posted.iter().all(Option::is_some))?;
        let all = board.posted.iter().flatten().cloned().collect();
        board.read += 1;
        if board.read == self.size {
            board.read = 0;
            board.posted.fill(None);
            changed.notify_all();
        }
        Ok(all)
    }

    fn swap_floats(&self, own: &[f32]) -> Result<Vec<Vec<f32>>, CollectiveError> {
        let bytes = own.iter().flat_map(|value| value.to_le_bytes()).collect();
        let floats = |bytes: Vec<u8>| -> Vec<f32> {
            let four = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            bytes.chunks_exact(4).map(four).collect()
        };
        Ok(self.swap(bytes)?.into_iter().map(floats).collect())
    }
}

/// Waits until the board is as wanted, or one has ended.
fn wait<'b>(
    board: MutexGuard<'b, Board>,
    changed: &Condvar,
    wanted: impl Fn(&Board) -> bool,
) -> Result<MutexGuard<'b, Board>, CollectiveError> {
    let waited = changed.wait_while(board, |board| !wanted(board) && !board.gone);
    let board = waited.unwrap_or_else(PoisonError::into_inner);
    if wanted(&board) { Ok(board) } else { Err(CollectiveError::Gone) }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let (board, changed) = &*self.shared;
        board.lock().unwrap_or_else(PoisonError::into_inner).gone = true;
        changed.notify_all();
    }
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn name(&self) -> String {
        "threads".into()
    }

    fn all_to_all(&mut self, own: &[f32], received: &mut [f32]) -> Result<(), CollectiveError> {
        let length = own.len() / self.size;
        for (place, other) in received.chunks_exact_mut(length.max(1)).zip(self.swap_floats(own)?) {
            place.copy_from_slice(&other[self.rank * length..(self.rank + 1) * length]);
        }
        Ok(())
    }

    fn all_gather(&mut self, own: &[f32], all: &mut [f32]) -> Result<(), CollectiveError> {
        all.copy_from_slice(&self.swap_floats(own)?.concat());
        Ok(())
    }

    fn gather_bytes(&mut self, own: &[u8], all: &mut [u8]) -> Result<(), CollectiveError> {
        all.copy_from_slice(&self.swap(own.to_vec())?.concat());
        Ok(())
    }

    fn broadcast(&mut self, root: usize, bytes: &mut [u8]) -> Result<(), CollectiveError> {
        let all = self.swap(bytes.to_vec())?;
        bytes.copy_from_slice(&all[root]);
        Ok(())
    }
}

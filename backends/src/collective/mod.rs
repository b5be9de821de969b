//! Several processes that train together: what they send each other, and by what.
//!
//! A [`Collective`] moves bytes and adds nothing: [`Ranks`] sums in an order of its own ([`tree`]), so that the result depends
//! neither on the library nor on the number of processes. A launcher such as `mpirun` or `torchrun` starts the processes and says
//! who is who ([`World`]); [`join()`] connects them, by MPI through host memory or, with an NVIDIA GPU each, by NCCL.

#[cfg(unix)]
mod dynamic;
mod error;
mod header;
mod join;
#[cfg(any(with_nccl, all(test, target_os = "linux")))]
mod meeting;
#[cfg(unix)]
mod mpi;
#[cfg(any(with_nccl, all(test, target_os = "linux")))]
mod nccl;
mod ranks;
mod threads;
pub mod tree;
#[cfg(unix)]
mod waiting;
mod world;

pub use error::CollectiveError;
pub use join::{Joined, Joining, join};
pub use ranks::{ExchangeTimes, Ranks};
pub use threads::{Threads, threads};
pub use world::{Launcher, World};

use std::{sync::Arc, time::Duration};

/// How long a process waits for another before it gives up, unless told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(30 * 60);

/// Processes that take part in the same operations in the same order, each known by its rank.
///
/// All of them call the same method with buffers of the same lengths; a call returns when this process has what it was to
/// receive.
pub trait Collective {
    /// This process's number, from 0.
    fn rank(&self) -> usize;

    /// How many processes there are.
    fn size(&self) -> usize;

    /// What connects them, for the record.
    fn name(&self) -> String;

    /// Gives each rank its part of `own` (`[size, length]`) and receives the parts that the others have for this one, by rank.
    ///
    /// # Errors
    /// If the connection fails.
    fn all_to_all(&mut self, own: &[f32], received: &mut [f32]) -> Result<(), CollectiveError>;

    /// Gives all ranks `own` (`[length]`) and receives theirs, by rank (`[size, length]`).
    ///
    /// # Errors
    /// If the connection fails.
    fn all_gather(&mut self, own: &[f32], all: &mut [f32]) -> Result<(), CollectiveError>;

    /// [`all_gather`](Self::all_gather) of bytes: what processes agree by, waiting for the last of them.
    ///
    /// # Errors
    /// If the connection fails.
    fn gather_bytes(&mut self, own: &[u8], all: &mut [u8]) -> Result<(), CollectiveError>;

    /// Receives what `root` has in `bytes`; the root sends it.
    ///
    /// # Errors
    /// If the connection fails.
    fn broadcast(&mut self, root: usize, bytes: &mut [u8]) -> Result<(), CollectiveError>;

    /// Takes leave of the others, all having done everything.
    fn finish(&mut self) {}

    /// Ends this process and, where the connection can, the others.
    fn abort(&mut self, code: i32) -> ! {
        std::process::exit(code)
    }
}

/// A process on its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Collective for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn name(&self) -> String {
        "one process".into()
    }

    fn all_to_all(&mut self, own: &[f32], received: &mut [f32]) -> Result<(), CollectiveError> {
        self.all_gather(own, received)
    }

    fn all_gather(&mut self, own: &[f32], all: &mut [f32]) -> Result<(), CollectiveError> {
        all.copy_from_slice(own);
        Ok(())
    }

    fn gather_bytes(&mut self, own: &[u8], all: &mut [u8]) -> Result<(), CollectiveError> {
        all.copy_from_slice(own);
        Ok(())
    }

    fn broadcast(&mut self, _root: usize, _bytes: &mut [u8]) -> Result<(), CollectiveError> {
        Ok(())
    }
}

/// What a process says before it ends because another one is gone; on any thread.
pub type LastWords = Arc<dyn Fn(&CollectiveError) + Send + Sync>;

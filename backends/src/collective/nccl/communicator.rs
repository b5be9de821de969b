//! Processes with a GPU each, connected by NCCL.
//!
//! NCCL has no deadline of its own, and a kernel that waits for a process that is gone waits for ever. So communicators do not block,
//! everything runs in a stream of its own, and this process asks again and again how far stream and communicator are: that is
//! the watchdog. Beyond the deadline, or when NCCL reports a failure, the communicator is aborted, which ends its kernels;
//! should even that hang, the process ends.

use std::{ffi::c_int, time::Duration};

use super::{
    super::{
        Collective, CollectiveError, LastWords,
        meeting::Meeting,
        waiting::{Waiting, end, within},
    },
    device::Device,
    library::{Communicator, ID_BYTES, IN_PROGRESS, Library, SUCCESS},
};

/// How long the end of a communicator may take before the process ends by itself.
const ABORT: Duration = Duration::from_secs(10);
/// Bytes that are broadcast at once.
const PIECE: usize = 32 << 20;

/// The processes of a communicator.
pub(in super::super) struct Nccl {
    library: Library,
    device: Device,
    /// None once it has ended.
    communicator: Option<Communicator>,
    rank: usize,
    size: usize,
    deadline: Duration,
    last_words: LastWords,
}

impl Nccl {
    /// Joins others at a meeting; without one there are no others.
    pub fn meet(
        library: Library,
        gpu: usize,
        meeting: Option<Meeting>,
        (rank, size): (usize, usize),
        (deadline, last_words): (Duration, LastWords),
    ) -> Result<Self, CollectiveError> {
        let shared = std::env::var_os("NCCL_COMM_ID").is_some();
        let id = match &meeting {
            // All make the same id from the variable.
            Some(meeting) if rank > 0 && !shared => meeting.learn(ID_BYTES, deadline)?,
            _ => library.unique_id()?.to_vec(),
        };
        let (device, id) = (Device::open(gpu)?, to_id(&id)?);
        // Kept until all are connected, so that nobody seems absent who is not.
        let mut meeting = meeting;
        let mut absent = Vec::new();
        let tell = |absent: &mut Vec<usize>| {
            if let Some(meeting) = meeting.as_mut().filter(|_| rank == 0 && !shared) {
                *absent = meeting.tell(&id)?;
            }
            Ok(())
        };
        let joined =
            Self::connect(library, device, id, (rank, size), (deadline, last_words), tell, &mut absent);
        match (joined, meeting) {
            (Err(CollectiveError::Deadline { .. }), Some(meeting)) if !absent.is_empty() => {
                Err(meeting.not_met(absent, deadline))
            }
            (joined, _) => joined,
        }
    }

    /// Joins others that know the same id; `meanwhile` is called as long as that takes.
    pub(super) fn connect<S>(
        library: Library,
        device: Device,
        id: [u8; ID_BYTES],
        (rank, size): (usize, usize),
        (deadline, last_words): (Duration, LastWords),
        mut meanwhile: impl FnMut(&mut S) -> Result<(), CollectiveError>,
        state: &mut S,
    ) -> Result<Self, CollectiveError> {
        let entered = device.enter()?;
        let begin = || library.connect(&id, rank, size);
        let communicator = within(deadline, Waiting::new(deadline).over(), &last_words, begin)?;
        drop(entered);
        let mut joined =
            Self { library, device, communicator: Some(communicator), rank, size, deadline, last_words };
        let waiting = Waiting::new(deadline);
        loop {
            match joined.library.state(communicator) {
                SUCCESS => return Ok(joined),
                IN_PROGRESS => {}
                code => {
                    let error = joined.library.failure("ncclCommInitRankConfig", code, communicator);
                    return Err(joined.lost(error));
                }
            }
            if let Err(error) = meanwhile(state) {
                return Err(joined.lost(error));
            }
            if !waiting.pause() {
                return Err(joined.lost(waiting.over()));
            }
            // Connecting takes far longer than an exchange, and the meeting is on a disk.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has bytes of the host travel: puts `own` on the GPU, has `enqueue` put the exchange into the stream, waits, and takes what has
    /// come.
    fn exchange<T: Copy>(
        &mut self,
        call: &'static str,
        own: &[T],
        received: &mut [T],
        enqueue: impl FnOnce(&Library, &Device, Communicator) -> c_int,
    ) -> Result<(), CollectiveError> {
        let Some(communicator) = self.communicator else { return Err(CollectiveError::Gone) };
        let entered = self.device.enter()?;
        let result = self.device.put(own, size_of_val(received)).and_then(|()| {
            let code = enqueue(&self.library, &self.device, communicator);
            self.wait(call, code, communicator)?;
            self.device.take(received)
        });
        drop(entered);
        result.map_err(|error| self.lost(error))
    }

    /// Waits until communicator and stream have done what was begun.
    fn wait(
        &self,
        call: &'static str,
        mut code: c_int,
        communicator: Communicator,
    ) -> Result<(), CollectiveError> {
        let waiting = Waiting::new(self.deadline);
        loop {
            match code {
                // Only what NCCL has handed to the stream can be waited for there.
                SUCCESS if self.device.is_idle()? => return Ok(()),
                SUCCESS | IN_PROGRESS => {}
                code => return Err(self.library.failure(call, code, communicator)),
            }
            if !waiting.pause() {
                return Err(waiting.over());
            }
            code = self.library.state(communicator);
        }
    }

    /// Ends the communicator because of an error.
    pub(super) fn lost(&mut self, error: CollectiveError) -> CollectiveError {
        if let Some(communicator) = self.communicator.take() {
            let entered = self.device.enter();
            within(ABORT, error.clone(), &self.last_words, || self.library.abort(communicator));
            drop(entered);
        }
        error
    }
}

impl Collective for Nccl {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn name(&self) -> String {
        self.library.name()
    }

    fn all_to_all(&mut self, own: &[f32], received: &mut [f32]) -> Result<(), CollectiveError> {
        let size = self.size;
        let part = size_of::<f32>() * (own.len().min(received.len()) / size.max(1));
        self.exchange("ncclGroupEnd", own, received, |library, device, communicator| {
            library.all_to_all(device.buffers(), (part, size), communicator, device.stream())
        })
    }

    fn all_gather(&mut self, own: &[f32], all: &mut [f32]) -> Result<(), CollectiveError> {
        self.gather(own, all)
    }

    fn gather_bytes(&mut self, own: &[u8], all: &mut [u8]) -> Result<(), CollectiveError> {
        self.gather(own, all)
    }

    fn broadcast(&mut self, root: usize, bytes: &mut [u8]) -> Result<(), CollectiveError> {
        for piece in bytes.chunks_mut(PIECE) {
            let length = piece.len();
            let own = if root == self.rank { piece.to_vec() } else { vec![0; length] };
            self.exchange("ncclBroadcast", &own, piece, |library, device, communicator| {
                library.broadcast(device.buffers(), length, root, communicator, device.stream())
            })?;
        }
        Ok(())
    }

    fn finish(&mut self) {
        let Some(communicator) = self.communicator.take() else { return };
        let entered = self.device.enter();
        let waiting = Waiting::new(self.deadline);
        let mut code = self.library.finalize(communicator);
        while code == IN_PROGRESS && waiting.pause() {
            code = self.library.state(communicator);
        }
        within(ABORT, waiting.over(), &self.last_words, || match code {
            SUCCESS => self.library.destroy(communicator),
            _ => self.library.abort(communicator),
        });
        drop(entered);
    }

    fn abort(&mut self, code: i32) -> ! {
        self.lost(CollectiveError::Gone);
        end(code)
    }
}

impl Nccl {
    fn gather<T: Copy>(&mut self, own: &[T], all: &mut [T]) -> Result<(), CollectiveError> {
        let bytes = size_of::<T>() * own.len().min(all.len() / self.size.max(1));
        self.exchange("ncclAllGather", own, all, |library, device, communicator| {
            library.all_gather(device.buffers(), bytes, communicator, device.stream())
        })
    }
}

fn to_id(bytes: &[u8]) -> Result<[u8; ID_BYTES], CollectiveError> {
    bytes.try_into().map_err(|_| CollectiveError::Gone)
}

//! MPI, loaded at run time: one program for Open MPI and all that is compatible with MPICH, none needed to build it.

mod library;

use std::{
    ffi::{c_int, c_void},
    path::Path,
    time::{Duration, Instant},
};

use self::library::{Handle, Library, Loaded};
use super::{Collective, CollectiveError, LastWords, Launcher, World};

/// Asking again and again without a pause: what comes from a process that is ready comes within this time.
const BUSY: Duration = Duration::from_millis(2);
/// Pause between two questions after that, while another process still computes.
const PAUSE: Duration = Duration::from_micros(100);
/// How long MPI may take to end the processes before this one ends by itself.
const ABORT: Duration = Duration::from_secs(5);

/// The processes of `MPI_COMM_WORLD`.
struct Mpi<H: Handle> {
    library: Library<H>,
    rank: usize,
    size: usize,
    deadline: Duration,
    last_words: LastWords,
}

/// See [`super::mpi`].
pub(super) fn join(
    library: Option<&Path>,
    world: Option<&World>,
    deadline: Duration,
    last_words: LastWords,
) -> Result<Box<dyn Collective>, CollectiveError> {
    match world.map(|world| world.launcher) {
        Some(launcher @ (Launcher::Torchrun | Launcher::Unknown)) => {
            return Err(CollectiveError::NotByMpi { launcher: launcher.name() });
        }
        Some(Launcher::OpenMpi | Launcher::Pmi | Launcher::Slurm) | None => {}
    }
    match library::load(library, world.map(|world| world.launcher))? {
        Loaded::OpenMpi(library) => {
            Ok(Box::new(Mpi::<*mut c_void>::join(library, world, deadline, last_words)?))
        }
        Loaded::Mpich(library) => Ok(Box::new(Mpi::<c_int>::join(library, world, deadline, last_words)?)),
    }
}

impl<H: Handle> Mpi<H> {
    fn join(
        library: Library<H>,
        world: Option<&World>,
        deadline: Duration,
        last_words: LastWords,
    ) -> Result<Self, CollectiveError> {
        library.init()?;
        let (rank, size) = library.place()?;
        if let Some(world) = world
            && (world.is_certain() || size == 1)
            && world.size != size
        {
            let (launcher, started) = (world.launcher.name(), world.size);
            let library = library.version().to_owned();
            return Err(CollectiveError::OtherLauncher { launcher, started, library, known: size });
        }
        Ok(Self { library, rank, size, deadline, last_words })
    }
}

/// Waits for a transfer. It writes into the caller's buffers, so there is no way back before its end: beyond the deadline the
/// process ends.
struct Waiting {
    began: Instant,
    deadline: Duration,
}

impl Waiting {
    fn new(deadline: Duration) -> Self {
        Self { began: Instant::now(), deadline }
    }

    /// Pauses before the next question; false beyond the deadline.
    fn pause(&self) -> bool {
        let waited = self.began.elapsed();
        if waited < BUSY {
            std::thread::yield_now();
        } else {
            std::thread::sleep(PAUSE);
        }
        waited < self.deadline
    }
}

impl<H: Handle> Collective for Mpi<H> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn name(&self) -> String {
        self.library.version().to_owned()
    }

    fn all_to_all(&mut self, own: &[f32], received: &mut [f32]) -> Result<(), CollectiveError> {
        let mut wait = Self::waiting(self.deadline, &self.library, &self.last_words);
        self.library.all_to_all(self.size, own, received, &mut wait)
    }

    fn all_gather(&mut self, own: &[f32], all: &mut [f32]) -> Result<(), CollectiveError> {
        let mut wait = Self::waiting(self.deadline, &self.library, &self.last_words);
        self.library.all_gather(self.size, own, all, &mut wait)
    }

    fn gather_bytes(&mut self, own: &[u8], all: &mut [u8]) -> Result<(), CollectiveError> {
        let mut wait = Self::waiting(self.deadline, &self.library, &self.last_words);
        self.library.all_gather(self.size, own, all, &mut wait)
    }

    fn broadcast(&mut self, root: usize, bytes: &mut [u8]) -> Result<(), CollectiveError> {
        let mut wait = Self::waiting(self.deadline, &self.library, &self.last_words);
        self.library.broadcast(root, bytes, &mut wait)
    }

    fn finish(&mut self) {
        self.library.finalize();
    }

    fn abort(&mut self, code: i32) -> ! {
        abort(&self.library, code)
    }
}

impl<H: Handle> Mpi<H> {
    /// What is done between two questions whether a transfer has ended.
    fn waiting<'a>(
        deadline: Duration,
        library: &'a Library<H>,
        last_words: &'a LastWords,
    ) -> impl FnMut() + 'a {
        let waiting = Waiting::new(deadline);
        move || {
            if !waiting.pause() {
                last_words(&CollectiveError::Deadline { seconds: deadline.as_secs() });
                abort(library, 1);
            }
        }
    }
}

/// Has MPI end all processes; ends this one by itself should that hang.
fn abort<H: Handle>(library: &Library<H>, code: i32) -> ! {
    std::thread::spawn(|| {
        std::thread::sleep(ABORT);
        std::process::abort();
    });
    library.abort(code);
    std::process::abort();
}

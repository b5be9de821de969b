//! MPI, loaded at run time: one program for Open MPI and all that is compatible with MPICH, none needed to build it.

mod library;

use std::{
    ffi::{c_int, c_void},
    path::Path,
    time::Duration,
};

use self::library::{Handle, Library, Loaded};
use super::{
    Collective, CollectiveError, LastWords, World,
    waiting::{Waiting, within},
};

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

/// Joins the processes of an MPI: the library that was named, else one for the launcher, else any. Who waits longer than
/// `deadline` says `last_words` and ends all processes.
pub(super) fn join(
    library: Option<&Path>,
    world: Option<&World>,
    deadline: Duration,
    last_words: LastWords,
) -> Result<Box<dyn Collective>, CollectiveError> {
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
        // It waits until all processes have come to it.
        within(deadline, Waiting::new(deadline).over(), &last_words, || library.init())?;
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
        let over = Waiting::new(self.deadline).over();
        within(self.deadline, over, &self.last_words, || self.library.finalize());
    }

    fn abort(&mut self, code: i32) -> ! {
        abort(&self.library, code)
    }
}

impl<H: Handle> Mpi<H> {
    /// What is done between two questions whether a transfer has ended. It writes into the caller's buffers, so there is no way back
    /// before its end: beyond the deadline the process ends.
    fn waiting<'a>(
        deadline: Duration,
        library: &'a Library<H>,
        last_words: &'a LastWords,
    ) -> impl FnMut() + 'a {
        let waiting = Waiting::new(deadline);
        move || {
            if !waiting.pause() {
                last_words(&waiting.over());
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

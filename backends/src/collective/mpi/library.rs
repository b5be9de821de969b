//! The functions of an MPI library, and the two binary interfaces there are.
//!
//! All unsafe code of MPI is here. Its reasons: functions are looked up by name and called with the signatures of the MPI
//! standard's C binding, in which a handle is a pointer in Open MPI and an int in MPICH's family; buffers are slices that
//! outlive the transfer, because no function returns before it has ended; and everything is called from one thread, as
//! `MPI_THREAD_FUNNELED` asks (the types hold raw pointers and are not `Send`).
#![allow(unsafe_code, reason = "calls into a C library; see above")]

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    path::Path,
    ptr,
};

use libloading::os::unix::{Library as Dynamic, RTLD_GLOBAL, RTLD_NOW};

use super::super::{CollectiveError, Launcher, dynamic::symbol};

/// `MPI_SUCCESS`, the same everywhere.
const SUCCESS: c_int = 0;
/// `MPI_THREAD_FUNNELED`, the same everywhere: only the thread that has called `MPI_Init_thread` calls MPI.
const FUNNELED: c_int = 1;
/// Longest text of a library about itself (`MPI_MAX_LIBRARY_VERSION_STRING` of MPICH) or an error.
const LONGEST: usize = 8192;

/// A handle of communicators, types and requests.
pub(super) trait Handle: Copy + 'static {
    /// What a request is before it is one.
    const NONE: Self;
}

impl Handle for *mut c_void {
    const NONE: Self = ptr::null_mut();
}

impl Handle for c_int {
    const NONE: Self = 0;
}

type Transfer<H> = unsafe extern "C" fn(*const c_void, c_int, H, *mut c_void, c_int, H, H, *mut H) -> c_int;

/// The functions of one library.
pub(super) struct Library<H: Handle> {
    world: H,
    byte: H,
    errors_return: H,
    /// `MPI_STATUS_IGNORE`.
    no_status: *mut c_void,
    version: String,
    init_thread: unsafe extern "C" fn(*mut c_int, *mut c_void, c_int, *mut c_int) -> c_int,
    set_errhandler: unsafe extern "C" fn(H, H) -> c_int,
    comm_rank: unsafe extern "C" fn(H, *mut c_int) -> c_int,
    comm_size: unsafe extern "C" fn(H, *mut c_int) -> c_int,
    ialltoall: Transfer<H>,
    iallgather: Transfer<H>,
    ibcast: unsafe extern "C" fn(*mut c_void, c_int, H, c_int, H, *mut H) -> c_int,
    test: unsafe extern "C" fn(*mut H, *mut c_int, *mut c_void) -> c_int,
    error_string: unsafe extern "C" fn(c_int, *mut c_char, *mut c_int) -> c_int,
    finalize: unsafe extern "C" fn() -> c_int,
    abort: unsafe extern "C" fn(H, c_int) -> c_int,
}

/// A library of either kind.
pub(super) enum Loaded {
    OpenMpi(Library<*mut c_void>),
    Mpich(Library<c_int>),
}

/// Names of libraries. `libmpi.so.12` is MPICH's in many builds and Intel MPI's; Open MPI counts from 40.
const OPEN_MPI: [&str; 2] = ["libmpi.so.40", "libmpi.so.80"];
const MPICH: [&str; 3] = ["libmpich.so.12", "libmpi.so.12", "libmpi_cray.so.12"];
const ANY: [&str; 3] = ["libmpi.so", "libmpi.40.dylib", "libmpi.dylib"];

/// Loads the library that was named, else one for the launcher, else any.
pub(super) fn load(named: Option<&Path>, launcher: Option<Launcher>) -> Result<Loaded, CollectiveError> {
    let names: Vec<&Path> = match (named, launcher) {
        (Some(path), _) => vec![path],
        (None, Some(Launcher::Pmi)) => MPICH.iter().chain(&ANY).chain(&OPEN_MPI).map(Path::new).collect(),
        (None, _) => OPEN_MPI.iter().chain(&ANY).chain(&MPICH).map(Path::new).collect(),
    };
    let mut tried = Vec::new();
    for name in names {
        // SAFETY: loading runs the library's initialisers; MPI libraries are made for being loaded into any program. Global,
        // because Open MPI loads plug-ins that look for its symbols.
        match unsafe { Dynamic::open(Some(name), RTLD_NOW | RTLD_GLOBAL) } {
            Ok(library) => return of_kind(library, name),
            Err(error) => {
                // A library that is not there is told of only if it was named, else the list would be long.
                let reason = error.to_string();
                let is_absent = reason.contains("No such file") || reason.contains("no such file");
                if named.is_some() || !is_absent {
                    tried.push(reason);
                }
            }
        }
    }
    Err(CollectiveError::Missing { tried })
}

/// The library as one of the two kinds. It is never unloaded: MPI cannot be.
fn of_kind(library: Dynamic, path: &Path) -> Result<Loaded, CollectiveError> {
    let library: &'static Dynamic = Box::leak(Box::new(library));
    let version = version(library, path)?;
    // SAFETY: these are variables whose addresses are the handles, which is what the macros of mpi.h take. A symbol is its address
    // when it is read as a pointer.
    let address =
        |name: &str| unsafe { library.get::<*mut c_void>(name.as_bytes()).ok().map(|symbol| *symbol) };
    let handles = ["ompi_mpi_comm_world", "ompi_mpi_byte", "ompi_mpi_errors_return"].map(address);
    if let [Some(world), Some(byte), Some(errors_return)] = handles {
        let handles = Handles { world, byte, errors_return, no_status: ptr::null_mut() };
        return Ok(Loaded::OpenMpi(functions(library, path, version, handles)?));
    }
    let is_mpich = ["MPICH", "Intel", "MVAPICH", "CRAY", "Cray"].iter().any(|name| version.contains(name));
    if !is_mpich {
        return Err(CollectiveError::UnknownKind { library: path.display().to_string(), version });
    }
    // The constants of MPICH's binary interface, which Intel MPI, MVAPICH and Cray MPI share.
    let handles = Handles {
        world: 0x4400_0000,
        byte: 0x4c00_010d,
        errors_return: 0x5400_0001,
        no_status: ptr::without_provenance_mut(1),
    };
    Ok(Loaded::Mpich(functions(library, path, version, handles)?))
}

struct Handles<H> {
    world: H,
    byte: H,
    errors_return: H,
    no_status: *mut c_void,
}

fn functions<H: Handle>(
    library: &'static Dynamic,
    path: &Path,
    version: String,
    handles: Handles<H>,
) -> Result<Library<H>, CollectiveError> {
    let Handles { world, byte, errors_return, no_status } = handles;
    Ok(Library {
        world,
        byte,
        errors_return,
        no_status,
        version,
        init_thread: function(library, path, "MPI_Init_thread")?,
        set_errhandler: function(library, path, "MPI_Comm_set_errhandler")?,
        comm_rank: function(library, path, "MPI_Comm_rank")?,
        comm_size: function(library, path, "MPI_Comm_size")?,
        ialltoall: function(library, path, "MPI_Ialltoall")?,
        iallgather: function(library, path, "MPI_Iallgather")?,
        ibcast: function(library, path, "MPI_Ibcast")?,
        test: function(library, path, "MPI_Test")?,
        error_string: function(library, path, "MPI_Error_string")?,
        finalize: function(library, path, "MPI_Finalize")?,
        abort: function(library, path, "MPI_Abort")?,
    })
}

/// A function by its name, of the type that the caller says.
fn function<F: Copy>(
    library: &'static Dynamic,
    path: &Path,
    name: &'static str,
) -> Result<F, CollectiveError> {
    // SAFETY: the fields of `Library` have the signatures of the MPI standard.
    let found = unsafe { symbol(library, path, name) };
    found.map_err(|lacks| CollectiveError::Missing { tried: vec![lacks] })
}

/// What a library says of itself, which may be asked before MPI is started.
fn version(library: &'static Dynamic, path: &Path) -> Result<String, CollectiveError> {
    type Version = unsafe extern "C" fn(*mut c_char, *mut c_int) -> c_int;
    let version: Version = function(library, path, "MPI_Get_library_version")?;
    let text = text(|text, length| {
        // SAFETY: the buffer is longer than any library's text.
        unsafe { version(text, length) }
    });
    // MPICH lists its whole configuration.
    let first = text.split([',', '\n']).next().unwrap_or_default();
    Ok(first.split_whitespace().collect::<Vec<_>>().join(" ").replace("MPICH Version:", "MPICH"))
}

fn text(fill: impl FnOnce(*mut c_char, *mut c_int) -> c_int) -> String {
    let mut bytes = vec![0_u8; LONGEST + 1];
    let mut length = 0;
    fill(bytes.as_mut_ptr().cast(), &raw mut length);
    CStr::from_bytes_until_nul(&bytes)
        .map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
}

impl<H: Handle> Library<H> {
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Starts MPI; errors are returned from now on instead of ending the process.
    pub fn init(&self) -> Result<(), CollectiveError> {
        let mut provided = 0;
        // SAFETY: null pointers stand for the arguments of `main`, as the standard allows.
        let code =
            unsafe { (self.init_thread)(ptr::null_mut(), ptr::null_mut(), FUNNELED, &raw mut provided) };
        self.check("MPI_Init_thread", code)?;
        // SAFETY: both handles are the library's own.
        let code = unsafe { (self.set_errhandler)(self.world, self.errors_return) };
        self.check("MPI_Comm_set_errhandler", code)
    }

    /// This process's rank, and how many there are.
    pub fn place(&self) -> Result<(usize, usize), CollectiveError> {
        let (mut rank, mut size) = (0, 0);
        // SAFETY: the handle is the library's own, the results are on the stack.
        let code = unsafe { (self.comm_rank)(self.world, &raw mut rank) };
        self.check("MPI_Comm_rank", code)?;
        // SAFETY: as above.
        let code = unsafe { (self.comm_size)(self.world, &raw mut size) };
        self.check("MPI_Comm_size", code)?;
        Ok((usize::try_from(rank).unwrap_or(0), usize::try_from(size).unwrap_or(1)))
    }

    /// `wait` is called as long as the transfer goes on, and does not return beyond the deadline.
    pub fn all_to_all(
        &self,
        size: usize,
        own: &[f32],
        received: &mut [f32],
        wait: &mut dyn FnMut(),
    ) -> Result<(), CollectiveError> {
        let length = own.len().min(received.len()) / size.max(1);
        let count = bytes::<f32>("MPI_Ialltoall", length)?;
        let (from, to) = (own.as_ptr().cast(), received.as_mut_ptr().cast());
        let mut request = H::NONE;
        // SAFETY: both slices hold `length` values for each rank, and outlive the transfer, which `complete` waits for.
        let code = unsafe {
            (self.ialltoall)(from, count, self.byte, to, count, self.byte, self.world, &raw mut request)
        };
        self.check("MPI_Ialltoall", code)?;
        self.complete("MPI_Ialltoall", request, wait)
    }

    /// As [`Self::all_to_all`].
    pub fn all_gather<T: Copy>(
        &self,
        size: usize,
        own: &[T],
        all: &mut [T],
        wait: &mut dyn FnMut(),
    ) -> Result<(), CollectiveError> {
        let length = own.len().min(all.len() / size.max(1));
        let count = bytes::<T>("MPI_Iallgather", length)?;
        let (from, to) = (own.as_ptr().cast(), all.as_mut_ptr().cast());
        let mut request = H::NONE;
        // SAFETY: `own` holds `length` values, `all` as many for each rank, and both outlive the transfer. `T` is a number.
        let code = unsafe {
            (self.iallgather)(from, count, self.byte, to, count, self.byte, self.world, &raw mut request)
        };
        self.check("MPI_Iallgather", code)?;
        self.complete("MPI_Iallgather", request, wait)
    }

    /// As [`Self::all_to_all`].
    pub fn broadcast(
        &self,
        root: usize,
        data: &mut [u8],
        wait: &mut dyn FnMut(),
    ) -> Result<(), CollectiveError> {
        let count = bytes::<u8>("MPI_Ibcast", data.len())?;
        let root = c_int::try_from(root).unwrap_or(0);
        let mut request = H::NONE;
        // SAFETY: the slice outlives the transfer.
        let code = unsafe {
            (self.ibcast)(data.as_mut_ptr().cast(), count, self.byte, root, self.world, &raw mut request)
        };
        self.check("MPI_Ibcast", code)?;
        self.complete("MPI_Ibcast", request, wait)
    }

    /// Waits for the end of a transfer. One that fails has ended, too: MPI completes its request.
    fn complete(
        &self,
        call: &'static str,
        mut request: H,
        wait: &mut dyn FnMut(),
    ) -> Result<(), CollectiveError> {
        loop {
            let mut done = 0;
            // SAFETY: the request is one that was just made and not completed.
            let code = unsafe { (self.test)(&raw mut request, &raw mut done, self.no_status) };
            self.check(call, code)?;
            if done != 0 {
                return Ok(());
            }
            wait();
        }
    }

    pub fn finalize(&self) {
        // SAFETY: MPI was started, no transfer is going on.
        unsafe { (self.finalize)() };
    }

    /// Asks MPI to end all processes; it may return.
    pub fn abort(&self, code: i32) {
        // SAFETY: MPI was started; this ends the process.
        unsafe { (self.abort)(self.world, code) };
    }

    fn check(&self, call: &'static str, code: c_int) -> Result<(), CollectiveError> {
        if code == SUCCESS {
            return Ok(());
        }
        let message = text(|text, length| {
            // SAFETY: the buffer is longer than any message.
            unsafe { (self.error_string)(code, text, length) }
        });
        Err(CollectiveError::Call { call, message: format!("{message} ({code})") })
    }
}

/// A number of values as MPI counts bytes.
fn bytes<T>(call: &'static str, values: usize) -> Result<c_int, CollectiveError> {
    c_int::try_from(values * size_of::<T>())
        .map_err(|_| CollectiveError::Call { call, message: format!("{values} values are too many at once") })
}

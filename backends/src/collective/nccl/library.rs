//! The functions of NCCL that are used, looked up by name.
//!
//! All calls into NCCL are here. Their reasons for being sound: functions have the signatures of `nccl.h`; a communicator is used
//! only between its making and its end; and buffers are device memory that lives until the stream has passed what uses them, which
//! is what the module `communicator` sees to.
#![allow(unsafe_code, reason = "calls into a C library; see above")]
#![cfg_attr(not(with_nccl), allow(dead_code, reason = "in tests without CUDA only loading is tried"))]

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_void},
    path::Path,
    ptr,
};

use libloading::os::unix::{Library as Dynamic, RTLD_LOCAL, RTLD_NOW};

use super::super::{CollectiveError, dynamic::symbol};

/// Bytes of a unique id (`NCCL_UNIQUE_ID_BYTES`).
pub(in super::super) const ID_BYTES: usize = 128;
/// `ncclSuccess`.
pub(super) const SUCCESS: c_int = 0;
/// `ncclInProgress`: what functions of a communicator that does not block return, and what its state is until they are done.
pub(super) const IN_PROGRESS: c_int = 7;
/// `ncclUint8`: bytes, since nothing is added on the way.
const BYTES: c_int = 1;
/// The first version with communicators that do not block.
const FIRST: c_int = 21_400;
/// NVIDIA's wheel has the first name only, and the second may be a development file of any version.
const NAMES: [&str; 2] = ["libnccl.so.2", "libnccl.so"];

/// A communicator's address.
pub(super) type Communicator = *mut c_void;
/// A CUDA stream's address.
pub(super) type Stream = *mut c_void;
/// An address in device memory.
pub(super) type Pointer = *mut c_void;

#[repr(C)]
#[derive(Clone, Copy)]
struct UniqueId([u8; ID_BYTES]);

/// `ncclConfig_t` as it was in [`FIRST`]. Every version takes it: it copies as many bytes as `size` says, checks the magic number,
/// and sets fields that came after `version` to their defaults (`parseCommConfig` in NCCL's `init.cc`).
#[repr(C)]
struct Config {
    size: usize,
    magic: c_uint,
    version: c_uint,
    blocking: c_int,
}

/// The functions of one library.
pub(in super::super) struct Library {
    version: c_int,
    get_unique_id: unsafe extern "C" fn(*mut UniqueId) -> c_int,
    init_rank: unsafe extern "C" fn(*mut Communicator, c_int, UniqueId, c_int, *mut Config) -> c_int,
    get_async_error: unsafe extern "C" fn(Communicator, *mut c_int) -> c_int,
    group_start: unsafe extern "C" fn() -> c_int,
    group_end: unsafe extern "C" fn() -> c_int,
    send: unsafe extern "C" fn(*const c_void, usize, c_int, c_int, Communicator, Stream) -> c_int,
    receive: unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, Communicator, Stream) -> c_int,
    all_gather: unsafe extern "C" fn(*const c_void, *mut c_void, usize, c_int, Communicator, Stream) -> c_int,
    broadcast:
        unsafe extern "C" fn(*const c_void, *mut c_void, usize, c_int, c_int, Communicator, Stream) -> c_int,
    finalize: unsafe extern "C" fn(Communicator) -> c_int,
    destroy: unsafe extern "C" fn(Communicator) -> c_int,
    abort: unsafe extern "C" fn(Communicator) -> c_int,
    error_string: unsafe extern "C" fn(c_int) -> *const c_char,
    last_error: unsafe extern "C" fn(Communicator) -> *const c_char,
}

impl Library {
    /// Loads the library that was named, else the system's.
    pub fn load(named: Option<&Path>) -> Result<Self, CollectiveError> {
        let names = named.map_or_else(|| NAMES.iter().map(Path::new).collect(), |path| vec![path]);
        let mut tried = Vec::new();
        for name in names {
            // SAFETY: loading runs the library's initialisers; NCCL's read its settings.
            match unsafe { Dynamic::open(Some(name), RTLD_NOW | RTLD_LOCAL) } {
                Ok(library) => return Self::of(Box::leak(Box::new(library)), name),
                Err(error) => tried.push(error.to_string()),
            }
        }
        Err(CollectiveError::NcclMissing { tried })
    }

    /// The functions. The library is never unloaded: it has threads.
    fn of(library: &'static Dynamic, path: &Path) -> Result<Self, CollectiveError> {
        let get_version: unsafe extern "C" fn(*mut c_int) -> c_int =
            function(library, path, "ncclGetVersion")?;
        let mut version = 0;
        // SAFETY: writes one integer.
        let code = unsafe { get_version(&raw mut version) };
        if code != SUCCESS || version < FIRST {
            let (version, needed) = (in_words(version), in_words(FIRST));
            return Err(CollectiveError::NcclTooOld { library: path.display().to_string(), version, needed });
        }
        Ok(Self {
            version,
            get_unique_id: function(library, path, "ncclGetUniqueId")?,
            init_rank: function(library, path, "ncclCommInitRankConfig")?,
            get_async_error: function(library, path, "ncclCommGetAsyncError")?,
            group_start: function(library, path, "ncclGroupStart")?,
            group_end: function(library, path, "ncclGroupEnd")?,
            send: function(library, path, "ncclSend")?,
            receive: function(library, path, "ncclRecv")?,
            all_gather: function(library, path, "ncclAllGather")?,
            broadcast: function(library, path, "ncclBroadcast")?,
            finalize: function(library, path, "ncclCommFinalize")?,
            destroy: function(library, path, "ncclCommDestroy")?,
            abort: function(library, path, "ncclCommAbort")?,
            error_string: function(library, path, "ncclGetErrorString")?,
            last_error: function(library, path, "ncclGetLastError")?,
        })
    }

    /// `NCCL 2.32.3`.
    pub fn name(&self) -> String {
        format!("NCCL {}", in_words(self.version))
    }

    /// An id for a new set of processes, which this process helps to connect as long as it lives. What `NCCL_COMM_ID` says is an
    /// id, too, the same for all.
    pub fn unique_id(&self) -> Result<[u8; ID_BYTES], CollectiveError> {
        let mut id = UniqueId([0; ID_BYTES]);
        // SAFETY: writes as many bytes.
        let code = unsafe { (self.get_unique_id)(&raw mut id) };
        if code == SUCCESS { Ok(id.0) } else { Err(self.failure("ncclGetUniqueId", code, ptr::null_mut())) }
    }

    /// Begins to connect this process with the others, on the current device: see [`Self::state`].
    pub fn connect(
        &self,
        id: &[u8; ID_BYTES],
        rank: usize,
        size: usize,
    ) -> Result<Communicator, CollectiveError> {
        let version = FIRST.unsigned_abs();
        let mut config = Config { size: size_of::<Config>(), magic: 0xcafe_beef, version, blocking: 0 };
        let number = |number: usize| c_int::try_from(number).unwrap_or(c_int::MAX);
        let mut communicator = ptr::null_mut();
        // SAFETY: the configuration outlives the call, which copies it.
        let code = unsafe {
            (self.init_rank)(
                &raw mut communicator,
                number(size),
                UniqueId(*id),
                number(rank),
                &raw mut config,
            )
        };
        match code {
            SUCCESS | IN_PROGRESS if !communicator.is_null() => Ok(communicator),
            code => Err(self.failure("ncclCommInitRankConfig", code, ptr::null_mut())),
        }
    }

    /// [`SUCCESS`], [`IN_PROGRESS`], or how the communicator has failed.
    pub fn state(&self, communicator: Communicator) -> c_int {
        let mut state = SUCCESS;
        // SAFETY: the communicator is one that was made and not ended.
        let code = unsafe { (self.get_async_error)(communicator, &raw mut state) };
        if code == SUCCESS { state } else { code }
    }

    /// Puts into the stream that part r of `from` goes to rank r, and its part for this one into part r of `to`.
    pub fn all_to_all(
        &self,
        (from, to): (Pointer, Pointer),
        (part, size): (usize, usize),
        communicator: Communicator,
        stream: Stream,
    ) -> c_int {
        // SAFETY: both buffers hold `size` parts of so many bytes, and live until the stream has passed this.
        unsafe {
            let mut code = (self.group_start)();
            for (peer, rank) in (0..size).zip(0..) {
                let (from, to) = (from.byte_add(peer * part), to.byte_add(peer * part));
                if code == SUCCESS || code == IN_PROGRESS {
                    code = (self.send)(from, part, BYTES, rank, communicator, stream);
                }
                if code == SUCCESS || code == IN_PROGRESS {
                    code = (self.receive)(to, part, BYTES, rank, communicator, stream);
                }
            }
            let end = (self.group_end)();
            if code == SUCCESS || code == IN_PROGRESS { end } else { code }
        }
    }

    /// Puts into the stream that all ranks get these bytes of each.
    pub fn all_gather(
        &self,
        (from, to): (Pointer, Pointer),
        bytes: usize,
        communicator: Communicator,
        stream: Stream,
    ) -> c_int {
        // SAFETY: `from` holds so many bytes and `to` as many for each rank; both live until the stream has passed this.
        unsafe { (self.all_gather)(from, to, bytes, BYTES, communicator, stream) }
    }

    /// Puts into the stream that all ranks get the root's bytes.
    pub fn broadcast(
        &self,
        (from, to): (Pointer, Pointer),
        bytes: usize,
        root: usize,
        communicator: Communicator,
        stream: Stream,
    ) -> c_int {
        let root = c_int::try_from(root).unwrap_or(0);
        // SAFETY: both buffers hold so many bytes, and live until the stream has passed this.
        unsafe { (self.broadcast)(from, to, bytes, BYTES, root, communicator, stream) }
    }

    /// Begins to take leave of the others: see [`Self::state`].
    pub fn finalize(&self, communicator: Communicator) -> c_int {
        // SAFETY: the communicator is one that was made and not ended.
        unsafe { (self.finalize)(communicator) }
    }

    /// Ends a communicator after [`Self::finalize`]; may wait for others.
    pub fn destroy(&self, communicator: Communicator) {
        // SAFETY: the communicator is not used any more.
        unsafe { (self.destroy)(communicator) };
    }

    /// Ends a communicator whatever it is doing; may never return all the same.
    pub fn abort(&self, communicator: Communicator) {
        // SAFETY: the communicator is not used any more.
        unsafe { (self.abort)(communicator) };
    }

    /// What a code means, in NCCL's words.
    pub fn failure(&self, call: &'static str, code: c_int, communicator: Communicator) -> CollectiveError {
        // SAFETY: both give texts that live as long as the library, or until its next error, and take any code and no communicator.
        let [what, more] = unsafe { [(self.error_string)(code), (self.last_error)(communicator)] }.map(text);
        let more = if more.is_empty() || more == what { String::new() } else { format!(": {more}") };
        CollectiveError::Nccl { call, message: format!("{what} ({code}){more}") }
    }
}

/// A text of the library, without line ends.
fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: it ends with a zero.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `2.14.0`; versions up to 2.8 are coded in another way.
fn in_words(code: c_int) -> String {
    let unit = if code < 10_000 { 1000 } else { 10_000 };
    format!("{}.{}.{}", code / unit, code % unit / 100, code % 100)
}

/// A function by its name, of the type that the caller says.
fn function<F: Copy>(
    library: &'static Dynamic,
    path: &Path,
    name: &'static str,
) -> Result<F, CollectiveError> {
    // SAFETY: the fields of `Library` have the signatures of `nccl.h`.
    let found = unsafe { symbol(library, path, name) };
    found.map_err(|lacks| CollectiveError::NcclMissing { tried: vec![lacks] })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names NVIDIA's library: `pip download --no-deps nvidia-nccl-cu12` has it.
    const REAL: &str = "SPANBERT_TEST_NCCL";

    #[test]
    fn the_library_tells_its_version_and_makes_ids_without_a_gpu() {
        let Some(path) = std::env::var_os(REAL) else {
            println!("skipped: {REAL} does not name NVIDIA's libnccl.so.2");
            return;
        };
        let library = Library::load(Some(Path::new(&path))).unwrap_or_else(|error| panic!("{error}"));
        println!("{}", library.name());
        assert!(library.name().starts_with("NCCL 2."), "{}", library.name());
        let [one, other] = [(); 2].map(|()| library.unique_id().unwrap());
        assert!(one != other && one.iter().any(|byte| *byte != 0));
        // Without a GPU it goes as far as to ask for one, with a configuration that it has understood.
        if let Err(error) = library.connect(&one, 0, 1) {
            println!("{error}");
            assert!(!error.to_string().contains("(4)"), "{error}");
        }
    }

    #[test]
    fn versions_are_read_as_nccl_codes_them() {
        assert_eq!((in_words(2_708).as_str(), in_words(21_212).as_str()), ("2.7.8", "2.12.12"));
        assert_eq!((in_words(23_203).as_str(), in_words(FIRST).as_str()), ("2.32.3", "2.14.0"));
    }

    #[test]
    fn what_is_no_nccl_is_told_so() {
        let missing = |path: &str| Library::load(Some(Path::new(path))).err().unwrap().to_string();
        assert!(missing("/nowhere/libnccl.so.2").contains("/nowhere/libnccl.so.2: cannot open"));
        assert!(missing("libm.so.6").contains("libm.so.6 lacks ncclGetVersion"));
    }

    #[test]
    fn the_configuration_is_as_large_as_that_of_the_first_version() {
        assert_eq!((size_of::<Config>(), std::mem::offset_of!(Config, blocking)), (24, 16));
    }
}

//! Device memory through which bytes of the host travel, and the stream they travel in.
//!
//! Copies are made in the stream itself, so that exchanges, which run there too, find what was put before: a copy by the default stream
//! may still be on its way when the call returns (CUDA driver API, "API synchronization behavior"). The host's memory is pageable, which
//! the driver has read, or written, when a call returns. The buffers live as long as the process.
#![allow(unsafe_code, reason = "the driver's interface is C; see above")]

use cudarc::driver::{result, sys};

use super::{
    super::CollectiveError,
    library::{Pointer, Stream},
};

/// Memory is taken in multiples of this.
const UNIT: usize = 1 << 20;

/// A GPU as NCCL uses it.
pub(super) struct Device {
    context: sys::CUcontext,
    stream: sys::CUstream,
    own: Buffer,
    others: Buffer,
}

#[derive(Clone, Copy, Default)]
struct Buffer {
    address: sys::CUdeviceptr,
    bytes: usize,
}

/// As long as it lives, the GPU's context is that of this thread.
pub(super) struct Entered {
    before: sys::CUcontext,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: the context that was current before, or none.
        let _ = unsafe { result::ctx::set_current(self.before) };
    }
}

/// What tells a GPU from all others.
pub(super) fn identity(gpu: usize) -> Result<[u8; 16], CollectiveError> {
    let device = device(gpu)?;
    let uuid = result::device::get_uuid(device).map_err(failure("cuDeviceGetUuid"))?;
    Ok(uuid.bytes.map(|byte| byte.to_ne_bytes()[0]))
}

fn device(gpu: usize) -> Result<sys::CUdevice, CollectiveError> {
    result::init().map_err(failure("cuInit"))?;
    let index = i32::try_from(gpu).unwrap_or(i32::MAX);
    result::device::get(index).map_err(failure("cuDeviceGet"))
}

impl Device {
    /// Uses the primary context, which is Burn's and NCCL's too.
    pub fn open(gpu: usize) -> Result<Self, CollectiveError> {
        let device = device(gpu)?;
        // SAFETY: the driver has just returned the device. The context is never released.
        let context =
            unsafe { result::primary_ctx::retain(device) }.map_err(failure("cuDevicePrimaryCtxRetain"))?;
        let mut opened =
            Self { context, stream: std::ptr::null_mut(), own: Buffer::default(), others: Buffer::default() };
        let entered = opened.enter()?;
        // It waits for nothing that others compute.
        let stream = result::stream::create(result::stream::StreamKind::NonBlocking);
        opened.stream = stream.map_err(failure("cuStreamCreate"))?;
        drop(entered);
        Ok(opened)
    }

    pub fn enter(&self) -> Result<Entered, CollectiveError> {
        let before = result::ctx::get_current().ok().flatten().unwrap_or(std::ptr::null_mut());
        // SAFETY: the context is retained.
        unsafe { result::ctx::set_current(self.context) }.map_err(failure("cuCtxSetCurrent"))?;
        Ok(Entered { before })
    }

    pub fn stream(&self) -> Stream {
        self.stream.cast()
    }

    /// Where [`Self::put`] has put bytes, and where those of others go.
    pub fn buffers(&self) -> (Pointer, Pointer) {
        // An address of the device is no pointer of this program.
        let pointer =
            |buffer: Buffer| std::ptr::without_provenance_mut(usize::try_from(buffer.address).unwrap_or(0));
        (pointer(self.own), pointer(self.others))
    }

    /// Puts bytes on the GPU and makes room for so many of others. The stream must have nothing to do.
    pub fn put<T: Copy>(&mut self, values: &[T], room: usize) -> Result<(), CollectiveError> {
        self.own.grow(size_of_val(values))?;
        self.others.grow(room)?;
        if values.is_empty() {
            return Ok(());
        }
        // SAFETY: the buffer is as large, the context is current, and the values have been read when this returns (see above).
        unsafe { result::memcpy_htod_async(self.own.address, values, self.stream) }
            .map_err(failure("cuMemcpyHtoDAsync"))
    }

    /// Takes what others have sent. The stream must have nothing to do.
    pub fn take<T: Copy>(&self, values: &mut [T]) -> Result<(), CollectiveError> {
        if values.is_empty() {
            return Ok(());
        }
        // SAFETY: `put` has made room for as much, `T` is a number, the context is current, and the stream has nothing but this to do.
        unsafe {
            result::memcpy_dtoh_async(values, self.others.address, self.stream)
                .map_err(failure("cuMemcpyDtoHAsync"))?;
            result::stream::synchronize(self.stream).map_err(failure("cuStreamSynchronize"))
        }
    }

    /// Whether the stream has nothing to do.
    pub fn is_idle(&self) -> Result<bool, CollectiveError> {
        // SAFETY: the stream was made and lives on.
        match unsafe { sys::cuStreamQuery(self.stream) } {
            sys::CUresult::CUDA_SUCCESS => Ok(true),
            sys::CUresult::CUDA_ERROR_NOT_READY => Ok(false),
            code => Err(failure("cuStreamQuery")(result::DriverError(code))),
        }
    }
}

impl Buffer {
    /// Takes a larger one if need be. Nothing may use it.
    fn grow(&mut self, bytes: usize) -> Result<(), CollectiveError> {
        if bytes <= self.bytes {
            return Ok(());
        }
        if self.bytes > 0 {
            // SAFETY: it was taken below, and the stream has nothing to do.
            unsafe { result::free_sync(self.address) }.map_err(failure("cuMemFree"))?;
            *self = Self::default();
        }
        let bytes = bytes.next_multiple_of(UNIT);
        // SAFETY: the context is current.
        self.address = unsafe { result::malloc_sync(bytes) }.map_err(failure("cuMemAlloc"))?;
        self.bytes = bytes;
        Ok(())
    }
}

/// The driver's own words.
fn failure(call: &'static str) -> impl Fn(result::DriverError) -> CollectiveError {
    move |error| {
        let words = error.error_string().map(|text| text.to_string_lossy().into_owned());
        let message =
            words.map_or_else(|_| format!("{:?}", error.0), |text| format!("{text} ({:?})", error.0));
        CollectiveError::Gpu { call, message }
    }
}

//! Symbols of libraries that are loaded at run time.

use std::path::Path;

use libloading::os::unix::Library;

/// A symbol by its name; else what to say of the library that was loaded from `path`. The library is never unloaded, so the symbol
/// stays good.
///
/// # Safety
/// The symbol is an `F`.
#[allow(unsafe_code, reason = "the caller's promise")]
pub(super) unsafe fn symbol<F: Copy>(
    library: &'static Library,
    path: &Path,
    name: &'static str,
) -> Result<F, String> {
    // SAFETY: the caller's promise.
    let found = unsafe { library.get::<F>(name.as_bytes()) };
    found.map(|symbol| *symbol).map_err(|error| format!("{} lacks {name}: {error}", path.display()))
}

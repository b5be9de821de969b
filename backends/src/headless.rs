//! Machines without a desktop.

/// Keeps Mesa's Vulkan device-selection layer quiet where there is no desktop session.
///
/// The layer asks the Wayland compositor for its GPU each time adapters are listed, and libwayland prints
/// `XDG_RUNTIME_DIR is invalid` on standard error if there is none. Does nothing in a session, on other systems, or if
/// the user directs the layer by its variables.
///
/// # Safety
///
/// Sets an environment variable: call it first in `main`, while no other thread exists that could read one.
#[allow(unsafe_code)]
pub unsafe fn quiet_vulkan() {
    const LAYER: [&str; 3] = ["NODEVICE_SELECT", "MESA_VK_DEVICE_SELECT", "DRI_PRIME"];
    let is_set = |name: &&str| std::env::var_os(name).is_some();
    if cfg!(target_os = "linux") && !is_set(&"XDG_RUNTIME_DIR") && !LAYER.iter().any(is_set) {
        // SAFETY: by contract there is no other thread yet that could read the environment.
        unsafe { std::env::set_var(LAYER[0], "1") };
    }
}

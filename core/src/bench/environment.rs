//! With what something was measured.

use serde::Serialize;
use spanbert_backends::DeviceInfo;

use crate::run::Environment;

/// The program, the machine and the device of a measurement. A figure without them says nothing.
#[derive(Clone, Debug, Serialize)]
pub struct BenchEnvironment {
    /// Version of this program.
    pub version: &'static str,
    /// The commit it was built from, where the build was told (`SPANBERT_COMMIT`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<&'static str>,
    /// Version of Burn.
    pub burn: String,
    /// Whether this is an optimised build.
    pub optimised: bool,
    /// Operating system and processor architecture.
    pub platform: String,
    /// Processors this process may use.
    pub processors: usize,
    /// Threads that share its work.
    pub threads: usize,
    /// The device; absent where only text is worked on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceInfo>,
    /// When it began, RFC 3339, UTC.
    pub date: String,
    /// The command line.
    pub command: Vec<String>,
}

impl BenchEnvironment {
    /// This process, on a device or on none.
    #[must_use]
    pub fn of_this_process(device: Option<&DeviceInfo>) -> Self {
        let Environment { burn, platform, processors, started, command, .. } =
            Environment::of_this_process(device.map_or("", |device| &device.name));
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("SPANBERT_COMMIT").filter(|commit| !commit.is_empty()),
            burn,
            optimised: !cfg!(debug_assertions),
            platform,
            processors,
            threads: rayon::current_num_threads(),
            device: device.cloned(),
            date: started,
            command,
        }
    }
}

//! A run folder's `environment.json`.

use super::{Environment, Layout, Resumption, RunError, write_json};

impl Environment {
    /// This process, on a device; what goes in is added by the caller.
    #[must_use]
    pub fn of_this_process(device: &str) -> Self {
        Self {
            spanbert_studio: env!("CARGO_PKG_VERSION").into(),
            // Pinned exactly in the workspace's Cargo.toml; a test compares.
            burn: "0.21.0".into(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            machine: sysinfo::System::host_name(),
            device: device.to_owned(),
            command: command(),
            started: super::now(),
            backend: String::new(),
            portable: spanbert_backends::portable(),
            model: None,
            checkpoint: Vec::new(),
            teacher: Vec::new(),
            train_data: None,
            dev_data: None,
            workers: None,
            resumed: Vec::new(),
        }
    }

    /// Reads a run's environment.
    ///
    /// # Errors
    /// If there is none or it is damaged.
    pub fn read(layout: &Layout) -> Result<Self, RunError> {
        let path = layout.environment();
        let text = std::fs::read(&path).map_err(RunError::read(&path))?;
        Self::from_json(&text, &path)
    }

    /// Notes that this process goes on with the run.
    pub fn resume(&mut self, step: usize, device: &str) {
        self.resumed.push(Resumption {
            time: super::now(),
            step,
            spanbert_studio: env!("CARGO_PKG_VERSION").into(),
            device: device.to_owned(),
            command: command(),
        });
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, layout: &Layout) -> Result<(), RunError> {
        Ok(write_json(&layout.environment(), self)?)
    }
}

fn command() -> Vec<String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_the_burn_version_in_the_manifest() {
        let manifest = include_str!("../../../../Cargo.toml");
        let version = Environment::of_this_process("cpu").burn;
        assert!(manifest.contains(&format!("burn = {{ version = \"={version}\"")), "{version}");
    }

    #[test]
    fn round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let environment = Environment::of_this_process("cpu");
        environment.write(&layout).unwrap();
        assert_eq!(Environment::read(&layout).unwrap(), environment);
        // Files of before know no such mode.
        let text = std::fs::read_to_string(layout.environment()).unwrap();
        assert_eq!(text.contains("portable"), environment.portable);
    }

    #[test]
    fn another_mode_is_told() {
        let default = Environment { portable: false, ..Environment::of_this_process("cpu") };
        let portable = Environment { portable: true, ..default.clone() };
        assert_eq!(default.other_bits(&default), None);
        let told = portable.other_bits(&default).unwrap();
        assert!(told.starts_with("the run began with SPANBERT_PORTABLE and goes on without it"), "{told}");
    }
}

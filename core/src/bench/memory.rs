//! Memory of this process.

/// The most memory that this process has had resident at any time, in bytes; none where the system does not say.
///
/// A peak cannot be taken back: a second measurement in the same process includes the first one's.
#[must_use]
pub fn peak_host_bytes() -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// The "high water mark" of a Linux `status` file.
fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        assert_eq!(parse("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n"), Some(2 << 20));
        for damaged in ["", "VmRSS: 1 kB", "VmHWM: many kB", "VmHWM: 5 MB"] {
            assert_eq!(parse(damaged), None, "{damaged}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_grows_with_what_is_touched() {
        let size = 64 << 20;
        let before = peak_host_bytes().unwrap();
        let touched = vec![1u8; size];
        let after = peak_host_bytes().unwrap();
        assert!(touched.iter().all(|&byte| byte == 1));
        assert!(after >= (size as u64).max(before), "{before} {after}");
    }
}

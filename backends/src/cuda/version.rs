//! Versions of CUDA, and which of them compile for a GPU.

use crate::Obstacle;

/// A version of CUDA, NVRTC, or of a GPU's instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: i32,
    pub(super) minor: i32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Compute capabilities with the first CUDA that compiles for them, those of CUDA 12.0 left out (CUDA release notes;
/// CubeCL compiles for sm_90a, sm_100a and so on, which came with sm_90, sm_100 or later).
const FIRST: [(Version, Version); 7] = [
    (Version { major: 8, minor: 8 }, Version { major: 13, minor: 0 }),
    (Version { major: 10, minor: 0 }, Version { major: 12, minor: 8 }),
    (Version { major: 10, minor: 1 }, Version { major: 12, minor: 8 }),
    (Version { major: 10, minor: 3 }, Version { major: 12, minor: 9 }),
    (Version { major: 11, minor: 0 }, Version { major: 13, minor: 0 }),
    (Version { major: 12, minor: 0 }, Version { major: 12, minor: 8 }),
    (Version { major: 12, minor: 1 }, Version { major: 12, minor: 9 }),
];

/// CUDA 12 compiles for GPUs from here on, CUDA 13 from [`OLDEST_OF_13`] on.
const OLDEST_OF_12: Version = Version { major: 5, minor: 0 };
const OLDEST_OF_13: Version = Version { major: 7, minor: 5 };

/// Why NVRTC cannot compile for a GPU, if so. `known` are the capabilities it compiles for, `cuda` is what the driver
/// supports.
pub(super) fn uncompilable(
    capability: Version,
    known: &[Version],
    nvrtc: Version,
    cuda: Version,
) -> Option<Obstacle> {
    // An old NVRTC that lists nothing has not told.
    if known.is_empty() || known.contains(&capability) {
        return None;
    }
    let first = FIRST.iter().find(|(of, _)| *of == capability).map(|(_, first)| *first);
    let remedy = match first {
        _ if capability < OLDEST_OF_12 => "use another GPU, this one is too old".to_owned(),
        _ if capability < OLDEST_OF_13 => {
            "install the CUDA 12.9 toolkit, the last that compiles for this GPU".to_owned()
        }
        Some(first) if first > cuda => {
            format!("update the NVIDIA driver and install the CUDA {first} toolkit or a newer one")
        }
        Some(first) if first > nvrtc => format!("install the CUDA {first} toolkit or a newer one"),
        _ => "install a newer CUDA toolkit".to_owned(),
    };
    let cause = format!("NVRTC {nvrtc} does not compile for compute capability {capability}");
    Some(Obstacle::new(cause, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        let (major, minor) = text.split_once('.').unwrap();
        Version { major: major.parse().unwrap(), minor: minor.parse().unwrap() }
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("13.0") > version("12.8"));
        assert!(version("12.10") > version("12.9"));
        assert!(version("12.4") <= version("12.4"));
    }

    /// What NVRTC 12.8.93 lists.
    const OF_12_8: &str = "5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0 10.0 10.1 12.0";

    fn refusal(capability: &str, known: &str, nvrtc: &str, cuda: &str) -> Option<Obstacle> {
        let known: Vec<_> = known.split_whitespace().map(version).collect();
        uncompilable(version(capability), &known, version(nvrtc), version(cuda))
    }

    #[test]
    fn gpus_that_nvrtc_knows_are_usable() {
        for capability in OF_12_8.split_whitespace() {
            assert_eq!(refusal(capability, OF_12_8, "12.8", "12.8"), None);
        }
        assert_eq!(refusal("12.0", "", "12.0", "12.0"), None, "it has not told");
    }

    #[test]
    fn others_are_refused_with_the_toolkit_that_knows_them() {
        for (capability, nvrtc, cuda, remedy) in [
            ("12.0", "12.2", "13.0", "install the CUDA 12.8 toolkit or a newer one"),
            (
                "12.0",
                "12.2",
                "12.2",
                "update the NVIDIA driver and install the CUDA 12.8 toolkit or a newer one",
            ),
            ("12.1", "12.2", "12.9", "install the CUDA 12.9 toolkit or a newer one"),
            ("13.0", "12.2", "12.9", "install a newer CUDA toolkit"),
            ("7.0", "13.0", "13.0", "install the CUDA 12.9 toolkit, the last that compiles for this GPU"),
            ("3.7", "12.2", "12.2", "use another GPU, this one is too old"),
        ] {
            let known = if nvrtc == "13.0" { "7.5 8.0 9.0 10.0 12.0" } else { "5.0 7.0 7.5 8.0 8.9 9.0" };
            let obstacle = refusal(capability, known, nvrtc, cuda).unwrap();
            assert_eq!(obstacle.remedy, remedy, "{capability}");
            let cause = format!("NVRTC {nvrtc} does not compile for compute capability {capability}");
            assert_eq!(obstacle.cause, cause);
        }
    }
}

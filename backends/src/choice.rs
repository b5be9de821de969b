//! What the user asks for: `auto`, `cpu`, `wgpu`, `wgpu:1`, `cuda`, `cuda:0`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{BackendError, BackendKind};

/// A device as the user names it. Indices count within the backend's list of [`devices`](crate::devices).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum DeviceChoice {
    /// CUDA if there is any, else a hardware GPU through wgpu, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The adapter of this index, or the best adapter; without hardware that is a software rasteriser.
    Wgpu(Option<usize>),
    /// The NVIDIA GPU of this index.
    Cuda(usize),
}

impl DeviceChoice {
    /// The backend asked for; none for [`Auto`](Self::Auto).
    #[must_use]
    pub fn kind(&self) -> Option<BackendKind> {
        match self {
            Self::Auto => None,
            Self::Cpu => Some(BackendKind::Cpu),
            Self::Wgpu(_) => Some(BackendKind::Wgpu),
            Self::Cuda(_) => Some(BackendKind::Cuda),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Cpu => f.pad("cpu"),
            Self::Wgpu(None) => f.pad("wgpu"),
            Self::Wgpu(Some(index)) => f.pad(&format!("wgpu:{index}")),
            Self::Cuda(index) => f.pad(&format!("cuda:{index}")),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = BackendError;

    fn from_str(name: &str) -> Result<Self, BackendError> {
        let unknown = || BackendError::Unknown(name.to_owned());
        let lower = name.trim().to_ascii_lowercase();
        let (backend, index) = match lower.split_once(':') {
            // `parse` alone would take "+1".
            Some((backend, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (backend, Some(digits.parse::<usize>().map_err(|_| unknown())?))
            }
            Some(_) => return Err(unknown()),
            None => (lower.as_str(), None),
        };
        match (backend, index) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("wgpu", index) => Ok(Self::Wgpu(index)),
            ("cuda", index) => Ok(Self::Cuda(index.unwrap_or(0))),
            _ => Err(unknown()),
        }
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> Self {
        choice.to_string()
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = BackendError;

    fn try_from(name: String) -> Result<Self, BackendError> {
        name.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for name in ["auto", "cpu", "wgpu", "wgpu:0", "wgpu:12", "cuda:0", "cuda:3"] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap().to_string(), name);
        }
        assert_eq!("CUDA".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(0));
        assert_eq!(" Wgpu:1 ".parse::<DeviceChoice>().unwrap(), DeviceChoice::Wgpu(Some(1)));
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "",
            "gpu",
            "cpu:0",
            "auto:1",
            "wgpu:",
            "wgpu:-1",
            "wgpu:+1",
            "wgpu:x",
            "cuda:0:0",
            "cuda:99999999999999999999999",
        ] {
            let error = name.parse::<DeviceChoice>().unwrap_err();
            assert!(error.remedy().contains("use auto, cpu"), "{name}: {error}");
        }
    }
}

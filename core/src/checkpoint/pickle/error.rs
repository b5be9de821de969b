//! What can be wrong with a PyTorch file.

use crate::advice::Advice;

/// Next step for files that hold more than a state dict.
const RESAVE: &str = "save model.state_dict() alone, or convert it to safetensors";

/// Why a PyTorch file cannot be read. The caller adds the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PickleError {
    /// The file ends too early.
    #[error("the file ends inside {what}")]
    Truncated {
        /// The part that is not complete.
        what: String,
    },
    /// The pickle asks for a function or class outside the whitelist.
    #[error("the file asks to call {global} (byte {offset}), which was refused and not run")]
    Refused {
        /// `module.name` of what it asks for.
        global: String,
        /// Where in the pickle.
        offset: usize,
    },
    /// The pickle uses an instruction that state dicts do not need.
    #[error("pickle instruction {opcode:#04x} at byte {offset} is not one a state dict needs")]
    Opcode {
        /// The instruction.
        opcode: u8,
        /// Where in the pickle.
        offset: usize,
    },
    /// The pickle is not well-formed.
    #[error("damaged pickle: {what} (byte {offset})")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where in the pickle.
        offset: usize,
    },
    /// The pickle is larger or more intricate than any state dict.
    #[error("more than {limit} {what}: no state dict is like that")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The most that is accepted.
        limit: usize,
    },
    /// The zip archive is damaged.
    #[error("damaged zip archive: {what}")]
    Archive {
        /// What is wrong.
        what: String,
    },
    /// The zip archive's entries are compressed or encrypted.
    #[error("entry {entry} is compressed or encrypted, which PyTorch never does")]
    Compressed {
        /// Name of the entry.
        entry: String,
    },
    /// The numbers are big-endian.
    #[error("the file was written on a big-endian machine")]
    BigEndian,
    /// It starts like neither container.
    #[error("this is not a PyTorch file (neither a zip archive nor a pickle)")]
    WrongMagic,
    /// It was written by a PyTorch older than 0.1.10.
    #[error("the file's format is that of PyTorch before 0.1.10")]
    TooOld,
    /// The pickle holds something else than a dictionary.
    #[error("the file holds {what}, not a state dict")]
    NotAStateDict {
        /// What it holds.
        what: &'static str,
    },
    /// The pickle holds several state dicts.
    #[error("the file holds several state dicts, {first:?} and {second:?}")]
    Several {
        /// Key of one.
        first: String,
        /// Key of another.
        second: String,
    },
    /// A tensor disagrees with its storage.
    #[error("tensor {name:?} {what}")]
    Tensor {
        /// The tensor's name in the file.
        name: String,
        /// What is wrong.
        what: String,
    },
}

impl Advice for PickleError {
    fn remedy(&self) -> String {
        match self {
            Self::Several { .. } => "save the model's state dict alone".into(),
            Self::Truncated { .. } | Self::Malformed { .. } | Self::Archive { .. } | Self::Tensor { .. } => {
                "download the file again, it is damaged or cut short".into()
            }
            Self::Refused { .. }
            | Self::Opcode { .. }
            | Self::TooLarge { .. }
            | Self::NotAStateDict { .. } => RESAVE.into(),
            Self::Compressed { .. } => "unpack it, and save it again with PyTorch".into(),
            Self::BigEndian => "save it again on a little-endian machine".into(),
            Self::WrongMagic => {
                "give the pytorch_model.bin or model.safetensors of a Hugging Face model".into()
            }
            Self::TooOld => "load and save it with PyTorch 1".into(),
        }
    }
}

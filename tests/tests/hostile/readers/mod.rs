//! Everything that reads a file, as functions from bytes to nothing: they may refuse the bytes, but not panic, hang or
//! ask for memory that the bytes do not justify. The fuzz targets (`tests/fuzz`) and the property tests run the same.

mod answer_files;
mod checkpoint_json;
mod run_folder;
mod squad;
mod weights;

pub use weights::tiny_config;

use super::memory::peak_of;

/// A family of readers.
pub struct Reader {
    /// Name of the fuzz target.
    pub name: &'static str,
    /// Reads one file's bytes in every way they may be read.
    pub read: fn(&[u8]),
    /// Most bytes of memory for each byte read.
    pub memory_per_byte: usize,
}

/// Memory that any reader may take however little it reads.
const BASE_MEMORY: usize = 1 << 20;

/// All families. What memory a byte may take is set by the smallest element of the format: a JSON value of two bytes
/// is a tree node of a hundred, an empty line of a vocabulary is a string and a hash entry, a stack instruction of a
/// pickle is an object of eighty, each in a vector that may have just doubled.
pub const READERS: [Reader; 8] = [
    Reader { name: "squad_json", read: squad::read, memory_per_byte: 400 },
    Reader { name: "pickle", read: weights::read_pickle, memory_per_byte: 400 },
    Reader { name: "safetensors", read: weights::read_safetensors, memory_per_byte: 400 },
    Reader { name: "vocab_txt", read: checkpoint_json::read_vocab_txt, memory_per_byte: 400 },
    Reader { name: "tokenizer_json", read: checkpoint_json::read_tokenizer_json, memory_per_byte: 400 },
    Reader { name: "config_json", read: checkpoint_json::read_config_json, memory_per_byte: 400 },
    Reader { name: "run_folder", read: run_folder::read, memory_per_byte: 400 },
    Reader { name: "answer_files", read: answer_files::read, memory_per_byte: 400 },
];

impl Reader {
    /// The family of this name.
    pub fn named(name: &str) -> &'static Self {
        READERS.iter().find(|reader| reader.name == name).unwrap_or_else(|| panic!("no reader {name}"))
    }

    /// Reads, and panics if that took more memory than the bytes justify.
    pub fn check(&self, bytes: &[u8]) {
        let peak = peak_of(|| (self.read)(bytes));
        let most = BASE_MEMORY + self.memory_per_byte * bytes.len();
        assert!(peak <= most, "{}: {peak} bytes of memory to read {} bytes", self.name, bytes.len());
    }
}

/// An error must be one line that can be printed, whatever was in the file.
fn check_message(error: &impl std::fmt::Display) {
    let message = error.to_string();
    assert!(!message.is_empty() && message.len() < 1 << 20, "a message of {} bytes", message.len());
}

//! A file of questions answered in parts by several processes, and the parts put together again.
//!
//! A folder holds a folder for each part, `shard-I-of-N`, with the files of answers and, written last, a mark that says what
//! they were made of. A folder without it is unfinished, whatever else it holds.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::{Abstention, ShardError};
use crate::{
    hash::sha256_hex,
    json,
    run::{OutputError, OutputFolder, WriteError, Writer},
};

/// The mark of a shard that is finished.
const MARK: &str = "shard.json";
/// Longest mark that is read.
const MOST_BYTES: u64 = 1 << 20;

/// One of several parts, counted from 1: `3/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

impl Shard {
    /// Most parts.
    const MOST: usize = 1_000_000;

    /// The name of its folder; zeros keep names in order.
    #[must_use]
    pub fn folder(self) -> String {
        let digits = self.count.to_string().len();
        format!("shard-{:0digits$}-of-{}", self.index, self.count)
    }

    /// Which of so many items are its own: runs of them, in order, whose lengths differ by one at most.
    #[must_use]
    pub fn range(self, items: usize) -> Range<usize> {
        let end = |index: usize| items * index.min(self.count) / self.count.max(1);
        end(self.index.saturating_sub(1))..end(self.index)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            Some(Self { index: index.trim().parse().ok()?, count: count.trim().parse().ok()? })
        });
        match numbers {
            Some(Self { count: 0, .. }) => Err("the whole is one shard: 1/1".to_owned()),
            Some(Self { index: 0, count }) => Err(format!(
                "shards are counted from 1, so the first is 1/{count} and the last {count}/{count}"
            )),
            Some(shard) if shard.index <= shard.count && shard.count <= Self::MOST => Ok(shard),
            Some(Self { count, .. }) if count > Self::MOST => Err(format!("at most {} shards", Self::MOST)),
            Some(Self { count, .. }) => Err(format!("the last of {count} is {count}/{count}")),
            None => Err("a shard is written 3/8: the third of eight".to_owned()),
        }
    }
}

/// What answers are made of: the same answers for the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeOf {
    /// The program's version.
    pub version: String,
    /// Digest of the checkpoint's files.
    pub model: String,
    /// Digest of the file of questions.
    pub data: String,
    /// What was asked for by flags, by their names; unset ones are absent.
    pub options: BTreeMap<String, serde_json::Value>,
}

impl MadeOf {
    /// Made by this version.
    #[must_use]
    pub fn new(model: String, data: String, options: BTreeMap<String, serde_json::Value>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), model, data, options }
    }

    /// In what something was made of something else, in words.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.model != other.model {
            return Some("another model".into());
        }
        if self.data != other.data {
            return Some("other data".into());
        }
        if self.version != other.version {
            return Some(format!("version {} of the program, not {}", self.version, other.version));
        }
        let names = self.options.keys().chain(other.options.keys());
        let differs = names.into_iter().find(|name| self.options.get(*name) != other.options.get(*name))?;
        let told = |made: &Self| made.options.get(differs).map_or("unset".to_owned(), ToString::to_string);
        Some(format!("--{differs} {}, not {}", told(self), told(other)))
    }
}

/// `shard.json`: a shard is finished, and what it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardMark {
    /// Which part it is.
    pub shard: Shard,
    /// What it was made of.
    pub made_of: MadeOf,
    /// Number of its first question among all, from 0.
    pub first_question: usize,
    /// Its questions.
    pub questions: usize,
    /// Those of all shards.
    pub all_questions: usize,
    /// Questions with an answer.
    pub answered: usize,
    /// Whether the model may abstain.
    pub abstention: Abstention,
    /// The null score difference above which answers are left out.
    pub threshold: Option<f64>,
    /// Windows whose logits were not finite.
    pub non_finite_windows: usize,
    /// The device that answered.
    pub device: String,
    /// Windows that it answered at once.
    pub eval_batch: usize,
    /// Digests of its files.
    pub files: BTreeMap<String, String>,
}

/// A shard's place in the folder of all.
pub struct ShardOutput {
    folder: PathBuf,
    out: OutputFolder,
}

impl ShardOutput {
    /// The mark of a shard that is finished, if it is: there is nothing more to do. One that is damaged, or that is to be made
    /// anew (`overwrite`), is not.
    ///
    /// # Errors
    /// If it was made of something else.
    pub fn finished(
        all: &Path,
        shard: Shard,
        made_of: &MadeOf,
        overwrite: bool,
    ) -> Result<Option<ShardMark>, ShardError> {
        let folder = all.join(shard.folder());
        if overwrite {
            return Ok(None);
        }
        let mark = match read_mark(&folder) {
            Err(ShardError::Damaged { .. }) => None,
            mark => mark?,
        };
        let Some(mark) = mark else { return Ok(None) };
        match made_of.difference(&mark.made_of) {
            Some(_) => {
                // Said of what is there, not of what was asked for.
                let what = mark.made_of.difference(made_of).unwrap_or_default();
                Err(ShardError::Taken { folder, what })
            }
            None => {
                let is_whole = mark.files.iter().all(|(name, digest)| {
                    fs::read(folder.join(name)).is_ok_and(|bytes| sha256_hex(&bytes) == *digest)
                });
                Ok(Some(mark).filter(|_| is_whole))
            }
        }
    }

    /// Makes the shard's folder and checks that it can be written.
    ///
    /// # Errors
    /// If it cannot, or holds something of anybody else's.
    pub fn open(all: &Path, shard: Shard, writer: Writer, overwrite: bool) -> Result<Self, ShardError> {
        let folder = all.join(shard.folder());
        let out = OutputFolder::open(&folder, writer, overwrite, |_| false)?;
        Ok(Self { folder, out })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts the files, and the mark with their digests as the last of them, in the place of earlier ones.
    ///
    /// # Errors
    /// If one cannot be written; earlier ones are still there then.
    pub fn finish<'a>(
        self,
        mut mark: ShardMark,
        files: impl IntoIterator<Item = (&'a str, Vec<u8>)>,
    ) -> Result<(), ShardError> {
        let mut files: Vec<(&str, Vec<u8>)> = files.into_iter().collect();
        mark.files = files.iter().map(|(name, bytes)| ((*name).to_owned(), sha256_hex(bytes))).collect();
        let path = self.folder.join(MARK);
        let text = serde_json::to_vec_pretty(&mark).map_err(|error| WriteError::at(&path)(error.into()))?;
        files.push((MARK, text));
        Ok(self.out.replace(&files)?)
    }
}

/// Whether a folder is that of a finished shard, into which nothing else may be written.
#[must_use]
pub fn is_shard(folder: &Path) -> bool {
    folder.join(MARK).exists()
}

/// Reads a shard's mark, if it is finished.
fn read_mark(folder: &Path) -> Result<Option<ShardMark>, ShardError> {
    let path = folder.join(MARK);
    let length = match fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ShardError::Read { path, source }),
    };
    if length > MOST_BYTES {
        return Err(ShardError::Damaged { path, what: format!("it has {length} bytes, which no mark has") });
    }
    let text = fs::read(&path).map_err(|source| ShardError::Read { path: path.clone(), source })?;
    let mark = json::parse(&text)
        .map_err(|error| ShardError::Damaged { path, what: format!("it is no mark of a shard: {error}") })?;
    Ok(Some(mark))
}

/// Puts the shards of a folder together: the files are those of one process that answers everything. `out` opens where they
/// go, after everything has been checked. Gives the marks, in order.
///
/// # Errors
/// If a shard is missing, unfinished, there twice, damaged or made of something else than the others.
pub fn merge(
    folder: &Path,
    names: &[&'static str],
    out: impl FnOnce() -> Result<OutputFolder, OutputError>,
) -> Result<Vec<ShardMark>, ShardError> {
    let shards = collect(folder)?;
    let Some((_, first)) = shards.first() else {
        return Err(ShardError::None { folder: folder.to_owned() });
    };
    // Without abstention there are no null odds.
    let written: Vec<&'static str> =
        names.iter().copied().filter(|name| first.files.contains_key(*name)).collect();
    let mut damaged = None;
    let merged = out()?.replace_by(&written, |name, out| {
        let mut entries = Entries::default();
        for (folder, mark) in &shards {
            let path = folder.join(name);
            match read_file(&path, mark.files.get(name)) {
                Ok(text) => entries.add(&text, out)?,
                Err(error) => {
                    damaged = Some(error);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
        }
        entries.end(out)
    });
    match (damaged, merged) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Ok(shards.into_iter().map(|(_, mark)| mark).collect()),
    }
}

/// The finished shards, in order; they are complete and belong together.
fn collect(folder: &Path) -> Result<Vec<(PathBuf, ShardMark)>, ShardError> {
    let read = |source| ShardError::Read { path: folder.to_owned(), source };
    let mut shards: Vec<(PathBuf, ShardMark)> = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.is_dir()
            && let Some(mark) = read_mark(&path)?
        {
            shards.push((path, mark));
        }
    }
    shards.sort_by(|a, b| (a.1.shard.index, &a.0).cmp(&(b.1.shard.index, &b.0)));
    let Some((at, first)) = shards.first().cloned() else {
        return Err(ShardError::None { folder: folder.to_owned() });
    };
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, mark) in &shards {
        *counts.entry(mark.shard.count).or_default() += 1;
    }
    if counts.len() > 1 {
        return Err(ShardError::Counts { folder: folder.to_owned(), counts: counts.into_iter().collect() });
    }
    for (path, mark) in &shards {
        if let Some(what) = mark.made_of.difference(&first.made_of) {
            return Err(ShardError::Differs { folder: path.clone(), what, other: at });
        }
    }
    let same = |pair: &&[(PathBuf, ShardMark)]| matches!(pair, [a, b] if a.1.shard == b.1.shard);
    if let Some([first, second]) = shards.windows(2).find(same) {
        let (first, second, shard) = (first.0.clone(), second.0.clone(), first.1.shard);
        return Err(ShardError::Twice { shard, first, second });
    }
    let count = first.shard.count;
    let is_there = |index: &usize| shards.iter().any(|(_, mark)| mark.shard.index == *index);
    let missing: Vec<usize> = (1..=count).filter(|index| !is_there(index)).collect();
    if !missing.is_empty() {
        return Err(ShardError::Missing { folder: folder.to_owned(), missing, count });
    }
    let mut next = 0;
    for (path, mark) in &shards {
        if (mark.first_question, mark.all_questions) != (next, first.all_questions) {
            let what = format!("it begins with question {}, not {next}", mark.first_question);
            return Err(ShardError::Damaged { path: path.join(MARK), what });
        }
        next += mark.questions;
    }
    Ok(shards)
}

/// A file of a shard, if it is as it was written.
fn read_file(path: &Path, digest: Option<&String>) -> Result<String, ShardError> {
    let read = |source| ShardError::Read { path: path.to_owned(), source };
    let damaged = |what: &str| ShardError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged("it is missing")),
        bytes => bytes.map_err(read)?,
    };
    if digest != Some(&sha256_hex(&bytes)) {
        return Err(damaged("it is not what was written (its checksum differs)"));
    }
    String::from_utf8(bytes).map_err(|_| damaged("it is no text"))
}

/// The entries of several JSON objects as those of one, in Python's layout.
#[derive(Default)]
struct Entries {
    begun: bool,
}

impl Entries {
    fn add(&mut self, object: &str, out: &mut dyn Write) -> io::Result<()> {
        // An object without entries has no line feed inside.
        let Some(entries) = object.strip_prefix("{\n").and_then(|object| object.strip_suffix("\n}\n")) else {
            return Ok(());
        };
        out.write_all(if self.begun { b",\n" } else { b"{\n" })?;
        self.begun = true;
        out.write_all(entries.as_bytes())
    }

    fn end(self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.begun { b"\n}\n" } else { b"{}\n" })
    }
}

//! Folders that commands write their results into: what was there before is replaced if it is the command's own, and
//! refused if it is anybody else's.
//!
//! A small hidden file says which command has written into a folder. Names alone would not do: a `predictions.json` may be
//! the only copy of another system's answers.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Layout, WriteError, atomic::StagedFiles, write_json};
use crate::{advice::Advice, json};

/// The file that says whose the folder is.
const MARK: &str = ".spanbert-output.json";
/// Longest mark that is read.
const MOST_BYTES: u64 = 64 << 10;
/// Files by which a checkpoint is known, whoever made it.
const CHECKPOINT: [&str; 8] = [
    "config.json",
    "bert_config.json",
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
    "spanbert.json",
    "vocab.txt",
];
/// All files of results. Nothing else is ever removed, whatever a mark says.
const RESULTS: [&str; 5] =
    ["predictions.json", "nbest_predictions.json", "null_odds.json", "records.jsonl", "results.json"];

/// A command that writes into folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Its name on the command line.
    pub command: &'static str,
    /// Names of all files that it may write.
    pub files: &'static [&'static str],
    /// Whether it writes into run folders.
    pub into_runs: bool,
}

/// A folder that may be written into.
#[derive(Debug)]
pub struct OutputFolder {
    folder: PathBuf,
    writer: Writer,
    /// What earlier calls have left.
    stale: Vec<&'static str>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Mark {
    command: String,
    files: Vec<String>,
}

impl Mark {
    /// What the folder's mark says, if it has one that can be read.
    fn of(folder: &Path) -> Option<Self> {
        let path = folder.join(MARK);
        let length = fs::metadata(&path).ok()?.len();
        let text = (length <= MOST_BYTES).then(|| fs::read(&path)).and_then(Result::ok)?;
        json::parse(&text).ok()
    }

    fn lists(&self, name: &str) -> bool {
        self.files.iter().any(|file| file == name)
    }
}

/// Why a folder is not written into.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It holds something else.
    #[error("{} holds {what} ({found})", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// What it is.
        what: String,
        /// A file that shows it.
        found: String,
    },
    /// It cannot be made or written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Advice for OutputError {
    fn remedy(&self) -> String {
        match self {
            Self::Taken { .. } => {
                "choose another folder, or add --overwrite to write there all the same".into()
            }
            Self::Write(error) => error.remedy(),
        }
    }
}

impl OutputFolder {
    /// Makes the folder and checks, before hours are spent on what goes into it, that it can be written and holds nothing of
    /// anybody else's. With `overwrite` only the former. `own` knows by its content a folder that an earlier version of the
    /// command has written.
    ///
    /// # Errors
    /// If it holds a run, a checkpoint, another command's output or files of the same names, or cannot be written.
    pub fn open(
        folder: &Path,
        writer: Writer,
        overwrite: bool,
        own: impl FnOnce(&Path) -> bool,
    ) -> Result<Self, OutputError> {
        let mark = Mark::of(folder);
        if !overwrite {
            check(folder, writer, mark.as_ref(), own)?;
        }
        super::atomic::create_folder(folder)?;
        tempfile::tempfile_in(folder).map_err(WriteError::at(folder))?;
        let is_stale = |name: &&str| {
            let own = mark.is_none() || overwrite || writer.into_runs;
            (own && writer.files.contains(name)) || mark.as_ref().is_some_and(|mark| mark.lists(name))
        };
        let stale = RESULTS.into_iter().filter(is_stale).collect();
        Ok(Self { folder: folder.to_owned(), writer, stale })
    }

    /// Marks the folder as this command's, for one that writes its files one by one.
    ///
    /// # Errors
    /// If the mark cannot be written.
    pub fn claim(self) -> Result<(), WriteError> {
        let files = self.writer.files.iter().map(|name| (*name).to_owned()).collect();
        let mark = Mark { command: self.writer.command.to_owned(), files };
        write_json(&self.folder.join(MARK), &mark)
    }

    /// Puts these files in the place of those that the folder held. All are complete on the disk before the first one is
    /// changed; files of an earlier call that are not written this time are removed.
    ///
    /// # Errors
    /// If one cannot be written; all old ones are still there then.
    pub fn replace(self, files: &[(&str, Vec<u8>)]) -> Result<(), WriteError> {
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        let bytes: BTreeMap<&str, &[u8]> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        self.replace_by(&names, |name, out| out.write_all(bytes.get(name).copied().unwrap_or_default()))
    }

    /// [`Self::replace`] for files that `write` writes by their names, one after the other.
    ///
    /// # Errors
    /// As [`Self::replace`], and if `write` fails.
    pub fn replace_by(
        self,
        names: &[&str],
        mut write: impl FnMut(&str, &mut dyn Write) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let mut staged = StagedFiles::new(&self.folder)?;
        let mark = Mark {
            command: self.writer.command.to_owned(),
            files: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        staged.stage(MARK, |out| Ok(serde_json::to_writer(out, &mark)?))?;
        for name in names {
            staged.stage(name, |out| write(name, out))?;
        }
        staged.commit_without(&self.stale)
    }
}

/// Puts files in the place of those in a folder that nobody else writes into, such as one of an evaluation in a run.
///
/// # Errors
/// As [`OutputFolder::replace`].
pub fn replace_outputs(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), WriteError> {
    let mut staged = StagedFiles::new(folder)?;
    for (name, bytes) in files {
        staged.stage(name, |out| out.write_all(bytes))?;
    }
    staged.commit_without(&RESULTS)
}

/// Refuses a folder with what is not the writer's.
fn check(
    folder: &Path,
    writer: Writer,
    mark: Option<&Mark>,
    own: impl FnOnce(&Path) -> bool,
) -> Result<(), OutputError> {
    let has = |name: &&&str| fs::symlink_metadata(folder.join(name)).is_ok();
    let taken = |what: String, found: &str| {
        Err(OutputError::Taken { folder: folder.to_owned(), what, found: found.to_owned() })
    };
    // The reference's output folder is run and checkpoint in one, and its weights are among the signs of a run.
    if let Some(found) = CHECKPOINT.iter().find(has) {
        return if writer.into_runs { Ok(()) } else { taken("a checkpoint".into(), found) };
    }
    if let Some(found) = Layout::new(folder).marker() {
        return if writer.into_runs { Ok(()) } else { taken("a run".into(), found) };
    }
    if let Some(Mark { command, .. }) = mark.filter(|mark| mark.command != writer.command) {
        return taken(format!("the output of `spanbert {}`", plain(command)), MARK);
    }
    let unknown = |name: &&&str| mark.is_none_or(|mark| !mark.lists(name));
    match writer.files.iter().filter(unknown).find(has) {
        Some(found) if mark.is_some() || !own(folder) => {
            taken(format!("a file that `spanbert {}` would replace", writer.command), found)
        }
        _ => Ok(()),
    }
}

/// A command's name from a file, fit for a message.
fn plain(command: &str) -> String {
    command.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREDICT: Writer = Writer {
        command: "predict",
        files: &["predictions.json", "nbest_predictions.json", "null_odds.json"],
        into_runs: false,
    };
    const EVALUATE: Writer = Writer { command: "evaluate", ..PREDICT };

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn write(folder: &Path, writer: Writer, names: &[&str], overwrite: bool) -> Result<(), OutputError> {
        let files: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (*name, b"new".to_vec())).collect();
        Ok(OutputFolder::open(folder, writer, overwrite, |_| false)?.replace(&files)?)
    }

    #[test]
    fn a_second_call_leaves_nothing_of_the_first() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("notes.txt"), "mine").unwrap();
        write(home.path(), PREDICT, &["predictions.json", "null_odds.json"], false).unwrap();
        assert_eq!(names(home.path()), [MARK, "notes.txt", "null_odds.json", "predictions.json"]);
        write(home.path(), PREDICT, &["predictions.json"], false).unwrap();
        assert_eq!(names(home.path()), [MARK, "notes.txt", "predictions.json"]);
    }

    #[test]
    fn what_is_not_the_command_s_own_is_refused_and_kept() {
        for (name, expected) in [
            ("recipe.toml", "holds a run (recipe.toml)"),
            ("events.jsonl", "holds a run (events.jsonl)"),
            ("pytorch_model.bin", "holds a checkpoint (pytorch_model.bin)"),
            ("null_odds.json", "holds a file that `spanbert predict` would replace (null_odds.json)"),
        ] {
            let home = tempfile::tempdir().unwrap();
            fs::write(home.path().join(name), "mine").unwrap();
            let error = write(home.path(), PREDICT, &["predictions.json"], false).unwrap_err();
            assert!(error.to_string().ends_with(expected), "{error}");
            assert!(error.remedy().contains("--overwrite"));
            assert_eq!(names(home.path()), [name]);
            write(home.path(), PREDICT, &["predictions.json"], true).unwrap();
            let kept = home.path().join(name).exists();
            assert_eq!(kept, name != "null_odds.json", "{name}");
        }
    }

    #[test]
    fn a_file_put_beside_the_command_s_own_is_refused_too() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), PREDICT, &["predictions.json"], false).unwrap();
        fs::write(home.path().join("null_odds.json"), "mine").unwrap();
        let files = ["predictions.json", "null_odds.json"];
        let error = write(home.path(), PREDICT, &files, false).unwrap_err().to_string();
        assert!(error.contains("would replace (null_odds.json)"), "{error}");
        // Names that the command does not write are nobody's business, whatever a mark says.
        fs::remove_file(home.path().join("null_odds.json")).unwrap();
        for name in ["results.json", "thesis.tex"] {
            fs::write(home.path().join(name), "mine").unwrap();
        }
        fs::write(home.path().join(MARK), r#"{"command": "predict", "files": ["thesis.tex"]}"#).unwrap();
        write(home.path(), PREDICT, &files, true).unwrap();
        assert_eq!(
            names(home.path()),
            [MARK, "null_odds.json", "predictions.json", "results.json", "thesis.tex"]
        );
    }

    #[test]
    fn another_command_s_output_is_refused() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), EVALUATE, &["predictions.json", "results.json"], false).unwrap();
        let error = write(home.path(), PREDICT, &["predictions.json"], false).unwrap_err().to_string();
        assert!(error.contains("holds the output of `spanbert evaluate`"), "{error}");
        write(home.path(), PREDICT, &["predictions.json"], true).unwrap();
        assert_eq!(names(home.path()), [MARK, "predictions.json"]);
        let again = write(home.path(), EVALUATE, &["predictions.json"], false).unwrap_err().to_string();
        assert!(again.contains("holds the output of `spanbert predict`"), "{again}");
    }

    #[test]
    fn a_write_that_fails_keeps_all_old_files() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), PREDICT, &["predictions.json", "null_odds.json"], false).unwrap();
        // A folder in the way: the second file cannot be written.
        fs::remove_file(home.path().join("null_odds.json")).unwrap();
        fs::create_dir(home.path().join("null_odds.json")).unwrap();
        let before = fs::read(home.path().join("predictions.json")).unwrap();
        let open = OutputFolder::open(home.path(), PREDICT, false, |_| false).unwrap();
        let files = [("predictions.json", b"newer".to_vec()), ("null_odds.json", Vec::new())];
        let error = open.replace(&files).unwrap_err();
        assert!(error.to_string().ends_with("null_odds.json: there is a folder of that name"), "{error}");
        assert_eq!(fs::read(home.path().join("predictions.json")).unwrap(), before);
        assert_eq!(names(home.path()), [MARK, "null_odds.json", "predictions.json"]);
    }

    #[test]
    fn a_command_for_runs_writes_into_runs() {
        let home = tempfile::tempdir().unwrap();
        for name in ["recipe.toml", "predictions.json", "null_odds.json"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        let writer = Writer { command: "run_squad", into_runs: true, ..PREDICT };
        write(home.path(), writer, &["predictions.json"], false).unwrap();
        assert_eq!(names(home.path()), [MARK, "predictions.json", "recipe.toml"]);
    }
}

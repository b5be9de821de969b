//! Where passages to ask about come from: files, folders of text files, standard input.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use super::error::CliError;
use spanbert_core::text_file::{self, STANDARD_INPUT, TextError};

/// Largest passage that is read; minutes to hours of answering.
const LARGEST: u64 = 64 << 20;
/// Endings of the files that are taken from a folder.
const TEXT_ENDINGS: [&str; 3] = ["txt", "text", "md"];

/// A passage that has not been read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PassageSource {
    /// What is piped in.
    StandardInput,
    /// A file.
    File(PathBuf),
}

impl PassageSource {
    /// How it is called in results: its path, `-` for standard input.
    pub(super) fn name(&self) -> String {
        match self {
            Self::StandardInput => "-".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Its text.
    pub(super) fn read(&self) -> Result<String, TextError> {
        match self {
            Self::StandardInput => text_file::read(std::io::stdin(), STANDARD_INPUT, LARGEST),
            Self::File(path) => text_file::read_path(path, LARGEST),
        }
    }
}

/// The passages that are meant: files as they are, the text files of folders in the order of their names, standard input
/// for `-` and if nothing is given.
pub(super) fn sources(given: &[PathBuf]) -> Result<Vec<PassageSource>, CliError> {
    if given.is_empty() {
        if std::io::stdin().is_terminal() {
            return Err(CliError::new("no passage given", "add --passage FILE, or pipe the text in"));
        }
        return Ok(vec![PassageSource::StandardInput]);
    }
    let mut sources = Vec::new();
    for path in given {
        if path.as_os_str() == "-" {
            if sources.contains(&PassageSource::StandardInput) {
                return Err(CliError::new("standard input is named twice", "give --passage - once"));
            }
            sources.push(PassageSource::StandardInput);
        } else if path.is_dir() {
            let before = sources.len();
            add_folder(path, &mut sources)?;
            if sources.len() == before {
                return Err(CliError::new(
                    format_args!("{}: no text files in this folder", path.display()),
                    "name a folder with files that end in .txt, .text or .md, or the files themselves",
                ));
            }
        } else {
            // A slip in a name is told before the model is loaded, not among a hundred results.
            path.metadata().map_err(|error| unreadable(path, &error))?;
            sources.push(PassageSource::File(path.clone()));
        }
    }
    Ok(sources)
}

fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(
        format_args!("{}: cannot be read: {error}", path.display()),
        "name a text file with the passage, or - for standard input",
    )
}

/// The text files of a folder and of the folders in it, hidden ones left out.
fn add_folder(folder: &Path, sources: &mut Vec<PassageSource>) -> Result<(), CliError> {
    let entries = std::fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(folder, &error))?;
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    for path in paths {
        // A link to a folder may lead back to where it stands.
        if path.is_dir() {
            if !path.is_symlink() {
                add_folder(&path, sources)?;
            }
        } else if path
            .extension()
            .is_some_and(|ending| TEXT_ENDINGS.iter().any(|text| ending.eq_ignore_ascii_case(text)))
        {
            sources.push(PassageSource::File(path));
        }
    }
    Ok(())
}

/// Parts questions from files among the arguments after the options: the shell makes `--passage a.txt b.txt` of
/// `--passage *.txt`. Without `--passage` everything is a question.
pub(super) fn part(
    arguments: &[String],
    passages: &[PathBuf],
) -> Result<(Vec<String>, Vec<PathBuf>), CliError> {
    let (mut questions, mut files) = (Vec::new(), Vec::new());
    for argument in arguments {
        let path = Path::new(argument);
        let is_file = !passages.is_empty() && (path.exists() || argument == "-");
        let looks_like_one = !passages.is_empty()
            && !argument.contains(char::is_whitespace)
            && path
                .extension()
                .is_some_and(|ending| TEXT_ENDINGS.iter().any(|text| ending.eq_ignore_ascii_case(text)));
        if is_file {
            files.push(path.to_owned());
        } else if looks_like_one {
            return Err(CliError::new(
                format_args!("{argument}: there is no such file"),
                "correct its name; a question that looks like a file name is given with --question",
            ));
        } else {
            questions.push(argument.clone());
        }
    }
    Ok((questions, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_give_their_text_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("deeper")).unwrap();
        for name in ["b.txt", "a.MD", "deeper/c.text", ".hidden.txt", "image.png"] {
            std::fs::write(path(name), "x").unwrap();
        }
        let found = sources(&[folder.path().to_owned(), path("image.png"), "-".into()]).unwrap();
        let file = |name: &str| PassageSource::File(path(name));
        assert_eq!(
            found,
            [
                file("a.MD"),
                file("b.txt"),
                file("deeper/c.text"),
                file("image.png"),
                PassageSource::StandardInput
            ]
        );
        assert!(sources(&["-".into(), "-".into()]).unwrap_err().to_string().contains("twice"));
        assert!(sources(&[path("none.txt")]).unwrap_err().to_string().contains("none.txt: cannot be read"));
        std::fs::remove_file(path("deeper/c.text")).unwrap();
        assert!(sources(&[path("deeper")]).unwrap_err().to_string().contains("no text files"));
    }

    #[test]
    fn files_that_the_shell_put_after_the_first_are_passages() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("b.txt").display().to_string();
        std::fs::write(&file, "x").unwrap();
        let arguments = [file.clone(), "Who built it?".to_owned()];
        let (questions, files) = part(&arguments, &["a.txt".into()]).unwrap();
        assert_eq!((questions, files), (vec!["Who built it?".to_owned()], vec![PathBuf::from(&file)]));
        let (questions, files) = part(&arguments, &[]).unwrap();
        assert_eq!((questions.len(), files.len()), (2, 0), "without --passage all are questions");
        let slip = part(&["tpyo.txt".to_owned()], &["a.txt".into()]).unwrap_err();
        assert!(slip.to_string().contains("no such file"), "{slip}");
    }
}

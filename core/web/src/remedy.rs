//! What to do about an error, in a browser: there are no paths, flags or commands, but files that are chosen or dropped.

/// What the library says, how it begins, and what fits a page.
const FITTING: [(&str, &str); 12] = [
    ("check the path", "choose the file again"),
    (
        "give the folder that holds config.json",
        "choose config.json, the vocabulary and the weights together, or drop their folder",
    ),
    (
        "give a Hugging Face model folder",
        "choose config.json, the vocabulary and the weights together, or drop their folder",
    ),
    (
        "copy the vocabulary there",
        "choose vocab.txt or tokenizer.json along with the other files (SpanBERT's is the vocab.txt of bert-base-cased)",
    ),
    ("name a run folder", "drop a run folder, or a ZIP of one"),
    ("name a run that has evaluated", "drop a run folder with evaluations, or the folder of one evaluation"),
    ("choose a folder eval/step-N", "drop the run folder, or the folder of one evaluation"),
    ("evaluate the checkpoint again", "evaluate the checkpoint again here"),
    ("name it with --data", "choose the file of questions"),
    ("name the data set with --data", "choose the file of questions"),
    ("use `spanbert predict`", "ask its questions one by one"),
    ("name a text file", "choose the file again"),
];

/// What the library adds for a command line, after what fits a page too.
const FLAGS: &str = ", or choose another device with --device";

/// The remedy that fits a page, for one of the library's.
#[must_use]
pub fn in_browser(remedy: &str) -> String {
    let remedy = remedy.strip_suffix(FLAGS).unwrap_or(remedy);
    let fitting = FITTING.iter().find(|(begin, _)| remedy.starts_with(begin));
    fitting.map_or_else(|| remedy.to_owned(), |(_, fitting)| (*fitting).to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use spanbert_core::{
        advice::{Advice, is_remedy},
        checkpoint::CheckpointError,
        evaluate::EvaluateError,
        run::RunError,
        squad::SquadError,
    };

    use super::*;

    #[test]
    fn what_speaks_of_paths_and_flags_speaks_of_files_here() {
        let (path, text) = (PathBuf::from, str::to_owned);
        let said = [
            CheckpointError::NotFound { path: path("a") }.remedy(),
            CheckpointError::NoConfig { path: path("a") }.remedy(),
            CheckpointError::Io { path: path("a"), cause: std::io::ErrorKind::NotFound.into() }.remedy(),
            RunError::NoRun(path("a")).remedy(),
            EvaluateError::NoEvaluation { folder: text("a") }.remedy(),
            EvaluateError::Read { path: text("a"), source: std::io::ErrorKind::NotFound.into() }.remedy(),
            EvaluateError::Damaged { place: text("a"), message: text("b") }.remedy(),
            EvaluateError::DataUnknown { folder: text("a") }.remedy(),
            EvaluateError::Data { path: text("a"), message: text("b") }.remedy(),
            SquadError::Read { file: text("a"), cause: std::io::ErrorKind::NotFound.into() }.remedy(),
        ];
        for remedy in said {
            let here = in_browser(&remedy);
            assert_ne!(here, remedy);
            assert!(is_remedy(&here), "{here}");
        }
        assert_eq!(in_browser("choose another folder"), "choose another folder");
        assert_eq!(in_browser(&format!("use the processor{FLAGS}")), "use the processor");
    }

    #[test]
    fn nothing_here_speaks_of_what_a_page_has_not() {
        for (_, fitting) in FITTING {
            assert!(
                !fitting.contains("--") && !fitting.contains("path") && !fitting.contains('`'),
                "{fitting}"
            );
            assert!(is_remedy(fitting), "{fitting}");
        }
    }
}

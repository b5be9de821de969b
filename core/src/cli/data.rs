//! Reading data sets and tokenizers as several commands do.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    error::CliError,
    flags::CasingArgs,
    names::{ModelArg, STANDARD_INPUT},
    output,
};
use crate::{
    checkpoint::{decide_casing, load_vocab},
    gzip,
    run::Fingerprint,
    score::{AnswerFile, NullOdds},
    squad::{Dataset, RepeatedIds},
    text_file,
    tokenizer::BertTokenizer,
};

/// Reads a data set to be answered and scored; prints its layout if it is not SQuAD's, and what is doubtful.
pub(super) fn dataset(path: &Path) -> Result<Dataset, CliError> {
    let dataset = read(path)?;
    dataset.validate()?;
    warn_about(&dataset);
    Ok(dataset)
}

/// Reads a data set, `-` being standard input; prints its layout if it is not SQuAD's.
pub(super) fn read(path: &Path) -> Result<Dataset, CliError> {
    read_with(path, RepeatedIds::KeepLast)
}

/// [`read`] with a say on repeated ids.
pub(super) fn read_with(path: &Path, repeated_ids: RepeatedIds) -> Result<Dataset, CliError> {
    let dataset = if is_standard_input(path) {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| CliError::unreadable(Path::new(text_file::STANDARD_INPUT), &error))?;
        Dataset::from_bytes_with(&bytes, text_file::STANDARD_INPUT, repeated_ids)?
    } else {
        Dataset::from_path_with(path, repeated_ids)?
    };
    if let Some(note) = dataset.reading_note() {
        output::note(note);
    }
    Ok(dataset)
}

/// Whether a path stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// The identity of a data file; standard input has none.
pub(super) fn fingerprint(path: &Path) -> Result<Option<Fingerprint>, CliError> {
    if is_standard_input(path) { Ok(None) } else { Ok(Some(Fingerprint::of(path)?)) }
}

/// Prints what is doubtful in a data set.
pub(super) fn warn_about(dataset: &Dataset) {
    dataset.warning_lines().iter().for_each(output::warn);
}

/// Prints what is doubtful about its ids, for those who look at texts alone.
pub(super) fn warn_about_ids(dataset: &Dataset) {
    dataset.id_warning_lines().iter().for_each(output::warn);
}

/// Reads a text file, which may be packed with gzip, naming it if that fails.
pub(super) fn text(path: &Path, what: &str) -> Result<String, CliError> {
    let refused = |cause: &dyn std::fmt::Display| {
        CliError::new(format_args!("{}: {cause}", path.display()), format_args!("name {what}"))
    };
    let bytes = std::fs::read(path).map_err(|error| refused(&format_args!("cannot be read: {error}")))?;
    let bytes = gzip::unpacked(&bytes).map_err(|error| refused(&error))?;
    Ok(text_file::decode(&bytes, &path.display().to_string())?.into_owned())
}

/// Reads a `predictions.json`, or a list as the `evaluate` library takes it.
pub(super) fn answer_file(path: &Path) -> Result<AnswerFile, CliError> {
    let text = text(path, "a JSON object from question ids to answers")?;
    Ok(AnswerFile::from_json(&text, &path.display().to_string())?)
}

/// Reads a `null_odds.json`.
pub(super) fn null_odds(path: &Path) -> Result<NullOdds, CliError> {
    let text = text(path, "a JSON object from question ids to numbers")?;
    Ok(NullOdds::from_json(&text, &path.display().to_string())?)
}

/// Where the word pieces come from when no weights are needed.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false, id = "tokenizer")]
pub(super) struct VocabularyArgs {
    /// Checkpoint folder whose tokenizer is used.
    #[arg(long, value_name = "DIR")]
    model: Option<ModelArg>,
    /// A vocab.txt, one word piece a line.
    #[arg(long, value_name = "FILE")]
    vocab: Option<PathBuf>,
}

impl VocabularyArgs {
    /// The same from flags of another command; a vocabulary file goes before the checkpoint's.
    pub(super) fn of(vocab: Option<PathBuf>, model: Option<ModelArg>) -> Option<Self> {
        match (vocab, model) {
            (None, None) => None,
            (Some(vocab), _) => Some(Self { model: None, vocab: Some(vocab) }),
            (None, model) => Some(Self { model, vocab: None }),
        }
    }

    /// The tokenizer, and its casing on standard error.
    pub(super) fn tokenizer(&self, casing: CasingArgs) -> Result<BertTokenizer, CliError> {
        let (pieces, place) = match (&self.model, &self.vocab) {
            (Some(model), _) => {
                let folder = model.folder()?;
                (load_vocab(&folder)?.pieces, folder)
            }
            (None, Some(file)) => {
                let text = text(file, "a vocab.txt, one word piece a line")?;
                (crate::tokenizer::pieces_from_vocab_text(&text), file.clone())
            }
            (None, None) => {
                return Err(CliError::new("no vocabulary given", "add --model DIR or --vocab FILE"));
            }
        };
        // A file has no tokenizer_config.json "inside" it: casing is then decided from the pieces.
        let casing = decide_casing(&place, &pieces, casing.do_lower_case)?;
        output::note(format_args!("{}: {casing}", place.display()));
        if let Some(warning) = &casing.warning {
            output::warn(warning);
        }
        Ok(BertTokenizer::from_vocab(pieces, casing.do_lower_case)?)
    }
}

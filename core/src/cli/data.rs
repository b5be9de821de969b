//! Reading data sets and tokenizers as several commands do.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{error::CliError, flags::CasingArgs, names::ModelArg, output};
use crate::{
    checkpoint::{decide_casing, load_vocab},
    score::{AnswerFile, NullOdds},
    squad::Dataset,
    tokenizer::BertTokenizer,
};

/// How many doubtful places of a data set are printed one by one.
const SHOWN_WARNINGS: usize = 3;

/// Reads a SQuAD file, refuses mistakes in its content and prints what is doubtful.
pub(super) fn dataset(path: &Path) -> Result<Dataset, CliError> {
    let dataset = Dataset::from_path(path)?;
    dataset.validate()?;
    warn_about(&dataset);
    Ok(dataset)
}

/// Prints what is doubtful in a data set.
pub(super) fn warn_about(dataset: &Dataset) {
    for warning in dataset.warnings.iter().take(SHOWN_WARNINGS) {
        output::warn(format_args!("{}: {warning}", dataset.source_name));
    }
    if let Some(more) = dataset.warnings.len().checked_sub(SHOWN_WARNINGS).filter(|&more| more > 0) {
        output::warn(format_args!("{}: {more} more doubtful places", dataset.source_name));
    }
}

/// Reads a text file, naming it if that fails.
pub(super) fn text(path: &Path, what: &str) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|error| {
        CliError::new(
            format_args!("{}: cannot be read: {error}", path.display()),
            format_args!("name {what}"),
        )
    })
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

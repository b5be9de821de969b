//! Reading data sets and tokenizers as several commands do.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    error::CliError,
    flags::{CasingArgs, WindowArgs},
    names::{ModelArg, STANDARD_INPUT},
    output,
};
use spanbert_core::{
    checkpoint::{CheckpointError, META_FILE, SpanbertMeta, StoredTokenizer, config_file},
    config::BertConfig,
    features::WindowOptions,
    gzip,
    hash::Fingerprint,
    run::RunError,
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
    if is_standard_input(path) { Ok(None) } else { Ok(Some(Fingerprint::of(path).map_err(RunError::from)?)) }
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
    let text = text_file::decode(&bytes, &path.display().to_string())?.into_owned();
    if text.trim().is_empty() { Err(refused(&"the file is empty")) } else { Ok(text) }
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
    /// A vocab.txt, one word piece a line, or a tokenizer.json.
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
        let (stored, place) = match (&self.model, &self.vocab) {
            (Some(model), _) => {
                let folder = model.folder()?;
                (StoredTokenizer::from_folder(&folder, casing.do_lower_case)?, folder)
            }
            (None, Some(file)) => (vocabulary(file, casing.do_lower_case)?, file.clone()),
            (None, None) => {
                return Err(CliError::new("no vocabulary given", "add --model DIR or --vocab FILE"));
            }
        };
        output::note(format_args!("{}: {}", place.display(), stored.casing));
        for (name, value) in stored.settings.unlike_the_references() {
            output::note(format_args!("{name} {value}"));
        }
        stored.warnings.iter().for_each(output::warn);
        let tokenizer = stored.tokenizer();
        Ok(tokenizer.map_err(|cause| CheckpointError::Tokenizer { path: stored.path, cause })?)
    }

    /// What was stored with the model; empty for a vocabulary alone and for a checkpoint of another program.
    pub(super) fn stored(&self) -> Result<SpanbertMeta, CliError> {
        let Some(model) = &self.model else { return Ok(SpanbertMeta::default()) };
        Ok(SpanbertMeta::load(&model.folder()?)?.unwrap_or_default())
    }

    /// Windows as the model was trained with, else the reference's, within the model's positions; what `flags` says goes
    /// before.
    pub(super) fn windows(&self, flags: WindowArgs) -> Result<WindowOptions, CliError> {
        let mut options = WindowOptions::default();
        let Some(model) = &self.model else { return Ok(flags.over(options)) };
        let folder = model.folder()?;
        let stored = self.stored()?;
        let config = config_file(&folder).map(|path| BertConfig::from_path(&path)).transpose()?;
        let positions = config.map(|config| config.max_position_embeddings);
        let (usual, limit) = (options.max_seq_length, positions.unwrap_or(usize::MAX));
        options = WindowOptions {
            max_seq_length: stored.max_seq_length.unwrap_or(usual).min(limit),
            doc_stride: stored.doc_stride.unwrap_or(options.doc_stride),
            max_query_length: stored.max_query_length.unwrap_or(options.max_query_length),
        };
        let chosen = flags.over(options);
        let asked = flags.over(WindowOptions { max_seq_length: usize::MAX, ..options }).max_seq_length;
        if asked != usize::MAX {
            if asked > limit {
                output::warn(format_args!("--max-seq-length {asked} exceeds the model's {limit} positions"));
            }
        } else if let Some(stored) = stored.max_seq_length {
            let (file, length) = (folder.join(META_FILE), options.max_seq_length);
            if length < stored {
                output::note(format_args!("windows of {length} pieces: the model has no more positions"));
            } else {
                output::note(format_args!("windows of {length} pieces, as {} says", file.display()));
            }
        } else if options.max_seq_length < usual {
            output::note(format_args!(
                "windows of {} pieces instead of {usual}: the model has no more positions",
                options.max_seq_length
            ));
        }
        Ok(chosen)
    }
}

/// Reads a `vocab.txt`, or a `tokenizer.json`, that is given by itself.
pub(super) fn vocabulary(file: &Path, lower_case: Option<bool>) -> Result<StoredTokenizer, CliError> {
    let bytes = std::fs::read(file).map_err(|error| {
        CliError::new(
            format_args!("{}: cannot be read: {error}", file.display()),
            "name a vocab.txt, one word piece a line",
        )
    })?;
    Ok(StoredTokenizer::from_vocab(bytes, file.to_owned(), lower_case)?)
}

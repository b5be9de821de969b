//! `spanbert postprocess`: answers from given logits.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    data::{self, VocabularyArgs},
    error::CliError,
    flags::{AnswerArgs, CasingArgs, OverwriteArgs, WindowArgs},
    names::DataArg,
    output,
    predict::ANSWERS,
};
use spanbert_core::{
    advice::Advice,
    answers::{
        AnswerOptions, NpyLogits, Prediction,
        jsonl::{LogitSource, postprocess, prediction_line, read_windows},
        nbest_json, null_odds_json, predictions_json,
    },
    evaluate::Abstention,
    features::{Window, evaluation_examples, windows},
    run::{OutputFolder, counted},
};

/// Turn start and end logits of any program into answers, one JSON object a line.
#[derive(Debug, Args)]
pub(super) struct PostprocessCommand {
    /// File of questions the logits were made for, or - for standard input.
    #[arg(long, value_name = "FILE")]
    data: DataArg,
    /// Logits: a NumPy file of f32 [windows, 2, length] in the order of the windows, or JSON lines with unique_id,
    /// start_logits and end_logits.
    #[arg(long, value_name = "FILE")]
    logits: PathBuf,
    /// Windows as `spanbert features` prints them; without it they are made from the data.
    #[arg(long, value_name = "FILE")]
    windows: Option<PathBuf>,
    #[command(flatten)]
    vocabulary: VocabularyArgs,
    #[command(flatten)]
    casing: CasingArgs,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    answer: AnswerArgs,
    /// Whether "no answer" is a candidate. Without it that depends on what the checkpoint of --model was trained on; if that is
    /// not recorded, on the data.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    version_2_with_negative: Option<bool>,
    /// Write predictions.json, nbest_predictions.json and, if the model may abstain, null_odds.json into this folder instead.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

impl PostprocessCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let out = self.output_dir.as_ref();
        let out = out.map(|folder| output::folder(folder, "postprocess", &ANSWERS, self.overwrite));
        let out = out.transpose()?;
        let tokenizer = self.vocabulary.tokenizer(self.casing)?;
        let dataset = data::read(&self.data.input()?)?;
        data::warn_about(&dataset);
        let examples = evaluation_examples(&dataset);
        let windows = match &self.windows {
            Some(path) => read_windows(BufReader::new(open(path)?)).map_err(|error| in_file(path, error))?,
            None => windows(&examples, &tokenizer, &self.vocabulary.windows(self.window)?, false)?,
        };
        let (usual, stored) = (AnswerOptions::default(), self.vocabulary.stored()?);
        let base = AnswerOptions {
            n_best_size: stored.n_best_size.unwrap_or(usual.n_best_size),
            max_answer_length: stored.max_answer_length.unwrap_or(usual.max_answer_length),
            ..usual
        };
        let may_abstain = match self.version_2_with_negative {
            Some(said) => {
                let may = if said { "may" } else { "may not" };
                output::note(format_args!("the model {may} abstain: --version-2-with-negative is {said}"));
                said
            }
            None => {
                let decided = Abstention::on(&dataset, Abstention::of_checkpoint(&stored));
                output::note(decided.said_with(
                    "--version-2-with-negative allows it",
                    "--version-2-with-negative=false has every question answered",
                ));
                decided.allowed
            }
        };
        let options = AnswerOptions { version_2_with_negative: may_abstain, ..self.answer.over(base) };
        let predictions = self.predictions(&windows, |source| {
            postprocess(&examples, &windows, source, &tokenizer, &options)
                .map_err(|error| in_file(&self.logits, error))
        })?;
        match (out, &self.output_dir) {
            (Some(out), Some(folder)) => write_files(out, folder, &predictions, may_abstain),
            _ => print_lines(&predictions),
        }
    }

    /// Opens the logits, whatever their format, for `answer`.
    fn predictions<T>(
        &self,
        windows: &[Window],
        answer: impl FnOnce(LogitSource<'_>) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        if self.logits.extension().is_some_and(|extension| extension == "npy") {
            let bytes =
                std::fs::read(&self.logits).map_err(|error| CliError::unreadable(&self.logits, &error))?;
            let npy = NpyLogits::parse(&bytes).map_err(|error| in_file(&self.logits, error))?;
            output::note(format_args!("{}, logits for {}", counted(windows.len(), "window"), npy.windows()));
            answer(LogitSource::Npy(npy))
        } else {
            answer(LogitSource::Lines(&mut BufReader::new(open(&self.logits)?)))
        }
    }
}

fn print_lines(predictions: &[Prediction]) -> Result<(), CliError> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for prediction in predictions {
        let line = prediction_line(prediction).map_err(CliError::no_json)?;
        writeln!(out, "{line}").map_err(CliError::standard_output)?;
    }
    out.flush().map_err(CliError::standard_output)
}

fn write_files(
    out: OutputFolder,
    folder: &Path,
    predictions: &[Prediction],
    may_abstain: bool,
) -> Result<(), CliError> {
    let mut files = vec![predictions_json(predictions, None), nbest_json(predictions)];
    files.extend(may_abstain.then(|| null_odds_json(predictions)));
    let named = ANSWERS.into_iter().zip(files);
    let files = named.map(|(name, json)| Ok((name, json.map_err(CliError::no_json)?.into_bytes())));
    out.replace(&files.collect::<Result<Vec<_>, CliError>>()?)?;
    output::note(format_args!(
        "wrote the answers to {} questions to {}",
        predictions.len(),
        folder.display()
    ));
    Ok(())
}

fn open(path: &Path) -> Result<File, CliError> {
    File::open(path).map_err(|error| CliError::unreadable(path, &error))
}

/// The error of a reader that does not know its file's name.
fn in_file(path: &Path, error: impl Advice) -> CliError {
    CliError::from(error).within(path.display())
}

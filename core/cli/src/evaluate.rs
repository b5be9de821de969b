//! `spanbert evaluate`: how good a checkpoint is on a SQuAD file.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{
    data,
    error::CliError,
    flags::{
        AbstentionArgs, AnswerArgs, CasingArgs, DeviceArgs, EnsembleArgs, JsonArgs, LanguageArgs,
        OverwriteArgs, PrecisionArgs, WindowArgs,
    },
    model::{OpenedModel, eval_batch, open_ensemble},
    names::{DataArg, ModelArg},
    output,
    progress::{Progress, duration},
    scores_table,
    table::Paint,
    workers::{TimeoutArgs, Workers, check_alone},
};
use spanbert_backends::{DeviceChoice, PORTABLE, portable};
use spanbert_core::{
    checkpoint::fingerprints,
    evaluate::{
        EvaluateError, EvaluateOptions, Evaluation, PreparedEvaluation, ResultsFile, StoredEvaluation,
    },
    run::{OutputFolder, Writer, counted},
    squad::Dataset,
    train::StopFlag,
};

/// Answer a SQuAD file and score the answers: at threshold 0, at the stored threshold, at --threshold and at the best one.
#[derive(Debug, Args)]
pub(super) struct EvaluateCommand {
    /// Checkpoint folder, such as the best/ of a run, or the name of a fetched model.
    #[arg(long, value_name = "DIR")]
    model: ModelArg,
    /// Questions with gold answers: SQuAD JSON, Hugging Face rows or MRQA, also gzip-compressed; a fetched set such as
    /// squad2:dev; or - for standard input.
    #[arg(long, value_name = "FILE")]
    data: DataArg,
    /// Write predictions.json, nbest_predictions.json, null_odds.json, results.json and records.jsonl here.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    settings: EvaluationArgs,
    #[command(flatten)]
    language: LanguageArgs,
    /// Evaluate along with the other processes that mpirun, torchrun or srun has started with this command, as `train
    /// --distributed` does: the results are those of one process.
    #[arg(long)]
    distributed: bool,
    #[command(flatten)]
    timeout: TimeoutArgs,
    #[command(flatten)]
    output: JsonArgs,
}

/// How a checkpoint answers a data set.
#[derive(Clone, Debug, Args)]
pub(super) struct EvaluationArgs {
    #[command(flatten)]
    pub(super) ensemble: EnsembleArgs,
    #[command(flatten)]
    pub(super) device: DeviceArgs,
    #[command(flatten)]
    pub(super) precision: PrecisionArgs,
    /// Windows per batch, if they fit; a GPU with room takes more. Does not change the result.
    #[arg(long, value_name = "N", default_value_t = 8)]
    eval_batch_size: usize,
    /// Pad every window to max_seq_length, exactly as the reference does.
    #[arg(long)]
    pad_to_max_length: bool,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    answer: AnswerArgs,
    #[command(flatten)]
    pub(super) abstention: AbstentionArgs,
    #[command(flatten)]
    pub(super) casing: CasingArgs,
}

impl EvaluationArgs {
    /// The checkpoint on the device.
    pub(super) fn open(&self, model: &Path) -> Result<OpenedModel, CliError> {
        self.open_on(model, &self.device.backend)
    }

    /// The checkpoint on another device than the one asked for.
    pub(super) fn open_on(&self, model: &Path, device: &DeviceChoice) -> Result<OpenedModel, CliError> {
        let others = self.ensemble.folders()?;
        let precision = self.precision.precision.into();
        open_ensemble((model, &others), device, self.casing, precision, self.window)
    }

    /// Digests of the files of the checkpoint and of those that answer along with it, for each of them.
    pub(super) fn digests(&self, model: &Path) -> Result<Vec<Vec<String>>, CliError> {
        let folders = std::iter::once(model.to_owned()).chain(self.ensemble.folders()?);
        let digests = |folder: PathBuf| {
            Ok(fingerprints(&folder)?.into_iter().map(|file| file.sha256).collect::<Vec<_>>())
        };
        folders.map(digests).collect()
    }

    /// What is asked for by flags and has a say in the answers, by the flags' names.
    pub(super) fn asked(&self) -> BTreeMap<String, serde_json::Value> {
        let precision = format!("{:?}", self.precision.precision).to_lowercase();
        let mut asked = self.given();
        asked.extend([
            ("eval-batch-size".to_owned(), json!(self.eval_batch_size)),
            ("pad-to-max-length".to_owned(), json!(self.pad_to_max_length)),
            ("precision".to_owned(), json!(precision)),
        ]);
        asked
    }

    /// Those of [`asked`](Self::asked) that have no value unless they are given.
    pub(super) fn given(&self) -> BTreeMap<String, serde_json::Value> {
        let version = self.abstention.squad_version.map(|version| version.to_string());
        let given = [
            ("max-seq-length", json!(self.window.max_seq_length)),
            ("doc-stride", json!(self.window.doc_stride)),
            ("max-query-length", json!(self.window.max_query_length)),
            ("n-best-size", json!(self.answer.n_best_size)),
            ("max-answer-length", json!(self.answer.max_answer_length)),
            ("squad-version", json!(version)),
            ("threshold", json!(self.abstention.threshold)),
            ("do-lower-case", json!(self.casing.do_lower_case)),
        ];
        given.into_iter().filter(|(_, value)| !value.is_null()).map(|(n, v)| (n.to_owned(), v)).collect()
    }

    /// The flags put over what is stored with the checkpoint.
    pub(super) fn options(&self, model: &OpenedModel) -> Result<EvaluateOptions, CliError> {
        let answer = self.answer.over(model.answer_options());
        let windows = self.window.over(model.window_options());
        if !self.window.says_length() {
            note_shorter(model.wanted_window_options().max_seq_length, windows.max_seq_length);
        }
        Ok(EvaluateOptions {
            windows,
            abstention: self.abstention.decide(&model.meta)?,
            threshold: self.abstention.threshold,
            eval_batch_size: eval_batch(model, self.eval_batch_size, &windows),
            n_best_size: answer.n_best_size,
            max_answer_length: answer.max_answer_length,
            pad_to_max_length: self.pad_to_max_length,
            ..model.evaluate_options()
        })
    }
}

/// Says that windows are shorter than they would be, if they are.
pub(super) fn note_shorter(wanted: usize, max_seq_length: usize) {
    if max_seq_length < wanted {
        output::note(format_args!(
            "max_seq_length is {max_seq_length} instead of {wanted}: the model has no more positions"
        ));
    }
}

#[derive(Serialize)]
struct Evaluated<'a> {
    model: &'a Path,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ensemble: &'a [PathBuf],
    data: &'a str,
    device: String,
    secs: f64,
    #[serde(flatten)]
    results: &'a ResultsFile,
}

impl EvaluateCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        if self.distributed {
            let place = self.output_dir.clone().unwrap_or_else(|| "evaluation".into());
            let workers = self.timeout.join(&self.settings.device.backend, &place, "evaluate")?;
            return workers.finish(|workers| self.evaluate(Some(workers)));
        }
        let instead = "add --distributed to have them share the work, or start one process";
        check_alone("evaluate the whole file", instead)?;
        self.evaluate(None)
    }

    /// Evaluates, alone or with others, of whom the first one writes and prints.
    fn evaluate(&self, workers: Option<&Workers>) -> Result<(), CliError> {
        let leads = workers.is_none_or(Workers::leads);
        let out = self.output_dir.as_ref().filter(|_| leads).map(|folder| {
            let writer = Writer { command: "evaluate", files: Evaluation::FILES, into_runs: false };
            OutputFolder::open(folder, writer, self.overwrite.overwrite, is_own)
        });
        let out = out.transpose()?;
        self.settings.abstention.check()?;
        let (folder, data) = (self.model.folder()?, self.data.input()?);
        let ensemble = self.settings.ensemble.folders()?;
        let dataset = data::dataset(&data)?;
        if !dataset.has_gold_answers() {
            return Err(EvaluateError::NoGoldAnswers(dataset.source_name).into());
        }
        let answer_language = self.language.language_for(&dataset);
        let mut model = match workers {
            Some(workers) => self.settings.open_on(&folder, &workers.device)?,
            None => self.settings.open(&folder)?,
        };
        let start = Instant::now();
        let options = EvaluateOptions { answer_language, ..self.settings.options(&model)? };
        let evaluation = match workers {
            Some(workers) => {
                workers.agree(&self.facts(&folder, &data, &model)?)?;
                together(&mut model, dataset, &options, workers)?
            }
            None => Some(evaluate(&mut model, dataset, &options)?),
        };
        let Some(mut evaluation) = evaluation else { return Ok(()) };
        let secs = start.elapsed().as_secs_f64();
        if let Some(out) = out {
            evaluation.results.data = data::fingerprint(&data)?;
            evaluation.results.model = Some(folder.display().to_string());
            evaluation.results.ensemble =
                ensemble.iter().map(|folder| folder.display().to_string()).collect();
            out.replace(&evaluation.files()?)?;
        }
        warn_if_damaged(evaluation.results.non_finite_windows);
        if self.output.json {
            return output::json(&Evaluated {
                model: &folder,
                ensemble: &ensemble,
                data: &data.display().to_string(),
                device: model.device.choice.to_string(),
                secs,
                results: &evaluation.results,
            });
        }
        print_scores(&evaluation)?;
        let windows = counted(evaluation.results.windows, "window");
        output::note(format_args!("{windows} in {}", duration(secs)));
        if let Some(folder) = &self.output_dir {
            output::line(format_args!("wrote the answers to {}", folder.display()))?;
        }
        Ok(())
    }

    /// What has to be the same for all workers.
    fn facts(
        &self,
        model: &Path,
        data: &Path,
        opened: &OpenedModel,
    ) -> Result<Vec<(String, String)>, CliError> {
        let short = |digest: &str| digest.chars().take(8).collect::<String>();
        let models = self.settings.digests(model)?;
        let count = counted(models.len(), "model");
        let models = models.into_iter().enumerate().map(|(index, files)| {
            let what = if index == 0 { "--model".to_owned() } else { format!("--ensemble, number {index}") };
            (what, format!("files {}", files.iter().map(|file| short(file)).collect::<Vec<_>>().join(" ")))
        });
        let data = data::fingerprint(data)?.map(|file| short(&file.sha256)).unwrap_or_default();
        let output_dir = self.output_dir.as_ref().map(|folder| folder.display().to_string());
        let options = json!([self.settings.asked(), format!("{:?}", self.language.language())]);
        let is_portable = portable() && opened.device.choice == DeviceChoice::Cpu;
        let mut facts = vec![
            ("version of the program".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("ensemble".into(), count),
        ];
        facts.extend(models);
        facts.extend([
            ("data".into(), data),
            ("options".into(), options.to_string()),
            ("output folder".into(), output_dir.unwrap_or_default()),
            (format!("portable mode, {PORTABLE}"), if is_portable { "on" } else { "off" }.into()),
            ("number of models that answer one after the other".into(), opened.engine.passes().to_string()),
        ]);
        Ok(facts)
    }
}

/// Whether a folder holds what an earlier version of this command has written. Evaluations of a training do not name the
/// model.
fn is_own(folder: &Path) -> bool {
    StoredEvaluation::read(folder).is_ok_and(|stored| stored.results.model.is_some())
}

/// Answers and scores a data set, with progress on standard error.
pub(super) fn evaluate(
    model: &mut OpenedModel,
    dataset: Dataset,
    options: &EvaluateOptions,
) -> Result<Evaluation, CliError> {
    let prepared = prepare(model, dataset, options)?;
    with_progress(|progress| Ok(prepared.run(model.engine.as_mut(), progress)?))
}

/// [`evaluate`] with other workers; the first gets the evaluation.
fn together(
    model: &mut OpenedModel,
    dataset: Dataset,
    options: &EvaluateOptions,
    workers: &Workers,
) -> Result<Option<Evaluation>, CliError> {
    let mut prepared = prepare(model, dataset, options)?;
    // Batches are shared whole, so all must have the same.
    prepared.set_eval_batch_size(workers.least(options.eval_batch_size)?);
    let mut run = |progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>| {
        let mut agreed = |done, total| {
            let stops = progress(done, total).is_break();
            if workers.ranks.borrow_mut().any(stops) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        Ok(prepared.run_together(model.engine.as_mut(), &mut agreed, &workers.ranks)?)
    };
    if workers.leads() {
        return with_progress(run);
    }
    let stop = StopFlag::on_interrupt();
    run(&mut |_, _| if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
}

/// Cuts a data set into windows; says whether the model may abstain, and how many questions are cut.
pub(super) fn prepare(
    model: &OpenedModel,
    dataset: Dataset,
    options: &EvaluateOptions,
) -> Result<PreparedEvaluation, CliError> {
    let (dataset, tokenizer) = (Arc::new(dataset), Arc::clone(&model.tokenizer));
    let prepared = PreparedEvaluation::new(dataset, tokenizer, options)?;
    output::note(prepared.abstention());
    let cut = prepared.cut_questions();
    if cut > 0 {
        output::note(format_args!(
            "{cut} question{} longer than max_query_length {} and cut to it",
            if cut == 1 { " is" } else { "s are" },
            options.windows.max_query_length
        ));
    }
    Ok(prepared)
}

/// Warns of answers that mean nothing.
pub(super) fn warn_if_damaged(non_finite_windows: usize) {
    if non_finite_windows > 0 {
        output::warn(format_args!(
            "the model's output was not finite in {}, so the answers mean nothing; weights or device are damaged: try \
             another --backend, or make the checkpoint anew",
            counted(non_finite_windows, "window")
        ));
    }
}

/// Does `work` with a progress display; Ctrl-C breaks it off.
pub(super) fn with_progress<T>(
    work: impl FnOnce(&mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let mut progress = Progress::new();
    progress.begin("answering", None);
    let stop = StopFlag::on_interrupt();
    let result = work(&mut |done, total| {
        progress.at(done, total, "");
        if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    result
}

/// Prints the scores.
pub(super) fn print_scores(evaluation: &Evaluation) -> Result<(), CliError> {
    output::print(&scores_table::results(&evaluation.results, Paint::stdout()))
}

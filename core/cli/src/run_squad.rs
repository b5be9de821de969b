//! `spanbert run_squad`: the reference's own command lines.

use std::path::{Path, PathBuf};

use clap::{Args, error::ErrorKind};
use spanbert_backends::DeviceChoice;

use super::{
    data,
    error::CliError,
    evaluate::{evaluate, note_shorter, prepare, print_scores, warn_if_damaged, with_progress},
    fine_tune::{FineTuning, fine_tune},
    flags::{CasingArgs, DeviceArgs, OverwriteArgs, squad_version},
    model::{OpenedModel, eval_batch, open_model},
    names::{DataArg, ModelArg, locate_teacher},
    output,
    predict::{ANSWERS, files},
    supervisor,
    train::fit_length,
    trained::whereabouts,
    workers::check_alone,
};
use spanbert_core::{
    answers::Prediction,
    checkpoint::config_file,
    evaluate::{Abstention, EvaluateError, EvaluateOptions, non_finite_windows},
    run::{Layout, write_atomic},
    score::{best_f1_thresh_from_eval_results, eval_results_text},
    squad::{Dataset, SquadVersion},
    train::{
        DataSource, Ending, ModelSource, OptimizerKind, Precision, Recipe, RecipeArgs, Start, TrainError,
    },
};

/// Run the command lines of SpanBERT's run_squad.py as they are; --model is a folder.
///
/// Results go where the reference puts them: eval_results.txt and predictions.json in the output folder, the best
/// weights in its best/ folder. Without --learning_rate eight rates are tried one after the other, as there.
#[derive(Debug, Args)]
pub(super) struct RunSquadCommand {
    /// Checkpoint folder, or the name of a fetched model, such as spanbert-base-cased.
    #[arg(long, value_name = "DIR", required_if_eq("do_train", "true"))]
    model: Option<ModelArg>,
    /// Folder for results.
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    /// SQuAD file to train on.
    #[arg(long, value_name = "FILE", required_if_eq("do_train", "true"))]
    train_file: Option<DataArg>,
    /// SQuAD file to evaluate on; with --eval_test only needed for training.
    #[arg(long, value_name = "FILE", required_if_eq_all([("do_train", "true"), ("do_eval", "true")]))]
    dev_file: Option<DataArg>,
    /// SQuAD file to evaluate on at the end, with --eval_test.
    #[arg(long, value_name = "FILE", required_if_eq("eval_test", "true"))]
    test_file: Option<DataArg>,
    /// Train.
    #[arg(long)]
    do_train: bool,
    /// Evaluate the best weights, and while training.
    #[arg(long)]
    do_eval: bool,
    /// Answer --test_file instead of --dev_file at the end; that is evaluating, so --do_eval may be left out.
    #[arg(long)]
    eval_test: bool,
    /// The data is SQuAD 2.0, so that the model may abstain. Training and --dev_file recognise that from the data, and
    /// fail if this flag says otherwise; for --test_file, which may lack gold answers, it decides.
    #[arg(long)]
    version_2_with_negative: bool,
    /// With 2.0 the model may answer "no answer" at the end, with 1.1 every question gets an answer; not a flag of the
    /// reference's.
    #[arg(long, value_name = "1.1|2.0", value_parser = squad_version, conflicts_with = "version_2_with_negative")]
    squad_version: Option<SquadVersion>,
    /// Multiply in fp16 under a loss scale, with the optimizer arithmetic of the reference's fp16 path.
    #[arg(long)]
    fp16: bool,
    /// Use the processor.
    #[arg(long)]
    no_cuda: bool,
    /// Accepted; everything is in the run folder's train.log anyway.
    #[arg(long)]
    verbose_logging: bool,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    recipe: RecipeArgs,
}

impl RunSquadCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        if supervisor::worker_folder().is_none() {
            check_alone("train for itself", "use `spanbert train --distributed`, or start one process")?;
        }
        let evaluates = self.do_eval || self.eval_test;
        if !self.do_train && !evaluates {
            return Err(CliError::new("there is nothing to do", "add --do_train, --do_eval or both"));
        }
        if evaluates && !self.eval_test && self.dev_file.is_none() {
            return Err(wrong_usage("--do_eval needs --dev_file FILE, or --eval_test with --test_file FILE"));
        }
        let choice = if self.no_cuda { DeviceChoice::Cpu } else { self.device.backend.clone() };
        let recipe = self.recipe()?;
        if self.do_train && self.train(recipe.clone(), &choice)? == Ending::Stopped {
            return Ok(());
        }
        if evaluates {
            self.evaluate(&recipe, &choice)?;
        }
        Ok(())
    }

    fn recipe(&self) -> Result<Recipe, CliError> {
        let mut recipe = self.recipe.resolve()?;
        if self.fp16 {
            if self.recipe.precision.is_none() {
                recipe.precision = Precision::Fp16;
            }
            if self.recipe.optimizer.is_none() {
                recipe.optimizer = OptimizerKind::FusedAdam;
            }
        }
        // Once, not by the process that trains as well.
        let first = supervisor::worker_folder().is_none();
        if self.recipe.loss_scale.is_some() && recipe.precision != Precision::Fp16 && first {
            output::warn("--loss_scale belongs to --fp16 and does nothing here");
        }
        Ok(recipe)
    }

    fn train(&self, mut recipe: Recipe, choice: &DeviceChoice) -> Result<Ending, CliError> {
        let (Some(model), Some(train_file)) = (&self.model, &self.train_file) else {
            return Err(CliError::new(
                "--do_train needs a model and data",
                "add --model DIR and --train_file FILE",
            ));
        };
        let (model, train_file) = (model.folder()?, train_file.file()?);
        locate_teacher(&mut recipe)?;
        let dev_file = DataArg::optional(self.dev_file.as_ref().filter(|_| self.do_eval))?;
        let notes = fit_length(&mut recipe, &self.recipe, &model).into_iter().collect();
        let outcome = fine_tune(FineTuning {
            model: ModelSource::Directory(&model),
            train: DataSource::File(&train_file),
            dev: dev_file.as_deref().map(DataSource::File),
            recipe,
            notes,
            folder: &self.output_dir,
            start: Start::New,
            choice,
            version_2_with_negative: self.version_2_with_negative,
            workers: None,
        })?;
        output::print(&whereabouts(&outcome))?;
        Ok(outcome.ending)
    }

    /// The last part of the reference: the best weights answer the dev or test set.
    fn evaluate(&self, recipe: &Recipe, choice: &DeviceChoice) -> Result<(), CliError> {
        let weights = trained_weights(&self.output_dir)?;
        let mut recipe = recipe.clone();
        // A training in the same call has said so.
        if let Some(note) = fit_length(&mut recipe, &self.recipe, &weights).filter(|_| !self.do_train) {
            output::note(note);
        }
        let file = if self.eval_test { &self.test_file } else { &self.dev_file };
        let Some(file) = file else {
            return Err(CliError::new(
                "there is nothing to evaluate on",
                "add --dev_file FILE or --test_file FILE",
            ));
        };
        let dataset = data::dataset(&file.input()?)?;
        if !self.eval_test {
            self.check_dev(&dataset)?;
        }
        let mut model = open_model(
            &weights,
            choice,
            CasingArgs { do_lower_case: recipe.do_lower_case },
            recipe.precision.into(),
        )?;
        let mut windows = recipe.window_options();
        if self.recipe.max_seq_length.is_none() {
            let positions = model.engine.config().max_position_embeddings;
            note_shorter(windows.max_seq_length, positions);
            windows = windows.within(positions);
        }
        let options = EvaluateOptions {
            windows,
            eval_batch_size: eval_batch(&model, recipe.eval_batch_size, &windows),
            n_best_size: recipe.n_best_size,
            max_answer_length: recipe.max_answer_length,
            pad_to_max_length: recipe.pad_to_max_length,
            abstention: Abstention::asked(self.squad_version, None)?
                .or_else(|| Abstention::version_2_with_negative(self.version_2_with_negative))
                .or_else(|| Abstention::of_checkpoint(&model.meta)),
            ..model.evaluate_options()
        };
        if self.eval_test {
            self.answer_test(&mut model, dataset, &options)
        } else {
            self.answer_dev(&mut model, dataset, &options)
        }
    }

    /// Refuses a dev set that cannot be scored, or not as the flags say.
    fn check_dev(&self, dataset: &Dataset) -> Result<(), CliError> {
        let file = || dataset.source_name.clone();
        if !dataset.has_gold_answers() {
            return Err(CliError::from(EvaluateError::NoGoldAnswers(file()))
                .or_try("or --eval_test --test_file FILE here"));
        }
        if self.version_2_with_negative && dataset.version == SquadVersion::V1 {
            return Err(TrainError::NotVersion2 { file: file() }.into());
        }
        Ok(())
    }

    /// Answers the dev set; answers are blanked by its own best threshold, as in the reference.
    fn answer_dev(
        &self,
        model: &mut OpenedModel,
        dataset: Dataset,
        options: &EvaluateOptions,
    ) -> Result<(), CliError> {
        let evaluation = evaluate(model, dataset, options)?;
        self.write(&evaluation.predictions, evaluation.best_threshold())?;
        let results = Layout::new(&self.output_dir).eval_results();
        if !results.exists() {
            let text = eval_results_text(&evaluation.results.run_squad, &[]);
            write_atomic(&results, text.as_bytes())?;
        }
        print_scores(&evaluation)?;
        warn_if_damaged(evaluation.results.non_finite_windows);
        self.say_where()
    }

    /// Answers the test set, which may lack gold answers; answers are blanked by the dev set's best threshold.
    fn answer_test(
        &self,
        model: &mut OpenedModel,
        dataset: Dataset,
        options: &EvaluateOptions,
    ) -> Result<(), CliError> {
        let prepared = prepare(model, dataset, options)?;
        let threshold = if prepared.abstention().allowed {
            Some(self.dev_threshold().or(model.meta.threshold).ok_or_else(|| {
                CliError::new(
                    format_args!(
                        "{} has no best_f1_thresh",
                        self.output_dir.join("eval_results.txt").display()
                    ),
                    "evaluate a SQuAD 2.0 dev set first, with --do_eval --dev_file FILE",
                )
            })?)
        } else {
            None
        };
        let predictions = with_progress(|progress| Ok(prepared.predict(model.engine.as_mut(), progress)?))?;
        self.write(&predictions, threshold)?;
        warn_if_damaged(non_finite_windows(&predictions));
        self.say_where()
    }

    /// Replaces the answers of an earlier call; the folder is the run's own.
    fn write(&self, predictions: &[Prediction], threshold: Option<f64>) -> Result<(), CliError> {
        let out = output::folder(&self.output_dir, "run_squad", &ANSWERS, OverwriteArgs::default())?;
        Ok(out.replace(&files(predictions, threshold)?)?)
    }

    fn dev_threshold(&self) -> Option<f64> {
        let text = std::fs::read_to_string(Layout::new(&self.output_dir).eval_results()).ok()?;
        best_f1_thresh_from_eval_results(&text)
    }

    fn say_where(&self) -> Result<(), CliError> {
        output::line(format_args!(
            "wrote the answers to {}",
            self.output_dir.join("predictions.json").display()
        ))
    }
}

/// What clap says of flags that do not go together, exit code 2 included.
fn wrong_usage(message: &str) -> CliError {
    let mut command = RunSquadCommand::augment_args(clap::Command::new("spanbert run_squad"));
    let error = command.error(ErrorKind::MissingRequiredArgument, message);
    // A closed standard error hears nothing.
    let _ = error.print();
    CliError::silent(2)
}

/// The best weights of a run, else its last, else the folder itself if it is a checkpoint.
fn trained_weights(folder: &Path) -> Result<PathBuf, CliError> {
    let layout = Layout::new(folder);
    [layout.best(), layout.last(), folder.to_owned()]
        .into_iter()
        .find(|folder| config_file(folder).is_some())
        .ok_or_else(|| {
            CliError::new(
                format_args!("{} holds no trained weights", folder.display()),
                "train first with --do_train, or name a folder that was trained into",
            )
        })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        command: RunSquadCommand,
    }

    fn recipe(flags: &[&str]) -> Recipe {
        let line =
            [&["run_squad", "--output-dir", "out", "--do-eval", "--dev-file", "dev.json"], flags].concat();
        Program::try_parse_from(line).unwrap().command.recipe().unwrap()
    }

    #[test]
    fn fp16_is_the_reference_s_format_with_its_optimizer() {
        let found = |flags: &[&str]| {
            let Recipe { precision, optimizer, loss_scale, .. } = recipe(flags);
            (precision, optimizer, loss_scale)
        };
        assert_eq!(found(&[]), (Precision::F32, OptimizerKind::BertAdam, 0.0));
        assert_eq!(found(&["--fp16"]), (Precision::Fp16, OptimizerKind::FusedAdam, 0.0));
        let fixed = found(&["--fp16", "--loss-scale", "128"]);
        assert_eq!(fixed, (Precision::Fp16, OptimizerKind::FusedAdam, 128.0));
        // What is said in so many words has the last word.
        let other = found(&["--fp16", "--precision", "bf16", "--optimizer", "bert_adam"]);
        assert_eq!(other, (Precision::Bf16, OptimizerKind::BertAdam, 0.0));
    }
}

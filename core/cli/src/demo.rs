//! `spanbert demo`: the whole job in a minute or two, offline.

use std::path::{Path, PathBuf};

use clap::Args;
use spanbert_backends::Precision;

use super::{
    ask, demo_statistics,
    error::CliError,
    evaluate::{evaluate, print_scores},
    fine_tune::{FineTuning, fine_tune},
    flags::{CasingArgs, DeviceArgs, JsonArgs, OverwriteArgs},
    model::{OpenedModel, open_model},
    output,
    runs::RUNS_FOLDER,
    sources::Data,
    table::Paint,
    trained::{NewRun, new_run, whereabouts},
};
use spanbert_core::{
    ask::AskOptions,
    demo::{self, generate::GeneratorOptions, statistics::Statistics},
    run::write_atomic,
    squad::{Dataset, Paragraph, Question},
    train::{Ending, ModelSource, Preset, Recipe, Start},
};

/// What --write-files writes.
const FILES: [&str; 5] = ["model", "random", "train.json", "dev.json", "corpus.txt"];
/// How many questions are asked at the end.
const QUESTIONS_ASKED: usize = 5;

/// Fine-tune a small SpanBERT, pre-trained on text about an invented world, on questions about it, evaluate it, and ask it.
///
/// Everything is made on the spot, nothing is downloaded. The dev questions are about
/// people, villages, ships and things whose names do not occur in training.
#[derive(Debug, Args)]
pub(super) struct DemoCommand {
    /// The run folder to make; without it a new one in runs/.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Only write the data into this folder, the model (pre-trained, and with random weights), and a text about the same
    /// world to pre-train on: to train by hand.
    #[arg(long, value_name = "DIR", conflicts_with = "output_dir")]
    write_files: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    /// Write a training set of so many passages, six questions each, instead of the demo's.
    #[arg(
        long, value_name = "N", requires = "write_files", conflicts_with_all = ["output_dir", "statistics"],
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    passages: Option<u32>,
    /// Only print what the generated questions are made of.
    #[arg(long, conflicts_with_all = ["output_dir", "write_files"])]
    statistics: bool,
    /// Passes over the training data; more take longer and answer better.
    #[arg(long, value_name = "N", default_value_t = Preset::Demo.recipe().num_train_epochs)]
    epochs: f64,
    /// Train by this recipe.toml instead of the demo's own.
    #[arg(long, value_name = "FILE", conflicts_with = "epochs")]
    recipe: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    output: JsonArgs,
}

impl DemoCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        if let Some(folder) = &self.write_files {
            output::folder(folder, "demo", &FILES, self.overwrite)?.claim()?;
            let files = demo::write(folder)?;
            demo::write_corpus(folder)?;
            if let Some(passages) = self.passages.map(|passages| passages as usize) {
                let options = GeneratorOptions { passages, ..demo::TRAIN };
                let json = demo::squad_json("train", &options).map_err(CliError::no_json)?;
                write_atomic(&files.train, json.as_bytes())?;
            }
            return output::line(format_args!(
                "spanbert train --preset demo --model {} --train-file {} --dev-file {}",
                files.model.display(),
                files.train.display(),
                files.dev.display()
            ));
        }
        if self.statistics {
            let statistics = Statistics::of(&demo::TRAIN, &demo::DEV);
            if self.output.json {
                return output::json(&statistics);
            }
            return output::print(&demo_statistics::render(&statistics, Paint::stdout()));
        }
        let folder = match &self.output_dir {
            Some(folder) => NewRun::At(folder.clone()),
            None => new_run(Path::new(RUNS_FOLDER), "demo")?,
        };
        let (train, dev) = (Data::demo_train()?, Data::demo_dev()?);
        let recipe = match &self.recipe {
            Some(path) => Recipe::from_path(path)?,
            None => Recipe { num_train_epochs: self.epochs, ..Preset::Demo.recipe() },
        };
        let outcome = fine_tune(FineTuning {
            model: ModelSource::Ready(Box::new(demo::pretrained_model()?)),
            train: train.source(),
            dev: Some(dev.source()),
            recipe,
            notes: Vec::new(),
            folder: folder.path(),
            start: Start::New,
            choice: &self.device.backend,
            version_2_with_negative: true,
            workers: None,
        })?;
        if outcome.ending == Ending::Stopped {
            return output::print(&whereabouts(&outcome));
        }
        let dataset = dev.source().read()?;
        // A recipe may end before its first evaluation.
        let best = if outcome.best.is_some() { outcome.layout.best() } else { outcome.layout.last() };
        let mut model =
            open_model(&best, &self.device.backend, CasingArgs { do_lower_case: None }, Precision::F32)?;
        let options = model.evaluate_options();
        let evaluation = evaluate(&mut model, dataset.clone(), &options)?;
        if self.output.json {
            return output::json(&evaluation.results);
        }
        output::line("")?;
        print_scores(&evaluation)?;
        output::line("")?;
        ask_some(&mut model, &dataset)?;
        output::print(&whereabouts(&outcome))
    }
}

/// Asks questions of the dev set, spread over it, and says whether the answers are right.
fn ask_some(model: &mut OpenedModel, dataset: &Dataset) -> Result<(), CliError> {
    let options = AskOptions {
        windows: model.window_options(),
        threshold: model.meta.threshold.unwrap_or_default(),
        ..AskOptions::default()
    };
    let paint = Paint::stdout();
    for (paragraph, question) in samples(dataset) {
        let asked = ask::ask_one(model, &paragraph.context, &question.question, &options)?;
        output::line(paint.dim(&paragraph.context))?;
        output::print(&asked.render(&[], 2, paint))?;
        let gold = question.answers.first().map(|answer| answer.text.as_str());
        let given = asked.answer.best().map(|best| best.answer.text.as_str());
        let expected = gold.map_or_else(|| "the passage does not say".to_owned(), |gold| format!("{gold:?}"));
        let verdict = if gold == given {
            paint.good(&format!("  right: {expected}"))
        } else {
            paint.warn(&format!("  wrong: expected {expected}"))
        };
        output::line(format_args!("{verdict}\n"))?;
    }
    Ok(())
}

/// A few questions with their paragraphs, from paragraphs spread evenly over the data.
fn samples(dataset: &Dataset) -> Vec<(&Paragraph, &Question)> {
    let paragraphs: Vec<&Paragraph> =
        dataset.articles.iter().flat_map(|article| &article.paragraphs).collect();
    let stride = (paragraphs.len() / QUESTIONS_ASKED).max(1);
    paragraphs
        .into_iter()
        .step_by(stride)
        .take(QUESTIONS_ASKED)
        .enumerate()
        .filter_map(|(index, paragraph)| {
            let questions = &paragraph.questions;
            Some((paragraph, questions.get(index % questions.len().max(1))?))
        })
        .collect()
}

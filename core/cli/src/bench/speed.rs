//! What measuring training and answering have in common.

use std::{ops::ControlFlow, time::Instant};

use serde::Serialize;
use spanbert_backends::{DeviceInfo, Precision};

use super::{
    args::SpeedArgs,
    lengths::WindowLength,
    model::{Model, ModelSummary},
    report,
};
use crate::{
    data::{self, VocabularyArgs},
    error::CliError,
    model::find_device,
    output,
    progress::Progress,
};
use spanbert_core::{
    bench::{BenchEnvironment, Plan, SpeedRow, Subject, Workload, measure},
    config::BertConfig,
    features::{Window, WindowOptions, evaluation_examples, training_examples, windows},
    train::{Recipe, StopFlag},
};

/// Everything a run of the command found, as JSON.
#[derive(Serialize)]
pub(super) struct SpeedReport {
    bench: &'static str,
    implementation: &'static str,
    environment: BenchEnvironment,
    model: ModelSummary,
    precision: Precision,
    /// Whether every operation is a kernel of its own.
    unfused: bool,
    /// Seconds to put the model on the device.
    open_secs: f64,
    pub(super) rows: Vec<SpeedRow>,
    /// Whether it was broken off.
    stopped: bool,
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Fine-tuning.
    Train,
    /// Answering.
    Infer,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Infer => "infer",
        }
    }

    /// The recipe's batch and the evaluation's, if nothing is said.
    fn batch(self) -> usize {
        match self {
            Self::Train => Recipe::default().train_batch_size,
            Self::Infer => Recipe::default().eval_batch_size,
        }
    }
}

/// Measures every length and reports; `open` puts the model on the device.
pub(super) fn run(
    kind: Kind,
    args: &SpeedArgs,
    micro_batch: Option<u32>,
    open: impl FnOnce(&DeviceInfo, Model) -> Result<(Box<dyn Subject>, ModelSummary), CliError>,
) -> Result<(), CliError> {
    let model = Model::of(args)?;
    let device = find_device(&args.device.backend)?;
    device.check_precision(args.precision)?;
    let workloads = workloads(kind, args, micro_batch, &model.config, &device)?;
    let opening = Instant::now();
    let (mut subject, summary) = open(&device, model)?;
    let open_secs = opening.elapsed().as_secs_f64();
    let environment = BenchEnvironment::of_this_process(Some(&device));
    if !environment.optimised {
        output::warn("this is not an optimised build; its figures mean nothing (build with --release)");
    }
    let mut report = SpeedReport {
        bench: kind.name(),
        implementation: "spanbert",
        environment,
        model: summary,
        precision: args.precision,
        unfused: args.unfused,
        open_secs,
        rows: Vec::new(),
        stopped: false,
    };
    let stop = StopFlag::on_interrupt();
    let mut progress = Progress::new();
    for workload in &workloads {
        let plan =
            Plan::new(workload.steps(), args.warmup as usize, args.block_steps.map(|steps| steps as usize));
        progress.begin(workload.label(), None);
        let measured = measure(subject.as_mut(), workload, plan, &mut |done, total| {
            progress.at(done, total, "steps");
            if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        report.rows.extend(SpeedRow::new(&measured, workload, plan, &device, args.precision));
        report.stopped = measured.stopped || stop.is_requested();
        if report.stopped {
            break;
        }
    }
    progress.finish();
    for row in &report.rows {
        if row.last_loss.is_some_and(|loss| !loss.is_finite()) {
            output::warn(format_args!("length {}: the loss is not finite", row.length));
        }
    }
    report::publish(&report, &args.report, |paint| report::speed_table(&report, paint))?;
    report::check_whole(report.stopped)
}

/// The batches of every length, all checked before anything is slow.
fn workloads(
    kind: Kind,
    args: &SpeedArgs,
    micro_batch: Option<u32>,
    config: &BertConfig,
    device: &DeviceInfo,
) -> Result<Vec<Workload>, CliError> {
    let batch = args.batch.map_or(kind.batch(), |batch| batch as usize);
    let steps = args.steps as usize;
    let lengths = args.length.iter().map(|length| {
        let workload = match *length {
            WindowLength::Fixed(length) => Workload::fixed(config, batch, length, steps, args.seed)?,
            WindowLength::Squad => {
                let options = window_options(args, config);
                let windows = squad_windows(kind, args, &options)?;
                let multiple = args
                    .length_multiple
                    .map_or_else(|| device.kind.length_multiple(), |multiple| multiple as usize);
                let padding = (multiple, options.max_seq_length);
                Workload::of_windows(config, windows, (batch, steps), padding, args.seed)?
            }
        };
        Ok(match micro_batch {
            Some(windows) => workload.in_parts_of(windows as usize),
            None => workload,
        })
    });
    lengths.collect()
}

/// The published recipe's windows of 512 pieces, as far as the model goes, unless flags say otherwise.
fn window_options(args: &SpeedArgs, config: &BertConfig) -> WindowOptions {
    args.window.over(WindowOptions {
        max_seq_length: config.max_position_embeddings.min(512),
        ..WindowOptions::default()
    })
}

/// The windows of `--data`, as training or evaluation makes them.
fn squad_windows(kind: Kind, args: &SpeedArgs, options: &WindowOptions) -> Result<Vec<Window>, CliError> {
    let Some(path) = &args.data else {
        return Err(CliError::new("`--length squad` needs a data set", "add --data FILE"));
    };
    let Some(vocabulary) = VocabularyArgs::of(args.vocab.clone(), args.model.clone()) else {
        return Err(CliError::new("`--length squad` needs word pieces", "add --vocab FILE or --model DIR"));
    };
    options.check()?;
    let tokenizer = vocabulary.tokenizer(args.casing)?;
    let dataset = data::dataset(path)?;
    let training = kind == Kind::Train;
    let examples = if training { training_examples(&dataset).0 } else { evaluation_examples(&dataset) };
    Ok(windows(&examples, &tokenizer, options, training)?)
}

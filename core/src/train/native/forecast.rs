//! What a training will take, told before it starts: updates, memory, arithmetic, and time from earlier runs.

use std::path::Path;

use super::{
    DeviceLimits, Fit, Precision, Recipe, Schedule, TrainError, probe::plan_for, samples::first_questions,
};
use crate::{
    checkpoint::config_file,
    config::BertConfig,
    engine::{forward_flops, memory::MemoryEstimate, training_flops},
    features::{Window, evaluation_examples, usable_examples, windows},
    run::{Environment, Event, EventReader, Layout},
    squad::Dataset,
    tokenizer::BertTokenizer,
};

/// Updates of an earlier run from which on its speed counts; the first ones warm the device up.
const SETTLED: usize = 20;
/// Latest updates whose speed is looked at.
const LATEST: usize = 200;

/// Lengths of all windows, in word pieces: all that a forecast needs to know of the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowLengths {
    /// Of the training data.
    pub train: Vec<usize>,
    /// Of the development data, if there is any.
    pub dev: Option<Vec<usize>>,
}

impl WindowLengths {
    /// Cuts the data into windows as the training will.
    ///
    /// # Errors
    /// If the recipe's windows leave no room for the context.
    pub fn measure(
        recipe: &Recipe,
        tokenizer: &BertTokenizer,
        train: &Dataset,
        dev: Option<&Dataset>,
    ) -> Result<Self, TrainError> {
        let lengths = |windows: Vec<Window>| windows.iter().map(|window| window.input_ids.len()).collect();
        let options = recipe.window_options();
        let first = recipe.max_train_samples.map(|most| first_questions(train.clone(), most));
        let (examples, _) = usable_examples(first.as_ref().unwrap_or(train));
        let train = lengths(windows(&examples, tokenizer, &options, true)?);
        let dev = dev.map(evaluation_examples);
        let dev = dev.map(|examples| windows(&examples, tokenizer, &options, false)).transpose()?;
        Ok(Self { train, dev: dev.map(lengths) })
    }
}

/// What a training will take.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Windows computed at once, and how.
    pub fit: Fit,
    /// Memory of the device at the worst moment, by estimate.
    pub memory: MemoryEstimate,
    /// Bytes of the device's memory that a training may fill, where they are known.
    pub usable_memory: Option<u64>,
    /// Training windows.
    pub windows: usize,
    /// Trainings: more than one if learning rates are tried one after the other.
    pub trainings: usize,
    /// Optimizer updates of all trainings.
    pub updates: usize,
    /// Evaluations of all trainings.
    pub evaluations: usize,
    /// Floating-point operations of all trainings, evaluations apart.
    pub training_flops: f64,
    /// Floating-point operations of all evaluations.
    pub evaluation_flops: f64,
    /// Bytes on disk at the end and while the newest training checkpoint is replaced.
    pub disk_bytes: u64,
}

impl Forecast {
    /// The forecast for a model and windows on a device.
    #[must_use]
    pub fn new(recipe: &Recipe, config: &BertConfig, lengths: &WindowLengths, limits: &DeviceLimits) -> Self {
        let multiple = recipe.length_multiple_for(limits.backend);
        let padded = |length: &usize| recipe.padded_length(*length, multiple);
        let longest = lengths.train.iter().map(padded).max().unwrap_or(recipe.max_seq_length);
        let (fit, memory) = plan_for(recipe, config, longest, limits, 1, &|_| 0);
        let batches = lengths.train.len().div_ceil(recipe.batch_rows().max(1));
        let schedule = Schedule::new(recipe, batches);
        let trainings = recipe.learning_rates().len();
        let evaluated = lengths.dev.as_ref().map_or(0, |_| schedule.evaluations_after(0) * trainings);
        let once: f64 = lengths.train.iter().map(|length| training_flops(config, 1, padded(length))).sum();
        let planned = (schedule.batches_per_epoch / schedule.accumulation * schedule.epochs).max(1);
        let share = schedule.steps() as f64 / planned as f64;
        let dev = lengths.dev.as_deref().unwrap_or_default();
        let dev_once: f64 = dev.iter().map(|length| forward_flops(config, 1, padded(length))).sum();
        let weights = config.parameter_count() as u64 * 4;
        Self {
            fit,
            memory,
            usable_memory: limits.usable_memory(),
            windows: lengths.train.len(),
            trainings,
            updates: schedule.steps() * trainings,
            evaluations: evaluated,
            training_flops: once * recipe.passes() as f64 * schedule.epochs as f64 * share * trainings as f64,
            evaluation_flops: dev_once * evaluated as f64,
            // best/ and last/, and two training checkpoints with two moments each while one replaces the other.
            disk_bytes: weights * (2 + 2 * 3),
        }
    }

    /// Seconds it takes on a device this fast.
    #[must_use]
    pub fn secs(&self, speed: &PastSpeed) -> f64 {
        (self.training_flops + self.evaluation_flops) / speed.flops_per_sec
    }
}

/// How fast an earlier run was.
#[derive(Clone, Debug, PartialEq)]
pub struct PastSpeed {
    /// Its device.
    pub device: String,
    /// Its number format.
    pub precision: Precision,
    /// Floating-point operations of its model per second of training.
    pub flops_per_sec: f64,
}

impl PastSpeed {
    /// The speed of a run, if it has come far enough to tell. The architecture is that of its saved weights, else of the
    /// checkpoint it began with.
    #[must_use]
    pub fn of_run(root: &Path) -> Option<Self> {
        let layout = Layout::new(root);
        let environment = Environment::read(&layout).ok()?;
        let recipe = Recipe::from_path(&layout.recipe()).ok()?;
        let folders = [Some(layout.best()), Some(layout.last()), environment.model.clone()];
        let config = folders
            .into_iter()
            .flatten()
            .find_map(|folder| BertConfig::from_path(&config_file(&folder)?).ok())?;
        let steps: Vec<_> = EventReader::new(layout.events())
            .poll()
            .ok()?
            .into_iter()
            .filter_map(|record| if let Event::Step(step) = record.event { Some(step) } else { None })
            .collect();
        let settled = steps.get(SETTLED..)?;
        let latest = settled.get(settled.len().saturating_sub(LATEST)..)?;
        let mut rates: Vec<f64> = latest
            .iter()
            .filter(|step| step.windows_per_sec > 0.0 && step.tokens_per_sec.is_finite())
            .map(|step| {
                let length = (step.tokens_per_sec / step.windows_per_sec).round().max(1.0) as usize;
                step.windows_per_sec * recipe.passes() as f64 * training_flops(&config, 1, length)
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        let flops_per_sec = rates.get(rates.len() / 2).copied().filter(|rate| *rate > 0.0)?;
        Some(Self { device: environment.device, precision: recipe.precision, flops_per_sec })
    }
}

#[cfg(test)]
mod tests {
    use spanbert_backends::BackendKind;

    use super::*;
    use crate::{
        demo,
        run::{EventLog, StepEvent},
        train::Preset,
    };

    fn limits(memory_bytes: Option<u64>) -> DeviceLimits {
        DeviceLimits { backend: BackendKind::Cpu, memory_bytes, max_buffer_bytes: None }
    }

    fn demo_lengths(recipe: &Recipe) -> (WindowLengths, BertConfig) {
        let model = demo::random_model();
        let tokenizer = BertTokenizer::new(model.vocab, model.settings).unwrap();
        let data = |name| Dataset::from_json(&demo::built_in(name).unwrap().unwrap(), name).unwrap();
        let (train, dev) = (data(demo::TRAIN_NAME), data(demo::DEV_NAME));
        (WindowLengths::measure(recipe, &tokenizer, &train, Some(&dev)).unwrap(), model.config)
    }

    #[test]
    fn the_demo_is_told_as_it_goes() {
        let recipe = Preset::Demo.recipe();
        let (lengths, config) = demo_lengths(&recipe);
        let forecast = Forecast::new(&recipe, &config, &lengths, &limits(Some(8 << 30)));
        // What `spanbert demo` does: one pass, evaluated at its end.
        assert_eq!((forecast.updates, forecast.evaluations, forecast.trainings), (7500, 1, 1));
        assert_eq!(forecast.fit.micro_batch, 4);
        assert!(forecast.memory.total < forecast.usable_memory.unwrap());
        let short = Recipe { max_steps: Some(750), ..recipe.clone() };
        let short = Forecast::new(&short, &config, &lengths, &limits(None));
        assert_eq!((short.updates, short.usable_memory), (750, None));
        assert!((short.training_flops / forecast.training_flops - 0.1).abs() < 1e-9);
        let sweep = Recipe { learning_rate: None, ..recipe };
        let sweep = Forecast::new(&sweep, &config, &lengths, &limits(None));
        assert_eq!((sweep.trainings, sweep.updates), (8, 8 * 7500));
    }

    #[test]
    fn speed_is_the_median_of_a_settled_run() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let model = demo::write(&folder.path().join("demo")).unwrap().model;
        let recipe = Preset::Demo.recipe();
        std::fs::write(layout.recipe(), recipe.to_toml()).unwrap();
        let environment = Environment { model: Some(model), ..Environment::of_this_process("A device") };
        environment.write(&layout).unwrap();
        let mut log = EventLog::open(&layout.events()).unwrap();
        assert_eq!(PastSpeed::of_run(folder.path()), None);
        for step in 1..=SETTLED + 3 {
            let windows_per_sec = if step <= SETTLED { 1.0 } else { 10.0 * (step - SETTLED) as f64 };
            let event = StepEvent {
                step,
                total_steps: 99,
                training: 0,
                epoch: 0,
                loss: 1.0,
                learning_rate: 1e-3,
                grad_norm: None,
                windows_per_sec,
                tokens_per_sec: windows_per_sec * 64.0,
                elapsed_secs: step as f64,
                eta_secs: None,
                memory_bytes: None,
                ..StepEvent::default()
            };
            log.append(&Event::Step(event)).unwrap();
        }
        let speed = PastSpeed::of_run(folder.path()).unwrap();
        let expected = 20.0 * training_flops(&demo::start::config(), 1, 64);
        assert_eq!((speed.device.as_str(), speed.precision), ("A device", Precision::F32));
        assert!((speed.flops_per_sec / expected - 1.0).abs() < 1e-12);
    }
}

//! What the training will take, worked out by threads while the form is filled.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
};

use egui::{Context, RichText, Ui};
use spanbert_backends::DeviceInfo;
use spanbert_core::{
    advice::Advice,
    features::WindowOptions,
    train::{DeviceLimits, Forecast, PastSpeed, Recipe, WindowLengths},
};

use super::sources::{Data, Model};
use crate::{
    library::Library,
    theme::{CAPTION_SIZE, Tokens},
    widgets::{Severity, busy, bytes, count, duration, fact, notice},
};

/// Newest runs whose speed is looked at.
const RUNS: usize = 12;

/// What window lengths follow from.
#[derive(Clone, PartialEq)]
struct Question {
    model: usize,
    train: usize,
    dev: Option<usize>,
    windows: WindowOptions,
}

/// What the training begins with, once it is of use.
pub(super) struct Chosen<'a> {
    pub(super) model: &'a Arc<Model>,
    pub(super) train: &'a Arc<Data>,
    pub(super) dev: Option<&'a Arc<Data>>,
}

/// The estimate's state.
#[derive(Default)]
pub(super) struct Estimate {
    asked: Option<Question>,
    measuring: Option<Receiver<Result<WindowLengths, String>>>,
    lengths: Option<Result<Arc<WindowLengths>, String>>,
    forecast: Option<Forecast>,
    forecast_for: Option<(Recipe, String, usize)>,
    runs: Option<Vec<PathBuf>>,
    looking: Option<Receiver<Vec<PastSpeed>>>,
    speeds: Vec<PastSpeed>,
}

impl Estimate {
    /// Has measured what the forecast needs to know, if anything has changed.
    pub(super) fn poll(
        &mut self,
        context: &Context,
        recipe: &Recipe,
        sources: Option<Chosen<'_>>,
        library: &Library,
    ) {
        self.look_at_runs(context, library);
        if let Some(measured) = self.measuring.as_ref().and_then(|measuring| measuring.try_recv().ok()) {
            self.measuring = None;
            self.lengths = Some(measured.map(Arc::new));
        }
        let Some(Chosen { model, train, dev }) = sources else {
            self.asked = None;
            self.lengths = None;
            self.measuring = None;
            return;
        };
        let place = |data: &Arc<Data>| Arc::as_ptr(data) as usize;
        let question = Question {
            model: Arc::as_ptr(model) as usize,
            train: place(train),
            dev: dev.map(place),
            windows: recipe.window_options(),
        };
        if self.asked.as_ref() == Some(&question) {
            return;
        }
        self.asked = Some(question);
        self.lengths = None;
        let (sender, receiver) = channel();
        let (model, train, dev) = (model.clone(), train.clone(), dev.cloned());
        let (recipe, context) = (recipe.clone(), context.clone());
        let measure = move || {
            let dev = dev.as_ref().map(|dev| &dev.dataset);
            let measured = WindowLengths::measure(&recipe, &model.tokenizer, &train.dataset, dev);
            // Something else may be asked by now.
            let _ = sender.send(measured.map_err(|error| error.in_one_line()));
            context.request_repaint();
        };
        self.measuring =
            std::thread::Builder::new().name("windows".to_owned()).spawn(measure).ok().map(|_| receiver);
    }

    /// Reads the speeds of the newest runs, when there are others than before.
    fn look_at_runs(&mut self, context: &Context, library: &Library) {
        if let Some(speeds) = self.looking.as_ref().and_then(|looking| looking.try_recv().ok()) {
            self.looking = None;
            self.speeds = speeds;
        }
        if !library.is_known() || self.looking.is_some() {
            return;
        }
        let runs: Vec<PathBuf> =
            library.runs().iter().take(RUNS).map(|run| run.summary.path.clone()).collect();
        if self.runs.as_ref() == Some(&runs) {
            return;
        }
        self.runs = Some(runs.clone());
        let (sender, receiver) = channel();
        let context = context.clone();
        let look = move || {
            // The window may be closing.
            let _ = sender.send(runs.iter().filter_map(|run| PastSpeed::of_run(run)).collect());
            context.request_repaint();
        };
        self.looking =
            std::thread::Builder::new().name("speeds".to_owned()).spawn(look).ok().map(|_| receiver);
    }

    /// Draws the estimate for a device.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        recipe: &Recipe,
        model: Option<&Arc<Model>>,
        device: Option<&DeviceInfo>,
    ) {
        let tokens = Tokens::of(ui);
        let (Some(model), Some(device)) = (model, device) else {
            let text = "Choose device, checkpoint and data to see what the training takes";
            ui.label(RichText::new(text).color(tokens.text_muted));
            return;
        };
        let lengths = match &self.lengths {
            None if self.measuring.is_some() => return busy(ui, "Cutting the data into windows"),
            None => {
                let text = "Choose training data to see what the training takes";
                ui.label(RichText::new(text).color(tokens.text_muted));
                return;
            }
            Some(Err(error)) => return notice(ui, Severity::Error, error),
            Some(Ok(lengths)) => lengths.clone(),
        };
        let made_for = (recipe.clone(), device.choice.to_string(), Arc::as_ptr(&lengths) as usize);
        if self.forecast_for.as_ref() != Some(&made_for) {
            let limits = DeviceLimits::from(device);
            self.forecast = Some(Forecast::new(recipe, &model.config, &lengths, &limits));
            self.forecast_for = Some(made_for);
        }
        let Some(forecast) = &self.forecast else { return };
        facts_ui(ui, recipe, forecast, device, &self.speeds);
    }
}

fn facts_ui(ui: &mut Ui, recipe: &Recipe, forecast: &Forecast, device: &DeviceInfo, speeds: &[PastSpeed]) {
    let tokens = Tokens::of(ui);
    let same_device = speeds.iter().filter(|speed| speed.device == device.name);
    let speed =
        same_device.clone().find(|speed| speed.precision == recipe.precision).or(same_device.clone().next());
    let (time, how) = match speed {
        Some(speed) => {
            let rate = speed.flops_per_sec / 1e9;
            let precision = if speed.precision == recipe.precision { "" } else { " in another precision" };
            let how = format!(
                "An earlier run on this device{precision} reached {rate:.1} billion operations a second; this training needs {:.3e}, evaluations included",
                forecast.training_flops + forecast.evaluation_flops
            );
            (format!("about {}", duration(forecast.secs(speed))), how)
        }
        None => (
            "known after the first updates".to_owned(),
            "No earlier run on this device to judge by".to_owned(),
        ),
    };
    let memory = match device.memory_bytes {
        Some(all) => format!("{} of {}", bytes(forecast.memory.total), bytes(all)),
        None => bytes(forecast.memory.total),
    };
    let rows = recipe.batch_rows();
    let fit = match (forecast.fit.micro_batch < rows, forecast.fit.recompute) {
        (_, true) => "1 window, layers computed twice to save memory".to_owned(),
        (true, false) => format!("{} of {rows} windows", forecast.fit.micro_batch),
        (false, false) => format!("{rows}, the whole batch"),
    };
    let updates = if forecast.trainings > 1 {
        format!("{} in {} trainings", count(forecast.updates), forecast.trainings)
    } else {
        count(forecast.updates)
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(22.0, 8.0);
        let mut told = |caption: &str, value: &str, help: &str| {
            let width = (value.chars().count().max(caption.chars().count()) as f32 * 8.0).clamp(60.0, 250.0);
            ui.allocate_ui(egui::vec2(width, 36.0), |ui| {
                ui.set_max_width(width);
                fact(ui, caption, value).on_hover_text(help);
            });
        };
        told("Time", &time, &how);
        told("Updates", &updates, "Optimizer steps");
        told(
            "Windows",
            &count(forecast.windows),
            "Training windows (question and passage chunk), each used once per epoch",
        );
        told("Evaluations", &count(forecast.evaluations), "How often the development set is evaluated");
        told(
            "Device memory",
            &memory,
            "Weights, gradients, optimizer moments and activations at the peak, estimated",
        );
        told("Micro-batch", &fit, "Windows on the device at once, as many as fit; the result is the same");
        told(
            "Disk",
            &bytes(forecast.disk_bytes),
            "Best and last weights, and training checkpoints to resume from",
        );
    });
    if let Some(usable) = forecast.usable_memory
        && forecast.memory.total > usable
    {
        ui.add_space(4.0);
        let text = "Estimated not to fit on the device; training will try, and use smaller micro-batches";
        ui.add(egui::Label::new(RichText::new(text).size(CAPTION_SIZE).color(tokens.warning)).wrap());
    }
}

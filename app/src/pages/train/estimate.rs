//! What a training will take, worked out by threads while the form is filled.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
};

use egui::{Context, RichText, Ui};
use spanbert_backends::DeviceInfo;
use spanbert_core::train::{Forecast, PastSpeed, Precision};

use crate::{
    background,
    library::Library,
    theme::{CAPTION_SIZE, Tokens},
    widgets::{Severity, busy, bytes, count, duration, fact, notice},
};

/// Newest runs whose speed is looked at.
const RUNS: usize = 12;

/// Lengths `L` of windows or texts, measured by a thread whenever what they follow from, `Q`, has changed.
pub(super) struct Measured<Q, L> {
    asked: Option<Q>,
    measuring: Option<Receiver<Result<L, String>>>,
    found: Option<Result<Arc<L>, String>>,
}

impl<Q, L> Default for Measured<Q, L> {
    fn default() -> Self {
        Self { asked: None, measuring: None, found: None }
    }
}

impl<Q: PartialEq, L: Send + 'static> Measured<Q, L> {
    /// Takes in what was measured; has it measured anew if it is another question.
    pub(super) fn poll<W: FnOnce() -> Result<L, String> + Send + 'static>(
        &mut self,
        context: &Context,
        question: Option<Q>,
        work: impl FnOnce() -> W,
    ) {
        if let Some(measured) = self.measuring.as_ref().and_then(|measuring| measuring.try_recv().ok()) {
            self.measuring = None;
            self.found = Some(measured.map(Arc::new));
        }
        if question == self.asked {
            return;
        }
        (self.found, self.measuring) = (None, None);
        self.asked = question;
        if self.asked.is_none() {
            return;
        }
        self.measuring = background::find(context, "lengths", work()).ok();
    }

    /// What was measured; while there is nothing, that is said, with `otherwise` if nothing is at work.
    pub(super) fn show(&self, ui: &mut Ui, work: &str, otherwise: &str) -> Option<Arc<L>> {
        match &self.found {
            Some(Ok(lengths)) => return Some(lengths.clone()),
            Some(Err(error)) => notice(ui, Severity::Error, error),
            None if self.measuring.is_some() => busy(ui, work),
            None => hint_ui(ui, otherwise),
        }
        None
    }
}

/// The forecast for a recipe, a device and lengths, made once as long as they stay.
pub(super) struct Forecasts<R> {
    made: Option<((R, String, usize), Forecast)>,
}

impl<R> Default for Forecasts<R> {
    fn default() -> Self {
        Self { made: None }
    }
}

impl<R: PartialEq> Forecasts<R> {
    /// The forecast for a recipe, the device's name and the place of the lengths.
    pub(super) fn of(&mut self, key: (R, String, usize), make: impl FnOnce(&R) -> Forecast) -> &Forecast {
        if self.made.as_ref().is_some_and(|(made_for, _)| *made_for != key) {
            self.made = None;
        }
        let made = self.made.get_or_insert_with(|| {
            let forecast = make(&key.0);
            (key, forecast)
        });
        &made.1
    }
}

/// Says what is to be chosen first.
pub(super) fn hint_ui(ui: &mut Ui, text: &str) {
    let muted = Tokens::of(ui).text_muted;
    ui.add(egui::Label::new(RichText::new(text).color(muted)).wrap());
}

/// How fast the newest runs were.
#[derive(Default)]
pub(super) struct Speeds {
    runs: Option<Vec<PathBuf>>,
    looking: Option<Receiver<Vec<PastSpeed>>>,
    found: Vec<PastSpeed>,
}

impl Speeds {
    /// Those that are known.
    pub(super) fn known(&self) -> &[PastSpeed] {
        &self.found
    }

    /// Reads the speeds of the newest runs, when there are others than before.
    pub(super) fn poll(&mut self, context: &Context, library: &Library) {
        if let Some(speeds) = self.looking.as_ref().and_then(|looking| looking.try_recv().ok()) {
            self.looking = None;
            self.found = speeds;
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
        let look = move || runs.iter().filter_map(|run| PastSpeed::of_run(run)).collect();
        self.looking = background::find(context, "speeds", look).ok();
    }
}

/// A forecast and what it is of.
pub(super) struct Told<'a> {
    pub(super) forecast: &'a Forecast,
    /// What a row of a batch is: a window, or a text.
    pub(super) row: &'static str,
    /// What a row is in more words.
    pub(super) row_help: &'static str,
    /// Rows of a batch.
    pub(super) batch: usize,
    pub(super) precision: Precision,
    /// What is evaluated.
    pub(super) evaluated: &'static str,
    /// Whether the number of rows is an estimate too.
    pub(super) about: bool,
}

/// Draws a forecast for a device.
pub(super) fn facts_ui(ui: &mut Ui, told: &Told<'_>, device: &DeviceInfo, speeds: &[PastSpeed]) {
    let tokens = Tokens::of(ui);
    let &Told { forecast, row, row_help, batch, precision, evaluated, about } = told;
    let same_device = speeds.iter().filter(|speed| speed.device == device.name);
    let speed = same_device.clone().find(|speed| speed.precision == precision).or(same_device.clone().next());
    let (time, how) = match speed {
        Some(speed) => {
            let rate = speed.flops_per_sec / 1e9;
            let other = if speed.precision == precision { "" } else { " in another precision" };
            let how = format!(
                "An earlier run on this device{other} reached {rate:.1} billion operations a second; this training needs {:.3e}, evaluations included",
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
    let fit = match (forecast.fit.micro_batch < batch, forecast.fit.recompute) {
        (_, true) => format!("1 {row}, layers computed twice to save memory"),
        (true, false) => format!("{} of {batch} {row}s", forecast.fit.micro_batch),
        (false, false) => format!("{batch}, the whole batch"),
    };
    let about = if about { "about " } else { "" };
    let updates = if forecast.trainings > 1 {
        format!("{} in {} trainings", count(forecast.updates), forecast.trainings)
    } else {
        format!("{about}{}", count(forecast.updates))
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
        // Without a row there is nothing to count.
        if forecast.windows > 0 {
            told("Time", &time, &how);
            told("Updates", &updates, "Optimizer steps");
            let (first, rest) = row.split_at(1);
            let rows = format!("{}{rest}s", first.to_uppercase());
            told(&rows, &format!("{about}{}", count(forecast.windows)), row_help);
            let help = format!("How often {evaluated} is evaluated");
            told("Evaluations", &count(forecast.evaluations), &help);
        }
        told(
            "Device memory",
            &memory,
            "Weights, gradients, optimizer moments and activations at the peak, estimated",
        );
        let help =
            format!("How many {row}s the device computes at once, as many as fit; the result is the same");
        told("Micro-batch", &fit, &help);
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

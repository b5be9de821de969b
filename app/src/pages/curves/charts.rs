//! The curves of one run.

use egui::{Id, RichText, ScrollArea, Ui};
use spanbert_core::{
    run::{Curves, HeldOut, StepEvent},
    score::HeldOutScores,
};

use super::{
    chart::{Across, Chart, Drawn, plain},
    series::{SMOOTHING, Series, smooth},
};
use crate::{
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{bytes, card, percent, segmented, wrap_before},
};

/// Height of the loss chart.
const TALL: f32 = 230.0;
/// Height of the others.
const LOW: f32 = 140.0;
/// Width of the slider for the smoothing, with its name and the number.
const SMOOTHED: f32 = 250.0;
/// From this width on the small charts stand in two columns.
const TWO_COLUMNS: f32 = 720.0;

/// What the series were made for.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Made {
    rewinds: usize,
    steps: usize,
    evaluations: usize,
    across: Across,
    log: bool,
    smoothing: f64,
}

/// The charts' state.
pub(crate) struct Charts {
    across: Across,
    log: bool,
    /// What is left of a loss a thousandth of the run later.
    smoothing: f64,
    made: Option<Made>,
    loss: Series,
    smoothed: Series,
    learning_rate: Series,
    grad_norm: Series,
    speed: Series,
    memory: Series,
    f1: Series,
    exact: Series,
    masked: Series,
    boundaries: Series,
    epochs: Vec<f64>,
}

impl Default for Charts {
    fn default() -> Self {
        Self {
            across: Across::Step,
            log: false,
            smoothing: 0.9,
            made: None,
            loss: Series::default(),
            smoothed: Series::default(),
            learning_rate: Series::default(),
            grad_norm: Series::default(),
            speed: Series::default(),
            memory: Series::default(),
            f1: Series::default(),
            exact: Series::default(),
            masked: Series::default(),
            boundaries: Series::default(),
            epochs: Vec::new(),
        }
    }
}

impl Charts {
    /// Draws all charts.
    pub(crate) fn ui(&mut self, ui: &mut Ui, curves: &Curves) {
        if curves.steps.is_empty() {
            let muted = Tokens::of(ui).text_muted;
            ui.add_space(GAP);
            ui.label(RichText::new("Curves begin with the first update").color(muted));
            return;
        }
        self.controls_ui(ui);
        self.make(curves);
        ScrollArea::vertical().id_salt("charts").auto_shrink(false).show(ui, |ui| {
            ui.set_width(ui.available_width() - 8.0);
            self.loss_ui(ui);
            ui.add_space(GAP / 2.0);
            self.small_ui(ui, curves);
        });
    }

    fn controls_ui(&mut self, ui: &mut Ui) {
        let muted = Tokens::of(ui).text_muted;
        ui.horizontal_wrapped(|ui| {
            segmented(ui, &mut self.across, &[(Across::Step, "Updates"), (Across::Time, "Time")]);
            ui.add_space(8.0);
            wrap_before(ui, SMOOTHED);
            ui.label(RichText::new("Smoothing").size(CAPTION_SIZE).color(muted));
            // Beside its name and the number.
            ui.spacing_mut().slider_width = (ui.available_width() - SMOOTHED + 110.0).clamp(60.0, 110.0);
            let slid = SMOOTHING.show(ui, &mut self.smoothing);
            slid.response.on_hover_text("How strongly the loss is smoothed");
            ui.add_space(8.0);
            segmented(ui, &mut self.log, &[(false, "Linear"), (true, "Logarithmic")]);
            if ui.available_size_before_wrap().x > 250.0 {
                ui.add_space(8.0);
                let hint = "Drag to zoom, double-click to see all";
                ui.label(RichText::new(hint).size(CAPTION_SIZE).color(muted));
            }
        });
        ui.add_space(4.0);
    }

    /// Makes the series anew if anything they follow from has changed.
    fn make(&mut self, curves: &Curves) {
        let now = Made {
            rewinds: curves.rewinds,
            steps: curves.steps.len(),
            evaluations: curves.evaluations.len() + curves.held_out.len(),
            across: self.across,
            log: self.log,
            smoothing: self.smoothing,
        };
        if self.made == Some(now) {
            return;
        }
        self.made = Some(now);
        let across = self.across;
        let at = move |step: &StepEvent| match across {
            Across::Step => step.step as f64,
            Across::Time => step.elapsed_secs,
        };
        let series = |value: &dyn Fn(&StepEvent) -> Option<f64>| -> Vec<[f64; 2]> {
            curves.steps.iter().filter_map(|step| Some([at(step), value(step)?])).collect()
        };
        let log = self.log;
        // The smoothed loss is the mean of losses also where their logarithms are drawn.
        let drawn = move |points: Vec<[f64; 2]>| -> Vec<[f64; 2]> {
            if !log {
                return points;
            }
            points.into_iter().filter(|point| point[1] > 0.0).map(|[x, y]| [x, y.log10()]).collect()
        };
        let loss = series(&|step| Some(step.loss));
        self.smoothed.set(drawn(smooth(&loss, self.smoothing)));
        self.loss.set(drawn(loss));
        self.learning_rate.set(series(&|step| Some(step.learning_rate)));
        self.grad_norm.set(series(&|step| step.grad_norm));
        self.speed.set(series(&|step| Some(step.windows_per_sec)));
        self.memory.set(series(&|step| step.memory_bytes.map(|bytes| bytes as f64)));
        let evaluated = |value: fn(&spanbert_core::score::Scores) -> f64| -> Vec<[f64; 2]> {
            let place = |done: &spanbert_core::run::Evaluated| match across {
                Across::Step => done.step as f64,
                Across::Time => done.elapsed_secs,
            };
            curves.evaluations.iter().map(|done| [place(done), value(&done.scores)]).collect()
        };
        self.f1.set(evaluated(|scores| scores.best_f1.unwrap_or(scores.f1)));
        self.exact.set(evaluated(|scores| scores.best_exact.unwrap_or(scores.exact)));
        let held_out = |value: fn(&HeldOutScores) -> Option<f64>| -> Vec<[f64; 2]> {
            let place = |done: &HeldOut| match across {
                Across::Step => done.step as f64,
                Across::Time => done.elapsed_secs,
            };
            let points = curves.held_out.iter();
            points.filter_map(|done| Some([place(done), value(&done.scores)?])).collect()
        };
        self.masked.set(held_out(|scores| Some(scores.mlm_loss)));
        self.boundaries.set(held_out(|scores| scores.sbo_loss));
        self.epochs.clear();
        for pair in curves.steps.windows(2) {
            if let [before, after] = pair
                && (before.epoch, before.training) != (after.epoch, after.training)
            {
                self.epochs.push(at(before));
            }
        }
    }

    fn loss_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let end = self.loss.last().map_or(0.0, |last| last[0]);
        let chart = Chart { title: "Loss", height: TALL, log: self.log, ..base(self.across, end) };
        let faint = tokens.series[0].gamma_multiply(0.35);
        let mut lines = vec![Drawn {
            name: "Each update",
            color: faint,
            width: 1.0,
            marked: false,
            series: &mut self.loss,
        }];
        if self.smoothing > 0.0 {
            lines.push(Drawn {
                name: "Smoothed",
                color: tokens.series[0],
                width: 2.0,
                marked: false,
                series: &mut self.smoothed,
            });
        }
        let epochs = std::mem::take(&mut self.epochs);
        card(ui, "Loss", |ui| Chart { rules: &epochs, ..chart }.show(ui, &mut lines));
        self.epochs = epochs;
    }

    fn small_ui(&mut self, ui: &mut Ui, curves: &Curves) {
        let tokens = Tokens::of(ui);
        let across = self.across;
        let end = self.loss.last().map_or(0.0, |last| last[0]);
        let best = curves.best().and_then(|best| {
            let place = curves.evaluations.iter().position(|done| done == best)?;
            let at = self.f1.points().get(place).copied()?;
            Some((at, percent(at[1])))
        });
        let mut charts: Vec<(Chart<'static>, Vec<Drawn<'_>>)> = Vec::new();
        let one = |name, color, series| Drawn { name, color, width: 1.5, marked: false, series };
        if !self.f1.points().is_empty() {
            let tuned = curves.evaluations.iter().any(|done| done.scores.best_f1.is_some());
            let names = if tuned { ["Best F1", "Best exact match"] } else { ["F1", "Exact match"] };
            let chart =
                Chart { title: "Development scores", format: percent, star: best, ..base(across, end) };
            let mut lines = vec![
                one(names[0], tokens.series[2], &mut self.f1),
                one(names[1], tokens.series[3], &mut self.exact),
            ];
            lines.iter_mut().for_each(|line| line.marked = true);
            charts.push((chart, lines));
        }
        if !self.masked.points().is_empty() {
            let best = curves.held_out.iter().rposition(|done| done.best);
            let at = best.and_then(|place| self.masked.points().get(place).copied());
            let star = at.map(|at| (at, plain(at[1])));
            let chart = Chart { title: "Held-out loss", star, ..base(across, end) };
            let mut lines = vec![one("Masked pieces", tokens.series[2], &mut self.masked)];
            if !self.boundaries.points().is_empty() {
                lines.push(one("Span boundaries", tokens.series[3], &mut self.boundaries));
            }
            lines.iter_mut().for_each(|line| line.marked = true);
            charts.push((chart, lines));
        }
        let chart = |title, format| Chart { title, format, ..base(across, end) };
        charts
            .push((chart("Learning rate", plain), vec![one("", tokens.series[1], &mut self.learning_rate)]));
        if !self.grad_norm.points().is_empty() {
            charts
                .push((chart("Gradient norm", plain), vec![one("", tokens.series[4], &mut self.grad_norm)]));
        }
        let is_pretraining = curves.steps.last().is_some_and(|step| step.mlm_loss.is_some());
        let speed = if is_pretraining { "Texts per second" } else { "Windows per second" };
        charts.push((chart(speed, plain), vec![one("", tokens.series[5], &mut self.speed)]));
        if !self.memory.points().is_empty() {
            let format = |value: f64| bytes(value.max(0.0) as u64);
            charts.push((chart("Device memory", format), vec![one("", tokens.series[6], &mut self.memory)]));
        }
        let columns = if ui.available_width() >= TWO_COLUMNS { 2 } else { 1 };
        let mut charts = charts.into_iter();
        while charts.len() > 0 {
            ui.columns(columns, |columns| {
                for (ui, (chart, mut lines)) in columns.iter_mut().zip(charts.by_ref()) {
                    let title = chart.title;
                    card(ui, title, |ui| chart.show(ui, &mut lines));
                }
            });
            ui.add_space(GAP / 2.0);
        }
    }
}

/// A small chart of a run; what moves one moves all.
fn base(across: Across, end: f64) -> Chart<'static> {
    // Places of updates mean nothing in seconds.
    let group = Id::new(("charts of a run", across));
    Chart { title: "", height: LOW, across, log: false, format: plain, end, rules: &[], star: None, group }
}

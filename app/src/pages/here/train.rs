//! Train, in a browser: the demonstration, fine-tuned in a Web Worker, with its curves as they grow.

mod job;

use std::path::Path;

use crate::symbols as icon;
use egui::{Context, ProgressBar, RichText, ScrollArea, Ui};
use spanbert_core::{
    demo,
    run::{Phase, Request},
    train::{Demonstration, Preset, Recipe},
};

use self::job::{Job, Stage};
use crate::{
    action::Action,
    command::Command,
    files,
    page_view::{Env, PageView},
    pages::curves::{chart::plain, charts::Charts},
    theme::{CAPTION_SIZE, CONTENT_WIDTH, GAP, Tokens},
    toasts::Toast,
    widgets::{
        NumberSlider, Severity, busy, card, command_button, count, duration, fact, labelled, notice,
        page_header, percent, primary_button, symbol_button,
    },
};

/// Questions about each passage of the demonstration.
const QUESTIONS: usize = 6;
/// Passages to learn from unless another number is chosen: some minutes on a processor.
const PASSAGES: f64 = 1000.0;
/// Passages to evaluate on.
const DEV_PASSAGES: usize = 50;

/// The page's state.
pub struct TrainPage {
    context: Context,
    passages: f64,
    learning_rate: String,
    error: Option<String>,
    job: Option<Job>,
    /// Whether the run that came of it was downloaded: it is gone with the page.
    saved: bool,
    charts: Charts,
}

impl TrainPage {
    /// The form, as the demonstration fills it.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let learning_rate = Preset::Demo.recipe().learning_rate.unwrap_or_default().to_string();
        Self {
            context: context.clone(),
            passages: PASSAGES,
            learning_rate,
            error: None,
            job: None,
            saved: false,
            charts: Charts::default(),
        }
    }

    /// Starts the demonstration, unless it is running.
    pub fn start(&mut self, env: &mut Env<'_>) {
        if self.job.as_ref().is_some_and(Job::is_running) {
            return;
        }
        let Ok(learning_rate) = self.learning_rate.trim().parse::<f64>() else {
            self.error =
                Some(format!("{} is no learning rate; type a number such as 5e-4", self.learning_rate));
            return;
        };
        let recipe = Recipe { learning_rate: Some(learning_rate), ..Preset::Demo.recipe() };
        let training =
            Demonstration { recipe, train_passages: self.passages as usize, dev_passages: DEV_PASSAGES };
        match Job::start(&self.context, training, &env.settings.backend) {
            Ok(job) => {
                self.charts = Charts::default();
                (self.job, self.error, self.saved) = (Some(job), None, false);
            }
            Err(error) => self.error = Some(error),
        }
    }

    fn form_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let muted = Tokens::of(ui).text_muted;
        let running = self.job.as_ref().is_some_and(Job::is_running);
        card(ui, "Training", |ui| {
            ui.add_enabled_ui(!running, |ui| {
                let text = format!(
                    "A small SpanBERT ({}), pre-trained on an invented world, learns to answer questions about it. It trains in this page, {}; other models and data need SpanBERT Studio for the desktop or the command line.",
                    spanbert_core::checkpoint::architecture(&demo::start::config()),
                    match env.settings.backend.as_str() {
                        "auto" => "on the device that is chosen automatically".to_owned(),
                        choice => format!("on {choice}"),
                    },
                );
                ui.add(egui::Label::new(RichText::new(text).color(muted)).wrap());
                ui.add_space(6.0);
                ui.horizontal_wrapped(|ui| {
                    let name = "Passages to learn from";
                    let slider = NumberSlider {
                        name,
                        range: 20.0..=10_000.0,
                        decimals: 0,
                        step: Some(20.0),
                        suffix: "",
                        limited: true,
                    };
                    // Beside the number.
                    ui.spacing_mut().slider_width = (ui.available_width() - 90.0).clamp(80.0, 220.0);
                    labelled(ui, name, |ui| slider.show(ui, &mut self.passages).response);
                    labelled(ui, "Learning rate", |ui| {
                        ui.add(egui::TextEdit::singleline(&mut self.learning_rate).desired_width(90.0))
                    });
                });
                let updates = (self.passages as usize * QUESTIONS).div_ceil(Preset::Demo.recipe().train_batch_size);
                let text = format!(
                    "{} questions, {} updates; evaluated on {} questions about other names",
                    count(self.passages as usize * QUESTIONS),
                    count(updates),
                    count(DEV_PASSAGES * QUESTIONS),
                );
                ui.label(RichText::new(text).size(CAPTION_SIZE).color(muted));
                ui.add_space(4.0);
                if primary_button(ui, "Start training", true).clicked() {
                    self.start(env);
                }
            });
            if let Some(error) = &self.error {
                notice(ui, Severity::Error, error);
            }
        });
        ui.add_space(GAP / 2.0);
    }

    fn job_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let Some(job) = &self.job else { return };
        let mut wanted = None;
        card(ui, "Progress", |ui| {
            progress_ui(ui, job);
            ui.add_space(4.0);
            ui.horizontal_wrapped(|ui| match job.stage() {
                Stage::Running { paused, .. } => {
                    let toggle = if *paused { Command::ResumeRun } else { Command::PauseRun };
                    for command in [toggle, Command::EvaluateRun, Command::StopRun] {
                        if command_button(ui, command, job.can(request(command))).clicked() {
                            wanted = Some(command);
                        }
                    }
                    if let Some(asked) = job.asked() {
                        busy(ui, &format!("Asked to {} after the current step", asked.word()));
                    }
                }
                Stage::Trained { folder, evaluated } => {
                    self.saved |= trained_ui(ui, folder, *evaluated, env);
                }
                Stage::Failed(message) => notice(ui, Severity::Error, message),
                Stage::GivenUp => {
                    ui.label("The training was given up; nothing of it is kept");
                }
            });
            for warning in job.warnings() {
                notice(ui, Severity::Warning, warning);
            }
        });
        if let Some(command) = wanted {
            self.command(command, env);
        }
        ui.add_space(GAP / 2.0);
        if let Some(job) = &self.job {
            self.charts.ui(ui, job.curves());
        }
    }
}

/// What a command asks of a training.
fn request(command: Command) -> Request {
    match command {
        Command::PauseRun => Request::Pause,
        Command::ResumeRun => Request::Resume,
        Command::EvaluateRun => Request::Evaluate,
        _ => Request::Stop,
    }
}

/// What can be done with a run that came of a training. Gives whether it was downloaded.
fn trained_ui(ui: &mut Ui, folder: &Path, evaluated: bool, env: &mut Env<'_>) -> bool {
    let checkpoint =
        ["best", "last"].map(|name| folder.join(name)).into_iter().find(|path| files::is_checkpoint(path));
    if primary_button(ui, "Ask this model", checkpoint.is_some()).clicked()
        && let Some(checkpoint) = checkpoint
    {
        env.ask(Action::AskWith(checkpoint));
    }
    if symbol_button(ui, icon::CHART_BAR, "Show evaluation", evaluated).clicked() {
        env.ask(Action::ShowEvaluation { run: folder.to_owned(), step: None });
    }
    if symbol_button(ui, icon::LIST_DASHES, "Open run", true).clicked() {
        env.ask(Action::OpenRun(folder.to_owned()));
    }
    let hint = "A run folder as the command line makes it; its best/ is a checkpoint for any program";
    let download = symbol_button(ui, icon::EXPORT, "Download the run", true).on_hover_text(hint).clicked();
    if download {
        let made = files::below(folder)
            .into_iter()
            .filter_map(|(name, content)| content.made(name))
            .collect::<Vec<_>>();
        env.ask(Action::Say(match files::save(folder, &made) {
            Ok(place) => Toast::done(format!("The run was {place}")),
            Err(text) => Toast::error(text),
        }));
    }
    download
}

fn progress_ui(ui: &mut Ui, job: &Job) {
    let tokens = Tokens::of(ui);
    let last = job.curves().steps.last();
    if let Some(last) = last.filter(|last| last.total_steps > 0) {
        let share = last.step as f32 / last.total_steps as f32;
        ui.add(ProgressBar::new(share).desired_height(6.0).fill(tokens.accent));
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(26.0, 6.0);
        let mut told = |caption: &str, value: String| {
            let longest = value.chars().count().max(caption.chars().count()) as f32;
            let width = (longest * 8.2 + 4.0).clamp(40.0, 280.0);
            ui.allocate_ui(egui::vec2(width, 36.0), |ui| {
                ui.set_max_width(width);
                fact(ui, caption, &value)
            });
        };
        told("Phase", job.phase());
        if let Some(last) = last {
            told("Update", format!("{} of {}", count(last.step), count(last.total_steps)));
            told("Loss", plain(last.loss));
            told("Windows per second", plain(last.windows_per_sec));
            told("Elapsed", duration(last.elapsed_secs));
            if let Some(eta) = last.eta_secs.filter(|_| job.is_running()) {
                told("Remaining", duration(eta));
            }
        }
        if let Some(best) = job.curves().best() {
            told("Best F1", percent(best.scores.best_f1.unwrap_or(best.scores.f1)));
        }
        if let Some(device) = job.device() {
            told("Device", device.to_owned());
        }
    });
}

/// A phase in words.
fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Training => "Training",
        Phase::Evaluating => "Evaluating",
        Phase::Saving => "Saving",
        _ => "Preparing",
    }
}

impl PageView for TrainPage {
    fn poll(&mut self, env: &mut Env<'_>) {
        if let Some(job) = &mut self.job
            && job.poll()
            && let Stage::Trained { .. } = job.stage()
        {
            let best = job.curves().best().map_or_else(String::new, |best| {
                format!(": best F1 {}", percent(best.scores.best_f1.unwrap_or(best.scores.f1)))
            });
            env.ask(Action::Say(Toast::done(format!("The demonstration is trained{best}"))));
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        ScrollArea::vertical().id_salt("train").auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(CONTENT_WIDTH.min(ui.available_width()));
            page_header(ui, "Train", "", |_| {});
            self.form_ui(ui, env);
            self.job_ui(ui, env);
        });
    }

    fn is_at_stake(&self) -> bool {
        let made = |job: &Job| matches!(job.stage(), Stage::Trained { .. }) && !self.saved;
        self.job.as_ref().is_some_and(|job| job.is_running() || made(job))
    }

    fn can(&self, command: Command, _: &Env<'_>) -> bool {
        match command {
            Command::PauseRun | Command::ResumeRun | Command::EvaluateRun | Command::StopRun => {
                self.job.as_ref().is_some_and(|job| job.can(request(command)))
            }
            _ => false,
        }
    }

    fn command(&mut self, command: Command, _: &mut Env<'_>) {
        if let Some(job) = &mut self.job {
            job.ask(request(command));
        }
    }
}

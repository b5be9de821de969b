//! Train: device, sources and recipe of a new run, what it will take, and its start; or a run that is resumed with other
//! settings.

mod built_in;
mod checked_path;
mod estimate;
mod fetching;
mod fields;
mod file_list;
mod fine_tuning;
mod form;
mod pretraining;
mod run;
mod sources;
mod task;
mod text_files;
mod texts;

use std::path::{Path, PathBuf};

use crate::symbols as icon;
use egui::{Align, Context, Layout, Margin, RichText, ScrollArea, TextEdit, Ui, vec2};
use spanbert_backends::DeviceInfo;
use spanbert_core::fetch::Places;

use self::{
    estimate::Speeds,
    fine_tuning::FineTuning,
    form::Base,
    pretraining::Pretraining,
    run::{Begun, Reading, Run},
    task::{Kind, Task},
};
use crate::{
    action::Action,
    command::Command,
    dialogs::Purpose,
    launch::{Launch, new_run_folder},
    page_view::{Env, PageView},
    probe::Probe,
    theme::{CAPTION_SIZE, CARD_TITLE_SIZE, GAP, Tokens},
    widgets::{
        Severity, card, choice_ui, chosen_device, icon_button, labelled, notice, page_header, primary_button,
        run_title, segmented, symbol_button,
    },
};

/// From this width on the estimate stands beside the form.
const SIDE_BY_SIDE: f32 = 940.0;
/// Width of the estimate there.
const ASIDE: f32 = 290.0;

/// The page's state.
pub struct TrainPage {
    context: Context,
    /// As `--backend`; the settings' until chosen.
    backend: Option<String>,
    kind: Kind,
    fine_tuning: FineTuning,
    pretraining: Pretraining,
    speeds: Speeds,
    name: String,
    reading: Option<Reading>,
    /// The run that is resumed instead of a new one being started.
    resumed: Option<PathBuf>,
    /// What could not be taken over.
    warning: Option<String>,
    restored: bool,
}

impl TrainPage {
    /// The published recipe, nothing chosen.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self::with_places(context, Places::from_env())
    }

    /// The same with other places for what goes by name.
    #[must_use]
    pub fn with_places(context: &Context, places: Places) -> Self {
        Self {
            context: context.clone(),
            backend: None,
            kind: Kind::default(),
            fine_tuning: FineTuning::new(context, places.clone()),
            pretraining: Pretraining::new(places),
            speeds: Speeds::default(),
            name: String::new(),
            reading: None,
            resumed: None,
            warning: None,
            restored: false,
        }
    }

    /// Fills the form with a run's recipe and sources.
    pub fn fill_from(&mut self, run: &Path) {
        self.read(run, false);
    }

    /// Fills the form to resume a run with other settings.
    pub fn resume(&mut self, run: &Path) {
        self.read(run, true);
    }

    fn read(&mut self, run: &Path, resumes: bool) {
        self.reading = Reading::start(&self.context, run, resumes);
        self.restored = true;
    }

    fn take_run(&mut self, run: Run) {
        let Run { root, begun, environment, resumes } = run;
        let name = root.file_name().unwrap_or(root.as_os_str()).to_string_lossy().into_owned();
        let title = run_title(&name).to_owned();
        let context = self.context.clone();
        self.backend = Some(environment.backend.clone()).filter(|backend| !backend.is_empty());
        self.resumed = resumes.then_some(root.clone());
        let base = |word| Base::named(&format!("Recipe of {title}"), word);
        match begun {
            Begun::FineTuning(recipe) => {
                self.kind = Kind::FineTune;
                self.fine_tuning.fill(&context, base("squad2"), *recipe, &environment, resumes);
            }
            Begun::Pretraining(record) => {
                self.kind = Kind::Pretrain;
                self.pretraining.fill(&context, base("pretrain"), &root, &record, resumes);
            }
        }
        self.name = title;
    }

    /// Turns from a run that is resumed to a new one like it.
    fn start_anew(&mut self) {
        if let Some(run) = self.resumed.take() {
            self.read(&run, false);
        }
    }

    fn task(&self) -> &dyn Task {
        match self.kind {
            Kind::FineTune => &self.fine_tuning,
            Kind::Pretrain => &self.pretraining,
        }
    }

    fn task_mut(&mut self) -> &mut dyn Task {
        match self.kind {
            Kind::FineTune => &mut self.fine_tuning,
            Kind::Pretrain => &mut self.pretraining,
        }
    }

    fn backend(&self, env: &Env<'_>) -> String {
        self.backend.clone().unwrap_or_else(|| env.settings.backend.clone())
    }

    fn device<'a>(&self, env: &Env<'a>) -> Option<&'a DeviceInfo> {
        match env.devices {
            Probe::Done(reports) => chosen_device(reports, &self.backend(env)),
            _ => None,
        }
    }

    /// What keeps the training from starting, a phrase each.
    fn missing(&self, env: &Env<'_>) -> Vec<String> {
        let device = self.device(env);
        let mut missing = Vec::new();
        if device.is_none() {
            missing.push("no device is chosen".to_owned());
        }
        missing.extend(self.task().missing(device));
        missing
    }

    fn start(&mut self, env: &mut Env<'_>) {
        if !self.missing(env).is_empty() {
            return;
        }
        let backend = self.backend(env);
        let recipe = Some(self.task().recipe());
        let launch = if let Some(run) = self.resumed.take() {
            let mut launch = Launch::resume(run);
            launch.arguments.extend(self.task().resuming());
            launch.arguments.extend(["--backend".into(), backend.into()]);
            Launch { recipe, ..launch }
        } else {
            let typed = self.name.trim();
            let name = if typed.is_empty() { self.task().word() } else { typed };
            let run = new_run_folder(&env.settings.runs_folder, name);
            let mut arguments = self.task().command(env);
            arguments.extend(["--backend".into(), backend.into(), "--output-dir".into(), run.clone().into()]);
            Launch { run, arguments, recipe }
        };
        env.ask(Action::Launch(launch));
    }

    fn kind_ui(&mut self, ui: &mut Ui) {
        let Some(run) = &self.resumed else {
            let choices = [(Kind::FineTune, "Fine-tune"), (Kind::Pretrain, "Pre-train")];
            segmented(ui, &mut self.kind, &choices);
            ui.add_space(GAP / 2.0);
            return;
        };
        let name = run.file_name().unwrap_or(run.as_os_str()).to_string_lossy().into_owned();
        let text = format!("Resumes {name} from its newest checkpoint, with the settings below.");
        notice(ui, Severity::Info, &text);
        ui.add_space(4.0);
        if symbol_button(ui, icon::COPY, "Start a new run like it instead", true).clicked() {
            self.start_anew();
        }
        ui.add_space(GAP / 2.0);
    }

    fn form_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        self.kind_ui(ui);
        if let Some(warning) = &self.warning {
            notice(ui, Severity::Warning, warning);
            ui.add_space(GAP / 2.0);
        }
        titled(ui, "Device", |ui| {
            let mut backend = self.backend(env);
            if choice_ui(ui, env.devices, &mut backend) {
                self.backend = Some(backend);
            }
        });
        let sources = match self.kind {
            Kind::FineTune => "Model and data",
            Kind::Pretrain if self.resumed.is_some() => "Text",
            Kind::Pretrain => "Model and text",
        };
        titled(ui, sources, |ui| self.task_mut().sources_ui(ui, env));
        titled(ui, "Recipe", |ui| self.task_mut().recipe_ui(ui, env));
    }

    fn estimate_ui(&mut self, ui: &mut Ui, env: &Env<'_>) {
        let device = self.device(env);
        let speeds = self.speeds.known();
        match self.kind {
            Kind::FineTune => self.fine_tuning.estimate_ui(ui, device, speeds),
            Kind::Pretrain => self.pretraining.estimate_ui(ui, device, speeds),
        }
    }

    fn start_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let missing = self.missing(env);
        let verb = match (self.kind, self.resumed.is_some()) {
            (_, true) => "Resume",
            (Kind::FineTune, false) => "Start training",
            (Kind::Pretrain, false) => "Start pre-training",
        };
        let above = if self.resumed.is_none() {
            let hint = self.task().word().to_owned();
            labelled(ui, "Name of the run", |ui| {
                let field = TextEdit::singleline(&mut self.name).hint_text(hint).desired_width(200.0);
                ui.add(field.margin(Margin::symmetric(8, 5)))
            });
            CAPTION_SIZE + 6.0
        } else {
            0.0
        };
        ui.vertical(|ui| {
            ui.add_space(above);
            let button = primary_button(ui, verb, missing.is_empty());
            let button = button.on_hover_text("It runs on its own: closing this window does not end it");
            if button.clicked() {
                self.start(env);
            }
        });
        if !missing.is_empty() {
            let text = format!("Not yet: {}", missing.join("; "));
            let color = Tokens::of(ui).text_muted;
            ui.add(egui::Label::new(RichText::new(text).size(CAPTION_SIZE).color(color)).wrap());
        }
    }

    /// The files of the last start, once.
    fn restore(&mut self, env: &Env<'_>) {
        if !std::mem::replace(&mut self.restored, true) {
            self.fine_tuning.restore(&self.context, env);
            self.pretraining.restore(&self.context, env);
        }
    }
}

/// A card with a title in it, and room below.
fn titled(ui: &mut Ui, title: &str, content: impl FnOnce(&mut Ui)) {
    card(ui, title, |ui| {
        ui.label(RichText::new(title).size(CARD_TITLE_SIZE).strong());
        ui.add_space(4.0);
        content(ui);
    });
    ui.add_space(GAP / 2.0);
}

impl PageView for TrainPage {
    fn poll(&mut self, env: &mut Env<'_>) {
        if let Some(read) = self.reading.as_ref().and_then(Reading::poll) {
            (self.reading, self.warning) = (None, None);
            match read {
                Ok(run) => self.take_run(run),
                Err(error) => self.warning = Some(error),
            }
        }
        let context = self.context.clone();
        self.speeds.poll(&context, env.library);
        self.fine_tuning.poll(&context);
        self.pretraining.poll(&context);
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        self.restore(env);
        page_header(ui, "Train", "", |ui| {
            if icon_button(ui, icon::ARROWS_CLOCKWISE, "Look for devices again").clicked() {
                env.ask(Action::Do(Command::Refresh));
            }
        });
        let (width, height) = (ui.available_width(), ui.available_height());
        if width < SIDE_BY_SIDE {
            ScrollArea::vertical().id_salt("train").auto_shrink(false).show(ui, |ui| {
                ui.set_width(ui.available_width() - 8.0);
                self.form_ui(ui, env);
                titled(ui, "Estimate", |ui| self.estimate_ui(ui, env));
                titled(ui, "Start", |ui| {
                    ui.horizontal_wrapped(|ui| self.start_ui(ui, env));
                });
            });
            return;
        }
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            let down = Layout::top_down(Align::Min);
            let form = width - ASIDE - GAP;
            ui.allocate_ui_with_layout(vec2(form, height), down, |ui| {
                ui.set_width(form);
                ScrollArea::vertical().id_salt("train").auto_shrink(false).show(ui, |ui| {
                    ui.set_width(form - 10.0);
                    self.form_ui(ui, env);
                });
            });
            ui.allocate_ui_with_layout(vec2(ASIDE, height), down, |ui| {
                ui.set_width(ASIDE);
                titled(ui, "Estimate", |ui| self.estimate_ui(ui, env));
                titled(ui, "Start", |ui| self.start_ui(ui, env));
            });
        });
    }

    fn take_path(&mut self, purpose: Purpose, path: PathBuf, env: &mut Env<'_>) -> bool {
        let context = self.context.clone();
        self.task_mut().take_path(&context, purpose, path, env)
    }
}

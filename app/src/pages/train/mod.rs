//! Train: device, model, data and recipe of a new run, what it will take, and its start.

mod built_in;
mod checked_path;
pub mod devices;
mod estimate;
mod fetching;
mod fields;
mod form;
mod sources;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
};

use egui::{Align, Context, Layout, Margin, RichText, ScrollArea, TextEdit, Ui, vec2};
use spanbert_backends::DeviceInfo;
use spanbert_core::{
    advice::Advice,
    checkpoint::config_file,
    demo,
    fetch::Places,
    run::{Environment, Layout as RunLayout},
    train::{Preset, Recipe},
};

use self::{
    devices::{choice_ui, chosen_device},
    estimate::{Chosen, Estimate},
    form::{Base, RecipeForm},
    sources::{Origin, Sources},
};
use crate::{
    action::Action,
    command::Command,
    dialogs::Purpose,
    launch::{Launch, new_run_folder},
    page_view::{Env, PageView},
    probe::Probe,
    settings::LastSources,
    theme::{CAPTION_SIZE, CARD_TITLE_SIZE, GAP, Tokens},
    toasts::Toast,
    widgets::{Severity, card, icon_button, labelled, notice, page_header, primary_button, run_title},
};

/// From this width on the estimate stands beside the form.
const SIDE_BY_SIDE: f32 = 940.0;
/// Width of the estimate there.
const ASIDE: f32 = 290.0;

/// What a run was made with, read by a thread.
type RunRead = (PathBuf, Result<(Recipe, Environment), String>);

/// The page's state.
pub struct TrainPage {
    context: Context,
    /// As `--backend`; the settings' until chosen.
    backend: Option<String>,
    sources: Sources,
    form: RecipeForm,
    estimate: Estimate,
    name: String,
    reading: Option<Receiver<RunRead>>,
    reading_recipe: Option<Receiver<(PathBuf, Result<Recipe, String>)>>,
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
            sources: Sources::new(context, places),
            form: RecipeForm::new(),
            estimate: Estimate::default(),
            name: String::new(),
            reading: None,
            reading_recipe: None,
            warning: None,
            restored: false,
        }
    }

    /// Fills the form with a run's recipe and sources.
    pub fn fill_from(&mut self, run: &Path) {
        let (sender, receiver) = channel();
        let (run, context) = (run.to_owned(), self.context.clone());
        let read = move || {
            let layout = RunLayout::new(&run);
            let read =
                Recipe::from_path(&layout.recipe()).map_err(|error| error.in_one_line()).and_then(|recipe| {
                    Ok((recipe, Environment::read(&layout).map_err(|error| error.in_one_line())?))
                });
            // The window may be closing.
            let _ = sender.send((run, read));
            context.request_repaint();
        };
        self.reading = std::thread::Builder::new().name("run".to_owned()).spawn(read).ok().map(|_| receiver);
        self.restored = true;
    }

    fn take_run(&mut self, run: &Path, read: Result<(Recipe, Environment), String>) {
        self.warning = None;
        let (recipe, environment) = match read {
            Ok(read) => read,
            Err(error) => {
                self.warning = Some(error);
                return;
            }
        };
        let name = run.file_name().unwrap_or(run.as_os_str()).to_string_lossy().into_owned();
        run_title(&name).clone_into(&mut self.name);
        self.form.set(Base::Other(format!("Recipe of {}", run_title(&name))), recipe);
        self.backend = Some(environment.backend.clone()).filter(|backend| !backend.is_empty());
        let train = environment.train_data.as_ref().map(|file| file.path.clone());
        if train.as_deref() == Some(demo::TRAIN_NAME) {
            return self.sources.choose_demo(&self.context);
        }
        self.sources.origin = Origin::Files;
        let dev = environment.dev_data.as_ref().map(|file| file.path.clone());
        self.sources.model.set(&self.context, environment.model.as_deref().unwrap_or(Path::new("")));
        self.sources.train.set(&self.context, Path::new(&train.unwrap_or_default()));
        self.sources.dev.set(&self.context, Path::new(&dev.unwrap_or_default()));
    }

    fn read_recipe(&mut self, path: PathBuf) {
        let (sender, receiver) = channel();
        let context = self.context.clone();
        let read = move || {
            let recipe = Recipe::from_path(&path).map_err(|error| error.in_one_line());
            // The window may be closing.
            let _ = sender.send((path, recipe));
            context.request_repaint();
        };
        self.reading_recipe =
            std::thread::Builder::new().name("recipe".to_owned()).spawn(read).ok().map(|_| receiver);
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
        let mut missing = Vec::new();
        if self.device(env).is_none() {
            missing.push("no device is chosen".to_owned());
        }
        missing.extend(self.sources.missing());
        let wrong = self.form.errors(self.sources.good_model().map(|model| &model.config)).len();
        match wrong {
            0 => {}
            1 => missing.push("one setting is out of bounds".to_owned()),
            _ => missing.push(format!("{wrong} settings are out of bounds")),
        }
        let recipe = self.form.recipe();
        if let Some(device) = self.device(env)
            && let Err(error) = device.check_precision(recipe.precision.into())
        {
            missing.push(error.in_one_line());
        }
        if let Some(dev) = self.sources.good_dev()
            && recipe.eval_metric.needs_version_2()
            && dev.dataset.version == spanbert_core::squad::SquadVersion::V1
        {
            missing.push(format!("{} needs SQuAD 2.0 development data", recipe.eval_metric.key()));
        }
        missing
    }

    fn start(&mut self, env: &mut Env<'_>) {
        if !self.missing(env).is_empty() {
            return;
        }
        let typed = self.name.trim();
        let name = if typed.is_empty() { self.form.base().word() } else { typed };
        let run = new_run_folder(&env.settings.runs_folder, name);
        let backend = self.backend(env);
        let mut arguments: Vec<OsString> = Vec::new();
        match self.sources.origin {
            Origin::Demo => arguments.push("demo".into()),
            Origin::Files => {
                arguments.push("train".into());
                for (flag, path) in self.sources.arguments() {
                    arguments.extend([flag.into(), path.into_os_string()]);
                }
                if let Some(model) = self.sources.model.path() {
                    env.settings.remember_checkpoint(&model);
                }
                env.settings.train = LastSources {
                    model: self.sources.model.path(),
                    train: self.sources.train.path(),
                    dev: self.sources.dev.path(),
                };
            }
        }
        arguments.extend(["--backend".into(), backend.into(), "--output-dir".into(), run.clone().into()]);
        let recipe = Some(self.form.recipe().to_toml());
        env.ask(Action::Launch(Launch { run, arguments, recipe }));
    }

    fn form_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
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
        titled(ui, "Model and data", |ui| {
            if self.sources.ui(ui, env) {
                match self.sources.origin {
                    Origin::Demo => self.form.set_preset(Preset::Demo),
                    Origin::Files => self.form.set_preset(Preset::SpanbertBaseSquad2),
                }
            }
        });
        titled(ui, "Recipe", |ui| {
            let errors = self.form.errors(self.sources.good_model().map(|model| &model.config));
            self.form.ui(ui, env, &errors);
        });
    }

    fn estimate_ui(&mut self, ui: &mut Ui, env: &Env<'_>) {
        let device = self.device(env);
        self.estimate.ui(ui, self.form.recipe(), self.sources.good_model(), device);
    }

    fn start_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let missing = self.missing(env);
        let hint = self.form.base().word().to_owned();
        labelled(ui, "Name of the run", |ui| {
            let field = TextEdit::singleline(&mut self.name).hint_text(hint).desired_width(200.0);
            ui.add(field.margin(Margin::symmetric(8, 5)))
        });
        ui.vertical(|ui| {
            ui.add_space(CAPTION_SIZE + 6.0);
            let button = primary_button(ui, "Start training", missing.is_empty());
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
        if std::mem::replace(&mut self.restored, true) {
            return;
        }
        let last = env.settings.train.clone();
        let context = self.context.clone();
        if let Some(path) = last.model {
            self.sources.model.set(&context, &path);
        }
        if let Some(path) = last.train {
            self.sources.train.set(&context, &path);
        }
        if let Some(path) = last.dev {
            self.sources.dev.set(&context, &path);
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
        if let Some((run, read)) = self.reading.as_ref().and_then(|reading| reading.try_recv().ok()) {
            self.reading = None;
            self.take_run(&run, read);
        }
        if let Some((path, read)) = self.reading_recipe.as_ref().and_then(|reading| reading.try_recv().ok()) {
            self.reading_recipe = None;
            match read {
                Ok(recipe) => {
                    self.warning = None;
                    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                    self.form.set(Base::Other(name), recipe);
                }
                Err(error) => self.warning = Some(error),
            }
        }
        let context = self.context.clone();
        self.sources.poll(&context);
        let sources = match (self.sources.good_model(), self.sources.good_train()) {
            (Some(model), Some(train)) => Some(Chosen { model, train, dev: self.sources.good_dev() }),
            _ => None,
        };
        let errors = self.form.errors(self.sources.good_model().map(|model| &model.config));
        if errors.is_empty() {
            self.estimate.poll(&context, self.form.recipe(), sources, env.library);
        }
    }

    fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        self.restore(env);
        page_header(ui, "Train", "", |ui| {
            if icon_button(ui, egui_phosphor::regular::ARROWS_CLOCKWISE, "Look for devices again").clicked() {
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
        let ends_with = |kind: &str| path.extension().is_some_and(|extension| extension == kind);
        let purpose = match purpose {
            Purpose::Dropped if config_file(&path).is_some() => Purpose::TrainCheckpoint,
            Purpose::Dropped if ends_with("toml") => Purpose::Recipe,
            Purpose::Dropped if ends_with("json") => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
                let for_dev =
                    name.contains("dev") || (self.sources.train.path().is_some() && !name.contains("train"));
                if for_dev { Purpose::DevData } else { Purpose::TrainData }
            }
            other => other,
        };
        match purpose {
            Purpose::TrainCheckpoint => self.sources.model.set(&context, &path),
            Purpose::TrainData => self.sources.train.set(&context, &path),
            Purpose::DevData => self.sources.dev.set(&context, &path),
            Purpose::Recipe => {
                self.read_recipe(path);
                return true;
            }
            _ => return false,
        }
        if self.sources.origin == Origin::Demo {
            self.sources.origin = Origin::Files;
            self.form.set_preset(Preset::SpanbertBaseSquad2);
            env.ask(Action::Say(Toast::info("Switched from the demonstration to your own files".to_owned())));
        }
        true
    }
}

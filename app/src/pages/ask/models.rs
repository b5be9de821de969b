//! The models to ask, side by side: where they come from, how far their loading is, and what they are.

use std::path::{Path, PathBuf};

use crate::symbols as icon;
use egui::{Button, ComboBox, Margin, Response, RichText, TextEdit, Ui, WidgetInfo, WidgetType};
use spanbert_backends::{DeviceChoice, Obstacle};
use web_time::Instant;

use crate::{
    action::Action,
    command::Command,
    dialogs::Purpose,
    files,
    page_view::Env,
    probe::Probe,
    theme::{CAPTION_SIZE, Tokens},
    widgets::{
        Severity, busy, card, checkpoint_name, count, duration, icon_button, labelled, name_button, notice,
        percent, pill, score_name, sentences, short_path, shortened, wrap_before,
    },
    worker::{Facts, Model, Reply, Slot, State, Worker},
};

/// The button of the file dialog.
const BROWSE: &str =
    if cfg!(target_family = "wasm") { "Choose the files of a checkpoint…" } else { "Browse…" };
/// Room that it takes in a browser, where it has a shorter name if there is less.
const BROWSE_WIDTH: f32 = 240.0;
/// Room that the shorter name takes.
const NARROW_BROWSE_WIDTH: f32 = 120.0;
/// Width of the list of devices.
const DEVICE: f32 = 170.0;
/// How many suggestions are shown.
const SUGGESTIONS: usize = 5;
/// Wider than this the path, the device and the buttons are in one row.
const ONE_ROW: f32 = 720.0;
/// Width of the device and the buttons, with gaps.
const CONTROLS: f32 = 370.0;

/// A place for a model.
pub(super) struct ModelSlot {
    model: Model,
    /// The null score difference above which there is "no answer"; the user's.
    pub(super) threshold: f64,
    typed: String,
    /// As `--backend`.
    backend: String,
}

/// What the user wants with a model.
enum Wish {
    Load(PathBuf),
    Cancel,
    Unload,
    Remove,
}

impl ModelSlot {
    pub(super) fn new(slot: Slot, backend: &str) -> Self {
        Self { model: Model::new(slot), threshold: 0.0, typed: String::new(), backend: backend.to_owned() }
    }

    pub(super) fn slot(&self) -> Slot {
        self.model.slot()
    }

    /// About the model, if it answers.
    pub(super) fn facts(&self) -> Option<&Facts> {
        self.model.facts()
    }

    /// Whether another checkpoint may come here without taking one's place.
    pub(super) fn is_free(&self) -> bool {
        matches!(self.model.state(), State::Empty | State::Failed { .. })
    }

    /// Starts to load a checkpoint; what is plainly none is refused at once.
    pub(super) fn load(&mut self, folder: &Path, worker: &mut Worker) {
        if files::ON_DISK {
            self.typed = folder.display().to_string();
        }
        self.model.load(worker, folder, &self.backend);
    }

    /// Takes in what the thread of models says. Gives the place if its model has just become ready.
    pub(super) fn receive(&mut self, reply: &Reply) -> Option<Slot> {
        let ready = self.model.receive(reply).then_some(self.model.slot())?;
        self.threshold = self.facts().map_or(0.0, Facts::threshold);
        Some(ready)
    }

    /// Draws the place. Gives whether it is to be removed.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        env: &mut Env<'_>,
        worker: &mut Worker,
        removable: bool,
    ) -> bool {
        let slot = self.model.slot();
        let wish = card(ui, "Model", |ui| match self.model.state() {
            State::Empty | State::Failed { .. } => self.empty_ui(ui, env, removable),
            State::Loading { folder, stage, since, .. } => loading_ui(ui, folder, stage, *since),
            State::Ready(facts) => {
                let another = |ui: &mut Ui| {
                    let device = format!("{}  {}", facts.device.choice, facts.device.name);
                    if files::ON_DISK {
                        let tokens = Tokens::of(ui);
                        pill(ui, &device, tokens.accent, tokens.accent_soft);
                        return false;
                    }
                    // A browser's devices are so unlike each other that another one is wanted at once.
                    let shown = (Some(device), removable.then(|| checkpoint_name(&facts.folder)));
                    let other = devices_ui(ui, slot, &mut self.backend, env.devices, shown).changed;
                    #[cfg(target_family = "wasm")]
                    super::elsewhere::keep_ui(ui, env.library, &facts.folder);
                    other
                };
                ready_ui(ui, facts, removable, another)
            }
        })
        .inner;
        match wish {
            Some(Wish::Load(folder)) => self.load(&folder, worker),
            Some(Wish::Cancel) => worker.cancel(self.model.slot()),
            Some(Wish::Unload) => self.model.unload(worker),
            Some(Wish::Remove) => {
                self.model.unload(worker);
                return true;
            }
            None => {}
        }
        false
    }

    fn empty_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, removable: bool) -> Option<Wish> {
        let mut wish = if !files::ON_DISK {
            ui.horizontal_wrapped(|ui| self.controls_ui(ui, env, false, removable)).inner
        } else if ui.available_width() > ONE_ROW {
            ui.horizontal(|ui| {
                let entered = self.typed_ui(ui, ui.available_width() - CONTROLS);
                self.controls_ui(ui, env, entered, removable)
            })
            .inner
        } else {
            let entered = self.typed_ui(ui, ui.available_width());
            ui.horizontal(|ui| self.controls_ui(ui, env, entered, removable)).inner
        };
        if let State::Failed { message, .. } = self.model.state() {
            ui.add_space(4.0);
            notice(ui, Severity::Error, message);
        }
        if let Some(folder) = suggestions_ui(ui, env) {
            wish = Some(Wish::Load(folder));
        }
        // What is typed is an address there.
        #[cfg(target_family = "wasm")]
        super::elsewhere::ui(ui, env.library, &mut self.typed);
        wish
    }

    /// Draws the field for a typed path. Gives whether Enter was pressed in it.
    fn typed_ui(&mut self, ui: &mut Ui, width: f32) -> bool {
        let field = labelled(ui, "Checkpoint folder", |ui| {
            let field = TextEdit::singleline(&mut self.typed)
                .hint_text("Folder with config.json and weights, or a name such as spanbert-base")
                .desired_width(width)
                .margin(Margin::symmetric(8, 5));
            ui.add(field)
        });
        field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter))
    }

    /// Draws the device and the buttons.
    fn controls_ui(
        &mut self,
        ui: &mut Ui,
        env: &mut Env<'_>,
        entered: bool,
        removable: bool,
    ) -> Option<Wish> {
        let mut wish = None;
        labelled(ui, "Device", |ui| {
            devices_ui(ui, self.model.slot(), &mut self.backend, env.devices, (None, None)).response
        });
        let narrow = cfg!(target_family = "wasm") && ui.available_size_before_wrap().x < BROWSE_WIDTH;
        wrap_before(ui, NARROW_BROWSE_WIDTH);
        ui.vertical(|ui| {
            ui.add_space(CAPTION_SIZE + 3.5);
            ui.horizontal(|ui| {
                let path = self.typed.trim().trim_matches('"');
                if files::ON_DISK {
                    let load = ui.add_enabled(!path.is_empty(), Button::new("Load"));
                    if (load.clicked() || entered) && !path.is_empty() {
                        wish = Some(Wish::Load(PathBuf::from(path)));
                    }
                }
                if ui.button(if narrow { "Choose files…" } else { BROWSE }).clicked() {
                    env.ask(Action::Browse(Purpose::AskCheckpoint));
                }
                if removable && icon_button(ui, icon::X, "Remove this place").clicked() {
                    wish = Some(Wish::Remove);
                }
            });
        });
        wish
    }
}

/// Draws the list of devices, under `shown` or the name of the chosen one. The list is `of` a model where there are several. Gives
/// whether another one was chosen.
fn devices_ui(
    ui: &mut Ui,
    slot: Slot,
    backend: &mut String,
    devices: &Probe,
    (shown, of): (Option<String>, Option<String>),
) -> Changed {
    let chosen = match devices {
        Probe::Done(reports) => reports
            .iter()
            .flat_map(|report| &report.devices)
            .find(|device| device.choice.to_string() == *backend)
            .map_or(backend.clone(), |device| format!("{}  {}", device.choice, device.name)),
        _ => backend.clone(),
    };
    let before = backend.clone();
    let combo = ComboBox::from_id_salt(("device", slot)).selected_text(shown.unwrap_or(chosen));
    wrap_before(ui, DEVICE);
    let response = combo.width(DEVICE).truncate().show_ui(ui, |ui| {
        let auto = DeviceChoice::Auto.to_string();
        ui.selectable_value(backend, auto.clone(), format!("{auto}  the best there is"));
        match devices {
            Probe::Done(reports) => {
                for report in reports {
                    for device in &report.devices {
                        let name = device.choice.to_string();
                        let slow = if device.software { " (software, slow)" } else { "" };
                        let text = format!("{name}  {}{slow}", device.name);
                        match &device.unusable {
                            None => {
                                ui.selectable_value(backend, name, text);
                            }
                            Some(obstacle) => refused(ui, text, obstacle),
                        }
                    }
                    if let Some(obstacle) = &report.unavailable {
                        refused(ui, format!("{}  not available", report.kind), obstacle);
                    }
                }
            }
            Probe::Failed(message) => {
                ui.label(message);
            }
            Probe::Idle | Probe::Running(_) => busy(ui, "Looking for devices"),
        }
    });
    let name = format!("Device{}: {backend}", of.map_or_else(String::new, |model| format!(" of {model}")));
    response.response.widget_info(|| WidgetInfo::labeled(WidgetType::ComboBox, true, &name));
    Changed { changed: *backend != before, response: response.response }
}

/// A list, and whether something else was chosen in it.
struct Changed {
    changed: bool,
    response: Response,
}

/// An entry of the list of devices that cannot be chosen; why, on hovering over it.
fn refused(ui: &mut Ui, text: String, obstacle: &Obstacle) {
    ui.add_enabled(false, Button::selectable(false, text)).on_disabled_hover_text(sentences(obstacle));
}

/// Whether a checkpoint may be loaded without being chosen once more: of a disk any, in a browser one that was handed to this
/// page. The demonstration's model has a button of its own.
fn is_at_hand(folder: &Path) -> bool {
    files::ON_DISK || (files::is_checkpoint(folder) && folder != Path::new(spanbert_core::demo::MODEL_NAME))
}

/// Checkpoints asked before, the best of each run, and the model inside the program.
fn suggestions_ui(ui: &mut Ui, env: &mut Env<'_>) -> Option<PathBuf> {
    let mut suggestions: Vec<(PathBuf, String)> = Vec::new();
    for (folder, best) in env.library.checkpoints() {
        let (name, score) = (checkpoint_name(&folder), percent(best.value));
        suggestions.push((folder, format!("{name}  ({} {score})", score_name(&best.metric))));
    }
    for folder in env.settings.recent_checkpoints.iter().filter(|folder| is_at_hand(folder)) {
        if !suggestions.iter().any(|(known, _)| known == folder) {
            suggestions.push((folder.clone(), checkpoint_name(folder)));
        }
    }
    suggestions.truncate(SUGGESTIONS);
    let mut chosen = None;
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        let muted = Tokens::of(ui).text_muted;
        ui.label(RichText::new("Or load").size(CAPTION_SIZE).color(muted));
        for (folder, text) in suggestions {
            let response = name_button(ui, &text);
            // In a browser the name is all of the path.
            let response =
                if files::ON_DISK { response.on_hover_text(folder.display().to_string()) } else { response };
            if response.clicked() {
                chosen = Some(folder);
            }
        }
        let built_in = ui.small_button("the demo model").on_hover_text(spanbert_core::demo::LABEL);
        if built_in.clicked() {
            env.ask(Action::Do(Command::AskDemo));
        }
    });
    chosen
}

fn loading_ui(ui: &mut Ui, folder: &Path, stage: &str, since: Instant) -> Option<Wish> {
    let mut wish = None;
    ui.horizontal_wrapped(|ui| {
        busy(ui, &format!("{}: {stage}", shortened(&checkpoint_name(folder))));
        let muted = Tokens::of(ui).text_muted;
        ui.label(RichText::new(duration(since.elapsed().as_secs_f64())).color(muted));
        if ui.button("Cancel").clicked() {
            wish = Some(Wish::Cancel);
        }
    });
    wish
}

/// Draws a model that answers. `device_ui` draws its device and what can be done there, and gives whether it is to be another one.
fn ready_ui(
    ui: &mut Ui,
    facts: &Facts,
    removable: bool,
    device_ui: impl FnOnce(&mut Ui) -> bool,
) -> Option<Wish> {
    let tokens = Tokens::of(ui);
    let mut wish = None;
    ui.horizontal_wrapped(|ui| {
        let name = checkpoint_name(&facts.folder);
        let place = ui.add(egui::Label::new(RichText::new(&name).strong()).truncate());
        // In a browser the name is all of the path.
        if files::ON_DISK {
            place.on_hover_text(short_path(&facts.folder, 120));
        }
        if device_ui(ui) {
            wish = Some(Wish::Load(facts.folder.clone()));
        }
        if let Some(version) = &facts.meta.dataset_version {
            pill(ui, version, tokens.text_muted, tokens.control);
        }
        if let Some(best) = facts.meta.scores.get("best_f1") {
            pill(ui, &format!("best F1 {}", percent(*best)), tokens.success, tokens.success_soft);
        }
        let unload = ui.button("Unload").on_hover_text("Free its memory");
        if removable {
            unload.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("Unload {name}")));
        }
        if unload.clicked() {
            wish = Some(Wish::Unload);
        }
        if removable && icon_button(ui, icon::X, &format!("Remove {}", shortened(&name))).clicked() {
            wish = Some(Wish::Remove);
        }
    });
    let casing = if facts.lower_case { "lower case" } else { "cased" };
    let text = format!(
        "{} · {} parameters · {casing} · windows of {} every {} pieces · loaded in {}",
        facts.architecture,
        count(facts.parameters),
        facts.windows.max_seq_length,
        facts.windows.doc_stride,
        duration(facts.load_secs),
    );
    ui.add(egui::Label::new(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted)).wrap());
    for note in &facts.notes {
        ui.add(egui::Label::new(RichText::new(note).size(CAPTION_SIZE).color(tokens.text_muted)).wrap());
    }
    for warning in &facts.warnings {
        ui.add_space(4.0);
        notice(ui, Severity::Warning, warning);
    }
    wish
}

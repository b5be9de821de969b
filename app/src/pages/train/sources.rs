//! What a training begins with: the model and the data, from files or the demonstration's own.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::symbols as icon;
use egui::{Button, Context, Label, RichText, Ui};
use spanbert_core::{
    advice::Advice,
    checkpoint::{LoadOptions, StoredTokenizer, inspect},
    config::BertConfig,
    fetch::{Places, locate_data, locate_model, resolve_data, resolve_model},
    squad::{DataFormat, Dataset, SquadVersion},
    tokenizer::BertTokenizer,
};

use super::{
    built_in::Demo,
    checked_path::{CheckedPath, Found},
    fetching::{Fetching, Offer},
};
use crate::{
    action::Action,
    dialogs::Purpose,
    page_view::Env,
    theme::{CAPTION_SIZE, Tokens},
    widgets::{busy, checkpoint_name, count, segmented, warnings_list},
};

/// Where model and data come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// Folders and files.
    #[default]
    Files,
    /// The demonstration's.
    Demo,
}

/// A model to fine-tune.
pub(super) struct Model {
    pub(super) config: BertConfig,
    pub(super) tokenizer: BertTokenizer,
    pub(super) facts: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Whether its head for answers is not among its weights.
    pub(super) has_fresh_head: bool,
}

/// Data to learn from or to be judged by.
pub(super) struct Data {
    pub(super) dataset: Dataset,
    pub(super) facts: Vec<String>,
    /// What is doubtful, a line for each kind.
    pub(super) warnings: Vec<String>,
}

/// The fields' state.
pub(super) struct Sources {
    pub(super) origin: Origin,
    pub(super) model: CheckedPath<Model>,
    pub(super) train: CheckedPath<Data>,
    pub(super) dev: CheckedPath<Data>,
    demo: Demo,
    fetching: Fetching,
}

impl Sources {
    /// `places` are where names lead.
    pub(super) fn new(context: &Context, places: Places) -> Self {
        let (of_model, of_data) = (places.clone(), places.clone());
        let look_at_data = move |path: &Path| {
            let located = locate_data(path, &of_data).map_err(|error| error.in_one_line())?;
            let mut data = look_at_data(&located.path)?;
            data.facts.extend(located.note);
            Ok(data)
        };
        Self {
            origin: Origin::Files,
            model: CheckedPath::new(move |path| {
                let mut model = find_model(path, &of_model)?;
                if model.has_fresh_head {
                    model.facts.push("the question-answering head starts fresh".to_owned());
                }
                Ok(model)
            }),
            train: CheckedPath::new(look_at_data.clone()),
            dev: CheckedPath::new(look_at_data),
            demo: Demo::Unused,
            fetching: Fetching::new(context, places),
        }
    }

    /// Flags and files for the trainer, names and relative paths resolved: it may be resumed from another folder.
    pub(super) fn arguments(&self) -> Vec<(&'static str, PathBuf)> {
        let places = self.fetching.places();
        let model = self.model.path().map(|path| resolve_model(&path, places).unwrap_or(path));
        let data =
            |field: &CheckedPath<Data>| field.path().map(|path| resolve_data(&path, places).unwrap_or(path));
        let (train, dev) = (data(&self.train), data(&self.dev));
        [("--model", model), ("--train-file", train), ("--dev-file", dev)]
            .into_iter()
            .filter_map(|(flag, path)| Some((flag, path?)))
            .map(|(flag, path)| (flag, std::path::absolute(&path).unwrap_or(path)))
            .collect()
    }

    /// Puts what has a name into the fields.
    fn take(&mut self, context: &Context, offer: Offer) {
        if offer.is_model {
            return self.model.set(context, offer.name.as_ref());
        }
        self.train.set(context, format!("{}:train", offer.name).as_ref());
        self.dev.set(context, format!("{}:dev", offer.name).as_ref());
    }

    pub(super) fn poll(&mut self, context: &Context) {
        self.model.poll(context);
        self.train.poll(context);
        self.dev.poll(context);
        self.demo.poll();
        if let Some(offer) = self.fetching.poll() {
            self.take(context, offer);
        }
    }

    /// The model, if it is of use.
    pub(super) fn good_model(&self) -> Option<&Arc<Model>> {
        match self.origin {
            Origin::Files => self.model.good(),
            Origin::Demo => self.demo.made().map(|demo| &demo.model),
        }
    }

    /// The training data, if it is of use.
    pub(super) fn good_train(&self) -> Option<&Arc<Data>> {
        match self.origin {
            Origin::Files => self.train.good(),
            Origin::Demo => self.demo.made().map(|demo| &demo.train),
        }
    }

    /// The development data, if it is given and of use.
    pub(super) fn good_dev(&self) -> Option<&Arc<Data>> {
        match self.origin {
            Origin::Files => self.dev.good(),
            Origin::Demo => self.demo.made().map(|demo| &demo.dev),
        }
    }

    /// What keeps a training from starting, a phrase each.
    pub(super) fn missing(&self) -> Vec<String> {
        if self.origin == Origin::Demo {
            return Vec::new();
        }
        let missing = [
            self.model.missing("the checkpoint", true),
            self.train.missing("the training data", true),
            self.dev.missing("the development data", false),
        ];
        missing.into_iter().flatten().collect()
    }

    /// Chooses the demonstration's model and data.
    pub(super) fn choose_demo(&mut self, context: &Context) {
        self.origin = Origin::Demo;
        if matches!(self.demo, Demo::Unused) {
            self.demo = Demo::make(context);
        }
    }

    /// Draws the fields. Gives whether the user has turned to the demonstration or away from it, which is no choice for a run
    /// that is resumed.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>, is_resumed: bool) -> bool {
        let choices = [(Origin::Files, "Your own checkpoint and data"), (Origin::Demo, "Demonstration")];
        let turned = !is_resumed && segmented(ui, &mut self.origin, &choices);
        ui.add_space(6.0);
        if self.origin == Origin::Demo {
            self.choose_demo(ui.ctx());
            let text = "A small SpanBERT, pre-trained on text about an invented world, and questions about it. Nothing is downloaded; a minute or two on a processor.";
            ui.add(Label::new(RichText::new(text).color(Tokens::of(ui).text_muted)).wrap());
            ui.add_space(4.0);
            match &self.demo {
                Demo::Unused => {}
                Demo::Making(_) => busy(ui, "Writing its questions"),
                Demo::Made(demo) => {
                    told_ui(ui, "Model", &demo.model.facts);
                    told_ui(ui, "Learns from", &demo.train.facts);
                    told_ui(ui, "Judged by", &demo.dev.facts);
                }
            }
            return turned;
        }
        let context = ui.ctx().clone();
        file_ui(
            ui,
            env,
            &mut self.model,
            "Checkpoint folder",
            "Folder with config.json, vocabulary and weights",
            Purpose::TrainCheckpoint,
        );
        if self.model.path().is_none()
            && let Some(folder) = recent_ui(ui, env)
        {
            self.model.set(&context, &folder);
        }
        if let Some(offer) = self.fetching.ui(ui, true, self.model.path().is_none()) {
            self.take(&context, offer);
        }
        if let Some(Ok(model)) = self.model.found() {
            model_ui(ui, model);
        }
        ui.add_space(6.0);
        file_ui(
            ui,
            env,
            &mut self.train,
            "Training data",
            "SQuAD 1.1 or 2.0 file, such as train-v2.0.json",
            Purpose::TrainData,
        );
        if let Some(offer) = self.fetching.ui(ui, false, self.train.path().is_none()) {
            self.take(&context, offer);
        }
        data_ui(ui, self.train.found(), "training");
        ui.add_space(6.0);
        file_ui(
            ui,
            env,
            &mut self.dev,
            "Development data (optional)",
            "SQuAD file to select the best weights on",
            Purpose::DevData,
        );
        data_ui(ui, self.dev.found(), "development");
        if self.dev.path().is_none() {
            let text = "Without it nothing is evaluated and only the last weights are kept";
            ui.label(RichText::new(text).size(CAPTION_SIZE).color(Tokens::of(ui).text_muted));
        }
        turned
    }
}

/// A path's field with its dialog and its error.
pub(super) fn file_ui<T: Send + 'static>(
    ui: &mut Ui,
    env: &mut Env<'_>,
    field: &mut CheckedPath<T>,
    caption: &str,
    hint: &str,
    purpose: Purpose,
) {
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 96.0).max(120.0);
        field.ui(ui, caption, hint, width);
        ui.vertical(|ui| {
            ui.add_space(CAPTION_SIZE + 3.5);
            if ui.add(Button::new("Browse…")).clicked() {
                env.ask(Action::Browse(purpose));
            }
        });
    });
    field.busy_ui(ui);
    if let Some(Err(error)) = field.found() {
        ui.add(Label::new(RichText::new(error).color(Tokens::of(ui).error)).wrap());
    }
}

/// Checkpoints of before.
pub(super) fn recent_ui(ui: &mut Ui, env: &Env<'_>) -> Option<PathBuf> {
    let recent = &env.settings.recent_checkpoints;
    if recent.is_empty() {
        return None;
    }
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Or").size(CAPTION_SIZE).color(Tokens::of(ui).text_muted));
        for folder in recent.iter().take(4) {
            let button = ui.small_button(checkpoint_name(folder)).on_hover_text(folder.display().to_string());
            if button.clicked() {
                chosen = Some(folder.clone());
            }
        }
    });
    chosen
}

/// Facts in one line.
pub(super) fn told_ui(ui: &mut Ui, caption: &str, facts: &[String]) {
    let tokens = Tokens::of(ui);
    let caption = if caption.is_empty() { String::new() } else { format!("{caption}: ") };
    let text = format!("{} {caption}{}", icon::CHECK, facts.join(" · "));
    ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE + 0.5).color(tokens.success)).wrap());
}

/// What a checkpoint is.
pub(super) fn model_ui(ui: &mut Ui, model: &Model) {
    told_ui(ui, "", &model.facts);
    for note in &model.notes {
        ui.label(RichText::new(note).size(CAPTION_SIZE).color(Tokens::of(ui).warning));
    }
}

fn data_ui(ui: &mut Ui, found: Option<&Found<Data>>, salt: &str) {
    let Some(Ok(data)) = found else { return };
    told_ui(ui, "", &data.facts);
    warnings_list(ui, "", &data.warnings, salt);
}

/// Looks into a checkpoint folder, or one that has a name.
pub(super) fn find_model(path: &Path, places: &Places) -> Result<Model, String> {
    let located = locate_model(path, places).map_err(|error| error.in_one_line())?;
    let mut model = look_at_model(&located.path)?;
    model.notes.extend(located.note);
    Ok(model)
}

/// Looks into a checkpoint folder.
fn look_at_model(folder: &Path) -> Result<Model, String> {
    let told = inspect(folder, LoadOptions::default()).map_err(|error| error.in_one_line())?;
    if let Some(problem) = told.problems.first() {
        return Err(format!("{}: {problem}", folder.display()));
    }
    let Some(casing) = told.casing else {
        return Err(format!(
            "{} does not say whether text is lower-cased; add a tokenizer_config.json",
            folder.display()
        ));
    };
    let stored = StoredTokenizer::from_folder(folder, None).map_err(|error| error.in_one_line())?;
    let tokenizer = stored.tokenizer().map_err(|error| error.in_one_line())?;
    let facts = vec![
        told.weights.architecture.clone(),
        format!("{} parameters", count(told.weights.parameters)),
        casing.to_string(),
    ];
    let has_fresh_head = told.weights.has_fresh_head();
    let notes = told.notes.into_iter().chain(stored.warnings).chain(told.weights.notes).collect();
    Ok(Model { config: told.config, tokenizer, facts, notes, has_fresh_head })
}

/// Looks into a SQuAD file.
fn look_at_data(path: &Path) -> Result<Data, String> {
    let dataset = Dataset::from_path(path).map_err(|error| error.in_one_line())?;
    dataset.validate().map_err(|error| error.in_one_line())?;
    Ok(Data::from(dataset))
}

impl From<Dataset> for Data {
    fn from(dataset: Dataset) -> Self {
        let paragraphs = dataset.articles.iter().flat_map(|article| &article.paragraphs);
        let questions = paragraphs.clone().flat_map(|paragraph| &paragraph.questions);
        let (mut all, mut unanswerable) = (0, 0);
        for question in questions {
            all += 1;
            unanswerable += usize::from(question.is_impossible == Some(true));
        }
        let version = match dataset.version {
            SquadVersion::V1 => "SQuAD 1.1",
            SquadVersion::V2 => "SQuAD 2.0",
        };
        let mut facts = vec![version.to_owned(), format!("{} questions", count(all))];
        if unanswerable > 0 {
            facts.push(format!("{} without an answer", count(unanswerable)));
        }
        facts.push(format!("{} paragraphs", count(paragraphs.count())));
        facts.push(format!("{} articles", count(dataset.articles.len())));
        if dataset.format != DataFormat::Squad {
            facts.push(format!("read as {}", dataset.format));
        }
        let warnings = dataset.warning_lines();
        Self { dataset, facts, warnings }
    }
}

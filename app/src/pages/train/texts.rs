//! What a pre-training begins with: a model or the sizes of a new one, its vocabulary, and text.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use egui::{Context, Label, Margin, RichText, TextEdit, Ui};
use spanbert_core::{
    checkpoint::architecture,
    config::BertConfig,
    fetch::{Places, resolve_model},
    pretrain::PretrainRecord,
};

use super::{
    checked_path::CheckedPath,
    file_list::FileList,
    sources::{Model, file_ui, find_model, model_ui, recent_ui, told_ui},
    text_files::{Pieces, Text, Vocabulary, look_at_config, look_at_text, look_at_vocabulary},
};
use crate::{
    dialogs::Purpose,
    page_view::Env,
    settings::LastTexts,
    theme::{CAPTION_SIZE, GAP, Tokens},
    widgets::{labelled, segmented, tick},
};

/// Pieces of a vocabulary that is made from the corpus, as BERT's.
const PIECES: usize = 30_000;

/// Where weights come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Begin {
    /// A checkpoint's encoder.
    #[default]
    Checkpoint,
    /// Random weights.
    New,
}

/// The sizes of a new model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sizes {
    Named(&'static str),
    File,
}

/// Where the vocabulary of a new model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vocab {
    Made,
    File,
}

/// The fields' state.
pub(super) struct Texts {
    begin: Begin,
    model: CheckedPath<Model>,
    sizes: Sizes,
    config: CheckedPath<BertConfig>,
    vocab: Vocab,
    vocabulary: CheckedPath<Vocabulary>,
    /// How many pieces are made, as typed.
    made: String,
    lower_case: bool,
    pub(super) corpus: FileList<Text>,
    pub(super) held_out: FileList<Text>,
    places: Places,
    /// Whether only text may be named, since the model is that of a run.
    pub(super) is_resumed: bool,
}

impl Texts {
    /// `places` are where names of models lead.
    pub(super) fn new(places: Places) -> Self {
        let of_model = places.clone();
        Self {
            begin: Begin::default(),
            model: CheckedPath::new(move |path| find_model(path, &of_model)),
            sizes: Sizes::Named("base"),
            config: CheckedPath::new(look_at_config),
            vocab: Vocab::Made,
            vocabulary: CheckedPath::new(look_at_vocabulary),
            made: PIECES.to_string(),
            lower_case: false,
            corpus: FileList::new(look_at_text),
            held_out: FileList::new(look_at_text),
            places,
            is_resumed: false,
        }
    }

    pub(super) fn poll(&mut self, context: &Context) {
        self.model.poll(context);
        self.config.poll(context);
        self.vocabulary.poll(context);
        self.corpus.poll(context);
        self.held_out.poll(context);
    }

    /// Begins with a checkpoint.
    pub(super) fn set_model(&mut self, context: &Context, path: &Path) {
        self.begin = Begin::Checkpoint;
        self.model.set(context, path);
    }

    /// Begins with a new model of these sizes.
    pub(super) fn set_config(&mut self, context: &Context, path: &Path) {
        (self.begin, self.sizes) = (Begin::New, Sizes::File);
        self.config.set(context, path);
    }

    /// Gives a new model this vocabulary.
    pub(super) fn set_vocabulary(&mut self, context: &Context, path: &Path) {
        (self.begin, self.vocab) = (Begin::New, Vocab::File);
        self.vocabulary.set(context, path);
    }

    /// Fills the fields with what a run began with. A new model's sizes and vocabulary are in its folder.
    pub(super) fn set_run(&mut self, context: &Context, run: &Path, record: &PretrainRecord) {
        match &record.model {
            Some(model) => self.set_model(context, model),
            None => {
                self.set_config(context, &run.join("config.json"));
                let vocabulary = ["vocab.txt", "tokenizer.json"].map(|name| run.join(name));
                let found = vocabulary.iter().find(|path| path.is_file()).unwrap_or(&vocabulary[0]);
                self.set_vocabulary(context, found);
                self.lower_case = record.do_lower_case;
            }
        }
        let paths = |files: &[spanbert_core::hash::Fingerprint]| -> Vec<PathBuf> {
            files.iter().map(|file| PathBuf::from(&file.path)).collect()
        };
        self.corpus.set(context, &paths(&record.corpus));
        self.held_out.set(context, &paths(&record.eval_corpus));
    }

    /// Fills the fields with what was started last.
    pub(super) fn restore(&mut self, context: &Context, last: &LastTexts) {
        self.corpus.set(context, &last.corpus);
        self.held_out.set(context, &last.held_out);
        if let Some(model) = &last.model {
            self.set_model(context, model);
        }
    }

    /// What is to be started, for the next time.
    pub(super) fn last(&self) -> LastTexts {
        let model = (self.begin == Begin::Checkpoint).then(|| self.model.path()).flatten();
        LastTexts { model, corpus: self.corpus.paths(), held_out: self.held_out.paths() }
    }

    /// What cuts the text into pieces; none while that is not known, or the vocabulary is still to be made.
    pub(super) fn pieces(&self) -> Option<Pieces> {
        match (self.begin, self.vocab) {
            (Begin::Checkpoint, _) => Some(Pieces::Model(self.model.good()?.clone())),
            (Begin::New, Vocab::Made) => None,
            (Begin::New, Vocab::File) => {
                Some(Pieces::Vocabulary(self.vocabulary.good()?.clone(), self.lower_case))
            }
        }
    }

    /// Whether there is no telling how the text will be cut before the training begins.
    pub(super) fn makes_vocabulary(&self) -> bool {
        (self.begin, self.vocab) == (Begin::New, Vocab::Made)
    }

    /// The model's architecture, as far as it is known.
    pub(super) fn architecture(&self) -> Option<BertConfig> {
        let config = match (self.begin, self.sizes) {
            (Begin::Checkpoint, _) => return Some(self.model.good()?.config.clone()),
            (Begin::New, Sizes::Named(name)) => BertConfig::named(name)?,
            (Begin::New, Sizes::File) => self.config.good()?.as_ref().clone(),
        };
        let vocab_size = match self.vocab {
            Vocab::Made => self.made.trim().parse().unwrap_or(config.vocab_size),
            Vocab::File => self.vocabulary.good().map_or(config.vocab_size, |found| found.stored.vocab.len()),
        };
        Some(BertConfig { vocab_size, ..config })
    }

    /// What keeps a training from starting, a phrase each.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if !self.is_resumed {
            missing.extend(self.missing_model());
        }
        if self.corpus.paths().is_empty() {
            missing.push("the corpus is not chosen".to_owned());
        }
        missing.extend(self.corpus.missing("a file of the corpus"));
        missing.extend(self.held_out.missing("a file of held-out text"));
        missing
    }

    fn missing_model(&self) -> Vec<String> {
        if self.begin == Begin::Checkpoint {
            return self.model.missing("the checkpoint", true).into_iter().collect();
        }
        let mut missing = Vec::new();
        if self.sizes == Sizes::File {
            missing.extend(self.config.missing("the architecture", true));
        }
        match self.vocab {
            Vocab::File => missing.extend(self.vocabulary.missing("the vocabulary", true)),
            Vocab::Made if self.made.trim().parse::<usize>().is_err() => {
                missing.push("the vocabulary's size is not a whole number".to_owned());
            }
            Vocab::Made => {}
        }
        missing
    }

    /// Flags and files for the trainer, names and relative paths resolved: it may be resumed from another folder.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path).into_os_string();
        let mut arguments: Vec<OsString> = Vec::new();
        if !self.is_resumed {
            match (self.begin, self.sizes) {
                (Begin::Checkpoint, _) => {
                    let path =
                        self.model.path().map(|path| resolve_model(&path, &self.places).unwrap_or(path));
                    arguments
                        .extend(path.map(|path| ["--model".into(), absolute(path)]).into_iter().flatten());
                }
                (Begin::New, Sizes::Named(name)) => arguments.extend(["--config".into(), name.into()]),
                (Begin::New, Sizes::File) => {
                    let path = self.config.path().map(absolute);
                    arguments.extend(path.map(|path| ["--config".into(), path]).into_iter().flatten());
                }
            }
        }
        if !self.is_resumed && self.begin == Begin::New {
            match self.vocab {
                Vocab::Made => arguments.extend(["--train-vocab".into(), self.made.trim().into()]),
                Vocab::File => {
                    let path = self.vocabulary.path().map(absolute);
                    arguments.extend(path.map(|path| ["--vocab".into(), path]).into_iter().flatten());
                }
            }
            if self.lower_case {
                arguments.push("--do-lower-case".into());
            }
        }
        for (flag, files) in [("--corpus", &self.corpus), ("--eval-file", &self.held_out)] {
            let paths = files.paths();
            if !paths.is_empty() {
                arguments.push(flag.into());
                arguments.extend(paths.into_iter().map(absolute));
            }
        }
        arguments
    }

    /// Draws the fields.
    pub(super) fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        if !self.is_resumed {
            self.begin_ui(ui, env);
            ui.add_space(6.0);
        }
        let hint = "Text, documents separated by blank lines, or a SQuAD file";
        self.corpus.ui(ui, env, "Corpus", hint, Purpose::Corpus);
        ui.add_space(6.0);
        let hint = "Text to evaluate on, never trained on";
        self.held_out.ui(ui, env, "Held-out text (optional)", hint, Purpose::HeldOutText);
        if self.held_out.paths().is_empty() {
            let text = "Without it, eval share holds out some documents of the corpus; without either nothing is evaluated";
            hint_line(ui, text);
        }
    }

    fn begin_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let choices = [(Begin::Checkpoint, "Continue from a checkpoint"), (Begin::New, "New model")];
        segmented(ui, &mut self.begin, &choices);
        ui.add_space(6.0);
        if self.begin == Begin::New {
            self.sizes_ui(ui, env);
            ui.add_space(6.0);
            self.vocabulary_ui(ui, env);
            return;
        }
        let hint = "Folder with config.json, vocabulary and weights";
        file_ui(ui, env, &mut self.model, "Checkpoint folder", hint, Purpose::TrainCheckpoint);
        if self.model.path().is_none()
            && let Some(folder) = recent_ui(ui, env)
        {
            let context = ui.ctx().clone();
            self.model.set(&context, &folder);
        }
        if let Some(Ok(model)) = self.model.found() {
            model_ui(ui, model);
        }
    }

    fn sizes_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let muted = Tokens::of(ui).text_muted;
        ui.label(RichText::new("Architecture").size(CAPTION_SIZE).color(muted));
        let mut choices: Vec<(Sizes, &str)> =
            BertConfig::NAMES.iter().map(|name| (Sizes::Named(name), *name)).collect();
        choices.push((Sizes::File, "From file"));
        segmented(ui, &mut self.sizes, &choices);
        if self.sizes == Sizes::File {
            let hint = "config.json, or the folder of one";
            file_ui(ui, env, &mut self.config, "Configuration", hint, Purpose::Architecture);
        }
        if let Some(config) = self.architecture() {
            told_ui(ui, "", &[architecture(&config)]);
        }
    }

    fn vocabulary_ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let muted = Tokens::of(ui).text_muted;
        ui.label(RichText::new("Vocabulary").size(CAPTION_SIZE).color(muted));
        let choices = [(Vocab::Made, "Made from the corpus"), (Vocab::File, "From a vocabulary file")];
        segmented(ui, &mut self.vocab, &choices);
        match self.vocab {
            Vocab::Made => {}
            Vocab::File => {
                let hint = "vocab.txt, one word piece a line, or tokenizer.json";
                file_ui(ui, env, &mut self.vocabulary, "Vocabulary file", hint, Purpose::Vocabulary);
                if let Some(Ok(vocabulary)) = self.vocabulary.found() {
                    told_ui(ui, "", &vocabulary.facts);
                }
            }
        }
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            if self.vocab == Vocab::Made {
                labelled(ui, "Word pieces", |ui| {
                    let field = TextEdit::singleline(&mut self.made).desired_width(120.0);
                    ui.add(field.margin(Margin::symmetric(8, 5)))
                });
            }
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 3.0;
                ui.label(RichText::new("Lower-case the text").size(CAPTION_SIZE).color(muted));
                tick(ui, &mut self.lower_case, "Lower-case the text");
            });
        });
    }
}

fn hint_line(ui: &mut Ui, text: &str) {
    let muted = Tokens::of(ui).text_muted;
    ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(muted)).wrap());
}

//! One page in a window of its own, and the options of a whole one.
#![allow(dead_code, reason = "not every test uses all of it")]

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use egui::{Context, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use spanbert_app::{
    Options,
    action::Action,
    dialogs::Purpose,
    launch::{Launch, Trainer},
    library::{Library, Places},
    page_view::{Env, PageView},
    probe::Probe,
    settings::Settings,
    theme,
};
use spanbert_backends::{BackendKind, BackendReport, DeviceInfo, Obstacle, Precision};
use spanbert_core::{demo, evaluate::Record, squad::Question};

/// How the size of the demonstration's models is told.
pub fn parameters() -> String {
    let config = demo::start::config();
    format!("{} parameters", spanbert_app::widgets::count(config.parameter_count()))
}

/// A page and what the window would give it.
pub struct Paged<P> {
    pub page: P,
    pub settings: Settings,
    pub library: Library,
    pub probe: Probe,
    pub actions: Vec<Action>,
}

impl<P: PageView> Paged<P> {
    /// Does something with the page as the window would.
    pub fn with<R>(&mut self, work: impl FnOnce(&mut P, &mut Env<'_>) -> R) -> R {
        let mut env = Env {
            settings: &mut self.settings,
            devices: &self.probe,
            library: &self.library,
            actions: &mut self.actions,
        };
        work(&mut self.page, &mut env)
    }

    /// A path from a dialog or dropped.
    pub fn take(&mut self, purpose: Purpose, path: PathBuf) -> bool {
        self.with(|page, env| page.take_path(purpose, path, env))
    }
}

/// Shows a page over the runs of a folder.
pub fn page<P: PageView + 'static>(
    runs: &Path,
    size: [f32; 2],
    make: impl FnOnce(&Context) -> P,
) -> Harness<'static, Paged<P>> {
    let context = Context::default();
    let settings = Settings { runs_folder: runs.to_owned(), backend: "cpu".into(), ..Settings::default() };
    let state = Paged {
        page: make(&context),
        library: Library::start(&context, Places { folder: runs.to_owned(), opened: Vec::new() }),
        settings,
        probe: Probe::Done(devices()),
        actions: Vec::new(),
    };
    let mut first = true;
    Harness::builder().with_size(size).build_ui_state(
        move |ui, state: &mut Paged<P>| {
            if std::mem::take(&mut first) {
                theme::install(ui.ctx());
            }
            state.probe.poll();
            state.library.poll();
            state.with(|page, env| {
                page.poll(env);
                page.ui(ui, env);
            });
        },
        state,
    )
}

/// A record of an evaluation, not answered yet.
pub fn record(article: usize, paragraph: usize, question: &Question) -> Record {
    Record {
        id: question.id.clone(),
        article,
        paragraph,
        question: question.question.clone(),
        gold_answers: question.answers.clone(),
        plausible_answers: question.plausible_answers.clone(),
        prediction: String::new(),
        exact: 0.0,
        f1: 0.0,
        probability: Some(0.5),
        score_diff: None,
        span: None,
        windows: 1,
        reach: None,
    }
}

/// Waits until something with this in its label is there.
pub fn wait<S>(harness: &mut Harness<'_, S>, label: &str) {
    wait_until(harness, label, |harness| harness.query_all_by_label_contains(label).next().is_some());
}

/// Waits for what threads do.
pub fn wait_until<S>(harness: &mut Harness<'_, S>, what: &str, until: impl Fn(&Harness<'_, S>) -> bool) {
    let start = Instant::now();
    while !until(harness) {
        assert!(start.elapsed() < Duration::from_secs(90), "waited in vain for {what}");
        harness.run_steps(1);
        std::thread::sleep(Duration::from_millis(10));
    }
    harness.run_steps(2);
}

/// Replaces the text of a field.
pub fn enter<S>(harness: &mut Harness<'_, S>, field: &str, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, field).focus();
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(1);
    if text.is_empty() {
        harness.key_press(egui::Key::Backspace);
        harness.run_steps(2);
    } else {
        type_text(harness, text);
    }
}

/// The text of a field.
pub fn value<S>(harness: &Harness<'_, S>, field: &str) -> String {
    harness.get_by_role_and_label(Role::TextInput, field).accesskit_node().value().unwrap_or_default()
}

/// Whether a button can be pressed.
pub fn is_enabled<S>(harness: &Harness<'_, S>, button: &str) -> bool {
    !harness.get_by_role_and_label(Role::Button, button).accesskit_node().is_disabled()
}

/// The trainer that the page has asked for.
pub fn launched<P>(harness: &mut Harness<'_, Paged<P>>) -> Launch {
    let actions = std::mem::take(&mut harness.state_mut().actions);
    let launch = actions
        .into_iter()
        .find_map(|action| if let Action::Launch(launch) = action { Some(launch) } else { None });
    launch.unwrap()
}

/// Types into what has the focus.
pub fn type_text<S>(harness: &mut Harness<'_, S>, text: &str) {
    harness.event(egui::Event::Text(text.into()));
    harness.run_steps(2);
}

/// Whether anything has this in its label.
pub fn shows<S>(harness: &Harness<'_, S>, label: &str) -> bool {
    harness.query_all_by_label_contains(label).next().is_some()
}

/// A whole window's options, with everything it keeps in a folder.
pub fn options(folder: &Path) -> Options {
    Options {
        find_devices: devices,
        settings_file: Some(folder.join("studio.json")),
        runs_folder: Some(folder.join("runs")),
        trainer: Trainer {
            program: PathBuf::from(env!("CARGO_BIN_EXE_spanbert-studio")),
            prefix: vec!["cli".into()],
            logs: folder.join("launches"),
        },
    }
}

/// A processor that is there and a GPU that is not.
pub fn devices() -> Vec<BackendReport> {
    let cpu = DeviceInfo {
        choice: spanbert_backends::DeviceChoice::Cpu,
        kind: BackendKind::Cpu,
        name: "A processor".into(),
        class: "4 threads".into(),
        api: None,
        driver: None,
        memory_bytes: Some(8 << 30),
        max_buffer_bytes: None,
        precisions: vec![Precision::F32],
        software: false,
        unusable: None,
    };
    vec![
        BackendReport::from_probe(
            BackendKind::Cuda,
            Err(Obstacle::new("no NVIDIA driver found (libcuda)", "install the NVIDIA driver")),
        ),
        BackendReport::from_probe(BackendKind::Cpu, Ok(vec![cpu])),
    ]
}

//! The demonstration's fine-tuning in a worker: what happens is said, and the run's files come out of it.

use std::{cell::Cell, path::PathBuf, rc::Rc};

use spanbert_backends::{BURN_VERSION, DeviceInfo, Fusion, Precision};
use spanbert_core::{
    checkpoint::Files,
    demo,
    engine::open_training,
    hash::Fingerprint,
    run::{self, Environment, Event, EventRecord, Phase, RunState},
    train::{
        DataSource, Demonstration, DeviceLimits, FineTuneJob, MemoryHost, ModelSource, Observer, Trained,
        fine_tune,
    },
};

use crate::{message::Reply, session::Page, trouble::Trouble};

/// What comes of a training.
pub(crate) struct Run {
    pub trained: Trained,
    /// The best model, else that of the end.
    pub model: Files,
    /// Everything of the run, as in a run folder.
    pub files: Files,
}

/// Fine-tunes the demonstration's pre-trained model on a device that has been tested, until it is done, or stopped.
pub(crate) async fn run(
    demonstration: Demonstration,
    device: &DeviceInfo,
    fusion: Fusion,
    page: &Rc<dyn Page>,
) -> Result<Run, Trouble> {
    let (train_json, dev_json) = demonstration.data()?;
    let (train_name, dev_name) = (demonstration.train_name(), demonstration.dev_name());
    let recipe = demonstration.recipe;
    let (started, name) = (page.now(), device.name.clone());
    let (requests, given_up) = (page.requests(), Rc::new(Cell::new(false)));
    let open = |config: &_, weights, optimizer: &_| {
        open_training(&device.choice, fusion, config, weights, *optimizer, Precision::F32)
    };
    let clock = || page.clock();
    let sleep = |time| {
        let (page, requests, given_up) = (Rc::clone(page), requests.clone(), Rc::clone(&given_up));
        Box::pin(async move {
            // The loop ends as if it were asked to; what it has learnt is dropped below.
            if !page.pause(time).await && !given_up.replace(true) {
                requests.push(run::Request::Stop);
            }
        }) as _
    };
    let mut watcher = Watcher { page: Rc::clone(page), records: Vec::new() };
    let mut host = MemoryHost::new(&mut watcher, requests.clone(), &clock, &sleep);
    let job = FineTuneJob {
        model: ModelSource::Ready(Box::new(demo::pretrained_model()?)),
        train_data: DataSource::BuiltIn { name: &train_name, json: &train_json },
        dev_data: Some(DataSource::BuiltIn { name: &dev_name, json: &dev_json }),
        recipe: recipe.clone(),
        limits: DeviceLimits::from(device),
        device: &name,
        open: &open,
        resume: None,
    };
    let trained = fine_tune(job, &mut host).await;
    let MemoryHost { best, last, evaluation, results, .. } = host;
    if given_up.get() {
        return Err(Trouble::Cancelled);
    }
    let trained = trained?;
    let mut files = Files::new("run");
    files.insert("recipe.toml", recipe.to_toml().into_bytes());
    let data = [
        Fingerprint::of_bytes(&train_name, train_json.as_bytes()),
        Fingerprint::of_bytes(&dev_name, dev_json.as_bytes()),
    ];
    files.insert("environment.json", json(&environment(device, &name, &started, data))?);
    files.insert("state.json", json(&state(&trained, &watcher.records, started, page.now()))?);
    files.insert("events.jsonl", lines(&watcher.records)?);
    if let Some(results) = results {
        files.insert("eval_results.txt", results.into_bytes());
    }
    for (name, content) in evaluation.iter().flat_map(|(_, files)| files) {
        let step = evaluation.as_ref().map_or(0, |(step, _)| *step);
        files.insert(format!("eval/step-{step}/{name}"), content.clone());
    }
    let mut model = None;
    for (folder, saved) in [("last", last), ("best", best)] {
        let Some(saved) = saved else { continue };
        let saved = saved.files("trained here")?;
        for (name, content) in saved.clone() {
            files.insert(format!("{folder}/{name}"), content);
        }
        model = Some(saved);
    }
    let model = model.ok_or_else(|| Trouble::defect("a training has ended without weights"))?;
    Ok(Run { trained, model, files })
}

/// Says what happens, and keeps it.
struct Watcher {
    page: Rc<dyn Page>,
    records: Vec<EventRecord>,
}

impl Observer for Watcher {
    fn event(&mut self, event: &Event) {
        let record = EventRecord { time: self.page.now(), event: event.clone() };
        self.page.say(Reply::Happened(Box::new(record.clone())));
        self.records.push(record);
    }

    fn progress(&mut self, phase: Phase, done: usize, total: usize) {
        self.page.say(Reply::Working { phase, done, total });
    }
}

fn environment(
    device: &DeviceInfo,
    name: &str,
    started: &str,
    [train, dev]: [Fingerprint; 2],
) -> Environment {
    Environment {
        spanbert_studio: env!("CARGO_PKG_VERSION").into(),
        burn: BURN_VERSION.into(),
        platform: if cfg!(target_family = "wasm") { "browser wasm32" } else { std::env::consts::OS }.into(),
        processors: 1,
        machine: None,
        device: name.to_owned(),
        command: Vec::new(),
        started: started.to_owned(),
        backend: device.choice.to_string(),
        portable: spanbert_backends::portable(),
        model: None::<PathBuf>,
        checkpoint: Vec::new(),
        teacher: Vec::new(),
        train_data: Some(train),
        dev_data: Some(dev),
        workers: None,
        resumed: Vec::new(),
    }
}

/// What the run folder's `state.json` would say at the end.
fn state(trained: &Trained, records: &[EventRecord], started: String, updated: String) -> RunState {
    let steps = records.iter().rev();
    let last = steps
        .filter_map(|record| if let Event::Step(step) = &record.event { Some(step) } else { None })
        .next();
    let outcome = records.iter().rev().find_map(|record| match &record.event {
        Event::Finished { outcome, .. } => Some(*outcome),
        _ => None,
    });
    RunState {
        phase: Phase::Finished,
        outcome,
        step: trained.steps,
        total_steps: last.map_or(trained.steps, |step| step.total_steps),
        epoch: last.map_or(0, |step| step.epoch),
        eta_secs: None,
        best: trained.best.clone(),
        pid: 0,
        started,
        updated,
        error: None,
        reason: trained.ended_early.clone(),
    }
}

fn lines(records: &[EventRecord]) -> Result<Vec<u8>, Trouble> {
    let mut lines = Vec::new();
    for record in records {
        lines.extend(serde_json::to_vec(record).map_err(|error| Trouble::defect(&error.to_string()))?);
        lines.push(b'\n');
    }
    Ok(lines)
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Trouble> {
    serde_json::to_vec_pretty(value).map_err(|error| Trouble::defect(&error.to_string()))
}

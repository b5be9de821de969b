//! The parts of a learning-rate sweep put together: the run that one process would have made.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{Metric, Recipe, Recorder, Silent, Standing, SweepError, SweepPart, changes::changes};
use crate::{
    atomic::{patiently, rename},
    run::{
        CheckpointKind, Environment, Event, EventRecord, Layout, Outcome, Phase, RunError, RunFolder,
        RunState, WriteError, read_history,
    },
};

/// Where the merged run is put together.
const STAGING: &str = ".merged.tmp";

/// What came of a merge.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedSweep {
    /// The run.
    pub layout: Layout,
    /// Its parts.
    pub parts: usize,
    /// The devices they were trained on.
    pub devices: BTreeSet<String>,
    /// Whether it had been put together before.
    pub was_merged: bool,
}

/// A finished part.
struct Part {
    layout: Layout,
    recipe: Recipe,
    environment: Environment,
}

/// Whether a folder holds parts of a learning-rate sweep, finished or not.
#[must_use]
pub fn holds_sweep(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| Layout::new(entry.path()).sweep().is_file())
}

/// Puts the parts in `folder` together as a run in `output`, which may be the same folder. The parts stay.
///
/// Weights, answers and scores are those of one process to the byte, and the records say the same but for times. Training
/// checkpoints are left out: a complete sweep is not resumed.
///
/// # Errors
/// If a part is missing, unfinished, there twice, or made of something else than the others; if `output` holds a run; or if a
/// file cannot be read or written.
pub fn merge_sweep(folder: &Path, output: &Path) -> Result<MergedSweep, SweepError> {
    let parts = collect(folder)?;
    let devices = parts.iter().map(|part| part.environment.device.clone()).collect();
    if is_merged(&parts, output) {
        let layout = Layout::new(output);
        return Ok(MergedSweep { layout, parts: parts.len(), devices, was_merged: true });
    }
    RunFolder::check(output)?;
    let target = RunFolder::create(output)?;
    let staging = output.join(STAGING);
    let put = put_together(&parts, &staging).and_then(|()| move_in(&staging, output));
    if let Err(error) = put {
        // The failure itself is what is reported.
        let _ = fs::remove_dir_all(&staging);
        return Err(error);
    }
    Ok(MergedSweep { layout: target.layout().clone(), parts: parts.len(), devices, was_merged: false })
}

/// Whether a folder holds the complete run that these parts make: of their recipe and environment, with the last one's weights.
fn is_merged(parts: &[Part], output: &Path) -> bool {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    let merged = Layout::new(output);
    let same = |of: &dyn Fn(&Layout) -> PathBuf, part: &Part| {
        let (ours, theirs) = (fs::read(of(&merged)), fs::read(of(&part.layout)));
        ours.ok().zip(theirs.ok()).is_some_and(|(ours, theirs)| ours == theirs)
    };
    RunState::read(&merged).is_ok_and(|state| state.outcome == Some(Outcome::Completed))
        && same(&Layout::recipe, first)
        && same(&Layout::environment, first)
        && same(&|layout| layout.last().join("model.safetensors"), last)
}

/// The parts, in order; they are complete and belong together.
fn collect(folder: &Path) -> Result<Vec<Part>, SweepError> {
    let read = |source| SweepError::Read { path: folder.to_owned(), source };
    let mut marks: Vec<(Layout, SweepPart)> = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        let layout = Layout::new(entry.map_err(read)?.path());
        if let Some(mark) = SweepPart::read(&layout) {
            marks.push((layout, mark));
        }
    }
    marks.sort_by(|a, b| (a.1.shard.index, a.0.root()).cmp(&(b.1.shard.index, b.0.root())));
    let Some((first, SweepPart { shard, .. })) = marks.first().cloned() else {
        return Err(SweepError::None { folder: folder.to_owned() });
    };
    let count = shard.count;
    if let Some((other, mark)) = marks.iter().find(|(_, mark)| mark.shard.count != count) {
        let (other, folder) = (mark.shard.count, other.root().to_owned());
        return Err(SweepError::Counts { folder, other, first: first.root().to_owned(), count });
    }
    if let Some([one, two]) = marks.windows(2).find(|pair| matches!(pair, [a, b] if a.1.shard == b.1.shard)) {
        let (first, second) = (one.0.root().to_owned(), two.0.root().to_owned());
        return Err(SweepError::Twice { shard: one.1.shard, first, second });
    }
    let is_done = |index: &usize| {
        marks.iter().any(|(layout, mark)| {
            mark.shard.index == *index
                && !mark.files.is_empty()
                && RunState::read(layout).is_ok_and(|state| state.outcome == Some(Outcome::Completed))
        })
    };
    let missing: Vec<usize> = (1..=count).filter(|index| !is_done(index)).collect();
    if !missing.is_empty() {
        return Err(SweepError::Missing { folder: folder.to_owned(), missing, count });
    }
    let mut parts: Vec<Part> = Vec::new();
    for (layout, mark) in marks {
        if let Some((path, what)) = mark.damaged(&layout) {
            return Err(SweepError::Damaged { path, what });
        }
        let recipe = Recipe::from_path(&layout.recipe())?;
        let environment = Environment::read(&layout)?;
        if let Some(first) = parts.first()
            && let Some(what) = difference(first, &recipe, &environment)
        {
            let other = first.layout.root().to_owned();
            return Err(SweepError::Differs { folder: layout.root().to_owned(), what, other });
        }
        parts.push(Part { layout, recipe, environment });
    }
    Ok(parts)
}

/// In what a part was made of something else than the first.
fn difference(first: &Part, recipe: &Recipe, environment: &Environment) -> Option<String> {
    let (ours, theirs) = (&first.environment.spanbert_studio, &environment.spanbert_studio);
    if ours != theirs {
        return Some(format!("the program's version was {ours} and is {theirs}"));
    }
    let found = changes((&first.recipe, &first.environment), (recipe, environment));
    (!found.is_empty()).then(|| found.join(", "))
}

/// Makes the run in a folder of its own.
fn put_together(parts: &[Part], staging: &Path) -> Result<(), SweepError> {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Ok(()) };
    if staging.exists() {
        patiently(|| fs::remove_dir_all(staging)).map_err(WriteError::at(staging))?;
    }
    fs::create_dir_all(staging).map_err(WriteError::at(staging))?;
    let layout = Layout::new(staging);
    let best = replay(parts, &layout)?;
    for part in parts {
        let evaluations = part.layout.evaluations();
        if evaluations.is_dir() {
            copy(&evaluations, &layout.evaluations())?;
        }
    }
    if let Some(best) = best {
        copy(&best.layout.best(), &layout.best())?;
        copy(&best.layout.eval_results(), &layout.eval_results())?;
    }
    copy(&last.layout.last(), &layout.last())?;
    if first.layout.skipped().exists() {
        copy(&first.layout.skipped(), &layout.skipped())?;
    }
    copy(&first.layout.environment(), &layout.environment())?;
    copy(&first.layout.recipe(), &layout.recipe())?;
    Ok(())
}

/// Records what happened in the parts, one after the other. Gives the part with the best evaluation of all.
fn replay<'p>(parts: &'p [Part], layout: &Layout) -> Result<Option<&'p Part>, SweepError> {
    let mut silent = Silent;
    let mut recorder = Recorder::start(layout, &mut silent, &[])?;
    let mut merged = Merged::new(parts.first().map(|part| &part.recipe));
    let mut best = None;
    for (index, part) in parts.iter().enumerate() {
        merged.is_last = index + 1 == parts.len();
        for EventRecord { event, .. } in read_history(&part.layout.events())? {
            if let Event::Step(step) = &event {
                recorder.set_total_steps(step.total_steps);
            }
            let Some(event) = merged.event(event) else { continue };
            let found = match &event {
                Event::Evaluation { step, best: true, .. } => Some(*step),
                _ => None,
            };
            recorder.record(event)?;
            if let (Some(step), Some(score)) = (found, merged.standing.best()) {
                recorder.set_best(score.clone());
                best = Some(part);
                recorder.record(Event::Checkpoint {
                    kind: CheckpointKind::Best,
                    step,
                    path: "best".into(),
                })?;
            }
        }
        merged.is_first = false;
        merged.earlier_secs += std::mem::take(&mut merged.secs);
    }
    Ok(best)
}

/// What of a part's records is one of the merged run's.
struct Merged {
    standing: Standing,
    metric: Metric,
    is_first: bool,
    is_last: bool,
    /// Seconds of the parts before.
    earlier_secs: f64,
    /// Of this part.
    secs: f64,
    told: BTreeSet<String>,
}

impl Merged {
    fn new(recipe: Option<&Recipe>) -> Self {
        let name = recipe.map_or_else(|| Recipe::default().eval_metric, |recipe| recipe.eval_metric).key();
        let metric = Metric { name, lower_is_better: false };
        let standing = Standing::new(metric, None);
        Self {
            standing,
            metric,
            is_first: true,
            is_last: false,
            earlier_secs: 0.0,
            secs: 0.0,
            told: BTreeSet::new(),
        }
    }

    fn event(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Step(mut step) => {
                step.elapsed_secs += self.earlier_secs;
                Some(Event::Step(step))
            }
            Event::Evaluation { step, training, epoch, scores, secs, .. } => {
                let best = self.standing.evaluated(step, scores.get(self.metric.name));
                Some(Event::Evaluation { step, training, epoch, scores, best, secs })
            }
            Event::Finished { outcome, step, elapsed_secs, reason } => {
                self.secs = elapsed_secs;
                let elapsed_secs = self.earlier_secs + elapsed_secs;
                self.is_last.then_some(Event::Finished { outcome, step, elapsed_secs, reason })
            }
            // Every part reads the same data.
            Event::Warning { message } => {
                self.told.insert(message.clone()).then_some(Event::Warning { message })
            }
            Event::Phase { phase: Phase::Loading | Phase::Tokenising | Phase::Probing, .. } => {
                self.is_first.then_some(event)
            }
            Event::Checkpoint { kind: CheckpointKind::Last, .. } => self.is_last.then_some(event),
            // Of a part's own best, and of files that are left out.
            Event::Checkpoint { .. } | Event::Resumed { .. } | Event::Unknown => None,
            Event::Phase { .. } | Event::HeldOut { .. } | Event::Fault { .. } | Event::Error { .. } => {
                Some(event)
            }
        }
    }
}

/// Copies a file, or a folder into one that may be there.
fn copy(from: &Path, to: &Path) -> Result<(), SweepError> {
    let read = |source: io::Error| SweepError::Read { path: from.to_owned(), source };
    if !fs::metadata(from).map_err(read)?.is_dir() {
        // Read and written apart, so that an error names the file that it is about.
        let bytes = fs::read(from).map_err(read)?;
        return Ok(fs::write(to, bytes).map_err(WriteError::at(to))?);
    }
    fs::create_dir_all(to).map_err(WriteError::at(to))?;
    for entry in fs::read_dir(from).map_err(read)? {
        let entry = entry.map_err(read)?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Moves what is in `staging` into `folder`, the recipe last: from then on it holds a run.
fn move_in(staging: &Path, folder: &Path) -> Result<(), SweepError> {
    let entries = fs::read_dir(staging).map_err(RunError::read(staging))?;
    let mut names: Vec<PathBuf> = entries.flatten().map(|entry| entry.file_name().into()).collect();
    names.sort_by_key(|name| name == Path::new("recipe.toml"));
    for name in names {
        let to = folder.join(&name);
        rename(&staging.join(&name), &to).map_err(WriteError::at(&to))?;
    }
    fs::remove_dir(staging).map_err(WriteError::at(staging))?;
    Ok(())
}

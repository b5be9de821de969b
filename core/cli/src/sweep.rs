//! `spanbert train --sweep-shard` and `--sweep-merge`: learning rates or seeds tried by several jobs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    error::CliError,
    flags::JsonArgs,
    names::absolute,
    output,
    seeds::{digest, marks, report},
    supervisor::{self, First},
    train::Given,
    trained::{Trained, outcome, print_outcome},
};
use spanbert_core::{
    evaluate::Shard,
    hash::Fingerprint,
    run::{
        Environment, Layout, Lock, RunFolder, RunGroup, RunStatus, atomic::create_folder, counted, summarise,
    },
    train::{Difference, Ending, Recipe, SweepPart, TrainOutcome, holds_sweep, merge_sweep},
};

/// Refuses more parts than there are things to try.
pub(super) fn check_division(shard: Shard, count: usize, what: &str) -> Result<(), CliError> {
    if shard.count <= count {
        return Ok(());
    }
    Err(CliError::new(
        format_args!("{count} {what} cannot be divided into {} parts", shard.count),
        format_args!("use --sweep-shard 1/{count} to {count}/{count}"),
    ))
}

/// Trains with a part of the learning rates, unless that is done; one that has begun is resumed.
pub(super) fn train_part(shard: Shard, folder: &Path, given: &Given) -> Result<TrainOutcome, CliError> {
    let rates = given.recipe.learning_rates().len();
    if rates == 1 {
        return Err(CliError::new(
            "there is one learning rate and no --seeds, so there is nothing to divide",
            "leave --learning-rate out to try the reference's eight, or add --seeds",
        ));
    }
    check_division(shard, rates, "learning rates")?;
    // That of a group leaves the seed out, in which its runs differ.
    let digest = format!("{}-{}", digest(given), given.recipe.seed);
    let part = SweepPart { shard, digest, files: BTreeMap::new() };
    let root = folder.join(shard.folder());
    let layout = Layout::new(&root);
    let before = SweepPart::read(&layout);
    if before.as_ref().is_some_and(|before| before.digest != part.digest || before.shard != part.shard) {
        return Err(CliError::new(
            format_args!(
                "{} was begun with another {}",
                root.display(),
                another(given, given.recipe.seed, &layout)
            ),
            "choose another --output-dir, or repeat the command it was begun with",
        ));
    }
    let range = shard.range(rates);
    let say = |what: &str| {
        output::note(format_args!(
            "learning rates {} to {} of {rates} (part {shard}): {what} {}",
            range.start + 1,
            range.end,
            root.display()
        ));
    };
    let first = match summarise(&root).map(|run| run.status) {
        Some(RunStatus::Completed) => {
            say("was finished before, in");
            before.unwrap_or(part).seal(&layout)?;
            return outcome(&root);
        }
        _ if RunFolder::find(&root).is_ok() => {
            say("resuming");
            Lock::check(&layout)?;
            First::Resume
        }
        _ => {
            RunFolder::check(folder)?;
            RunFolder::check(&root)?;
            say("training in");
            create_folder(&root)?;
            part.write(&layout)?;
            First::AsTyped
        }
    };
    supervisor::supervise(&root, first).inspect_err(|_| forget(&layout))?;
    let outcome = outcome(&root)?;
    if outcome.ending == Ending::Completed {
        part.seal(&layout)?;
    }
    Ok(outcome)
}

/// In what a new training, with this seed, differs from one that has begun, after the word "another".
pub(super) fn another(given: &Given, seed: u64, begun: &Layout) -> String {
    let unknown = || "recipe, model or data".to_owned();
    let (Ok(recipe), Ok(environment)) = (Recipe::from_path(&begun.recipe()), Environment::read(begun)) else {
        return unknown();
    };
    // Paths that are written otherwise are no difference that is sure.
    let elsewhere = |what: &str, begun: Option<PathBuf>, now: Option<&PathBuf>| {
        let (begun, now) = (begun.map(absolute), now.map(absolute));
        let text = |path: Option<&PathBuf>| path.map_or("none".to_owned(), |path| path.display().to_string());
        (begun != now)
            .then(|| format!("{what} (it was {} and is {})", text(begun.as_ref()), text(now.as_ref())))
    };
    let file = |file: Option<Fingerprint>| file.map(|file| PathBuf::from(file.path));
    let value = |value: Option<String>| value.unwrap_or_else(|| "unset".into());
    let fields = recipe.differences(&Recipe { seed, ..given.recipe.clone() }).into_iter();
    let fields = fields.map(|Difference { field, ours, theirs }| {
        format!("recipe ({field} was {} and is {})", value(ours), value(theirs))
    });
    let mut found = fields
        .chain(elsewhere("model", environment.model, Some(&given.model)))
        .chain(elsewhere("training data", file(environment.train_data), Some(&given.train)))
        .chain(elsewhere("development data", file(environment.dev_data), given.dev.as_ref()));
    found.next().unwrap_or_else(unknown)
}

/// Removes the mark of a part that has not begun. What cannot be removed stays.
fn forget(layout: &Layout) {
    if layout.marker().is_none() {
        let _ = std::fs::remove_file(layout.sweep());
        let _ = std::fs::remove_file(layout.lock());
        let _ = std::fs::remove_dir(layout.root());
        if let Some(folder) = layout.root().parent() {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Puts the parts in a folder together, in the folder itself or another.
pub(super) fn merge(folder: &Path, output_dir: Option<&Path>, json: JsonArgs) -> Result<(), CliError> {
    if !holds_sweep(folder)
        && let Some(group) = marks(folder).into_iter().next()
    {
        return merge_seeds(folder, output_dir, &group, json);
    }
    let merged = merge_sweep(folder, output_dir.unwrap_or(folder))?;
    if merged.devices.len() > 1 {
        let names: Vec<&str> = merged.devices.iter().map(String::as_str).collect();
        output::warn(format_args!(
            "the parts were trained on different devices ({}), so last digits may differ from those of one process",
            names.join(", ")
        ));
    }
    let parts = counted(merged.parts, "part");
    if merged.was_merged {
        output::note(format_args!("{} holds the {parts} already merged", merged.layout.root().display()));
    } else {
        output::note(format_args!("merged {parts}"));
    }
    let outcome = outcome(merged.layout.root())?;
    if json.json { output::json(&Trained::from(&outcome)) } else { print_outcome(&outcome) }
}

/// The table of a group, if all its runs are complete.
fn merge_seeds(
    folder: &Path,
    output_dir: Option<&Path>,
    group: &RunGroup,
    json: JsonArgs,
) -> Result<(), CliError> {
    if output_dir.is_some() {
        return Err(CliError::new(
            format_args!("the runs of seeds in {} are a group where they lie", folder.display()),
            "leave --output-dir out",
        ));
    }
    let all = marks(folder);
    if let Some(other) = all.iter().find(|other| other.digest != group.digest || other.name != group.name) {
        return Err(CliError::new(
            format_args!(
                "{} holds runs of more than one sweep ({} and {})",
                folder.display(),
                group.folder_name(),
                other.folder_name()
            ),
            "remove the folders of those that are not wanted",
        ));
    }
    let run = |seed: u64| folder.join(RunGroup { seed, ..group.clone() }.folder_name());
    let is_done = |seed: u64| summarise(&run(seed)).is_some_and(|run| run.status == RunStatus::Completed);
    let missing: Vec<String> =
        group.seeds.iter().filter(|seed| !is_done(**seed)).map(u64::to_string).collect();
    if !missing.is_empty() {
        return Err(CliError::new(
            format_args!(
                "{} of {} runs in {} are missing or unfinished: those of the seeds {}",
                missing.len(),
                group.seeds.len(),
                folder.display(),
                missing.join(", ")
            ),
            "run their parts again with the command they were begun with",
        ));
    }
    let outcomes = group.seeds.iter().map(|&seed| outcome(&run(seed))).collect::<Result<Vec<_>, _>>()?;
    report(folder, &group.name, &outcomes, json.json)
}

//! `spanbert train --seeds`: the same training with several seeds, a run each.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    error::CliError,
    fine_tune::announce,
    group_table,
    names::absolute,
    output,
    supervisor::{self, First},
    sweep,
    table::Paint,
    train::Given,
    trained::{Trained, outcome},
};
use spanbert_core::{
    evaluate::Shard,
    hash::sha256_hex,
    interrupt,
    run::{
        GroupScores, Layout, Lock, ReservedRun, RunFolder, RunGroup, RunStatus, atomic::create_folder, list,
        reserve_run, summarise,
    },
    train::{Ending, Recipe, TrainOutcome},
};

/// Where the runs of a group go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// Into this folder, which is the group's own.
    In(&'a Path),
    /// Into the folder of runs, beside others.
    Named {
        /// The folder of runs.
        runs: &'a Path,
        /// The user's name for them.
        name: &'a str,
    },
}

/// Runs of a group, found or new, that nobody else works on.
struct Group {
    /// The folder its runs lie in.
    folder: PathBuf,
    /// The mark of its runs, without their seeds.
    mark: RunGroup,
    /// The seeds that this process trains with: the group's, or a part of them.
    own: Vec<u64>,
    /// Folders that were made for it, to be removed if nothing comes of it.
    made: Made,
    /// Held while this process works through the group.
    _lock: Lock,
}

/// A folder that was made for a group.
#[derive(Debug)]
enum Made {
    /// None: it was there.
    Nothing,
    /// The group's own.
    Group(PathBuf),
    /// That of the first run, which removes itself.
    Run { _reserved: ReservedRun },
}

/// One of the seeds of `--seeds`; blanks around it are allowed.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    let parsed = text.trim().parse::<u64>().ok().filter(|seed| i64::try_from(*seed).is_ok());
    parsed
        .ok_or_else(|| format!("{text:?} is not a whole number from 0 to {}; give seeds as 1,2,3", i64::MAX))
}

/// Trains with each seed in turn, or with those of a part of them; what is complete is left as it is, what has begun is resumed.
pub(super) fn run(
    seeds: &[u64],
    shard: Option<Shard>,
    place: Place<'_>,
    given: &Given,
    json: bool,
) -> Result<(), CliError> {
    if let Some(twice) = seeds.iter().enumerate().find(|(at, seed)| seeds[..*at].contains(seed)) {
        return Err(CliError::new(
            format_args!("--seeds names {} twice", twice.1),
            "name each seed once; the same seed gives the same run",
        ));
    }
    let own = match shard {
        Some(shard) => {
            sweep::check_division(shard, seeds.len(), "seeds")?;
            seeds.get(shard.range(seeds.len())).unwrap_or_default()
        }
        None => seeds,
    };
    announce(&given.recipe, given.dev.is_some());
    let group = Group::of(seeds, own, place, given)?;
    let part = shard.map_or_else(String::new, |shard| format!(", part {shard} of {} runs", seeds.len()));
    let told = match own {
        [seed] => format!("1 run with the seed {seed}"),
        own => format!("{} runs with the seeds {}, one after the other,", own.len(), listed(own)),
    };
    output::note(format_args!("{told} in {}{part}", group.folder.display()));
    let seeds = group.own.clone();
    let mut outcomes = Vec::new();
    for (index, &seed) in seeds.iter().enumerate() {
        let folder = group.run_folder(seed);
        let say = |what: &str| {
            output::note(format_args!(
                "seed {seed} ({} of {}): {what} {}",
                index + 1,
                seeds.len(),
                folder.display()
            ));
        };
        let status = summarise(&folder).map(|run| run.status);
        let first = match status {
            Some(RunStatus::Completed) => {
                say("is complete in");
                outcomes.push(outcome(&folder)?);
                continue;
            }
            _ if RunFolder::find(&folder).is_ok() => {
                say("resuming");
                First::Resume
            }
            _ => {
                say("training in");
                First::WithSeed(seed)
            }
        };
        train(&group, seed, &folder, first).inspect_err(|_| group.forget(seed))?;
        let ended = outcome(&folder)?;
        let stopped = ended.ending == Ending::Stopped || interrupt::received() > 0;
        outcomes.push(ended);
        if stopped {
            output::note("stopped; the same command again resumes with the unfinished runs");
            break;
        }
    }
    group.report(&outcomes, json)
}

/// One run, by processes of its own.
fn train(group: &Group, seed: u64, folder: &Path, first: First) -> Result<(), CliError> {
    let layout = Layout::new(folder);
    if first == First::Resume {
        Lock::check(&layout)?;
    } else {
        create_folder(folder)?;
        RunFolder::check(folder)?;
        RunGroup { seed, ..group.mark.clone() }.write(&layout)?;
    }
    supervisor::supervise(folder, first)
}

impl Group {
    /// The group that this command has begun earlier, else a new one.
    fn of(seeds: &[u64], own: &[u64], place: Place<'_>, given: &Given) -> Result<Self, CliError> {
        let digest = digest(given);
        let new = |name: String| RunGroup { name, seeds: seeds.to_vec(), seed: 0, digest: digest.clone() };
        match place {
            Place::In(folder) => {
                RunFolder::check(folder)?;
                if let Some(other) = marks(folder).into_iter().find(|mark| mark.digest != digest) {
                    return Err(CliError::new(
                        format_args!(
                            "{} holds the runs of another {} ({})",
                            folder.display(),
                            sweep::another(given, other.seed, &Layout::new(folder.join(other.folder_name()))),
                            other.folder_name()
                        ),
                        "choose another --output-dir, or repeat the command those began with",
                    ));
                }
                if let Some(other) = marks(folder).into_iter().find(|mark| mark.seeds != seeds) {
                    return Err(CliError::new(
                        format_args!(
                            "{} holds the runs of the seeds {}, not of {}",
                            folder.display(),
                            listed(&other.seeds),
                            listed(seeds)
                        ),
                        "choose another --output-dir, or repeat the command those began with",
                    ));
                }
                let name = std::path::absolute(folder)
                    .map_err(|error| CliError::unreadable(folder, &error))?
                    .file_name()
                    .map_or_else(|| "runs".to_owned(), |name| name.to_string_lossy().into_owned());
                let made = if folder.exists() { Made::Nothing } else { Made::Group(folder.to_owned()) };
                create_folder(folder)?;
                Self::lock(folder, new(name), own, made)?.ok_or_else(|| {
                    CliError::new(
                        format_args!("another process is training the runs of {}", folder.display()),
                        "wait for it, or choose another --output-dir",
                    )
                })
            }
            Place::Named { runs, name } => {
                let same = |mark: &RunGroup| mark.digest == digest && mark.seeds == seeds;
                let mut begun: Vec<RunGroup> = marks(runs).into_iter().filter(same).collect();
                begun.sort_by(|a, b| b.name.cmp(&a.name));
                begun.dedup_by(|a, b| a.name == b.name);
                for mark in begun {
                    if is_named(&mark, name)
                        && !is_complete(runs, &mark)
                        && let Some(group) = Self::lock(runs, mark, own, Made::Nothing)?
                    {
                        return Ok(group);
                    }
                }
                let first = seeds.first().copied().unwrap_or_default();
                let tail = RunGroup::tail(first);
                let reserved = reserve_run(runs, name, &tail)?;
                let made = reserved.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
                let mark = new(made.strip_suffix(&tail).unwrap_or(&made).to_owned());
                let group = Self::lock(runs, mark, own, Made::Run { _reserved: reserved })?;
                group.ok_or_else(|| CliError::new("the new runs are locked", "start the command again"))
            }
        }
    }

    /// Takes these seeds of a group; `None` if another process has them.
    fn lock(folder: &Path, mark: RunGroup, own: &[u64], made: Made) -> Result<Option<Self>, CliError> {
        let seed = own.first().copied().unwrap_or_default();
        let first = folder.join(RunGroup { seed, ..mark.clone() }.folder_name());
        create_folder(&first)?;
        let lock = Lock::try_acquire(&Layout::new(&first).group_lock())?;
        Ok(lock.map(|lock| Self { folder: folder.to_owned(), mark, own: own.to_vec(), made, _lock: lock }))
    }

    fn run_folder(&self, seed: u64) -> PathBuf {
        self.folder.join(RunGroup { seed, ..self.mark.clone() }.folder_name())
    }

    /// Removes what was put into the folder of a run that has not begun. What cannot be removed stays.
    fn forget(&self, seed: u64) {
        let layout = Layout::new(self.run_folder(seed));
        if layout.marker().is_some() {
            output::note("the same command again resumes with the unfinished runs");
            return;
        }
        for file in [layout.group(), layout.lock()] {
            let _ = std::fs::remove_file(file);
        }
        let is_first = self.own.first() == Some(&seed);
        if is_first {
            let _ = std::fs::remove_file(layout.group_lock());
        }
        let _ = std::fs::remove_dir(layout.root());
        if let Made::Group(folder) = &self.made {
            let _ = std::fs::remove_dir(folder);
        }
    }

    /// Prints what came of the group.
    fn report(&self, outcomes: &[TrainOutcome], json: bool) -> Result<(), CliError> {
        report(&self.folder, &self.mark.name, outcomes, json)
    }
}

/// Prints the table of a group, and for programs what came of these runs.
pub(super) fn report(
    folder: &Path,
    name: &str,
    outcomes: &[TrainOutcome],
    json: bool,
) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Report<'a> {
        group: Option<&'a GroupScores>,
        runs: Vec<Trained<'a>>,
    }
    let scores = GroupScores::named(&list(folder)?, name);
    if json {
        let runs = outcomes.iter().map(Trained::from).collect();
        return output::json(&Report { group: scores.as_ref(), runs });
    }
    match scores {
        Some(scores) => output::print(&group_table::render(&scores, Paint::stdout())),
        None => Ok(()),
    }
}

/// `1, 2, 3`.
fn listed(seeds: &[u64]) -> String {
    seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

/// The marks of all runs in a folder, also of those that were killed before they were runs.
pub(super) fn marks(folder: &Path) -> Vec<RunGroup> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.flatten().filter_map(|entry| RunGroup::read(&Layout::new(entry.path()))).collect()
}

/// Whether the user gave a group this name: `<stamp>-<name>`, or with a number behind it.
fn is_named(mark: &RunGroup, name: &str) -> bool {
    let clean = spanbert_core::run::run_name(jiff::Timestamp::UNIX_EPOCH, name);
    let (Some((_, wanted)), Some((_, found))) = (clean.split_once('-'), mark.name.split_once('-')) else {
        return false;
    };
    found.strip_prefix(wanted).is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix('-').is_some_and(|count| count.parse::<u32>().is_ok())
    })
}

fn is_complete(folder: &Path, mark: &RunGroup) -> bool {
    mark.seeds.iter().all(|&seed| {
        let run = folder.join(RunGroup { seed, ..mark.clone() }.folder_name());
        summarise(&run).is_some_and(|run| run.status == RunStatus::Completed)
    })
}

/// What the runs have in common, so that a sweep that is started again finds its own.
pub(super) fn digest(given: &Given) -> String {
    let Given { model, train, dev, recipe, .. } = given;
    let recipe = Recipe { seed: 0, ..recipe.clone() }.to_toml();
    let paths = [Some(model), Some(train), dev.as_ref()];
    let paths = paths.map(|path| path.map_or_else(String::new, |path| absolute(path).display().to_string()));
    sha256_hex(format!("{recipe}\n{}", paths.join("\n")).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_known_by_the_name_the_user_gave_it() {
        let mark =
            |name: &str| RunGroup { name: name.into(), seeds: vec![1], seed: 1, digest: String::new() };
        let stamped = "20260301T120000Z-squad";
        assert!(is_named(&mark(stamped), "squad"));
        assert!(is_named(&mark(&format!("{stamped}-2")), "squad"));
        assert!(!is_named(&mark(&format!("{stamped}-large")), "squad"));
        assert!(is_named(&mark("20260301T120000Z-my-run"), "my run"));
        assert!(!is_named(&mark("mine"), "squad"));
    }

    #[test]
    fn the_digest_looks_at_all_but_the_seed() {
        let given = |recipe: Recipe, train: &str| Given {
            model: "m".into(),
            train: train.into(),
            dev: None,
            recipe,
            notes: Vec::new(),
        };
        let base = digest(&given(Recipe::default(), "t"));
        assert_eq!(digest(&given(Recipe { seed: 7, ..Recipe::default() }, "t")), base);
        assert_ne!(digest(&given(Recipe { doc_stride: 7, ..Recipe::default() }, "t")), base);
        assert_ne!(digest(&given(Recipe::default(), "u")), base);
    }
}

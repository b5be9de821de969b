//! The scores of runs that differ by their seed, their mean and their deviation.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Layout, RunGroup, RunStatus, RunSummary};
use crate::{json, score::Scores};

/// The scores that are averaged, in the order of a table.
const AVERAGED: [&str; 8] =
    ["exact", "f1", "best_exact", "best_f1", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1"];

/// A run of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupMember {
    /// Its seed.
    pub seed: u64,
    /// The run folder's name.
    pub name: String,
    /// The run folder.
    pub path: PathBuf,
    /// Where it stands.
    pub status: RunStatus,
    /// Updates before its best evaluation.
    pub step: Option<usize>,
    /// The scores of its best evaluation, whose weights are in `best/`.
    pub scores: Option<Scores>,
}

/// Mean and deviation of a score over the completed runs of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreSpread {
    /// The score's name, as in `results.json`.
    pub score: &'static str,
    /// Runs it is the mean of.
    pub runs: usize,
    /// Mean, in percent.
    pub mean: f64,
    /// Sample standard deviation (divided by one less than the number of runs), in percentage points; none for one run.
    pub deviation: Option<f64>,
}

/// A group of runs and what their scores come to. Only completed runs count: the best evaluation of one that is still
/// running is not yet its result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupScores {
    /// The group's name.
    pub name: String,
    /// The seeds that were asked for; of those without a member, training has not begun.
    pub seeds: Vec<u64>,
    /// Its runs in the order of the seeds.
    pub members: Vec<GroupMember>,
    /// The spread of each score that all completed runs have.
    pub spread: Vec<ScoreSpread>,
}

impl GroupScores {
    /// The groups among the runs of a listing, in the listing's order. Reads each member's best evaluation
    /// (`eval/step-<n>/results.json`).
    #[must_use]
    pub fn of(runs: &[RunSummary]) -> Vec<Self> {
        let mut names: Vec<&str> = Vec::new();
        for group in runs.iter().filter_map(|run| run.group.as_ref()) {
            if !names.contains(&group.name.as_str()) {
                names.push(&group.name);
            }
        }
        names.into_iter().filter_map(|name| Self::named(runs, name)).collect()
    }

    /// The group of this name, if there is one among the runs.
    #[must_use]
    pub fn named(runs: &[RunSummary], name: &str) -> Option<Self> {
        let marked = runs.iter().filter_map(|run| Some((run, run.group.as_ref()?)));
        let marked: Vec<(&RunSummary, &RunGroup)> = marked.filter(|(_, group)| group.name == name).collect();
        let mut seeds: Vec<u64> = Vec::new();
        // The mark written last may ask for more seeds than the first ones.
        for seed in marked.iter().flat_map(|(_, group)| &group.seeds) {
            if !seeds.contains(seed) {
                seeds.push(*seed);
            }
        }
        let place = |seed: u64| seeds.iter().position(|other| *other == seed).unwrap_or(usize::MAX);
        let mut members: Vec<GroupMember> =
            marked.iter().map(|(run, group)| member(run, group.seed)).collect();
        members.sort_by_key(|member| place(member.seed));
        if members.is_empty() {
            return None;
        }
        let completed: Vec<&Scores> = members
            .iter()
            .filter(|member| member.status == RunStatus::Completed)
            .filter_map(|member| member.scores.as_ref())
            .collect();
        let spread = AVERAGED.into_iter().filter_map(|score| {
            let values: Option<Vec<f64>> = completed.iter().map(|scores| scores.get(score)).collect();
            ScoreSpread::of(score, &values?)
        });
        Some(Self { name: name.to_owned(), spread: spread.collect(), seeds, members })
    }
}

impl ScoreSpread {
    /// Of these values; `None` if there are none.
    #[must_use]
    pub fn of(score: &'static str, values: &[f64]) -> Option<Self> {
        let runs = values.len();
        if runs == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / runs as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (runs > 1).then(|| (squares / (runs - 1) as f64).sqrt());
        Some(Self { score, runs, mean, deviation })
    }
}

fn member(run: &RunSummary, seed: u64) -> GroupMember {
    let step = run.state.as_ref().and_then(|state| state.best.as_ref()).map(|best| best.step);
    let scores = step.and_then(|step| evaluated(&Layout::new(&run.path), step));
    GroupMember { seed, name: run.name.clone(), path: run.path.clone(), status: run.status, step, scores }
}

/// What a group needs of `results.json`.
#[derive(Deserialize)]
struct Evaluated {
    run_squad: Scores,
}

fn evaluated(layout: &Layout, step: usize) -> Option<Scores> {
    let text = std::fs::read(layout.evaluation(step).join("results.json")).ok()?;
    json::parse::<Evaluated>(&text).ok().map(|results| results.run_squad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{BestScore, Outcome, RunState, list};

    #[test]
    fn spread_is_mean_and_sample_deviation() {
        let spread = ScoreSpread::of("f1", &[70.0, 72.0, 77.0]).unwrap();
        // Squares 9, 1, 16 around 73; divided by two.
        assert_eq!((spread.runs, spread.mean, spread.deviation), (3, 73.0, Some(13.0_f64.sqrt())));
        let single = ScoreSpread::of("f1", &[70.0]).unwrap();
        assert_eq!((single.mean, single.deviation), (70.0, None));
        assert_eq!(ScoreSpread::of("f1", &[]), None);
    }

    #[test]
    fn completed_runs_are_averaged_and_the_others_shown() {
        let folder = tempfile::tempdir().unwrap();
        let make = |group: &str, seed: u64, outcome: Option<Outcome>, f1: f64| {
            let mark = RunGroup { name: group.into(), seeds: vec![3, 1, 2], seed, digest: "d".into() };
            let layout = Layout::new(folder.path().join(mark.folder_name()));
            std::fs::create_dir_all(layout.evaluation(4)).unwrap();
            std::fs::write(layout.recipe(), "").unwrap();
            mark.write(&layout).unwrap();
            let best = Some(BestScore { metric: "f1".into(), value: f1, step: 4 });
            RunState { outcome, best, ..RunState::starting() }.write(&layout).unwrap();
            let scores = Scores { exact: f1 / 2.0, f1, total: 9, ..Scores::default() };
            let results = serde_json::json!({ "run_squad": scores, "official": scores });
            std::fs::write(layout.evaluation(4).join("results.json"), results.to_string()).unwrap();
        };
        make("one", 1, Some(Outcome::Completed), 60.0);
        make("one", 2, Some(Outcome::Stopped), 99.0);
        make("one", 3, Some(Outcome::Completed), 80.0);
        make("two", 3, None, 1.0);
        let runs = list(folder.path()).unwrap();
        let groups = GroupScores::of(&runs);
        assert_eq!(groups.len(), 2);
        let one = GroupScores::named(&runs, "one").unwrap();
        let seeds: Vec<_> = one.members.iter().map(|member| (member.seed, member.status)).collect();
        let (done, stopped) = (RunStatus::Completed, RunStatus::Stopped);
        assert_eq!(seeds, [(3, done), (1, done), (2, stopped)]);
        let spread: Vec<_> =
            one.spread.iter().map(|spread| (spread.score, spread.runs, spread.mean)).collect();
        assert_eq!(spread, [("exact", 2, 35.0), ("f1", 2, 70.0)]);
        assert_eq!(one.spread[1].deviation, Some(200.0_f64.sqrt()));
        let two = GroupScores::named(&runs, "two").unwrap();
        assert_eq!((two.spread.len(), two.seeds.len(), two.members.len()), (0, 3, 1));
        assert_eq!(GroupScores::named(&runs, "three"), None);
    }
}

//! The table of runs that differ by their seed.

use super::{
    runs::status,
    table::{Align, Paint, Table},
};
use spanbert_core::{
    run::{GroupMember, GroupScores, ScoreSpread},
    score::Scores,
};

/// The scores of the table and their headings; those that no run has are left out.
const COLUMNS: [(&str, &str); 8] = [
    ("exact", "exact"),
    ("f1", "F1"),
    ("best_exact", "best exact"),
    ("best_f1", "best F1"),
    ("HasAns_exact", "HasAns exact"),
    ("HasAns_f1", "HasAns F1"),
    ("NoAns_exact", "NoAns exact"),
    ("NoAns_f1", "NoAns F1"),
];

/// A row for each run, and below them mean and sample standard deviation of those that are complete.
pub(super) fn render(group: &GroupScores, paint: Paint) -> String {
    let has = |member: &GroupMember, score: &str| member.scores.as_ref().and_then(|scores| scores.get(score));
    let columns: Vec<(&str, &str)> = COLUMNS
        .into_iter()
        .filter(|(score, _)| group.members.iter().any(|member| has(member, score).is_some()))
        .collect();
    let mut headings = vec![("seed", Align::Right), ("status", Align::Left), ("best at", Align::Right)];
    headings.extend(columns.iter().map(|(_, heading)| (*heading, Align::Right)));
    headings.push(("run", Align::Left));
    let mut table = Table::new(&headings);
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
    let value = |scores: Option<&Scores>, score: &str| number(scores.and_then(|scores| scores.get(score)));
    for seed in &group.seeds {
        let Some(member) = group.members.iter().find(|member| member.seed == *seed) else {
            table.row([seed.to_string(), "not begun".to_owned()]);
            continue;
        };
        let mut row = vec![seed.to_string(), status(member.status).to_owned()];
        row.push(member.step.map_or_else(String::new, |step| step.to_string()));
        row.extend(columns.iter().map(|(score, _)| value(member.scores.as_ref(), score)));
        row.push(member.name.clone());
        table.row(row);
    }
    let runs = group.spread.first().map_or(0, |spread| spread.runs);
    let mut summary = |name: &str, pick: &dyn Fn(&ScoreSpread) -> Option<f64>| {
        let mut row = vec![name.to_owned(), String::new(), String::new()];
        let spread = |score: &str| group.spread.iter().find(|spread| spread.score == score);
        row.extend(columns.iter().map(|(score, _)| number(spread(score).and_then(pick))));
        table.row(row);
    };
    if runs > 0 {
        summary("mean", &|spread| Some(spread.mean));
    }
    if runs > 1 {
        summary("sd", &|spread| spread.deviation);
    }
    let mut out = format!("{}\n{}", paint.bold(&format!("group {}", group.name)), table.render(paint));
    let all = group.seeds.len();
    if runs < all && runs > 0 {
        let verb = if runs == 1 { "is" } else { "are" };
        out.push_str(&format!("{runs} of {all} runs {verb} complete; only those count for the mean\n"));
    }
    if runs > 1 {
        out.push_str("sd: sample standard deviation, in percentage points\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanbert_core::run::RunStatus;

    #[test]
    fn mean_and_deviation_stand_below_the_runs() {
        let member = |seed, status, f1: Option<f64>| GroupMember {
            seed,
            name: format!("g-seed{seed}"),
            path: "x".into(),
            status,
            step: f1.map(|_| 4),
            scores: f1.map(|f1| Scores { exact: 50.0, f1, total: 9, ..Scores::default() }),
        };
        let members = vec![
            member(1, RunStatus::Completed, Some(70.0)),
            member(2, RunStatus::Completed, Some(72.0)),
            member(3, RunStatus::Failed, None),
        ];
        let spread = vec![
            ScoreSpread::of("exact", &[50.0, 50.0]).unwrap(),
            ScoreSpread::of("f1", &[70.0, 72.0]).unwrap(),
        ];
        let group = GroupScores { name: "g".into(), seeds: vec![1, 2, 3, 4], members, spread };
        let text = render(&group, Paint::PLAIN);
        let expected = "\
group g
seed  status     best at  exact     F1  run
   1  completed        4  50.00  70.00  g-seed1
   2  completed        4  50.00  72.00  g-seed2
   3  failed                            g-seed3
   4  not begun
mean                      50.00  71.00
  sd                       0.00   1.41
2 of 4 runs are complete; only those count for the mean
sd: sample standard deviation, in percentage points
";
        assert_eq!(text, expected);
    }
}

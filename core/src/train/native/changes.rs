//! What differs between a run and the way it is to be resumed.

use super::{Difference, Recipe};
use crate::{hash::Fingerprint, run::Environment};

/// Every difference that would make the rest of the run another one, a phrase each.
#[must_use]
pub fn changes(before: (&Recipe, &Environment), now: (&Recipe, &Environment)) -> Vec<String> {
    let mut found = field_changes(before.0.differences(now.0), Recipe::MAY_CHANGE);
    let (before, now) = (before.1, now.1);
    found.extend(file_changes("the training data", before.train_data.as_slice(), now.train_data.as_slice()));
    found.extend(file_changes("the development data", before.dev_data.as_slice(), now.dev_data.as_slice()));
    found.extend(file_changes("the checkpoint", &before.checkpoint, &now.checkpoint));
    found.extend(file_changes("the teacher", &before.teacher, &now.teacher));
    found
}

/// A phrase for each difference that is not in one of the fields that may change.
pub(crate) fn field_changes(differences: Vec<Difference>, may_change: &[&str]) -> Vec<String> {
    let learnt = differences.into_iter().filter(|difference| !may_change.contains(&difference.field));
    learnt
        .map(|Difference { field, ours, theirs }| {
            let text = |value: Option<String>| value.unwrap_or_else(|| "unset".to_owned());
            format!("{field} was {} and is {}", text(ours), text(theirs))
        })
        .collect()
}

/// Paths may differ, for a run can move to another machine; contents may not.
pub(crate) fn file_changes(what: &str, before: &[Fingerprint], now: &[Fingerprint]) -> Option<String> {
    let digests = |files: &[Fingerprint]| files.iter().map(|file| file.sha256.clone()).collect::<Vec<_>>();
    if digests(before) == digests(now) {
        return None;
    }
    let changed = now.iter().find(|file| !before.iter().any(|other| other.sha256 == file.sha256));
    Some(match (changed, before.is_empty()) {
        (_, true) => format!("{what} was absent and is given"),
        (Some(file), _) => format!("{what} has changed ({} is not the file the run began with)", file.path),
        (None, _) => format!("{what} lacks files the run began with"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_with_both_values() {
        let (recipe, environment) = (Recipe::default(), Environment::of_this_process("cpu"));
        let data = |text: &str| Some(Fingerprint::of_bytes("train.json", text.as_bytes()));
        let before = Environment { train_data: data("a"), ..environment.clone() };
        let same = Environment {
            train_data: data("a").map(|file| Fingerprint { path: "elsewhere".into(), ..file }),
            ..environment.clone()
        };
        let free = Recipe { max_steps: Some(7), checkpoint_steps: Some(1), ..recipe.clone() };
        assert_eq!(changes((&recipe, &before), (&free, &same)), Vec::<String>::new());
        let other = Recipe { learning_rate: Some(2e-5), seed: 7, ..recipe.clone() };
        let after = Environment { train_data: data("b"), dev_data: data("c"), ..environment };
        let expected = [
            "seed was 42 and is 7",
            "learning_rate was unset and is 0.00002",
            "the training data has changed (train.json is not the file the run began with)",
            "the development data was absent and is given",
        ];
        assert_eq!(changes((&recipe, &before), (&other, &after)), expected);
    }
}

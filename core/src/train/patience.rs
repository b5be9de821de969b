//! Early stopping: how long the deciding score has not improved.

use serde::{Deserialize, Serialize};

/// The evaluations of a training, as far as early stopping looks at them: those that the schedule asks for. What somebody
/// asks for from another terminal must not end a training earlier or later. Kept in `progress.json`, so that a resumed
/// training ends where the uninterrupted one does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Patience {
    /// Best score of the training so far.
    pub best: Option<f64>,
    /// Evaluations in a row that did not beat it.
    pub without_improvement: usize,
}

impl Patience {
    /// Notes a score. As for `best/`, only a better one is an improvement.
    pub fn evaluated(&mut self, value: f64, lower_is_better: bool) {
        let beats = |best: f64| if lower_is_better { value < best } else { value > best };
        if self.best.is_none_or(beats) {
            *self = Self { best: Some(value), without_improvement: 0 };
        } else {
            self.without_improvement += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_better_score_is_an_improvement() {
        let mut patience = Patience::default();
        let waited: Vec<usize> = [10.0, 20.0, 20.0, 5.0, 20.5, 3.0]
            .into_iter()
            .map(|value| {
                patience.evaluated(value, false);
                patience.without_improvement
            })
            .collect();
        assert_eq!(waited, [0, 0, 1, 2, 0, 1]);
        assert_eq!(patience.best, Some(20.5));
        let text = serde_json::to_string(&patience).unwrap();
        assert_eq!(serde_json::from_str::<Patience>(&text).unwrap(), patience);
    }
}

//! Which questions the table shows.

use spanbert_core::breakdown::{Case, Change, OutcomeGroup, Query};

use super::live::Live;

/// A cell of the table of answerable and answered questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) has_answer: bool,
    pub(super) answered: bool,
}

/// What a question must be to be shown; all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filter {
    /// Words of question, answer or gold answers.
    pub(super) words: String,
    /// A query as typed; it counts once it can be understood.
    pub(super) query: String,
    pub(super) group: Option<OutcomeGroup>,
    pub(super) cell: Option<Cell>,
    /// Place of a slice among [`Live::slices`].
    pub(super) slice: Option<usize>,
    pub(super) change: Option<Change>,
}

impl Filter {
    /// Whether everything is shown.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Names of what is asked for, each with what remains without it.
    pub(super) fn parts(&self, live: &Live) -> Vec<(String, Self)> {
        let mut parts = Vec::new();
        let without = |change: fn(&mut Self)| {
            let mut rest = self.clone();
            change(&mut rest);
            rest
        };
        if let Some(slice) = self.slice.and_then(|place| live.slices.get(place)) {
            let name = format!("{}: {}", slice.dimension.name(), slice.label);
            parts.push((name, without(|rest| rest.slice = None)));
        }
        if let Some(group) = self.group {
            parts.push((group.name().to_owned(), without(|rest| rest.group = None)));
        }
        if let Some(cell) = self.cell {
            let has = if cell.has_answer { "answerable" } else { "unanswerable" };
            let answered = if cell.answered { "answered" } else { "not answered" };
            parts.push((format!("{has}, {answered}"), without(|rest| rest.cell = None)));
        }
        if let Some(change) = self.change {
            parts.push((change.name().to_owned(), without(|rest| rest.change = None)));
        }
        parts
    }

    /// Indices of the questions that fit, in the data set's order.
    pub(super) fn rows(&self, live: &Live) -> Vec<usize> {
        let words: Vec<String> = self.words.split_whitespace().map(str::to_lowercase).collect();
        let threshold = live.threshold;
        let queried = Query::parse(&self.query).ok().map(|query| query.members(&live.analysis, threshold));
        let slice = self.slice.and_then(|place| live.slices.get(place)).map(|slice| slice.members.as_slice());
        let changed = |index| live.comparison.as_ref().and_then(|compared| compared.found.change(index));
        let fits = |index: usize, case: &Case| {
            let cell = Cell { has_answer: case.has_answer(), answered: !case.abstains(threshold) };
            let within = |members: &[u32]| {
                u32::try_from(index).is_ok_and(|index| members.binary_search(&index).is_ok())
            };
            self.group.is_none_or(|group| group == case.outcome(threshold).group())
                && self.cell.is_none_or(|wanted| wanted == cell)
                && slice.is_none_or(within)
                && queried.as_deref().is_none_or(within)
                && (self.change.is_none() || self.change == changed(index))
                && has_words(case, &words)
        };
        live.analysis
            .cases
            .iter()
            .enumerate()
            .filter(|(index, case)| fits(*index, case))
            .map(|(index, _)| index)
            .collect()
    }
}

fn has_words(case: &Case, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let gold = case.gold_answers.iter().map(|answer| answer.text.as_str()).collect::<Vec<_>>().join(" ");
    let text = format!("{} {} {gold} {}", case.question, case.prediction, case.id).to_lowercase();
    words.iter().all(|word| text.contains(word))
}

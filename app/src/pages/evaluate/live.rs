//! Everything on the page that follows the threshold.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::Duration,
};

use egui::Context;
use spanbert_core::advice::Advice;
use spanbert_core::breakdown::{
    Analysis, AtThreshold, Case, Comparison, OutcomeCount, Query, QueryError, Slice, SliceScores,
};
use web_time::Instant;

use crate::background;

/// How long the threshold rests before intervals are computed: a bootstrap takes longer than a frame.
const REST: Duration = Duration::from_millis(200);

/// A slice of the user.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SavedQuery {
    pub(super) name: String,
    pub(super) query: Query,
}

/// The figures of a revision with their intervals.
type Intervals = (Vec<SliceScores>, Option<Comparison>);

/// An evaluation at the threshold in use.
pub(super) struct Live {
    pub(super) analysis: Arc<Analysis>,
    /// Above these null odds a question counts as unanswered; infinite without null odds.
    pub(super) threshold: f64,
    /// Changed with the threshold and the slices, so that a table knows.
    pub(super) revision: u64,
    pub(super) at: AtThreshold,
    pub(super) outcomes: Vec<OutcomeCount>,
    /// The slices found, then the user's.
    pub(super) slices: Vec<Slice>,
    /// Their scores, in the same order; intervals come later.
    pub(super) scores: Vec<SliceScores>,
    queries: Vec<SavedQuery>,
    changed: Instant,
    /// A bootstrap at work, and the revision it is for.
    running: Option<(u64, Receiver<Intervals>)>,
    has_intervals: bool,
    /// The other evaluation and what changed, if two are compared.
    pub(super) comparison: Option<Compared>,
}

/// Two evaluations, and how they differ.
pub(super) struct Compared {
    pub(super) other: Arc<Analysis>,
    pub(super) threshold: f64,
    pub(super) found: Comparison,
}

impl Compared {
    /// The same question of the other evaluation, by its place in this one.
    pub(super) fn case(&self, place: usize) -> Option<&Case> {
        self.other.cases.get(self.found.place_in_second(place)?)
    }
}

impl Live {
    pub(super) fn new(analysis: Arc<Analysis>, queries: Vec<SavedQuery>) -> Self {
        let threshold = analysis.default_threshold();
        let mut live = Self {
            at: analysis.at("", threshold),
            outcomes: Vec::new(),
            slices: Vec::new(),
            scores: Vec::new(),
            analysis,
            threshold,
            revision: 0,
            queries,
            changed: Instant::now(),
            running: None,
            has_intervals: false,
            comparison: None,
        };
        live.recompute();
        live
    }

    /// Decides anew which questions count as answered.
    pub(super) fn set_threshold(&mut self, threshold: f64) {
        if self.threshold.to_bits() != threshold.to_bits() && self.analysis.curve.is_some() {
            self.threshold = threshold;
            self.recompute();
        }
    }

    /// Adds a slice of the user.
    pub(super) fn add_query(&mut self, name: &str, query: &str) -> Result<(), QueryError> {
        let query = Query::parse(query)?;
        self.queries.retain(|saved| saved.name != name);
        self.queries.push(SavedQuery { name: name.to_owned(), query });
        self.recompute();
        Ok(())
    }

    /// Forgets a slice of the user.
    pub(super) fn remove_query(&mut self, name: &str) {
        self.queries.retain(|saved| saved.name != name);
        self.recompute();
    }

    /// The user's slices.
    pub(super) fn queries(&self) -> &[SavedQuery] {
        &self.queries
    }

    /// Compares with another evaluation, or no longer. Gives what is wrong with it.
    pub(super) fn compare_with(&mut self, other: Option<Arc<Analysis>>) -> Result<(), String> {
        self.comparison = None;
        if let Some(other) = other {
            let threshold = other.default_threshold();
            let first = (self.analysis.as_ref(), self.threshold);
            let found = Comparison::new(first, (other.as_ref(), threshold), &self.slices);
            let found = found.map_err(|error| error.in_one_line())?;
            self.comparison = Some(Compared { other, threshold, found });
        }
        self.touch();
        Ok(())
    }

    fn recompute(&mut self) {
        let (analysis, threshold) = (&self.analysis, self.threshold);
        self.at = analysis.at("", threshold);
        self.outcomes = analysis.outcome_counts(threshold);
        self.slices.truncate(analysis.slices.len());
        if self.slices.is_empty() {
            self.slices.clone_from(&analysis.slices);
        }
        let saved = self.queries.iter();
        self.slices.extend(saved.map(|saved| saved.query.slice(&saved.name, analysis, threshold)));
        self.scores = analysis.slice_scores(&self.slices, threshold);
        if let Some(compared) = &mut self.comparison {
            compared.found.move_first(analysis, threshold, &self.slices);
        }
        self.touch();
    }

    /// The figures are others now, and have no intervals yet.
    fn touch(&mut self) {
        self.has_intervals = false;
        self.changed = Instant::now();
        self.revision += 1;
    }

    /// Takes in intervals, or has them computed once the threshold rests. A frame never waits for them.
    pub(super) fn poll(&mut self, context: &Context) {
        if let Some((revision, receiver)) = &self.running {
            match receiver.try_recv() {
                Ok((scores, comparison)) if *revision == self.revision => {
                    self.scores = scores;
                    if let (Some(compared), Some(found)) = (&mut self.comparison, comparison) {
                        compared.found = found;
                    }
                    self.has_intervals = true;
                    self.running = None;
                }
                Ok(_) | Err(TryRecvError::Disconnected) => self.running = None,
                Err(TryRecvError::Empty) => return,
            }
        }
        if self.has_intervals {
            return;
        }
        let rested = self.changed.elapsed();
        if rested < REST {
            context.request_repaint_after(REST - rested);
            return;
        }
        let (analysis, slices, threshold) = (Arc::clone(&self.analysis), self.slices.clone(), self.threshold);
        let mut scores = self.scores.clone();
        let mut comparison = self.comparison.as_ref().map(|compared| compared.found.clone());
        let work = async move {
            // Slices of one dimension are drawn from together; frames may be drawn between dimensions.
            let of_dimension = |a: &Slice, b: &Slice| a.dimension == b.dimension;
            let mut left = scores.as_mut_slice();
            for part in slices.chunk_by(of_dimension) {
                let Some((rows, rest)) = left.split_at_mut_checked(part.len()) else { break };
                left = rest;
                analysis.add_intervals(rows, part, threshold);
                background::pause().await;
            }
            if let Some(comparison) = &mut comparison {
                comparison.add_intervals(&slices);
            }
            (scores, comparison)
        };
        if let Ok(receiver) = background::find_async(context, "intervals", work) {
            self.running = Some((self.revision, receiver));
        } else {
            self.has_intervals = true;
        }
    }
}

//! Why an evaluation scores what it scores.
//!
//! [`Analysis`] holds every question with its answer ([`Case`]), what it is like ([`Traits`]) and the groups it belongs to
//! ([`Slice`]); it is made once from a data set and any system's answers in the official format ([`Answers`]). A
//! [`Report`] sums it up at a threshold, [`Comparison`] sets two of them side by side, and [`Query`] finds questions by
//! what is known about them.
//!
//! A group's difference to the rest, and what changed in a group between two systems, is called significant where a bootstrap's
//! 95 % interval excludes 0. A bootstrap knows only the values it draws from: of one question, or of questions that all
//! score the same, it has no width. So the difference has an interval, and can be significant, only where both sides hold at
//! least [`statistics::FEWEST`] questions that do not all score the same. F1 itself always has an interval: elsewhere it is
//! Wilson's, as if the mean F1 were a rate, which no score between 0 and 1 of this mean can spread wider than.

mod analysis;
mod answers;
mod bounded;
mod case;
mod compare;
mod curves;
mod error;
mod figure;
mod html;
mod outcome;
mod query;
mod report;
mod slice_draws;
mod slice_scores;
mod slices;
pub mod statistics;
mod traits;

pub use analysis::Analysis;
pub use answers::{Answers, Missing, NbestAnswer, NbestLists};
pub use bounded::{Bounded, Group, bounded};
pub use case::{Case, Known};
pub use compare::{Change, Comparison, Sides, SliceDifference};
pub use curves::{CoverageAt, Reliability, ReliabilityBin, RiskCoverage};
pub use error::BreakdownError;
pub use figure::{Axis, COLORS, Figure, Line};
pub use html::html;
pub use outcome::{Outcome, OutcomeGroup};
pub use query::{FIELDS, Field, Kind, Query, QueryError};
pub use report::{AtThreshold, Confusion, OracleScore, OutcomeCount, Plausible, Report, Unreachable};
pub use slice_scores::{Intervals, SliceScores};
pub use slices::{Dimension, Slice};
pub use statistics::{Interval, McNemar};
pub use traits::{NEGATIONS, Presence, STOP_WORDS, Traits};

#[cfg(test)]
mod tests;

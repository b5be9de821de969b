//! The curves of trainings as charts, and their evaluations in a table.

pub(crate) mod chart;
pub(crate) mod charts;
pub(crate) mod evaluations;
pub(crate) mod series;

//! What is wrong with a query.

use crate::advice::Advice;

/// A query that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at column {column} of the query")]
pub struct QueryError {
    /// What is wrong.
    pub message: String,
    /// Where, in characters from 1.
    pub column: usize,
    /// What to write instead.
    pub remedy: String,
}

impl Advice for QueryError {
    fn remedy(&self) -> String {
        self.remedy.clone()
    }
}

impl QueryError {
    pub(super) fn new(query: &str, at: usize, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let column = query.get(..at).unwrap_or(query).chars().count() + 1;
        Self { message: message.into(), column, remedy: remedy.into() }
    }
}

//! Queries for questions: `question_word = "why" and f1 < 0.5 and context_words > 200`.
//!
//! ```text
//! query      = all { "or" all }
//! all        = one { "and" one }
//! one        = "not" one | "(" query ")" | comparison
//! comparison = field                                 a flag, such as negation
//!            | field ( = | != | < | <= | > | >= ) value
//!            | field "in" "(" value { "," value } ")"
//!            | field "contains" text                 part of a text, whatever the case
//! value      = number | "text" | true | false | none
//! ```
//!
//! Texts are compared whatever the case. A field without a value (the length of an answer that does not exist) equals
//! only `none`, and no other comparison holds for it.

mod error;
mod evaluate;
mod fields;
mod parse;
mod token;

pub use error::QueryError;
pub use fields::{FIELDS, Field, Kind};

use super::{Analysis, Case, Dimension, Slice};

/// A query that has been understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    text: String,
    root: Node,
}

/// A part of a query.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Or(Vec<Node>),
    And(Vec<Node>),
    Not(Box<Node>),
    Compare(&'static Field, Comparison),
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
enum Comparison {
    /// The flag is set.
    Set,
    /// Equal to one of these.
    OneOf(Vec<Literal>),
    /// Different from this.
    Not(Literal),
    /// Numbers.
    Order(Order, f64),
    /// A part of the text, in lower case.
    Contains(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A value in a query.
#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Number(f64),
    /// In lower case.
    Text(String),
    Flag(bool),
    None,
}

impl Query {
    /// Understands a query.
    ///
    /// # Errors
    /// With the column and, for a misspelt field, the nearest one.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { text: text.trim().to_owned(), root: parse::parse(text)? })
    }

    /// The query as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Indices of the questions it holds for at a threshold, rising.
    #[must_use]
    pub fn members(&self, analysis: &Analysis, threshold: f64) -> Vec<u32> {
        let holds = |case: &Case| evaluate::holds(&self.root, case, analysis, threshold);
        (0_u32..).zip(&analysis.cases).filter(|(_, case)| holds(case)).map(|(index, _)| index).collect()
    }

    /// Those questions as a slice of this name.
    #[must_use]
    pub fn slice(&self, label: &str, analysis: &Analysis, threshold: f64) -> Slice {
        Slice {
            dimension: Dimension::Query,
            label: label.to_owned(),
            query: Some(self.text.clone()),
            members: self.members(analysis, threshold),
        }
    }
}

impl std::str::FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests;

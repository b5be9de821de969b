//! Whether a query holds for a question.

use super::{Comparison, Literal, Node, Order, fields::Value};
use crate::breakdown::{Analysis, Case};

pub(super) fn holds(node: &Node, case: &Case, analysis: &Analysis, threshold: f64) -> bool {
    match node {
        Node::Or(nodes) => nodes.iter().any(|node| holds(node, case, analysis, threshold)),
        Node::And(nodes) => nodes.iter().all(|node| holds(node, case, analysis, threshold)),
        Node::Not(node) => !holds(node, case, analysis, threshold),
        Node::Compare(field, comparison) => compare(&(field.get)(case, analysis, threshold), comparison),
    }
}

fn compare(value: &Value<'_>, comparison: &Comparison) -> bool {
    match (comparison, value) {
        (Comparison::Set, value) => *value == Value::Flag(true),
        (Comparison::OneOf(literals), value) => literals.iter().any(|literal| equals(value, literal)),
        // Without a value no comparison holds but that with `none`.
        (Comparison::Not(_), Value::None) => false,
        (Comparison::Not(literal), value) => !equals(value, literal),
        (Comparison::Order(order, than), Value::Number(number)) => match order {
            Order::Less => number < than,
            Order::AtMost => number <= than,
            Order::More => number > than,
            Order::AtLeast => number >= than,
        },
        (Comparison::Contains(part), Value::Text(text)) => text.to_lowercase().contains(part),
        (Comparison::Contains(part), Value::Texts(texts)) => {
            texts.iter().any(|text| text.to_lowercase().contains(part))
        }
        _ => false,
    }
}

fn equals(value: &Value<'_>, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::Number(number), Literal::Number(other)) => number == other,
        (Value::Text(text), Literal::Text(other)) => text.to_lowercase() == *other,
        (Value::Texts(texts), Literal::Text(other)) => texts.iter().any(|text| text.to_lowercase() == *other),
        (Value::Texts(texts), Literal::None) => texts.is_empty(),
        (Value::Flag(flag), Literal::Flag(other)) => flag == other,
        (Value::None, Literal::None) => true,
        _ => false,
    }
}

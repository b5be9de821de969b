//! From tokens to a query, with a word on what is wrong and where.

use super::{
    Comparison, FIELDS, Field, Kind, Literal, Node, Order, QueryError,
    token::{Token, tokens},
};

/// Nested deeper, a query is a mistake; the parser calls itself for each level.
const DEEPEST: usize = 64;

struct Parser<'a> {
    query: &'a str,
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

pub(super) fn parse(query: &str) -> Result<Node, QueryError> {
    let mut parser = Parser { query, tokens: tokens(query)?, next: 0, depth: 0 };
    if parser.tokens.is_empty() {
        return Err(parser.error("the query is empty", "compare a field with a value, as in f1 < 0.5"));
    }
    let node = parser.any()?;
    match parser.peek() {
        None => Ok(node),
        Some(token) => {
            let message = format!("\"{token}\" does not belong here");
            Err(parser.error(message, "join comparisons with `and` or `or`"))
        }
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += usize::from(token.is_some());
        token
    }

    /// Whether the next token is this word or sign; takes it.
    fn takes(&mut self, wanted: &str) -> bool {
        let found = match self.peek() {
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(wanted),
            Some(Token::Sign(sign)) => *sign == wanted,
            _ => false,
        };
        self.next += usize::from(found);
        found
    }

    /// An error at the next token.
    fn error(&self, message: impl Into<String>, remedy: impl Into<String>) -> QueryError {
        let at = self.tokens.get(self.next).map_or(self.query.len(), |(at, _)| *at);
        QueryError::new(self.query, at, message, remedy)
    }

    fn any(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.all()?];
        while self.takes("or") {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Or))
    }

    fn all(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.one()?];
        while self.takes("and") {
            nodes.push(self.one()?);
        }
        Ok(one_or(nodes, Node::And))
    }

    fn one(&mut self) -> Result<Node, QueryError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("the query is nested too deeply", "write it with fewer parentheses"));
        }
        let node = if self.takes("not") {
            Node::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let node = self.any()?;
            if !self.takes(")") {
                return Err(self.error("a parenthesis is not closed", "add `)`"));
            }
            node
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, QueryError> {
        let name = match self.peek() {
            Some(Token::Word(name)) => name.clone(),
            Some(token) => {
                let message = format!("\"{token}\" stands where a field is expected");
                return Err(self.error(message, "write a field first, as in f1 < 0.5"));
            }
            None => return Err(self.error("the query ends too early", "add a comparison, as in f1 < 0.5")),
        };
        let Some(field) = FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(&name)) else {
            return Err(self.error(format!("there is no field \"{name}\""), suggestion(&name)));
        };
        self.next += 1;
        for sign in ["=", "!=", "<", "<=", ">", ">="] {
            if self.takes(sign) {
                return self.compared(field, sign);
            }
        }
        if self.takes("in") {
            return self.listed(field);
        }
        if self.takes("contains") {
            if field.kind != Kind::Text {
                self.next -= 1;
                let message = format!("{} is not a text", field.name);
                return Err(
                    self.error(message, format!("compare it, as in {}", field.kind.example(field.name)))
                );
            }
            return match self.take() {
                Some(Token::Text(text)) => {
                    Ok(Node::Compare(field, Comparison::Contains(text.to_lowercase())))
                }
                _ => {
                    self.next = self.next.saturating_sub(1);
                    Err(self.error("a text is missing after `contains`", "write it in quotes"))
                }
            };
        }
        if field.kind == Kind::Flag {
            return Ok(Node::Compare(field, Comparison::Set));
        }
        let example = field.kind.example(field.name);
        Err(self.error(format!("{} is compared with nothing", field.name), format!("write {example}")))
    }

    fn compared(&mut self, field: &'static Field, sign: &str) -> Result<Node, QueryError> {
        let order = match sign {
            "<" => Some(Order::Less),
            "<=" => Some(Order::AtMost),
            ">" => Some(Order::More),
            ">=" => Some(Order::AtLeast),
            _ => None,
        };
        if order.is_some() && field.kind != Kind::Number {
            self.next -= 1;
            let message = format!("{} is not a number, so nothing is {sign}", field.name);
            return Err(self.error(message, format!("write {}", field.kind.example(field.name))));
        }
        let value = self.value(field)?;
        let comparison = match (order, value) {
            (Some(order), Literal::Number(value)) => Comparison::Order(order, value),
            (Some(_), _) => {
                self.next -= 1;
                return Err(self.error(format!("{sign} needs a number"), "write one such as 0.5"));
            }
            (None, value) if sign == "!=" => Comparison::Not(value),
            (None, value) => Comparison::OneOf(vec![value]),
        };
        Ok(Node::Compare(field, comparison))
    }

    fn listed(&mut self, field: &'static Field) -> Result<Node, QueryError> {
        if !self.takes("(") {
            return Err(self.error("a list is missing after `in`", "write it as (\"who\", \"what\")"));
        }
        let mut values = vec![self.value(field)?];
        while self.takes(",") {
            values.push(self.value(field)?);
        }
        if !self.takes(")") {
            return Err(self.error("the list is not closed", "add `)`"));
        }
        Ok(Node::Compare(field, Comparison::OneOf(values)))
    }

    /// A value that fits the field.
    fn value(&mut self, field: &Field) -> Result<Literal, QueryError> {
        let value = match self.peek() {
            Some(Token::Number(number)) => Literal::Number(*number),
            Some(Token::Text(text)) => Literal::Text(text.to_lowercase()),
            Some(Token::Word(word)) => match word.to_ascii_lowercase().as_str() {
                "true" | "yes" => Literal::Flag(true),
                "false" | "no" => Literal::Flag(false),
                "none" => Literal::None,
                _ => {
                    let remedy = format!("write texts in quotes: \"{word}\"");
                    return Err(self.error(format!("{word} is not a value"), remedy));
                }
            },
            Some(Token::Sign(sign)) => {
                return Err(
                    self.error(format!("\"{sign}\" stands where a value is expected"), "write a value")
                );
            }
            None => return Err(self.error("a value is missing", "write a number, or a text in quotes")),
        };
        let fits = match (&value, field.kind) {
            (Literal::None, _) | (Literal::Number(_), Kind::Number) | (Literal::Flag(_), Kind::Flag) => true,
            (Literal::Text(text), Kind::Text) => {
                if let Some(allowed) = field.values
                    && !allowed.contains(&text.as_str())
                {
                    let remedy = format!("write one of {}", allowed.join(", "));
                    return Err(self.error(format!("{} is never \"{text}\"", field.name), remedy));
                }
                true
            }
            _ => false,
        };
        if !fits {
            let message = format!("{} is {}", field.name, field.kind.described());
            return Err(self.error(message, format!("write {}", field.kind.example(field.name))));
        }
        self.next += 1;
        Ok(value)
    }
}

/// The only node, or all of them joined.
fn one_or(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(node) if nodes.is_empty() => node,
        Some(node) => {
            nodes.push(node);
            join(nodes)
        }
        None => join(nodes),
    }
}

/// The field that was probably meant.
fn suggestion(name: &str) -> String {
    let name = name.to_lowercase();
    let nearest = FIELDS.iter().map(|field| (distance(field.name, &name), field.name)).min();
    match nearest {
        Some((distance, field)) if distance <= 1 + name.chars().count() / 3 => {
            format!("write {field}, if you meant that")
        }
        _ => {
            format!("write one of {}", FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            left = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

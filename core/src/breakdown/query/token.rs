//! A query cut into tokens.

use super::QueryError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A field or one of the words of the language.
    Word(String),
    Number(f64),
    Text(String),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `(`, `)` or `,`.
    Sign(&'static str),
}

impl std::fmt::Display for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => formatter.write_str(word),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Text(text) => write!(formatter, "\"{text}\""),
            Self::Sign(sign) => formatter.write_str(sign),
        }
    }
}

/// Longer signs first: `<=` is not `<`.
const SIGNS: [(&str, &str); 12] = [
    ("==", "="),
    ("!=", "!="),
    ("<>", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    ("≠", "!="),
];

/// The tokens with their place in bytes.
pub(super) fn tokens(query: &str) -> Result<Vec<(usize, Token)>, QueryError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = query.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(first) = rest.chars().next() else { break };
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if let Some((written, sign)) = SIGNS.iter().find(|(written, _)| rest.starts_with(written)) {
            tokens.push((at, Token::Sign(sign)));
            at += written.len();
        } else if first == '"' || first == '\'' {
            let (text, length) = quoted(query, at, first)?;
            tokens.push((at, Token::Text(text)));
            at += length;
        } else if first.is_alphabetic() || first == '_' {
            let end =
                rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
            tokens.push((at, Token::Word(rest.get(..end).unwrap_or_default().to_owned())));
            at += end;
        } else if first.is_ascii_digit() || matches!(first, '-' | '+' | '.') {
            let number = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '+' | '.');
            let end = rest.find(|letter| !number(letter)).unwrap_or(rest.len());
            let text = rest.get(..end).unwrap_or_default();
            let value = text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| {
                QueryError::new(
                    query,
                    at,
                    format!("\"{text}\" is not a number"),
                    "write one such as 0.5 or 200",
                )
            })?;
            tokens.push((at, Token::Number(value)));
            at += end;
        } else {
            return Err(QueryError::new(
                query,
                at,
                format!("\"{first}\" means nothing here"),
                "compare a field with a value, as in f1 < 0.5",
            ));
        }
    }
    Ok(tokens)
}

/// A text in quotes; a backslash takes the next character as it is.
fn quoted(query: &str, at: usize, quote: char) -> Result<(String, usize), QueryError> {
    let rest = query.get(at + 1..).unwrap_or_default();
    let mut text = String::new();
    let mut letters = rest.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\\' => text.extend(letters.next().map(|(_, letter)| letter)),
            letter if letter == quote => return Ok((text, 1 + place + letter.len_utf8())),
            letter => text.push(letter),
        }
    }
    Err(QueryError::new(query, at, "the text has no end", format!("close it with {quote}")))
}

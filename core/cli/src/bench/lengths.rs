//! `--length 128,384,squad`.

use std::{fmt, str::FromStr};

/// How long the windows of a measurement are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowLength {
    /// All alike.
    Fixed(usize),
    /// As in a data set.
    Squad,
}

impl fmt::Display for WindowLength {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) => length.fmt(formatter),
            Self::Squad => formatter.write_str("squad"),
        }
    }
}

impl FromStr for WindowLength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "squad" => Ok(Self::Squad),
            number => match number.parse() {
                Ok(length) if length > 0 => Ok(Self::Fixed(length)),
                _ => Err(format!("{text:?} is neither a number of word pieces nor \"squad\"")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_squad_are_read() {
        for (text, length) in [("384", WindowLength::Fixed(384)), (" squad", WindowLength::Squad)] {
            assert_eq!(text.parse(), Ok(length));
            assert_eq!(length.to_string(), text.trim());
        }
        for bad in ["0", "-1", "", "SQUAD", "38.4"] {
            assert!(bad.parse::<WindowLength>().unwrap_err().contains("neither"), "{bad}");
        }
    }
}

//! `auto` or a number of windows.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How many windows of a training batch are computed at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MicroBatchSize {
    /// As many as the device's memory allows.
    #[default]
    Auto,
    /// At most this many; fewer if the device fails with them.
    Windows(usize),
}

impl MicroBatchSize {
    /// The number, if there is one.
    #[must_use]
    pub fn windows(self) -> Option<usize> {
        match self {
            Self::Auto => None,
            Self::Windows(count) => Some(count),
        }
    }
}

impl fmt::Display for MicroBatchSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Windows(count) => write!(formatter, "{count}"),
        }
    }
}

impl FromStr for MicroBatchSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(count) if count > 0 => Ok(Self::Windows(count)),
                _ => Err(format!("{text:?} is neither \"auto\" nor a number of windows from 1")),
            },
        }
    }
}

impl Serialize for MicroBatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Windows(count) => serializer.serialize_u64(*count as u64),
        }
    }
}

impl<'de> Deserialize<'de> for MicroBatchSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = MicroBatchSize;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"auto\" or a number of windows from 1")
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Self::Value, E> {
                match usize::try_from(count) {
                    Ok(count) if count > 0 => Ok(MicroBatchSize::Windows(count)),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(count), &self)),
                }
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Self::Value, E> {
                match u64::try_from(count) {
                    Ok(count) => self.visit_u64(count),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Signed(count), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Recipe;

    #[test]
    fn both_forms_are_read_from_toml_and_from_flags() {
        for (toml, text, size) in
            [("\"auto\"", "auto", MicroBatchSize::Auto), ("8", "8", MicroBatchSize::Windows(8))]
        {
            let recipe = Recipe::from_toml(&format!("micro_batch = {toml}"), "r.toml").unwrap();
            assert_eq!(recipe.micro_batch, size);
            assert_eq!(text.parse(), Ok(size));
            assert!(recipe.to_toml().contains(&format!("micro_batch = {toml}\n")));
        }
        for bad in ["0", "-1", "\"few\"", "1.5"] {
            let error = Recipe::from_toml(&format!("micro_batch = {bad}"), "r.toml").unwrap_err().to_string();
            assert!(error.contains("line 1"), "{error}");
        }
        assert!("0".parse::<MicroBatchSize>().is_err());
    }
}

//! Floats in JSON that may be infinite: JSON has no number for them, so they are written as the texts `"Infinity"` and
//! `"-Infinity"`, the words that Python and JavaScript parse.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A float that may be infinite.
#[derive(Clone, Copy)]
pub(super) struct JsonFloat(pub(super) f64);

impl Serialize for JsonFloat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            f64::INFINITY => serializer.serialize_str("Infinity"),
            f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            value => serializer.serialize_f64(value),
        }
    }
}

impl<'de> Deserialize<'de> for JsonFloat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(f64),
            Word(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(value) => Ok(Self(value)),
            Either::Word(word) if word == "Infinity" => Ok(Self(f64::INFINITY)),
            Either::Word(word) if word == "-Infinity" => Ok(Self(f64::NEG_INFINITY)),
            Either::Word(word) => Err(serde::de::Error::custom(format_args!("{word:?} is not a number"))),
        }
    }
}

/// For `#[serde(with)]` on a float.
pub(super) mod plain {
    use super::{Deserialize, Deserializer, JsonFloat, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        JsonFloat(*value).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        JsonFloat::deserialize(deserializer).map(|value| value.0)
    }
}

/// For `#[serde(with)]` on a float that may be absent.
pub(super) mod optional {
    use super::{Deserialize, Deserializer, JsonFloat, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Option<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(JsonFloat).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        Option::<JsonFloat>::deserialize(deserializer).map(|value| value.map(|value| value.0))
    }
}

#[cfg(test)]
mod tests {
    use super::JsonFloat;

    #[test]
    fn infinite_values_survive() {
        for (value, text) in
            [(1.5, "1.5"), (f64::INFINITY, "\"Infinity\""), (f64::NEG_INFINITY, "\"-Infinity\"")]
        {
            assert_eq!(serde_json::to_string(&JsonFloat(value)).unwrap(), text);
            assert_eq!(serde_json::from_str::<JsonFloat>(text).unwrap().0, value);
        }
        assert!(serde_json::from_str::<JsonFloat>("\"many\"").is_err());
    }
}

//! JSON of a size we can bear: every reader of a JSON file that is not read into plain structs goes through here.

use serde::de::{DeserializeOwned, Error};

/// Most values in a file. A tree takes a hundred bytes for a value that is two bytes of text, so that without a bound a
/// file of some megabytes asks for gigabytes. The largest honest file, SQuAD 2.0's training set, counts 1.6 million.
const MAX_VALUES: usize = 1 << 22;

/// Parses a file's text, which may start with a byte order mark; nesting is bounded by serde_json.
///
/// # Errors
/// If it is not JSON, not what is expected, or holds more values than any file of ours.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if count_values(text) > MAX_VALUES {
        return Err(serde_json::Error::custom(format_args!(
            "more than {MAX_VALUES} values; no file of this kind has so many"
        )));
    }
    serde_json::from_slice(text)
}

/// What is wrong with a JSON text, in JSON's words instead of Rust's.
pub fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = match text.find("expected struct ") {
        Some(start) => {
            let end = text.rfind(" at line ").unwrap_or(text.len());
            format!(
                "{}expected an object{}",
                text.get(..start).unwrap_or_default(),
                text.get(end..).unwrap_or_default()
            )
        }
        None => text,
    };
    [
        ("expected usize", "expected a whole number from 0"),
        ("expected u64", "expected a whole number from 0"),
        ("expected f64", "expected a number"),
        ("expected f32", "expected a number"),
    ]
    .iter()
    .fold(text, |text, (rust, plain)| text.replace(rust, plain))
}

/// At least the number of values in a JSON text: each but the outermost follows one of three characters.
fn count_values(text: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (1, false, false);
    for &byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b':' | b'[' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn values_are_counted_outside_strings() {
        for (text, expected) in
            [("1", 1), ("[1, 2]", 3), (r#"{"a,\",b": "[,:"}"#, 2), (r#"{"a": [], "b": 1}"#, 5)]
        {
            assert_eq!(count_values(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn types_are_named_as_json_has_them() {
        #[derive(Debug, serde::Deserialize)]
        struct Sizes {
            #[allow(dead_code, reason = "read by serde")]
            layers: usize,
        }
        for (text, expected) in [
            (
                r#"{"layers": 1.5}"#,
                "invalid type: floating point `1.5`, expected a whole number from 0 at line 1",
            ),
            ("[]", "invalid length 0, expected an object at line 1"),
            ("3", "invalid type: integer `3`, expected an object at line 1"),
        ] {
            let found = said(&parse::<Sizes>(text.as_bytes()).unwrap_err());
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn too_many_values_are_refused_before_they_are_read() {
        let text = format!("[{}0]", "0,".repeat(MAX_VALUES));
        let error = parse::<Value>(text.as_bytes()).unwrap_err();
        assert!(error.is_data() && error.to_string().contains("more than 4194304 values"), "{error}");
        assert_eq!(parse::<Value>(b"\xef\xbb\xbf[]").unwrap(), Value::Array(Vec::new()));
    }
}

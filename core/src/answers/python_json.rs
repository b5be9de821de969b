//! JSON and numbers as Python writes them, so that our files can be compared with the reference's byte by byte.

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};

/// A value as `json.dumps(value, indent=4)` writes it (ASCII with `\u` escapes), with a line feed at the end.
///
/// # Errors
/// If the value cannot be JSON (a map whose keys are not strings).
pub fn to_python_json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let formatter = PythonFormatter(PrettyFormatter::with_indent(b"    "));
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    bytes.push(b'\n');
    // Only ASCII was written.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A float as Python's `repr` writes it: the shortest digits that parse back to it, `1e-05`, `2.0`, `1e+16`.
#[must_use]
pub fn python_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        if plain.contains('.') { plain } else { plain + ".0" }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{:02}", exponent.abs())
    }
}

/// Layout by serde's own pretty printer; numbers and characters as Python has them.
struct PythonFormatter<'a>(PrettyFormatter<'a>);

macro_rules! layout {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $argument: $kind)*) -> io::Result<()> {
            self.0.$name(writer $(, $argument)*)
        })*
    };
}

impl Formatter for PythonFormatter<'_> {
    layout! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
        write_char_escape(escape: CharEscape);
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(python_float(value).as_bytes())
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(value))
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0u16; 2];
        for character in fragment.chars() {
            if (' '..='~').contains(&character) {
                writer.write_all(&[character as u8])?;
            } else {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_like_pythons() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (2.0, "2.0"),
            (2e-5, "2e-05"),
            (1e-4, "0.0001"),
            (1.5e-7, "1.5e-07"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1.25e100, "1.25e+100"),
            (5e-324, "5e-324"),
            (83.348_123_456_789_01, "83.34812345678901"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(python_float(value), expected);
        }
    }

    #[test]
    fn json_is_laid_out_and_escaped_like_pythons() {
        let value = serde_json::json!({"a": "é\"😀\u{7f}\n", "b": [1, 2.0], "c": {}, "d": [], "e": 1e-5});
        let expected = "{\n    \"a\": \"\\u00e9\\\"\\ud83d\\ude00\\u007f\\n\",\n    \"b\": [\n        1,\n        2.0\n    ],\n    \"c\": {},\n    \"d\": [],\n    \"e\": 1e-05\n}\n";
        assert_eq!(to_python_json(&value).unwrap(), expected);
    }
}

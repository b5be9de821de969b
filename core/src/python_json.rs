//! JSON and numbers as Python writes them, so that our files can be compared with the reference's byte by byte.

use std::{fmt, io};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};

/// A value as `json.dumps(value, indent=4)` writes it (ASCII with `\u` escapes), with a line feed at the end.
///
/// # Errors
/// If the value cannot be JSON (a map whose keys are not strings).
pub(crate) fn to_python_json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let formatter = PythonFormatter(PrettyFormatter::with_indent(b"    "));
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(<serde_json::Error as serde::ser::Error>::custom)
}

/// [`to_python_json`] of an object, its entries in parts of the same object that are written at the same time.
///
/// # Errors
/// As [`to_python_json`].
pub(crate) fn object_to_python_json<T: Serialize + Send>(
    parts: impl IndexedParallelIterator<Item = T>,
) -> serde_json::Result<String> {
    let parts: Vec<String> = parts.map(|part| to_python_json(&part)).collect::<Result<_, _>>()?;
    let mut object = String::with_capacity(parts.iter().map(String::len).sum::<usize>() + 4);
    for part in &parts {
        // `{`, the entries with line feeds around, `}` and a line feed; an object without entries has no line feed inside.
        let Some(entries) = part.strip_prefix("{\n").and_then(|part| part.strip_suffix("\n}\n")) else {
            continue;
        };
        object.push_str(if object.is_empty() { "{\n" } else { ",\n" });
        object.push_str(entries);
    }
    object.push_str(if object.is_empty() { "{}\n" } else { "\n}\n" });
    Ok(object)
}

/// A float as Python's `repr` writes it: the shortest digits that parse back to it, `1e-05`, `2.0`, `1e+16`.
#[must_use]
pub(crate) fn python_float(value: f64) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_python_float(&mut text, value);
    text
}

fn write_python_float(out: &mut impl fmt::Write, value: f64) -> fmt::Result {
    if value.is_nan() {
        return out.write_str("nan");
    }
    if value.is_infinite() {
        return out.write_str(if value > 0.0 { "inf" } else { "-inf" });
    }
    // The shortest digits lie on the same side of these bounds as the value.
    if value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
        // As Display, but with `.0` after a whole number.
        return write!(out, "{value:?}");
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(out, "{mantissa}e{sign}{:02}", exponent.abs())
}

/// Text for a writer of bytes.
struct Text<'a, W: ?Sized>(&'a mut W);

impl<W: ?Sized + io::Write> fmt::Write for Text<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error)
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
        write_python_float(&mut Text(writer), value).map_err(io::Error::other)
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(value))
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_escaped(writer, fragment, |character| (' '..='~').contains(&character))
    }
}

/// Writes text with `\u` escapes for all characters but those that are `plain`.
pub(crate) fn write_escaped<W: ?Sized + io::Write>(
    writer: &mut W,
    text: &str,
    plain: impl Fn(char) -> bool,
) -> io::Result<()> {
    let mut units = [0_u16; 2];
    let mut written = 0;
    for (at, character) in text.char_indices().filter(|&(_, character)| !plain(character)) {
        writer.write_all(text.get(written..at).unwrap_or_default().as_bytes())?;
        for unit in character.encode_utf16(&mut units) {
            write!(writer, "\\u{unit:04x}")?;
        }
        written = at + character.len_utf8();
    }
    writer.write_all(text.get(written..).unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As `repr` decides: by the exponent of the shortest digits.
    fn by_exponent(value: f64) -> String {
        let scientific = format!("{value:e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap();
        let exponent: i32 = exponent.parse().unwrap();
        if (-4..16).contains(&exponent) {
            let plain = format!("{value}");
            if plain.contains('.') { plain } else { plain + ".0" }
        } else {
            format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
        }
    }

    proptest! {
        #[test]
        fn the_form_of_a_float_follows_from_its_shortest_digits(
            bits in any::<u64>(),
            near in prop_oneof![Just(1e-4_f64), Just(1e16), Just(-1e-4), Just(-1e16), Just(0.0)],
            steps in 0_u64..8,
            plain in -1e6_f64..1e6,
        ) {
            let neighbours = [f64::from_bits(near.to_bits() + steps), f64::from_bits(near.to_bits().saturating_sub(steps))];
            for value in [f64::from_bits(bits), neighbours[0], neighbours[1], plain, plain.trunc()] {
                if value.is_finite() {
                    prop_assert_eq!(python_float(value), by_exponent(value));
                }
            }
        }

        #[test]
        fn an_object_in_parts_is_the_object(sizes in prop::collection::vec(0_usize..4, 0..5)) {
            use std::collections::BTreeMap;
            let mut next = 0..;
            let parts: Vec<BTreeMap<String, Vec<f64>>> = sizes
                .iter()
                .map(|&size| next.by_ref().take(size).map(|n: u32| (format!("{n:03}é"), vec![f64::from(n); size - 1])).collect())
                .collect();
            let whole: BTreeMap<_, _> = parts.iter().flatten().collect();
            prop_assert_eq!(object_to_python_json(parts.par_iter()).unwrap(), to_python_json(&whole).unwrap());
        }
    }

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

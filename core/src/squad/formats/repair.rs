//! JSON that is not quite JSON, as Python and people write it: `NaN`, commas too many, a byte-order mark in mid-file.

/// How many places of a kind are named.
const NAMED: usize = 3;

/// A text made JSON. No line moves.
#[derive(Debug, PartialEq)]
pub(super) struct Repaired {
    pub(super) text: String,
    /// What was done, a line for each kind.
    pub(super) remarks: Vec<String>,
}

/// What was found of a kind.
#[derive(Default)]
struct Found {
    count: usize,
    /// The first few.
    places: Vec<String>,
}

impl Found {
    fn add(&mut self, place: impl FnOnce() -> String) {
        self.count += 1;
        if self.places.len() < NAMED {
            self.places.push(place());
        }
    }

    fn said(&self, one: &str, several: &str) -> Option<String> {
        let places = self.places.join(", ");
        let more = if self.count > self.places.len() { ", …" } else { "" };
        match self.count {
            0 => None,
            1 => Some(format!("{one} ({places})")),
            count => Some(format!("{count} {several} ({places}{more})")),
        }
    }
}

/// The text with `null` for numbers that JSON lacks, and without commas that nothing follows, separators of records and
/// byte-order marks between values; `None` if there is nothing of the kind.
pub(super) fn repaired(text: &str) -> Option<Repaired> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut copied, mut line, mut depth) = (0, 0, 1, 0usize);
    // The string before, which is the key of a value.
    let mut key = 0..0;
    let (mut numbers, mut commas, mut changed) = (Found::default(), Found::default(), false);
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let replaced = match byte {
            b'"' => {
                let end = end_of_string(bytes, at);
                key = at..end;
                at = end;
                continue;
            }
            b'\n' => {
                line += 1;
                None
            }
            b'{' | b'[' => {
                depth += 1;
                None
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                None
            }
            b',' => {
                let next = bytes.iter().skip(at + 1).find(|byte| !byte.is_ascii_whitespace());
                let is_last = depth > 0 && matches!(next, Some(b'}' | b']'));
                (depth == 0 || is_last).then(|| {
                    commas.add(|| format!("line {line}"));
                    (1, " ")
                })
            }
            // The separator of RFC 7464, and the mark of a file that was put behind another.
            0x1e if depth == 0 => Some((1, " ")),
            0xef if depth == 0 && rest.starts_with("\u{feff}".as_bytes()) => Some((3, " ")),
            b'N' | b'I' | b'-' => number_that_is_none(rest).map(|length| {
                numbers.add(|| match text.get(key.clone()) {
                    Some(name) if depth > 0 && !name.is_empty() => format!("{name} on line {line}"),
                    _ => format!("line {line}"),
                });
                (length, "null")
            }),
            _ => None,
        };
        match replaced {
            Some((length, by)) => {
                out.push_str(text.get(copied..at)?);
                out.push_str(by);
                at += length;
                copied = at;
                changed = true;
            }
            None => at += 1,
        }
    }
    out.push_str(text.get(copied..)?);
    changed.then(|| {
        let numbers = numbers.said(
            "a value is NaN or Infinity, which JSON does not have; read as null",
            "values are NaN or Infinity, which JSON does not have; read as null",
        );
        let commas = commas.said("a comma too many, ignored", "commas too many, ignored");
        Repaired { text: out, remarks: numbers.into_iter().chain(commas).collect() }
    })
}

/// Where the string ends that begins at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    loop {
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') => return at + 1,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}

/// The length of Python's or JavaScript's name for a number that JSON lacks, if one stands here.
fn number_that_is_none(rest: &[u8]) -> Option<usize> {
    let name =
        [&b"NaN"[..], b"Infinity", b"-Infinity", b"-NaN"].into_iter().find(|name| rest.starts_with(name))?;
    rest.get(name.len()).is_none_or(|next| !next.is_ascii_alphanumeric()).then_some(name.len())
}

#[cfg(test)]
mod tests {
    use super::repaired;

    #[test]
    fn numbers_that_json_lacks_become_null_and_are_named_by_key_and_line() {
        let text = "{\"a NaN\": NaN,\n\"b\\\"\": [Infinity, -Infinity],\n\"c\": -1, \"d\": \"NaN, \"}";
        let found = repaired(text).unwrap();
        assert_eq!(found.text, "{\"a NaN\": null,\n\"b\\\"\": [null, null],\n\"c\": -1, \"d\": \"NaN, \"}");
        assert_eq!(
            found.remarks,
            [
                "3 values are NaN or Infinity, which JSON does not have; read as null (\"a NaN\" on line 1, \"b\\\"\" on line 2, \"b\\\"\" on line 2)"
            ]
        );
    }

    #[test]
    fn commas_that_nothing_follows_go() {
        let found = repaired("{\"a\": [1, 2,],\n},\n{}\n,").unwrap();
        assert_eq!(found.text, "{\"a\": [1, 2 ] \n} \n{}\n ");
        assert_eq!(found.remarks, ["4 commas too many, ignored (line 1, line 1, line 2, …)"]);
        let found = repaired("\u{1e}{}\n\u{feff}{}").unwrap();
        assert_eq!((found.text.as_str(), found.remarks.len()), (" {}\n {}", 0));
    }

    #[test]
    fn json_and_what_is_beyond_repair_stay() {
        for text in ["", "{}", "[1, -2, \"NaN\", \"\u{feff}\"]", "Nano", "{\"a\": NaNs}", "\"a, ]", "\"\\"] {
            assert_eq!(repaired(text), None, "{text}");
        }
    }
}

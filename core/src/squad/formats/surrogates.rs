//! Halves of surrogate pairs, which Python writes and which are no characters.

/// The text with `\ufffd` for each escape of half a pair; `None` if it has none. No character moves.
pub(crate) fn replaced(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut lone = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\\' {
            at += 1;
            continue;
        }
        at += match (escape(bytes, at), escape(bytes, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                lone.push(at);
                6
            }
            // Whatever is escaped is no escape itself.
            _ => 2,
        };
    }
    if lone.is_empty() {
        return None;
    }
    let mut repaired = String::with_capacity(text.len());
    let mut done = 0;
    for at in lone {
        repaired.push_str(text.get(done..at)?);
        repaired.push_str("\\ufffd");
        done = at + 6;
    }
    repaired.push_str(text.get(done..)?);
    Some(repaired)
}

/// The code of the `\uXXXX` at `at`.
fn escape(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_halves_are_replaced() {
        for (text, expected) in [
            (r#""a \ud83d b""#, Some(r#""a \ufffd b""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ude00\uD83D""#, Some(r#""\ufffd\ufffd""#)),
            (r#""\\ud83d""#, None),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\u00e9""#, None),
            (r#"é\"#, None),
            (r#"\ud8"#, None),
        ] {
            assert_eq!(replaced(text).as_deref(), expected, "{text}");
        }
    }
}

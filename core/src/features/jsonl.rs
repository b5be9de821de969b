//! Examples and windows as JSON lines, for comparison with the reference and other implementations.
//!
//! A feature line is an object: `unique_id`, `example_index`, `doc_span_index`, `input_ids` (without padding),
//! `segment_lengths` (how many 0s, then how many 1s), `start_position`, `end_position` (`null` in evaluation),
//! `first_doc_token`, `token_to_orig` and `token_is_max_context` (a string of `1` and `0`), the last two from
//! `first_doc_token` on. Its digest is the SHA-256 of the same values, in this order, as a JSON array without
//! spaces. Lines are ASCII; other characters are written as `\u` escapes.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{Example, Window};
use crate::{hash::sha256_hex, python_json::write_escaped};

#[derive(Serialize)]
struct FeatureLine<'a> {
    unique_id: u64,
    example_index: usize,
    doc_span_index: usize,
    input_ids: &'a [u32],
    segment_lengths: [usize; 2],
    start_position: Option<usize>,
    end_position: Option<usize>,
    first_doc_token: usize,
    token_to_orig: &'a [u32],
    token_is_max_context: String,
}

impl<'a> FeatureLine<'a> {
    fn new(window: &'a Window) -> Self {
        let first = window.first_segment_length;
        Self {
            unique_id: window.unique_id,
            example_index: window.example_index,
            doc_span_index: window.doc_span_index,
            input_ids: &window.input_ids,
            segment_lengths: [first, window.input_ids.len().saturating_sub(first)],
            start_position: window.start_position,
            end_position: window.end_position,
            first_doc_token: window.first_doc_token,
            token_to_orig: &window.token_to_orig,
            token_is_max_context: window
                .token_is_max_context
                .iter()
                .map(|&is_max| if is_max { '1' } else { '0' })
                .collect(),
        }
    }
}

/// A window as one JSON object, without a line break.
///
/// # Errors
/// Never in practice: writing to memory does not fail.
pub fn feature_line(window: &Window) -> serde_json::Result<String> {
    ascii_json(&FeatureLine::new(window))
}

/// A window's values as one JSON array without spaces: what [`feature_digest`] digests.
///
/// # Errors
/// As [`feature_line`].
pub fn canonical_line(window: &Window) -> serde_json::Result<String> {
    let line = FeatureLine::new(window);
    ascii_json(&(
        line.unique_id,
        line.example_index,
        line.doc_span_index,
        line.input_ids,
        line.segment_lengths,
        line.start_position,
        line.end_position,
        line.first_doc_token,
        line.token_to_orig,
        line.token_is_max_context,
    ))
}

/// SHA-256 of a window's [`canonical_line`], in lower-case hexadecimal.
///
/// # Errors
/// As [`feature_line`].
pub fn feature_digest(window: &Window) -> serde_json::Result<String> {
    Ok(sha256_hex(canonical_line(window)?.as_bytes()))
}

#[derive(Serialize)]
struct ExampleLine<'a> {
    qas_id: &'a str,
    question_text: &'a str,
    doc_tokens_sha256: String,
    n_doc_tokens: usize,
    orig_answer_text: Option<&'a str>,
    start_position: Option<i32>,
    end_position: Option<i32>,
    is_impossible: bool,
}

/// An example as one JSON object, without a line break; its words stand as the SHA-256 of them joined with U+001F.
///
/// # Errors
/// As [`feature_line`].
pub fn example_line(example: &Example) -> serde_json::Result<String> {
    ascii_json(&ExampleLine {
        qas_id: &example.qas_id,
        question_text: &example.question_text,
        doc_tokens_sha256: sha256_hex(
            example.doc_tokens.iter().collect::<Vec<_>>().join("\u{1f}").as_bytes(),
        ),
        n_doc_tokens: example.doc_tokens.len(),
        orig_answer_text: example.orig_answer_text.as_deref(),
        start_position: example.start_position,
        end_position: example.end_position,
        is_impossible: example.is_impossible,
    })
}

/// Compact JSON with everything beyond ASCII escaped, as Python's `json.dumps` does by default.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_escaped(writer, fragment, |character| character.is_ascii())
    }
}

fn ascii_json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Ascii))?;
    String::from_utf8(bytes).map_err(<serde_json::Error as serde::ser::Error>::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window {
            unique_id: 1_000_000_003,
            example_index: 2,
            doc_span_index: 1,
            input_ids: vec![2, 8, 3, 5, 6, 3],
            first_segment_length: 3,
            first_doc_token: 3,
            token_to_orig: vec![4, 4].into(),
            token_is_max_context: vec![true, false].into(),
            start_position: Some(3),
            end_position: None,
        }
    }

    #[test]
    fn a_window_is_one_object() {
        assert_eq!(
            feature_line(&window()).unwrap(),
            "{\"unique_id\":1000000003,\"example_index\":2,\"doc_span_index\":1,\"input_ids\":[2,8,3,5,6,3],\
             \"segment_lengths\":[3,3],\"start_position\":3,\"end_position\":null,\"first_doc_token\":3,\
             \"token_to_orig\":[4,4],\"token_is_max_context\":\"10\"}"
        );
    }

    #[test]
    fn the_digest_is_of_the_array() {
        let line = canonical_line(&window()).unwrap();
        assert_eq!(line, "[1000000003,2,1,[2,8,3,5,6,3],[3,3],3,null,3,[4,4],\"10\"]");
        // printf '%s' LINE | sha256sum
        assert_eq!(
            feature_digest(&window()).unwrap(),
            "a23253c82e34f145617ce6caf3de0496bb126b6d8e5c05ad13e6643dae4b3175"
        );
    }

    #[test]
    fn lines_are_ascii() {
        let json = ascii_json(&"é\u{1f600}\n\"\u{7f}").unwrap();
        assert_eq!(json, "\"\\u00e9\\ud83d\\ude00\\n\\\"\u{7f}\"");
    }
}

//! What a system answered, in the official files' format.

use std::collections::HashMap;

use serde::Deserialize;

use super::{BreakdownError, Known};
use crate::score::{AnswerLanguage, IdMap, NullOdds, Predictions};

/// An answer of an n-best list; what else the file says of it is ignored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NbestAnswer {
    /// The answer; empty for "no answer".
    pub text: String,
    /// Its probability within the list.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Logit of its first word piece.
    #[serde(default)]
    pub start_logit: Option<f64>,
    /// Logit of its last word piece.
    #[serde(default)]
    pub end_logit: Option<f64>,
}

impl NbestAnswer {
    /// What people are shown in place of the reference's `empty`.
    pub const STAND_IN: &'static str = "no span found (\"empty\" in the files)";

    /// Whether this is no answer of the passage, but the word `empty` with logits of 0 that the reference puts where a model
    /// has found no span.
    #[must_use]
    pub fn is_stand_in(&self) -> bool {
        self.text == "empty" && self.start_logit == Some(0.0) && self.end_logit == Some(0.0)
    }

    /// The answer as people read it.
    #[must_use]
    pub fn shown(&self) -> &str {
        match self.text.as_str() {
            "" => "no answer",
            _ if self.is_stand_in() => Self::STAND_IN,
            text => text,
        }
    }
}

/// The n-best answers by question id, best first (`nbest_predictions.json`).
pub type NbestLists = IdMap<Vec<NbestAnswer>>;

impl NbestLists {
    /// Reads an `nbest_predictions.json`; `source_name` is what messages call it.
    ///
    /// # Errors
    /// If it is not a JSON object of lists of answers.
    pub fn from_json(text: &str, source_name: &str) -> Result<Self, BreakdownError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        serde_json::from_str(text)
            .map_err(|source| BreakdownError::Nbest { file: source_name.to_owned(), source })
    }

    /// [`Self::from_json`] where one thread does everything: after each part of so many bytes `pause` lets other work be done. A
    /// file is read in parts if it is laid out as the reference writes it, with four spaces before each question.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub async fn in_parts(
        text: &str,
        source_name: &str,
        part: usize,
        pause: &mut impl AsyncFnMut(),
    ) -> Result<Self, BreakdownError> {
        // Strings of JSON have no line ends in them, so this one stands between two lists if the layout is as expected.
        const BETWEEN: &str = "\n    ],\n";
        let mut lists = Self::default();
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
        let inside = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        rest = inside.unwrap_or_default();
        while !rest.trim().is_empty() {
            let from = rest.floor_char_boundary(part);
            let end = rest.get(from..).and_then(|after| after.find(BETWEEN)).map(|at| from + at);
            let (some, more) = match end {
                Some(end) => (format!("{{{}]}}", &rest[..end]), &rest[end + BETWEEN.len()..]),
                None => (format!("{{{rest}}}"), ""),
            };
            // Another layout, or a mistake that is told with its place in the whole file.
            let Ok(some) = serde_json::from_str::<Self>(&some) else {
                return Self::from_json(text, source_name);
            };
            some.into_iter().for_each(|(id, answers)| lists.insert(id, answers));
            rest = more;
            pause().await;
        }
        if inside.is_none() { Self::from_json(text, source_name) } else { Ok(lists) }
    }
}

/// What happens to questions without a prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// They are listed in an error, as by the official script.
    #[default]
    Refuse,
    /// They count as answered by "no answer".
    CountAsUnanswered,
}

/// A system's answers to the questions of a data set.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// What messages and tables call the system.
    pub name: String,
    /// Its answers, before any threshold.
    pub predictions: Predictions,
    /// How strongly it prefers "no answer".
    pub null_odds: Option<NullOdds>,
    /// Its best answers.
    pub nbest: Option<NbestLists>,
    /// What else it told, by question id.
    pub known: HashMap<String, Known>,
    /// The threshold stored with it.
    pub stored_threshold: Option<f64>,
    /// The threshold that the user had the answers given at.
    pub given_threshold: Option<f64>,
    /// Longest answer it gives, in word pieces.
    pub max_answer_length: Option<usize>,
    /// What to do about questions without a prediction.
    pub missing: Missing,
    /// By whose rules they are compared with the gold answers.
    pub language: AnswerLanguage,
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;

    #[test]
    fn lists_read_in_parts_are_those_of_the_whole_file() {
        let answer = |text: &str| format!("        {{\n            \"text\": \"{text}\"\n        }}");
        let list = |id: usize| format!("    \"q{id}\": [\n{},\n{}\n    ]", answer("a ],\\n"), answer("é"));
        let lists: Vec<String> = (0..40).map(list).collect();
        let laid_out = format!("{{\n{}\n}}", lists.join(",\n"));
        let compact = laid_out.replace('\n', " ");
        let whole = NbestLists::from_json(&laid_out, "file").unwrap();
        assert_eq!(whole.len(), 40);
        for text in [&laid_out, &compact] {
            for part in [0, 1, 100, 1_000, usize::MAX] {
                let mut pauses = 0;
                let read = block_on(NbestLists::in_parts(text, "file", part, &mut async || pauses += 1));
                assert_eq!(read.unwrap(), whole, "{part}");
                assert!(pauses > 1 || part > 100 || text == &compact, "{part}: {pauses}");
            }
        }
        for damaged in
            ["", "[]", "{", &laid_out[..laid_out.len() - 10], &laid_out.replace("q7\": [", "q7\": 3, [")]
        {
            let read = |part| block_on(NbestLists::in_parts(damaged, "file", part, &mut async || ()));
            let told = NbestLists::from_json(damaged, "file").unwrap_err().to_string();
            assert_eq!(read(50).unwrap_err().to_string(), told);
        }
    }
}

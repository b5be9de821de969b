//! The seam behind the model as JSON lines: windows and logits in, answers out. With it anyone can compare our answers
//! with the reference's on the very same logits.

use std::{collections::HashMap, io::BufRead};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{AnswerError, AnswerOptions, NpyLogits, Prediction, WindowCandidates, files::EntryLine, predict};
use crate::{
    advice::Advice,
    features::{Example, Window},
    tokenizer::BertTokenizer,
};

/// Where logits come from.
pub enum LogitSource<'a> {
    /// A NumPy array `[windows, 2, length]` in the order of the windows.
    Npy(NpyLogits<'a>),
    /// Lines `{"unique_id": 1000000000, "start_logits": [..], "end_logits": [..]}` in any order.
    Lines(&'a mut dyn BufRead),
}

/// Windows or logits that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JsonlError {
    /// Reading failed.
    #[error("line {line}: {source}")]
    Read {
        /// Line number, from 1.
        line: usize,
        /// The cause.
        source: std::io::Error,
    },
    /// A line is not the JSON object expected.
    #[error("line {line}: {source}")]
    Json {
        /// Line number, from 1.
        line: usize,
        /// The cause.
        source: serde_json::Error,
    },
    /// A window whose fields contradict each other.
    #[error("line {line}: {reason}")]
    Window {
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Logits for a window that does not exist, or twice for the same.
    #[error("line {line}: unique_id {unique_id} {reason}")]
    Logits {
        /// Line number, from 1.
        line: usize,
        /// The window named.
        unique_id: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// Some windows have no logits.
    #[error("{missing} of {windows} windows have no logits, the first being unique_id {first}")]
    MissingLogits {
        /// How many.
        missing: usize,
        /// Of how many windows.
        windows: usize,
        /// The first of them.
        first: u64,
    },
    /// The logits do not fit the windows.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl Advice for JsonlError {
    fn remedy(&self) -> String {
        match self {
            Self::Read { .. } => "check that the file is text in UTF-8, one JSON object a line".into(),
            Self::Json { .. } => "make the file again, with one JSON object a line".into(),
            Self::Window { .. } => "make the windows again with `spanbert features`".into(),
            Self::Logits { .. } => "give the logits of these windows, one line for each".into(),
            Self::MissingLogits { .. } => {
                "give the logits of every window, or the windows that were answered".into()
            }
            Self::Answer(error) => error.remedy(),
        }
    }
}

/// Answers from given windows and logits; the windows' `example_index` counts `examples`.
///
/// # Errors
/// If the logits cannot be read or do not fit the windows, or the windows do not fit the examples.
pub fn postprocess(
    examples: &[Example],
    windows: &[Window],
    logits: LogitSource<'_>,
    tokenizer: &BertTokenizer,
    options: &AnswerOptions,
) -> Result<Vec<Prediction>, JsonlError> {
    let candidates = match logits {
        LogitSource::Npy(npy) => candidates_from_npy(windows, npy, options.n_best_size)?,
        LogitSource::Lines(lines) => candidates_from_lines(windows, lines, options.n_best_size)?,
    };
    Ok(predict(examples, windows, &candidates, tokenizer, options)?)
}

/// One answer as a JSON line: `qas_id`, `prediction`, `score_diff` (null for SQuAD 1.1) and `nbest` as in
/// `nbest_predictions.json`.
///
/// # Errors
/// Never in practice: strings and numbers always serialise.
pub fn prediction_line(prediction: &Prediction) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Line<'a> {
        qas_id: &'a str,
        prediction: &'a str,
        score_diff: Option<f64>,
        nbest: Vec<EntryLine<'a>>,
    }
    serde_json::to_string(&Line {
        qas_id: &prediction.qas_id,
        prediction: &prediction.text,
        score_diff: prediction.score_diff,
        nbest: prediction.nbest.iter().map(EntryLine::from).collect(),
    })
}

/// A window as `spanbert features` writes it.
#[derive(Deserialize)]
struct WindowLine {
    unique_id: u64,
    example_index: usize,
    doc_span_index: usize,
    input_ids: Vec<u32>,
    segment_lengths: [usize; 2],
    start_position: Option<usize>,
    end_position: Option<usize>,
    first_doc_token: usize,
    token_to_orig: Vec<u32>,
    token_is_max_context: String,
}

impl TryFrom<WindowLine> for Window {
    type Error = String;

    fn try_from(line: WindowLine) -> Result<Self, String> {
        let pieces = line.input_ids.len();
        if line.segment_lengths.iter().try_fold(0usize, |sum, &n| sum.checked_add(n)) != Some(pieces) {
            return Err(format!(
                "segment_lengths {:?} do not add up to {pieces} input_ids",
                line.segment_lengths
            ));
        }
        let document = line.token_to_orig.len();
        if line.first_doc_token == 0
            || line.first_doc_token.checked_add(document).is_none_or(|end| end > pieces)
        {
            return Err(format!(
                "{document} document pieces from first_doc_token {} do not fit {pieces} input_ids",
                line.first_doc_token
            ));
        }
        let flags = line.token_is_max_context;
        if flags.len() != document || !flags.bytes().all(|flag| matches!(flag, b'0' | b'1')) {
            return Err(format!(
                "token_is_max_context needs one 0 or 1 for each of {document} document pieces"
            ));
        }
        Ok(Self {
            unique_id: line.unique_id,
            example_index: line.example_index,
            doc_span_index: line.doc_span_index,
            input_ids: line.input_ids,
            first_segment_length: line.segment_lengths[0],
            first_doc_token: line.first_doc_token,
            token_to_orig: line.token_to_orig.into(),
            token_is_max_context: flags.bytes().map(|flag| flag == b'1').collect(),
            start_position: line.start_position,
            end_position: line.end_position,
        })
    }
}

/// Reads windows, one JSON object a line, as `spanbert features` writes them. Blank lines are skipped.
///
/// # Errors
/// Naming the first line that cannot be read or contradicts itself.
pub fn read_windows(reader: impl BufRead) -> Result<Vec<Window>, JsonlError> {
    let mut windows = Vec::new();
    for_each_line(reader, |line, parsed: WindowLine| {
        windows.push(Window::try_from(parsed).map_err(|reason| JsonlError::Window { line, reason })?);
        Ok(())
    })?;
    Ok(windows)
}

fn candidates_from_npy(
    windows: &[Window],
    npy: NpyLogits<'_>,
    n_best_size: usize,
) -> Result<Vec<WindowCandidates>, JsonlError> {
    if npy.windows() != windows.len() {
        return Err(AnswerError::CandidateCount { windows: windows.len(), candidates: npy.windows() }.into());
    }
    let candidates: Vec<Result<WindowCandidates, AnswerError>> = windows
        .par_iter()
        .enumerate()
        .map(|(index, window)| {
            let (start, end) = npy.window(index).unwrap_or_default();
            WindowCandidates::from_logits(window, &start, &end, n_best_size)
        })
        .collect();
    // One by one, so that the first mistake is told whichever thread was first.
    candidates.into_iter().map(|candidates| Ok(candidates?)).collect()
}

fn candidates_from_lines(
    windows: &[Window],
    lines: &mut dyn BufRead,
    n_best_size: usize,
) -> Result<Vec<WindowCandidates>, JsonlError> {
    #[derive(Deserialize)]
    struct LogitLine {
        unique_id: u64,
        start_logits: Vec<f32>,
        end_logits: Vec<f32>,
    }
    let indices: HashMap<u64, usize> = windows.iter().map(|window| window.unique_id).zip(0..).collect();
    let mut slots: Vec<Option<WindowCandidates>> = vec![None; windows.len()];
    for_each_line(lines, |line, logits: LogitLine| {
        let unique_id = logits.unique_id;
        let refuse = |reason| JsonlError::Logits { line, unique_id, reason };
        let index = indices.get(&unique_id).copied();
        let (Some(window), Some(slot)) =
            (index.and_then(|i| windows.get(i)), index.and_then(|i| slots.get_mut(i)))
        else {
            return Err(refuse("is none of the windows"));
        };
        if slot.is_some() {
            return Err(refuse("has logits already"));
        }
        *slot = Some(WindowCandidates::from_logits(
            window,
            &logits.start_logits,
            &logits.end_logits,
            n_best_size,
        )?);
        Ok(())
    })?;
    let missing = slots.iter().filter(|slot| slot.is_none()).count();
    if let Some((window, _)) = windows.iter().zip(&slots).find(|(_, slot)| slot.is_none()) {
        let (windows, first) = (windows.len(), window.unique_id);
        return Err(JsonlError::MissingLogits { missing, windows, first });
    }
    Ok(slots.into_iter().flatten().collect())
}

fn for_each_line<T: for<'de> Deserialize<'de>>(
    reader: impl BufRead,
    mut visit: impl FnMut(usize, T) -> Result<(), JsonlError>,
) -> Result<(), JsonlError> {
    for (index, text) in reader.lines().enumerate() {
        let line = index + 1;
        let text = text.map_err(|source| JsonlError::Read { line, source })?;
        if !text.trim().is_empty() {
            visit(line, serde_json::from_str(&text).map_err(|source| JsonlError::Json { line, source })?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const WINDOW: &str = r#"{"unique_id":1000000000,"example_index":0,"doc_span_index":0,"input_ids":[2,4,3,5,6,3],"segment_lengths":[3,3],"start_position":null,"end_position":null,"first_doc_token":3,"token_to_orig":[0,1],"token_is_max_context":"11"}"#;
    const LOGITS: &str =
        r#"{"unique_id":1000000000,"start_logits":[0,0,0,2,1,0],"end_logits":[0,0,0,1,2,0.5]}"#;

    fn tokenizer() -> BertTokenizer {
        let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "Ann", "left"];
        BertTokenizer::from_vocab(pieces.map(str::to_owned).to_vec(), false).unwrap()
    }

    fn example() -> Example {
        Example {
            qas_id: "q1".into(),
            question_text: "who".into(),
            doc_tokens: Arc::new(["Ann", "left"].into_iter().collect()),
            orig_answer_text: None,
            start_position: None,
            end_position: None,
            is_impossible: false,
        }
    }

    fn run(lines: &str) -> Result<Vec<Prediction>, JsonlError> {
        let windows = read_windows(WINDOW.as_bytes()).unwrap();
        let source = &mut lines.as_bytes();
        postprocess(
            &[example()],
            &windows,
            LogitSource::Lines(source),
            &tokenizer(),
            &AnswerOptions::default(),
        )
    }

    #[test]
    fn lines_in_answers_out() {
        let predictions = run(LOGITS).unwrap();
        let line: serde_json::Value =
            serde_json::from_str(&prediction_line(&predictions[0]).unwrap()).unwrap();
        assert_eq!(line["prediction"], "Ann left");
        assert_eq!(line["score_diff"], -4.0);
        let texts: Vec<_> = line["nbest"].as_array().unwrap().iter().map(|e| e["text"].clone()).collect();
        assert_eq!(texts, ["Ann left", "Ann", "left", ""]);
    }

    #[test]
    fn errors_name_the_line() {
        let message = |result: Result<Vec<Prediction>, JsonlError>| result.unwrap_err().to_string();
        assert!(message(run("")).contains("1 of 1 windows have no logits"));
        assert!(message(run(&format!("{LOGITS}\n{LOGITS}"))).contains("line 2: unique_id 1000000000 has"));
        assert!(message(run(&LOGITS.replace("00,", "07,"))).contains("is none of the windows"));
        assert!(message(run("\n{\"unique_id\": 1}")).starts_with("line 2: missing field"));
        assert!(message(run(&LOGITS.replace("[0,0,0,2,1,0]", "[0]"))).contains("1 start logits but 6"));
    }

    #[test]
    fn windows_that_contradict_themselves_are_refused() {
        for (from, to) in [
            ("\"segment_lengths\":[3,3]", "\"segment_lengths\":[3,4]"),
            ("\"first_doc_token\":3", "\"first_doc_token\":0"),
            ("\"first_doc_token\":3", "\"first_doc_token\":5"),
            ("\"11\"", "\"1\""),
            ("\"11\"", "\"12\""),
        ] {
            let error = read_windows(WINDOW.replace(from, to).as_bytes()).unwrap_err();
            assert!(matches!(error, JsonlError::Window { line: 1, .. }), "{to}: {error}");
        }
    }
}

//! Predictions, null odds, windows and logits.

use std::sync::Arc;

use spanbert_core::{
    answers::{
        AnswerOptions, NpyLogits, WindowCandidates,
        jsonl::{LogitSource, postprocess, prediction_line, read_windows},
        predict,
    },
    features::{Example, Window},
    score::{
        GoldQuestion, GoldQuestions, NullOdds, Predictions, QuestionTable, named_scores, official, run_squad,
    },
};

use super::{check_message, squad::tokenizer};

pub(super) fn read(bytes: &[u8]) {
    if bytes.starts_with(b"\x93NUMPY") {
        return read_npy(bytes);
    }
    read_lines(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        read_scores(text);
    }
}

fn examples() -> Vec<Example> {
    let example = |id: &str| Example {
        qas_id: id.into(),
        question_text: "who left ?".into(),
        doc_tokens: Arc::new(["the", "a-b", "left."].into_iter().collect()),
        orig_answer_text: None,
        start_position: None,
        end_position: None,
        is_impossible: false,
    };
    vec![example("q1"), example("q2")]
}

fn window() -> Window {
    Window {
        unique_id: 1,
        example_index: 0,
        doc_span_index: 0,
        input_ids: vec![2, 14, 3, 13, 4, 15, 3],
        first_segment_length: 3,
        first_doc_token: 3,
        token_to_orig: vec![0, 1, 2].into(),
        token_is_max_context: vec![true; 3].into(),
        start_position: None,
        end_position: None,
    }
}

fn read_npy(bytes: &[u8]) {
    match NpyLogits::parse(bytes) {
        Ok(logits) => {
            for index in 0..=logits.windows().min(3) {
                assert_eq!(logits.window(index).is_some(), index < logits.windows());
            }
            assert_eq!(logits.window(usize::MAX), None);
            answer(&vec![window(); logits.windows().min(3)], LogitSource::Npy(logits));
        }
        Err(error) => check_message(&error),
    }
}

fn read_lines(bytes: &[u8]) {
    answer(&[window()], LogitSource::Lines(&mut &bytes[..]));
    match read_windows(bytes) {
        Ok(windows) => {
            let options = AnswerOptions::default();
            let candidates: Result<Vec<_>, _> = windows
                .iter()
                .map(|window| {
                    let logits: Vec<f32> =
                        (0..window.input_ids.len()).map(|at| (at * 7 % 5) as f32).collect();
                    WindowCandidates::from_logits(window, &logits, &logits, 5)
                })
                .collect();
            let Ok(candidates) = candidates else { return };
            if let Err(error) = predict(&examples(), &windows, &candidates, tokenizer(), &options) {
                check_message(&error);
            }
        }
        Err(error) => check_message(&error),
    }
}

fn answer(windows: &[Window], logits: LogitSource<'_>) {
    match postprocess(&examples(), windows, logits, tokenizer(), &AnswerOptions::default()) {
        Ok(predictions) => {
            assert_eq!(predictions.len(), 2);
            for prediction in &predictions {
                prediction_line(prediction).unwrap();
            }
        }
        Err(error) => check_message(&error),
    }
}

fn read_scores(text: &str) {
    let gold = GoldQuestions {
        questions: vec![
            GoldQuestion::new("q1".into(), ["the left", "a"]),
            GoldQuestion::new("q2".into(), std::iter::empty()),
        ],
    };
    let predictions = Predictions::from_json(text, "predictions.json");
    let odds = NullOdds::from_json(text, "null_odds.json");
    if let Err(error) = &predictions {
        check_message(error);
    }
    if let Err(error) = &odds {
        check_message(error);
    }
    // A file of texts is no file of numbers: each is scored with a made-up other.
    let texts = predictions
        .unwrap_or_else(|_| ["q1", "q2"].map(|id| (id.into(), "left".into())).into_iter().collect());
    let odds = odds.unwrap_or_else(|_| ["q1", "q2"].map(|id| (id.to_owned(), 0.5)).into_iter().collect());
    match official(&gold, &texts, Some(&odds), 1.0) {
        Ok(result) => assert!((0.0..=100.0).contains(&result.scores.f1)),
        Err(error) => check_message(&error),
    }
    if let Err(error) = run_squad(&gold, texts.clone(), Some(&odds), 1.0) {
        check_message(&error);
    }
    let table = QuestionTable::new(&gold, &texts);
    if let Err(error) = named_scores(&table, &odds, Some(0.0)) {
        check_message(&error);
    }
}

use super::*;

const PIECES: [&str; 14] =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "Ann", "##a", "(", "Lee", ")", ".", "saw", "it", "'"];

fn tokenizer() -> BertTokenizer {
    BertTokenizer::from_vocab(PIECES.map(str::to_owned).to_vec(), false).unwrap()
}

fn examples(contexts: &[&str]) -> Vec<Example> {
    contexts
        .iter()
        .zip(0..)
        .map(|(context, index)| Example {
            qas_id: format!("q{index}"),
            question_text: "who".into(),
            doc_tokens: Arc::new(context.split(' ').collect()),
            orig_answer_text: None,
            start_position: None,
            end_position: None,
            is_impossible: false,
        })
        .collect()
}

/// Answers with a window per example; each logit table maps document pieces (from 0) and `-3` (`[CLS]`) to logits.
fn answer(
    contexts: &[&str],
    start: &[(i32, f32)],
    end: &[(i32, f32)],
    options: &AnswerOptions,
) -> Vec<Prediction> {
    let (examples, tokenizer) = (examples(contexts), tokenizer());
    let windows =
        crate::features::windows(&examples, &tokenizer, &crate::features::WindowOptions::default(), false)
            .unwrap();
    let candidates: Vec<_> = windows
        .iter()
        .map(|window| {
            let logits = |table: &[(i32, f32)]| {
                let mut logits = vec![-1.0; window.input_ids.len()];
                for (piece, logit) in table {
                    logits[(piece + 3) as usize] = *logit;
                }
                logits
            };
            WindowCandidates::from_logits(window, &logits(start), &logits(end), options.n_best_size).unwrap()
        })
        .collect();
    predict(&examples, &windows, &candidates, &tokenizer, options).unwrap()
}

fn texts(prediction: &Prediction) -> Vec<&str> {
    prediction.nbest.iter().map(|entry| entry.text.as_str()).collect()
}

#[test]
fn pieces_become_words_without_the_punctuation_around_them() {
    // Pieces: ( Ann ##a Lee ) .
    let options = AnswerOptions { n_best_size: 1, ..AnswerOptions::default() };
    let predictions = answer(&["(Anna Lee)."], &[(1, 3.0)], &[(3, 4.0)], &options);
    assert_eq!(texts(&predictions[0]), ["Anna Lee", ""]);
    let span = predictions[0].nbest[0].span.unwrap();
    assert_eq!((span.first_word, span.first_byte, span.last_word, span.last_byte), (0, 1, 1, 3));
    assert_eq!((span.start_position, span.end_position), (4, 6));
    assert_eq!(predictions[0].score_diff, Some(-2.0 - 7.0));
}

#[test]
fn equal_texts_are_listed_once_and_null_comes_on_top_of_a_full_list() {
    let options = AnswerOptions { n_best_size: 2, ..AnswerOptions::default() };
    // Both "Lee"s have the same text; the better one is kept.
    let start = [(0, 1.0), (2, 2.0)];
    let predictions = answer(&["Lee saw Lee"], &start, &start, &options);
    assert_eq!(texts(&predictions[0]), ["Lee", "Lee saw Lee", ""]);
    assert_eq!(predictions[0].nbest[0].span.unwrap().first_word, 2);
    let sum: f64 = predictions[0].nbest.iter().map(|entry| entry.probability).sum();
    assert!((sum - 1.0).abs() < 1e-12);
}

#[test]
fn a_lone_null_gets_the_references_stand_in() {
    // The only candidates are [CLS] and the question.
    let options = AnswerOptions { n_best_size: 2, ..AnswerOptions::default() };
    let top = [(-3, 5.0), (-2, 4.0)];
    let predictions = answer(&["Ann saw it"], &top, &top, &options);
    assert_eq!(texts(&predictions[0]), ["empty", ""]);
    assert_eq!((predictions[0].text.as_str(), predictions[0].score_diff), ("empty", Some(10.0)));
    assert_eq!((predictions[0].text_at(9.0), predictions[0].text_at(10.0)), ("", "empty"));
    let one =
        answer(&["Ann saw it"], &top, &top, &AnswerOptions { version_2_with_negative: false, ..options });
    assert_eq!((texts(&one[0]), one[0].score_diff), (vec!["empty"], None));
}

#[test]
fn questions_without_windows_are_answered_and_keep_their_place() {
    let predictions =
        answer(&["Ann", "\u{200b}", "Lee"], &[(0, 1.0)], &[(0, 1.0)], &AnswerOptions::default());
    let answers: Vec<_> =
        predictions.iter().map(|p| (p.qas_id.as_str(), p.text.as_str(), p.windows)).collect();
    assert_eq!(answers, [("q0", "Ann", 1), ("q1", "", 0), ("q2", "Lee", 1)]);
    assert_eq!(texts(&predictions[1]), [""]);
    assert_eq!(predictions[1].score_diff, Some(NO_NULL_SCORE));
}

#[test]
fn logits_that_are_not_finite_are_reported_and_give_no_nan() {
    let nan = [(-3, f32::NAN), (0, f32::NAN), (1, f32::INFINITY)];
    let predictions = answer(&["Ann saw it"], &nan, &nan, &AnswerOptions::default());
    assert_eq!(predictions[0].non_finite_windows, 1);
    assert!(predictions[0].nbest.iter().all(|entry| entry.probability.is_finite()));
    assert!(predictions[0].score_diff.unwrap().is_finite());
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (examples, tokenizer) = (examples(&["Ann"]), tokenizer());
    let options = AnswerOptions::default();
    let mut windows =
        crate::features::windows(&examples, &tokenizer, &crate::features::WindowOptions::default(), false)
            .unwrap();
    let error = predict(&examples, &windows, &[], &tokenizer, &options).unwrap_err();
    assert_eq!(error, AnswerError::CandidateCount { windows: 1, candidates: 0 });
    let logits = [0.0; 5];
    let candidates = [WindowCandidates::from_logits(&windows[0], &logits, &logits, 20).unwrap()];
    windows[0].example_index = 3;
    let error = predict(&examples, &windows, &candidates, &tokenizer, &options).unwrap_err();
    assert_eq!(
        error,
        AnswerError::UnknownExample { unique_id: 1_000_000_000, example_index: 3, examples: 1 }
    );
    windows[0].example_index = 0;
    windows[0].token_to_orig = vec![9].into();
    let error = predict(&examples, &windows, &candidates, &tokenizer, &options).unwrap_err();
    assert_eq!(error, AnswerError::UnknownWord { unique_id: 1_000_000_000, word: 9, words: 1 });
}

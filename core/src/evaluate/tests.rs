use std::{ops::ControlFlow, sync::Arc};

use super::{
    fake::{Reader, SQUAD, reader, tokenizer},
    *,
};
use crate::{
    engine::{Ensemble, InTurn, InferenceEngine, OpenMember},
    features::WindowOptions,
    squad::Dataset,
};

fn options() -> EvaluateOptions {
    EvaluateOptions {
        windows: WindowOptions { max_seq_length: 24, doc_stride: 4, max_query_length: 8 },
        eval_batch_size: 3,
        stored_threshold: Some(-5.0),
        ..EvaluateOptions::default()
    }
}

fn prepared(squad: &str, options: &EvaluateOptions) -> PreparedEvaluation {
    let dataset = Arc::new(Dataset::from_json(squad, "test").unwrap());
    PreparedEvaluation::new(dataset, tokenizer(), options).unwrap()
}

fn run(options: &EvaluateOptions) -> (Evaluation, Reader) {
    let mut engine = reader();
    let evaluation =
        prepared(SQUAD, options).run(&mut engine, &mut |_, _| ControlFlow::Continue(())).unwrap();
    (evaluation, engine)
}

#[test]
fn questions_are_answered_and_scored_at_three_thresholds() {
    let (evaluation, _) = run(&options());
    let answers: Vec<&str> = evaluation.predictions.iter().map(|p| p.text_at(0.0)).collect();
    assert_eq!(answers, ["Ann", "Zoë", "", "Bob"]);
    let named = evaluation.results.named.unwrap();
    assert_eq!((named.threshold_0.exact, named.threshold_0.f1), (75.0, 75.0));
    let stored = named.stored_threshold.unwrap();
    assert_eq!((stored.threshold, stored.exact), (-5.0, 25.0), "all are taken for unanswerable");
    assert_eq!((named.best_threshold.exact, evaluation.best_threshold()), (75.0, Some(-4.0)));
    assert_eq!(evaluation.results.official.exact, 75.0);
    assert_eq!(evaluation.results.run_squad.get("best_f1"), Some(75.0));
}

#[test]
fn batches_are_sorted_and_padded_as_asked() {
    let (dynamic, engine) = run(&options());
    assert_eq!(engine.batches, [(3, 16), (1, 16)]);
    let (single, engine) = run(&EvaluateOptions { eval_batch_size: 1, length_multiple: 1, ..options() });
    assert_eq!(engine.batches, [(1, 13), (1, 13), (1, 13), (1, 10)]);
    let (padded, engine) = run(&EvaluateOptions { pad_to_max_length: true, ..options() });
    assert_eq!(engine.batches, [(3, 24), (1, 24)]);
    assert_eq!(dynamic.results, single.results);
    assert_eq!(dynamic.results, padded.results);
}

#[cfg(feature = "native")]
#[test]
fn files_hold_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let (evaluation, _) = run(&options());
    let eval = folder.path().join("eval/step-1");
    evaluation.write(&eval).unwrap();
    let read = |name: &str| std::fs::read_to_string(eval.join(name)).unwrap();
    let predictions = crate::score::Predictions::from_json(&read("predictions.json"), "p").unwrap();
    assert_eq!(predictions, evaluation.final_predictions);
    assert_eq!(predictions.get("lost").map(String::as_str), Some(""));
    assert_eq!(serde_json::from_str::<ResultsFile>(&read("results.json")).unwrap(), evaluation.results);
    assert!(read("null_odds.json").starts_with("{\n    \"met\": -4.0"));
    assert!(read("nbest_predictions.json").contains("\"Zo\\u00eb\""));

    let dataset = Dataset::from_json(SQUAD, "test").unwrap();
    let records: Vec<Record> =
        read("records.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records, evaluation.records());
    assert_eq!(records.len(), 4);
    for (record, (_, paragraph, question)) in records.iter().zip(dataset.questions()) {
        assert_eq!(record.id, question.id);
        let span = record.span.as_ref().unwrap();
        assert_eq!(
            &paragraph.context[span.bytes.clone()].split_whitespace().collect::<Vec<_>>().join(" "),
            &record.prediction
        );
    }
    assert_eq!(records[1].span.as_ref().unwrap().chars, 23..26);
    assert_eq!((records[3].article, records[3].paragraph, records[3].exact), (0, 1, 0.0));
    assert_eq!(records[2].plausible_answers.len(), 1);
}

#[cfg(feature = "native")]
#[test]
fn squad_1_has_no_threshold() {
    let squad = r#"{"data": [{"title": "", "paragraphs": [{"context": "We met Ann .", "qas": [
        {"id": "a", "question": "who met", "answers": [{"text": "Ann", "answer_start": 7}]}]}]}]}"#;
    let folder = tempfile::tempdir().unwrap();
    let evaluation =
        prepared(squad, &options()).run(&mut reader(), &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(evaluation.results.run_squad.entries().len(), 3);
    assert!(evaluation.results.named.is_none() && evaluation.best_threshold().is_none());
    evaluation.write(folder.path()).unwrap();
    assert!(!folder.path().join("null_odds.json").exists());
}

#[test]
fn progress_counts_windows_and_can_stop() {
    let prepared = prepared(SQUAD, &options());
    let mut seen = Vec::new();
    let mut note = |done, total| {
        seen.push((done, total));
        ControlFlow::Continue(())
    };
    prepared.predict(&mut reader(), &mut note).unwrap();
    assert_eq!(seen, [(3, 4), (4, 4)]);
    let error = prepared.run(&mut reader(), &mut |_, _| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(error, EvaluateError::Stopped { done: 3, total: 4 }));
}

#[test]
fn what_cannot_be_evaluated_says_why() {
    let mut small = reader();
    small.config.max_position_embeddings = 16;
    let error =
        prepared(SQUAD, &options()).run(&mut small, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("max_seq_length 24 is beyond the 16 positions"), "{error}");
    let dataset = Arc::new(Dataset::from_json(r#"{"data": []}"#, "nothing.json").unwrap());
    let error = PreparedEvaluation::new(dataset, tokenizer(), &options()).err().unwrap();
    assert!(error.to_string().starts_with("nothing.json has no questions"), "{error}");
    let dataset = Arc::new(Dataset::from_json(SQUAD, "test").unwrap());
    let zero = EvaluateOptions { eval_batch_size: 0, ..options() };
    assert!(PreparedEvaluation::new(dataset, tokenizer(), &zero).is_err());
}

#[test]
fn output_that_is_not_finite_is_counted() {
    let mut engine = reader();
    engine.value = f32::NAN;
    let evaluation =
        prepared(SQUAD, &options()).run(&mut engine, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(evaluation.results.non_finite_windows, evaluation.results.windows);
}

#[test]
fn models_that_answer_one_after_the_other_answer_as_if_together() {
    let member = |value| Box::new(Reader { value, ..reader() }) as Box<dyn InferenceEngine>;
    let prepared = prepared(SQUAD, &options());
    let mut reports = Vec::new();
    let mut answer = |engine: &mut dyn InferenceEngine| {
        let mut progress = |done, total| {
            reports.push((done, total));
            ControlFlow::Continue(())
        };
        let evaluation = prepared.run(engine, &mut progress).unwrap();
        (evaluation.files().unwrap(), std::mem::take(&mut reports))
    };
    let (together, once) = answer(&mut Ensemble::new(member(1.0), vec![member(2.0), member(6.0)]));
    let config = reader().config;
    let open = |value| -> OpenMember { Box::new(move || Ok(member(value))) };
    let mut in_turn = InTurn::new([1.0, 2.0, 6.0].map(open).into(), config);
    // As often as asked.
    for _ in 0..2 {
        let (files, thrice) = answer(&mut in_turn);
        assert!(files == together);
        assert_eq!((once.last(), thrice.last()), (Some(&(4, 4)), Some(&(12, 12))));
    }
    let (alone, _) = answer(member(1.0).as_mut());
    assert!(alone != together);
}

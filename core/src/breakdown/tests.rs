//! A small data set with everything in it.

use super::*;
use crate::advice::Advice;
use crate::{
    score::{NullOdds, Predictions},
    squad::{Answer, Dataset, QuestionWord},
};

/// A case with a gold answer unless that is empty.
pub(super) fn case(id: &str, gold: &str, prediction: &str, null_odds: Option<f64>) -> Case {
    let right = f64::from(u8::from(gold == prediction));
    let gold_answers =
        if gold.is_empty() { Vec::new() } else { vec![Answer { text: gold.into(), answer_start: Some(0) }] };
    Case {
        id: id.into(),
        article: 0,
        paragraph: 0,
        question: String::new(),
        answered: if right > 0.0 { Outcome::Correct } else { Outcome::WrongSpan },
        gold_answers,
        plausible_answers: Vec::new(),
        prediction: prediction.into(),
        exact: right,
        f1: right,
        null_odds,
        probability: None,
        oracle_f1: Vec::new(),
        known: Known::default(),
        traits: Traits {
            question_word: QuestionWord::Other,
            question_words: 0,
            context_words: 0,
            answer_words: None,
            answer_position: None,
            overlap: 1.0,
            negation: false,
            number: Presence::None,
            name: Presence::None,
        },
    }
}

pub(super) fn dataset() -> Dataset {
    let json = r#"{"version": "v2.0", "data": [
        {"title": "Harbour", "paragraphs": [{"context": "The harbour of Lund was built by Anna Berg in 1902. It holds 40 boats.", "qas": [
            {"id": "a", "question": "Who built the harbour of Lund?", "answers": [{"text": "Anna Berg", "answer_start": 33}], "is_impossible": false},
            {"id": "b", "question": "When was the harbour built?", "answers": [{"text": "1902", "answer_start": 46}, {"text": "in 1902", "answer_start": 43}], "is_impossible": false},
            {"id": "c", "question": "How many boats does it not hold?", "answers": [], "plausible_answers": [{"text": "40 boats", "answer_start": 61}], "is_impossible": true}]}]},
        {"title": "Mill", "paragraphs": [{"context": "A mill stands on the hill.", "qas": [
            {"id": "d", "question": "Where does a mill stand?", "answers": [{"text": "on the hill", "answer_start": 14}], "is_impossible": false},
            {"id": "e", "question": "Who owned the mill in 1850?", "answers": [], "plausible_answers": [], "is_impossible": true},
            {"id": "f", "question": "What stands on the hill?", "answers": [{"text": "A mill", "answer_start": 0}], "is_impossible": false}]}]}]}"#;
    Dataset::from_json(json, "world.json").unwrap()
}

pub(super) fn answers() -> Answers {
    let predictions = [
        ("a", "built by Anna Berg"),
        ("b", "1902"),
        ("c", "40"),
        ("d", "hill"),
        ("e", "the hill"),
        ("f", "stands"),
    ];
    let odds = [("a", -3.0), ("b", -5.0), ("c", 0.5), ("d", 2.0), ("e", 3.0), ("f", -1.0)];
    let nbest = r#"{"a": [{"text": "built by Anna Berg", "probability": 0.5, "start_logit": 1.0}, {"text": "", "probability": 0.3}, {"text": "Anna Berg", "probability": 0.2}],
        "b": [{"text": "1902", "probability": 0.9}], "d": [{"text": "hill", "probability": 0.6}], "f": [{"text": "stands", "probability": 0.4}]}"#;
    Answers {
        name: "system".into(),
        predictions: predictions.iter().map(|(id, text)| ((*id).into(), (*text).into())).collect(),
        null_odds: Some(odds.iter().map(|(id, odds)| ((*id).into(), *odds)).collect()),
        nbest: Some(NbestLists::from_json(nbest, "nbest.json").unwrap()),
        ..Answers::default()
    }
}

pub(super) fn analysis() -> Analysis {
    Analysis::new(&dataset(), answers()).unwrap()
}

#[test]
fn every_question_has_an_outcome_at_a_threshold() {
    let analysis = analysis();
    let names =
        |threshold| analysis.cases.iter().map(|case| case.outcome(threshold).name()).collect::<Vec<_>>();
    assert_eq!(
        names(2.5),
        [
            "too long",
            "correct",
            "fell for the plausible answer",
            "too short",
            "correctly abstained",
            "wrong span"
        ]
    );
    assert_eq!(
        names(-2.0),
        [
            "too long",
            "correct",
            "correctly abstained",
            "wrongly abstained",
            "correctly abstained",
            "wrongly abstained"
        ]
    );
    assert_eq!(names(f64::INFINITY)[4], "answered the unanswerable");
}

#[test]
fn a_report_adds_up() {
    let analysis = analysis();
    let report = analysis.report(2.5, &[]).unwrap();
    assert_eq!(report.outcomes.iter().map(|count| count.n).sum::<usize>(), 6);
    let lost: f64 = report.outcomes.iter().map(|count| count.lost_f1).sum();
    assert!((100.0 - lost - report.official.f1).abs() < 1e-9);
    assert!((report.overall.f1 - report.official.f1).abs() < 1e-9);
    assert!((report.overall.exact - report.official.exact).abs() < 1e-9);
    let names: Vec<_> = report.thresholds.iter().map(|row| row.name).collect();
    assert_eq!(names, ["threshold 0", "best threshold", "chosen threshold"]);
    assert_eq!(
        report.thresholds[2].confusion,
        Confusion { has_ans_answered: 4, has_ans_abstained: 0, no_ans_answered: 1, no_ans_abstained: 1 }
    );
    // The slices of a dimension are all its questions.
    for dimension in Dimension::ALL {
        let rows = report.slices.iter().filter(|row| row.dimension == Some(dimension));
        let n: usize = rows.clone().map(|row| row.n).sum();
        let expected = match dimension {
            Dimension::AnswerLength | Dimension::AnswerPosition => 4,
            // One group only.
            Dimension::Windows => 0,
            _ => 6,
        };
        assert!(n == expected || n == 0, "{dimension:?}: {n}");
        for row in rows {
            let intervals = row.intervals.unwrap();
            assert!(intervals.f1.low <= row.f1 && row.f1 <= intervals.f1.high, "{row:?}");
            assert!(row.difference.is_some());
        }
    }
    assert_eq!(report.plausible, Some(Plausible { n: 1, answered: 1, fell: 1, fell_exactly: 0 }));
    // "built by Anna Berg" 2/3, then "Anna Berg" 1; "on the hill" 2/3 without its article; 1; 0.
    let oracle: Vec<f64> = report.oracle.iter().map(|row| row.f1).collect();
    assert!((oracle[0] - 100.0 * (2.0 / 3.0 + 1.0 + 2.0 / 3.0) / 4.0).abs() < 1e-9, "{oracle:?}");
    assert!((oracle[1] - 100.0 * (1.0 + 1.0 + 2.0 / 3.0) / 4.0).abs() < 1e-9, "{oracle:?}");
    assert_eq!(report.unreachable, Unreachable::default());
    assert_eq!(report.risk_coverage.len(), 2);
    assert_eq!(report.reliability.len(), 2);
    serde_json::to_string(&report).unwrap();
}

#[test]
fn the_difference_is_to_the_others_of_the_dimension() {
    let analysis = analysis();
    let rows = analysis.slice_scores(&analysis.slices, 2.5);
    let row = |label: &str| rows.iter().find(|row| row.label == label).unwrap();
    // Answerable: 2/3, 1, 2/3, 0; unanswerable: 0, 1.
    let answerable = 100.0 * (7.0 / 3.0) / 4.0;
    assert!((row("answerable").f1 - answerable).abs() < 1e-9);
    assert!((row("answerable").difference.unwrap() - (answerable - 50.0)).abs() < 1e-9);
    // Among answer positions the unanswerable questions do not count.
    let first = row("first quarter");
    assert_eq!(first.n, 1);
    assert!((first.difference.unwrap() - (0.0 - 100.0 * (7.0 / 3.0) / 3.0)).abs() < 1e-9, "{first:?}");
    // A query is compared with all others.
    let slice = Query::parse("question_word = \"who\"").unwrap().slice("mine", &analysis, 2.5);
    assert_eq!(slice.members, [0, 4]);
    let row = &analysis.slice_scores(std::slice::from_ref(&slice), 2.5)[0];
    assert!((row.f1 - 100.0 * (5.0 / 3.0) / 2.0).abs() < 1e-9);
    assert!((row.difference.unwrap() - (row.f1 - 100.0 * (5.0 / 3.0) / 4.0)).abs() < 1e-9);
    let mut rows = vec![row.clone()];
    analysis.add_intervals(&mut rows, &[slice], 2.5);
    // Two questions: F1 has an interval, the difference none.
    let intervals = rows[0].intervals.unwrap();
    assert!(intervals.f1.low < rows[0].f1 && rows[0].f1 < intervals.f1.high);
    assert!(intervals.difference.is_none() && !rows[0].significant);
}

#[test]
fn without_null_odds_every_answer_counts() {
    let analysis = Analysis::new(&dataset(), Answers { null_odds: None, ..answers() }).unwrap();
    let report = analysis.report(analysis.default_threshold(), &[]).unwrap();
    assert_eq!(report.threshold, None);
    assert!(report.curve.is_none() && report.precision_recall.is_none());
    assert_eq!(report.thresholds.len(), 1);
    assert_eq!(report.thresholds[0].confusion.no_ans_answered, 2);
    // JSON has no infinity: it must not appear.
    assert!(!serde_json::to_string(&report).unwrap().contains("\"threshold\":null,\"kept\""));
}

#[test]
fn answers_that_do_not_fit_are_refused() {
    let refused = |answers: Answers| Analysis::new(&dataset(), answers).unwrap_err().in_one_line();
    let others: Predictions = [("x".to_owned(), "y".to_owned())].into_iter().collect();
    let error = refused(Answers { predictions: others, ..answers() });
    assert!(
        error.contains("none of the 1 predictions is for one of the 6 questions of world.json"),
        "{error}"
    );
    let few: Predictions = [("a".to_owned(), "y".to_owned())].into_iter().collect();
    let error = refused(Answers { predictions: few.clone(), ..answers() });
    assert!(error.contains("no prediction for 5 of 6 questions"), "{error}");
    let odds: NullOdds = [("a".to_owned(), 0.5)].into_iter().collect();
    let error = refused(Answers { null_odds: Some(odds.clone()), ..answers() });
    assert!(error.contains("no null odds for 5 of 6 questions"), "{error}");
    let error = refused(Answers { predictions: Predictions::default(), ..answers() });
    assert!(error.contains("no prediction for 6 of 6 questions"), "{error}");
    let nan = ["a", "b", "c", "d", "e", "f"].map(|id| (id.to_owned(), f64::NAN)).into_iter().collect();
    let error = refused(Answers { null_odds: Some(nan), ..answers() });
    assert!(error.contains("question a are NaN"), "{error}");
    let empty = Dataset::from_json(r#"{"data": []}"#, "empty.json").unwrap();
    let error = Analysis::new(&empty, answers()).unwrap_err().in_one_line();
    assert!(error.contains("no questions"), "{error}");
    let error = NbestLists::from_json(r#"{"a": ["x"]}"#, "n.json").unwrap_err().in_one_line();
    assert!(error.starts_with("n.json is not a valid nbest_predictions.json"), "{error}");

    // Counted as unanswered if so wished.
    let answers =
        Answers { predictions: few, null_odds: Some(odds), missing: Missing::CountAsUnanswered, ..answers() };
    let analysis = Analysis::new(&dataset(), answers).unwrap();
    assert_eq!(analysis.missing, 5);
    assert_eq!(analysis.at("x", 9.0).confusion.no_ans_abstained, 2);
}

#[test]
fn two_systems_are_compared_question_by_question() {
    let first = analysis();
    let better: Predictions = answers()
        .predictions
        .iter()
        .map(|(id, text)| {
            let text = match id {
                "a" => "Anna Berg",
                "b" => "40",
                "d" => "on the hill",
                _ => text.as_str(),
            };
            (id.to_owned(), text.to_owned())
        })
        .collect();
    let second =
        Analysis::new(&dataset(), Answers { predictions: better, name: "other".into(), ..answers() })
            .unwrap();
    let mut found = Comparison::new((&first, 2.5), (&second, 2.5), &first.slices).unwrap();
    found.add_intervals(&first.slices);
    // Six questions are too few for an interval of what changed.
    let rows = std::iter::once(&found.overall).chain(&found.slices);
    assert!(rows.clone().all(|row| row.interval.is_none() && !row.significant), "{rows:?}");
    let changes: Vec<_> = (0..7).map(|place| found.change(place)).collect();
    let (worse, better) = (Some(Change::RightToWrong), Some(Change::WrongToRight));
    assert_eq!(changes, [better, worse, None, better, None, None, None]);
    assert_eq!((found.place_in_second(5), found.place_in_second(6)), (Some(5), None));
    assert_eq!(found.right_to_wrong, ["b"]);
    assert_eq!(found.wrong_to_right, ["a", "d"]);
    assert_eq!((found.both_right, found.both_wrong), (1, 2));
    assert_eq!((found.overall.right_to_wrong, found.overall.wrong_to_right), (1, 2));
    assert!((found.overall.mcnemar.p_value - 1.0).abs() < 1e-12);
    let gain = 100.0 * (1.0 / 3.0 - 1.0 + 1.0 / 3.0) / 6.0;
    assert!((found.overall.difference - gain).abs() < 1e-9, "{:?}", found.overall);
    let who = found.slices.iter().find(|slice| slice.label == "who").unwrap();
    assert_eq!((who.n, who.wrong_to_right), (2, 1));

    let mut other = second;
    other.cases.pop();
    let error = Comparison::new((&first, 0.0), (&other, 0.0), &[]).unwrap_err().in_one_line();
    assert!(error.contains("1 of 6 are in only one of them (f)"), "{error}");
}

#[test]
fn measured_in_parts_an_evaluation_is_the_same() {
    let data = dataset();
    let whole = Analysis::new(&data, answers()).unwrap();
    for questions in [1, 2, 4, 100] {
        let mut pauses = 0;
        let parts = Analysis::in_parts(&data, answers(), questions, async || pauses += 1);
        let parts = pollster::block_on(parts).unwrap();
        let report = |analysis: &Analysis| {
            serde_json::to_string(&analysis.report(analysis.default_threshold(), &[]).unwrap()).unwrap()
        };
        assert_eq!(report(&parts), report(&whole), "{questions}");
        assert!(pauses >= 4 || questions > 2, "{pauses}");
    }
}

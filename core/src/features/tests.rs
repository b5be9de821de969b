//! From a data set to windows, on examples small enough to check by hand.

use super::*;
use crate::advice::Advice;
use crate::squad::{Answer, Article, Dataset, Paragraph, Question};
use crate::tokenizer::BertTokenizer;

/// `a` to `h` are words 4 to 11, `##b` to `##d` continue them.
fn tokenizer() -> BertTokenizer {
    let vocab = "[PAD] [UNK] [CLS] [SEP] a b c d e f g h ##b ##c ##d ?";
    BertTokenizer::from_vocab(vocab.split(' ').map(str::to_owned).collect(), false).unwrap()
}

fn question(id: &str, answers: &[(&str, usize)], is_impossible: Option<bool>) -> Question {
    let answers = answers
        .iter()
        .map(|&(text, answer_start)| Answer { text: text.into(), answer_start: Some(answer_start) })
        .collect();
    Question { id: id.into(), question: "h?".into(), answers, plausible_answers: vec![], is_impossible }
}

fn dataset(context: &str, questions: Vec<Question>) -> Dataset {
    let paragraphs = vec![Paragraph { context: context.into(), questions }];
    Dataset::from_articles(vec![Article { title: "T".into(), paragraphs }], "made.json")
}

fn answered(context: &str, text: &str, start: usize) -> Dataset {
    dataset(context, vec![question("q", &[(text, start)], None)])
}

fn options(max_seq_length: usize, doc_stride: usize) -> WindowOptions {
    WindowOptions { max_seq_length, doc_stride, max_query_length: 2 }
}

fn training_windows(dataset: &Dataset, options: &WindowOptions) -> Vec<Window> {
    let (examples, skipped) = training_examples(dataset);
    assert_eq!(skipped, []);
    windows(&examples, &tokenizer(), options, true).unwrap()
}

/// Start and end of every window's answer.
fn positions(dataset: &Dataset, options: &WindowOptions) -> Vec<(usize, usize)> {
    let pair = |window: &Window| (window.start_position.unwrap(), window.end_position.unwrap());
    training_windows(dataset, options).iter().map(pair).collect()
}

#[test]
fn windows_hold_question_and_document() {
    let windows = training_windows(&answered("a bc d e f g", "bc d", 2), &options(9, 3));
    // Pieces a b ##c d e f g, 4 a window, the step is 3.
    let [first, second] = &windows[..] else { panic!("{windows:?}") };
    assert_eq!(first.input_ids, [2, 11, 15, 3, 4, 5, 13, 7, 3]);
    assert_eq!(second.input_ids, [2, 11, 15, 3, 7, 8, 9, 10, 3]);
    assert_eq!((first.first_segment_length, first.first_doc_token), (4, 4));
    assert_eq!(*first.token_to_orig, [0, 1, 1, 2]);
    assert_eq!(*second.token_to_orig, [2, 3, 4, 5]);
    // Piece d is the last of one window and the first of the next: a tie for the first.
    assert_eq!(*first.token_is_max_context, [true, true, true, true]);
    assert_eq!(*second.token_is_max_context, [false, true, true, true]);
    assert_eq!((first.start_position, first.end_position), (Some(5), Some(7)));
    assert_eq!((second.start_position, second.end_position), (Some(0), Some(0)), "not wholly inside");
    assert_eq!([first.unique_id, second.unique_id], [1_000_000_000, 1_000_000_001]);
    assert_eq!([first.doc_span_index, second.doc_span_index], [0, 1]);
}

#[test]
fn long_questions_are_cut() {
    let mut long = question("q", &[], Some(true));
    long.question = "a b c d e".into();
    let windows = training_windows(&dataset("f g", vec![long]), &options(9, 3));
    assert_eq!(windows[0].input_ids, [2, 4, 5, 3, 9, 10, 3]);
    assert_eq!((windows[0].start_position, windows[0].end_position), (Some(0), Some(0)));
}

#[test]
fn answers_are_narrowed_to_pieces() {
    // The answer is the second half of the word, which alone is the piece ##c, never c: kept whole.
    assert_eq!(positions(&answered("a bc", "c", 3), &options(20, 9)), [(5, 6)]);
    // Punctuation is a piece of its own: narrowed.
    assert_eq!(positions(&answered("a b?", "b", 2), &options(20, 9)), [(5, 5)]);
}

#[test]
fn a_word_without_pieces_ends_before_it_starts() {
    assert_eq!(positions(&answered("a \u{200b} b", "\u{200b}", 2), &options(20, 9)), [(5, 4)]);
}

#[test]
fn an_answer_before_the_first_word_is_pythons_last_word() {
    // The white space belongs to word -1; only one-word contexts contain their answer then.
    let examples = training_examples(&answered(" a", " a", 0)).0;
    assert_eq!((examples[0].start_position, examples[0].end_position), (Some(-1), Some(0)));
    assert_eq!(positions(&answered(" a", " a", 0), &options(20, 9)), [(4, 4)]);
    let (examples, skipped) = training_examples(&answered(" a b", " a", 0));
    assert!(examples.is_empty());
    assert_eq!(skipped[0].reason, SkipReason::NotThere(String::new()));
    // A blank answer there ends before everything. The reference's windows then have labels beyond their end and
    // below 0; its loss clamps both.
    assert_eq!(positions(&answered(" a b c d e f g h", " ", 0), &options(9, 4)), [(11, 3), (7, 0)]);
}

#[test]
fn contexts_without_pieces_have_no_windows() {
    let edge = dataset("\u{200b} \u{200b}", vec![question("q", &[], Some(true))]);
    assert_eq!(training_windows(&edge, &options(20, 9)), []);
    let blank = answered("  ", " ", 0);
    assert_eq!(training_windows(&blank, &options(20, 9)), []);
}

#[test]
fn examples_count_on_over_paragraphs_without_windows() {
    let paragraph = |context: &str, id: &str| Paragraph {
        context: context.into(),
        questions: vec![question(id, &[], Some(true)), question(&format!("{id}2"), &[], Some(true))],
    };
    let paragraphs = vec![paragraph("a", "x"), paragraph("", "y"), paragraph("b", "z")];
    let dataset = Dataset::from_articles(vec![Article { title: String::new(), paragraphs }], "m");
    let examples = evaluation_examples(&dataset);
    let windows = windows(&examples, &tokenizer(), &options(9, 3), false).unwrap();
    let indices: Vec<_> = windows.iter().map(|window| (window.unique_id, window.example_index)).collect();
    assert_eq!(indices, [(1_000_000_000, 0), (1_000_000_001, 1), (1_000_000_002, 4), (1_000_000_003, 5)]);
    assert_eq!(windows[0].start_position, None);
}

#[test]
fn questions_of_a_paragraph_share_its_words() {
    let both = dataset("a b", vec![question("q", &[], None), question("r", &[("b", 2)], None)]);
    let examples = evaluation_examples(&both);
    assert!(Arc::ptr_eq(&examples[0].doc_tokens, &examples[1].doc_tokens));
    assert_eq!((examples[1].start_position, examples[1].is_impossible), (None, false));
}

#[test]
fn answers_not_at_their_offset_are_skipped_and_explained() {
    let (examples, skipped) = training_examples(&answered("a b c", "c", 0));
    assert!(examples.is_empty());
    let place = "data[0].paragraphs[0].qas[0] (article \"T\", question \"q\")";
    assert_eq!(
        skipped[0].to_string(),
        format!("{place}: answer \"c\" is not in the words at its offset, \"a\"")
    );
    for start in [3, 5, usize::MAX] {
        let (_, skipped) = training_examples(&answered("a b c", "c d", start));
        assert_eq!(
            skipped[0].to_string(),
            format!("{place}: answer \"c d\" lies past the end of its context")
        );
    }
}

#[test]
fn white_space_in_answers_is_squeezed() {
    let (examples, _) = training_examples(&answered("a\tb  c", "a\tb  c", 0));
    assert_eq!((examples[0].start_position, examples[0].end_position), (Some(0), Some(2)));
    assert_eq!(examples[0].orig_answer_text.as_deref(), Some("a\tb  c"));
}

#[test]
fn of_several_answers_the_first_is_taken_and_without_one_there_is_nothing_to_learn() {
    let several = dataset("a b", vec![question("q", &[("b", 2), ("a", 0)], Some(false))]);
    let (examples, skipped) = training_examples(&several);
    assert_eq!((examples[0].start_position, examples[0].end_position), (Some(1), Some(1)));
    assert_eq!(skipped, []);
    // In a file that marks others, and in one that does not.
    for mark in [Some(false), None] {
        let none = dataset("a b", vec![question("q", &[], mark)]);
        let (examples, skipped) = training_examples(&none);
        assert_eq!((examples.len(), &skipped[0].reason), (0, &SkipReason::NoAnswer));
        assert_eq!(evaluation_examples(&none).len(), 1);
    }
    let mut unplaced = answered("a b", "b", 2);
    unplaced.articles[0].paragraphs[0].questions[0].answers[0].answer_start = None;
    assert_eq!(training_examples(&unplaced).1[0].reason, SkipReason::NoStart);
}

/// An empty answer at the start is, to the reference, the whole passage.
#[test]
fn a_blank_answer_never_trains_on_the_whole_passage() {
    for (text, start) in [("", 0), ("", 2), (" ", 1), ("\u{a0}", 0)] {
        let (examples, skipped) = usable_examples(&answered("a b c", text, start));
        assert_eq!((examples.len(), &skipped[0].reason), (0, &SkipReason::BlankAnswer), "{text:?}");
    }
    assert_eq!(usable_examples(&answered("a b c", "b", 2)).0.len(), 1);
}

#[test]
fn options_without_room_are_refused() {
    let message = |options: WindowOptions| options.check().unwrap_err().in_one_line();
    let default = WindowOptions::default();
    default.check().unwrap();
    assert!(message(WindowOptions { doc_stride: 0, ..default }).starts_with("doc_stride is 0"));
    assert!(message(WindowOptions { max_query_length: 0, ..default }).starts_with("max_query_length is 0"));
    let narrow = WindowOptions { max_seq_length: 67, ..default };
    assert!(
        message(narrow)
            .ends_with("raise max_seq_length to more than 67 or lower max_query_length to at most 63")
    );
    WindowOptions { max_seq_length: 68, ..default }.check().unwrap();
    assert!(message(WindowOptions { max_seq_length: 4, ..default }).ends_with("to more than 67"));
    assert!(message(WindowOptions { max_query_length: usize::MAX, ..default }).contains("leaves no room"));
    assert!(windows(&[], &tokenizer(), &narrow, true).is_err());
}

#[test]
fn training_on_evaluation_examples_is_refused() {
    let examples = evaluation_examples(&answered("a b", "b", 2));
    let error = windows(&examples, &tokenizer(), &options(9, 3), true).unwrap_err();
    assert_eq!(
        error.in_one_line(),
        "question \"q\" was read for evaluation and has no answer position; read it for training"
    );
}

#[test]
fn examples_with_impossible_positions_are_refused() {
    let (examples, _) = training_examples(&answered("a b", "b", 2));
    for (start, end) in [(2, 2), (-2, 0), (0, 2), (0, -2)] {
        let wrong = Example { start_position: Some(start), end_position: Some(end), ..examples[0].clone() };
        let error = windows(&[wrong], &tokenizer(), &options(9, 3), true).unwrap_err();
        assert!(error.to_string().ends_with("are not among the context's 2 words"), "{error}");
    }
}

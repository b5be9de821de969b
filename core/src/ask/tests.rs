use super::*;
use crate::{config::BertConfig, engine::Engine};

/// Wants an answer from the piece `first` to the piece `last`; everything else, `[CLS]` included, gets 0.
struct Wants {
    config: BertConfig,
    first: i32,
    last: i32,
    lengths: Vec<usize>,
}

impl Engine for Wants {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn memory(&self) -> Option<spanbert_backends::MemoryUse> {
        None
    }
}

impl InferenceEngine for Wants {
    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        self.lengths.push(batch.length);
        let logits =
            |wanted: i32| batch.input_ids.iter().map(|&id| if id == wanted { 4.0 } else { 0.0 }).collect();
        Ok(Logits {
            rows: batch.rows,
            length: batch.length,
            start: logits(self.first),
            end: logits(self.last),
        })
    }
}

const PIECES: [&str; 12] =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "who", "?", "Zoë", "Ann", "left", "(", ")", "."];

fn engine(first: &str, last: &str) -> Wants {
    let id = |piece| PIECES.iter().position(|known| *known == piece).unwrap() as i32;
    let config = BertConfig { max_position_embeddings: 40, ..BertConfig::default() };
    Wants { config, first: id(first), last: id(last), lengths: Vec::new() }
}

fn tokenizer() -> BertTokenizer {
    BertTokenizer::from_vocab(PIECES.map(str::to_owned).to_vec(), false).unwrap()
}

fn options() -> AskOptions {
    AskOptions {
        windows: WindowOptions { doc_stride: 16, ..WindowOptions::default() },
        ..AskOptions::default()
    }
}

#[test]
fn the_answer_is_cut_out_of_the_passage_as_it_stands() {
    let passage = "left left.\n  (Zoë \t Ann)";
    let answer = ask(&mut engine("Zoë", "Ann"), &tokenizer(), passage, "who?", &options()).unwrap();
    let best = answer.best().unwrap();
    assert_eq!(best.text, "Zoë \t Ann");
    assert_eq!(&passage[best.bytes.clone()], best.text);
    assert_eq!(passage.chars().skip(best.chars.start).take(best.chars.len()).collect::<String>(), best.text);
    assert_eq!((answer.score_diff, answer.windows), (-8.0, 1));
    for other in &answer.answers {
        assert_eq!(&passage[other.bytes.clone()], other.text);
    }
    let all: f64 = answer.answers.iter().map(|answer| answer.probability).sum();
    assert!((all + answer.null_probability - 1.0).abs() < 1e-12);
}

#[test]
fn the_threshold_decides_whether_to_answer() {
    let run = |threshold| {
        let options = AskOptions { threshold, ..options() };
        ask(&mut engine("Ann", "Ann"), &tokenizer(), "Ann left.", "who?", &options).unwrap()
    };
    assert_eq!(run(-8.0).best().unwrap().text, "Ann");
    let silent = run(-8.5);
    assert!(!silent.answered && silent.best().is_none());
    assert_eq!(silent.answers[0].text, "Ann", "the alternatives remain visible");
}

#[test]
fn long_passages_are_searched_window_by_window_and_short_ones_are_not_padded() {
    let passage = format!("{} Ann {}", "left . ".repeat(60), "left . ".repeat(10));
    let mut model = engine("Ann", "Ann");
    let answer = ask(&mut model, &tokenizer(), &passage, "who?", &options()).unwrap();
    assert!(answer.windows > 3, "{}", answer.windows);
    assert_eq!(answer.best().unwrap().text, "Ann");
    assert!(answer.best().unwrap().window > 0);
    assert!(model.lengths.iter().all(|&length| length <= 40), "{:?}", model.lengths);

    let mut model = engine("Ann", "Ann");
    ask(&mut model, &tokenizer(), "Ann left.", "who?", &options()).unwrap();
    assert_eq!(model.lengths, [8]);
}

#[test]
fn emptiness_is_an_error_that_says_what_is_empty() {
    let run = |passage, question| ask(&mut engine("Ann", "Ann"), &tokenizer(), passage, question, &options());
    assert!(matches!(run("Ann left.", " "), Err(AskError::EmptyQuestion)));
    assert!(matches!(run("Ann left.", "\u{200b}"), Err(AskError::EmptyQuestion)));
    assert!(matches!(run("", "who?"), Err(AskError::EmptyPassage)));
    assert!(matches!(run("\u{200b} \n", "who?"), Err(AskError::EmptyPassage)));
    let none = AskOptions { n_best_size: 0, ..options() };
    let error = ask(&mut engine("Ann", "Ann"), &tokenizer(), "Ann", "who?", &none).unwrap_err();
    assert_eq!(error.to_string(), "n_best_size must be at least 1");
}

#[test]
fn missing_or_damaged_logits_are_refused() {
    let tokenizer = tokenizer();
    let prepared = PreparedQuestion::new(&tokenizer, "Ann left.", "who?", &options()).unwrap();
    assert!(matches!(prepared.answer(&[]), Err(AskError::Answer(AnswerError::CandidateCount { .. }))));
    let logits =
        |length, value| Logits { rows: 1, length, start: vec![value; length], end: vec![value; length] };
    assert!(matches!(prepared.answer(&[logits(4, 0.0)]), Err(AskError::Answer(_))));
    assert!(matches!(prepared.answer(&[logits(8, f32::NAN)]), Err(AskError::NotFinite(1))));
}

#[test]
fn heat_is_a_distribution_over_the_words_of_the_passage() {
    let passage = "left (Zo\u{eb}) Ann left. ".repeat(8);
    let (mut engine, mut seen) = (engine("Zo\u{eb}", "Ann"), Vec::new());
    let options = AskOptions { batch_size: 2, ..options() };
    let mut progress = |done, total| {
        seen.push((done, total));
        true
    };
    let explained = explain(&mut engine, &tokenizer(), &passage, "who?", &options, &mut progress).unwrap();
    assert_eq!(explained.answer, ask(&mut engine, &tokenizer(), &passage, "who?", &options).unwrap());
    let total = explained.answer.windows;
    assert!(total > 2 && explained.heat.len() == total);
    assert_eq!(seen, (0..total).step_by(2).map(|done| (done, total)).collect::<Vec<_>>());
    for window in &explained.heat {
        let words: Vec<&str> = window.words.iter().map(|word| &passage[word.bytes.clone()]).collect();
        let shown = &passage[window.bytes.clone()];
        assert_eq!(words, shown.split(' ').collect::<Vec<_>>());
        let sum: f32 = window.null_start + window.words.iter().map(|word| word.start).sum::<f32>();
        // The question's three pieces and two separators share the rest; all have the logit of [CLS].
        assert!((sum + 4.0 * window.null_start - 1.0).abs() < 1e-5, "{sum}");
        // The whole piece "Zo\u{eb}" and not its brackets make the word likely.
        let likely = window.words.iter().zip(&words).filter(|(word, _)| word.start > 0.05);
        assert!(likely.clone().count() > 0);
        assert!(likely.into_iter().all(|(_, text)| *text == "(Zo\u{eb})"));
    }
}

#[test]
fn a_question_can_be_given_up() {
    let passage = "Ann left. ".repeat(40);
    let mut engine = engine("Ann", "Ann");
    let options = AskOptions { batch_size: 1, ..options() };
    let error = explain(&mut engine, &tokenizer(), &passage, "who?", &options, &mut |done, _| done < 2);
    assert!(matches!(error, Err(AskError::Cancelled)));
    assert_eq!(engine.lengths.len(), 2);
}

/// The best answer's piece of the passage, with its places checked.
fn best(passage: &str, first: &str, last: &str) -> String {
    let answer = ask(&mut engine(first, last), &tokenizer(), passage, "who?", &options()).unwrap();
    let best = answer.best().unwrap();
    assert_eq!(&passage[best.bytes.clone()], best.text);
    assert_eq!(passage.chars().skip(best.chars.start).take(best.chars.len()).collect::<String>(), best.text);
    best.text.clone()
}

#[test]
fn words_are_parted_by_all_that_parts_words() {
    for separator in [
        "\u{a0}",
        "\u{202f}",
        "\u{2007}",
        "\u{3000}",
        "\u{2009}",
        "\u{1680}",
        "\u{200b}",
        "\u{2060}",
        "\u{feff}",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\u{c}",
        "\u{b}",
        "\u{200d}",
        "\r\n",
        "\0",
        "\u{1b}[2;3H",
    ] {
        let passage = ["left", "Zo\u{eb}", "Ann", "left."].join(separator);
        assert_eq!(best(&passage, "Zo\u{eb}", "Zo\u{eb}"), "Zo\u{eb}", "{separator:?}");
        assert_eq!(best(&passage, "Ann", "Ann"), "Ann", "{separator:?}");
        assert_eq!(best(&passage, "Zo\u{eb}", "Ann"), format!("Zo\u{eb}{separator}Ann"), "{separator:?}");
    }
}

#[test]
fn answers_begin_and_end_with_text() {
    assert_eq!(best("\u{feff}Zo\u{eb} left.", "Zo\u{eb}", "Zo\u{eb}"), "Zo\u{eb}");
    assert_eq!(
        best("left \u{202e}\u{1b}[31mZo\u{eb}\u{1b}[0m\u{202c}.\u{c}", "Zo\u{eb}", "Zo\u{eb}"),
        "Zo\u{eb}"
    );
    // An escape or a soft hyphen within the word is part of the exact piece; the full stop is not.
    assert_eq!(best("left Zo\u{ad}\u{eb}.", "Zo\u{eb}", "Zo\u{eb}"), "Zo\u{ad}\u{eb}");
    assert_eq!(best("A\u{1b}[1mnn\u{1b}[0m, left.", "Ann", "Ann"), "A\u{1b}[1mnn");
    assert_eq!(best("left A\u{8}An\u{8}nn\u{8}n.", "Ann", "Ann"), "An\u{8}nn\u{8}n");
}

#[test]
fn questions_are_read_as_passages_are() {
    let tokenizer = tokenizer();
    let windows = |question: &str| {
        let prepared = PreparedQuestion::new(&tokenizer, "Ann left.", question, &options()).unwrap();
        prepared.windows[0].input_ids.clone()
    };
    assert_eq!(windows("\u{feff}who\u{200b}Ann\u{a0}\u{1b}[1mleft\u{1b}[0m?\r\n"), windows("who Ann left?"));
}

#[test]
fn what_was_cut_to_fit_is_said() {
    let fitted = |question: &str, windows| {
        let options = AskOptions { windows, ..options() };
        ask(&mut engine("Ann", "Ann"), &tokenizer(), "Ann left.", question, &options).unwrap().fitted
    };
    let fits = WindowOptions { max_seq_length: 40, doc_stride: 16, max_query_length: 5 };
    assert_eq!(fitted("who Ann left?", fits).notes(), [""; 0]);
    let cut = fitted("who Ann left Ann left Ann?", fits);
    assert_eq!((cut.question_pieces, cut.question_pieces_used), (7, 5));
    assert!(cut.notes()[0].contains("7 word pieces and was cut to the first 5"), "{:?}", cut.notes());
    let lowered = fitted("who?", WindowOptions { max_seq_length: 384, ..fits });
    assert_eq!((lowered.max_seq_length, lowered.max_seq_length_asked), (40, Some(384)));
    assert!(lowered.notes()[0].contains("384 was lowered to 40"), "{:?}", lowered.notes());
}

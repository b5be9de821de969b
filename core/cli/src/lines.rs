//! `spanbert predict --lines`: questions as JSON lines from standard input, answers as JSON lines to standard output.
//!
//! A thread reads ahead, so far as a short queue goes: a producer that is faster than the model waits, as it does for any
//! program in a pipe. Lines that are there are answered together; what is done is written before more is waited for.

use std::{
    io::{self, BufRead, BufReader, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, value::RawValue};

use super::{
    error::CliError,
    evaluate::{EvaluationArgs, warn_if_damaged},
    model::OpenedModel,
    output,
};
use spanbert_core::{
    answers::Prediction,
    evaluate::{Abstention, EvaluateOptions, QuestionAlone, answer_alone, non_finite_windows},
    text_file::STANDARD_INPUT,
};

/// Lines that wait at most.
const QUEUE: usize = 64;
/// Lines answered together at most, and the bytes of text that they may have.
const TOGETHER: (usize, usize) = (64, 1 << 20);
/// Bytes of the longest line.
const LONGEST: usize = 16 << 20;
/// How what is no text in UTF-8 begins: its first bytes, what it is, and what makes lines of it.
const NO_LINES: [(&[u8], &str, &str); 3] = [
    (b"\x1f\x8b", "is packed with gzip", "unpack it on the way: gzip -dc FILE | spanbert predict --lines …"),
    (
        b"\xff\xfe",
        "is UTF-16",
        "convert it on the way: iconv -f UTF-16 -t UTF-8 FILE | spanbert predict --lines …",
    ),
    (
        b"\xfe\xff",
        "is UTF-16",
        "convert it on the way: iconv -f UTF-16 -t UTF-8 FILE | spanbert predict --lines …",
    ),
];

/// A line and its number, from 1.
struct Line {
    number: usize,
    bytes: Result<Vec<u8>, &'static str>,
}

/// A line as it is read; other keys are ignored.
#[derive(Deserialize)]
struct Fields {
    /// As it is written, whatever it is.
    #[serde(default, deserialize_with = "as_written")]
    id: Option<Box<RawValue>>,
    question: Option<Value>,
    context: Option<Value>,
}

/// A question.
struct Asked {
    id: Option<Box<RawValue>>,
    question: String,
    context: String,
}

/// A line as it is written.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
    Answer {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a RawValue>,
        /// None if the passage does not answer the question.
        answer: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        probability: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        score_diff: Option<f64>,
    },
    Bad {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Box<RawValue>>,
        line: usize,
        error: String,
    },
}

/// How questions are answered.
struct Answering<'a> {
    model: &'a mut OpenedModel,
    options: EvaluateOptions,
    threshold: Option<f64>,
    /// Lines that could not be answered, and windows without finite logits.
    bad: usize,
    non_finite: usize,
}

/// Answers lines until there are no more.
pub(super) fn run(mut model: OpenedModel, settings: &EvaluationArgs) -> Result<(), CliError> {
    let options = settings.options(&model)?;
    let (options, threshold) = decided(options, &model);
    let mut answering = Answering { model: &mut model, options, threshold, bad: 0, non_finite: 0 };
    let (sender, lines) = sync_channel(QUEUE);
    let reader = std::thread::Builder::new().name("lines".to_owned());
    // Nothing waits for it: it ends with its input, or with the process once nobody reads the answers.
    reader
        .spawn(move || read(BufReader::new(io::stdin()), &sender))
        .map_err(|error| CliError::system("standard input cannot be read beside the model", &error))?;
    let mut out = io::stdout().lock();
    let mut count = 0;
    while let Some(together) = next(&lines) {
        let together = together?;
        count += together.len();
        answering.answer(&together, &mut out)?;
        out.flush().map_err(CliError::standard_output)?;
    }
    if answering.bad == count && count > 0 {
        return Err(CliError::new(
            format!("none of {count} lines could be answered; their errors are on standard output"),
            "write JSON lines with question and context, or name a file of questions with --data",
        ));
    }
    if answering.bad > 0 {
        output::warn(format_args!("{} of {count} lines could not be answered and are errors", answering.bad));
    }
    warn_if_damaged(answering.non_finite);
    Ok(())
}

/// Whether the model may abstain, without a file of data to tell, and from where on it does.
fn decided(options: EvaluateOptions, model: &OpenedModel) -> (EvaluateOptions, Option<f64>) {
    match options.abstention {
        Some(abstention) => output::note(abstention),
        None => output::note(
            "the model may abstain: the checkpoint does not say what it was trained on (--squad-version 1.1 has every \
             question answered)",
        ),
    }
    let allowed = options.abstention.is_none_or(|abstention: Abstention| abstention.allowed);
    let threshold = allowed.then(|| options.threshold.or(model.meta.threshold).unwrap_or_default());
    (options, threshold)
}

impl Answering<'_> {
    /// Answers lines and writes what comes of each, in their order.
    fn answer(&mut self, lines: &[Line], out: &mut impl Write) -> Result<(), CliError> {
        let asked: Vec<Result<Asked, Told<'_>>> = lines.iter().map(parse).collect();
        let questions: Vec<QuestionAlone> = asked
            .iter()
            .flatten()
            .map(|asked| QuestionAlone {
                id: String::new(),
                question: asked.question.clone(),
                context: asked.context.clone(),
            })
            .collect();
        let OpenedModel { engine, tokenizer, .. } = &mut *self.model;
        let predictions = answer_alone(&questions, engine.as_mut(), tokenizer, &self.options)?;
        self.non_finite += non_finite_windows(&predictions);
        let mut predictions = predictions.iter();
        for asked in &asked {
            let told = match asked {
                Ok(asked) => match predictions.next() {
                    Some(prediction) => self.told(asked, prediction),
                    None => continue,
                },
                Err(bad) => {
                    self.bad += 1;
                    write_line(out, bad)?;
                    continue;
                }
            };
            write_line(out, &told)?;
        }
        Ok(())
    }

    fn told<'a>(&self, asked: &'a Asked, prediction: &'a Prediction) -> Told<'a> {
        let text = match self.threshold {
            Some(threshold) => prediction.text_at(threshold),
            None => &prediction.text,
        };
        let answer = Some(text).filter(|text| !text.is_empty() && prediction.windows > 0);
        let probability = prediction.best().filter(|_| prediction.windows > 0).map(|best| best.probability);
        Told::Answer { id: asked.id.as_deref(), answer, probability, score_diff: prediction.score_diff }
    }
}

fn write_line(out: &mut impl Write, told: &Told<'_>) -> Result<(), CliError> {
    let mut line = serde_json::to_vec(told).map_err(CliError::no_json)?;
    line.push(b'\n');
    out.write_all(&line).map_err(CliError::standard_output)
}

fn parse<'a>(line: &Line) -> Result<Asked, Told<'a>> {
    let bad = |id, error| Told::Bad { id, line: line.number, error };
    let bytes = line.bytes.as_ref().map_err(|why| bad(None, (*why).to_owned()))?;
    let Fields { id, question, context } = serde_json::from_slice(bytes).map_err(|error| {
        // There is only one line for the parser.
        let told = error.to_string();
        let told = told.split(" at line 1 column").next().unwrap_or(&told);
        let told = match told {
            _ if !error.is_data() => format!("not JSON: {told}"),
            told if told.starts_with("duplicate field") => told.to_owned(),
            _ => "not an object with question and context".to_owned(),
        };
        bad(None, told)
    })?;
    match (text("question", question), text("context", context)) {
        (Ok(question), Ok(context)) => Ok(Asked { id, question, context }),
        (Err(error), _) | (_, Err(error)) => Err(bad(id, error)),
    }
}

/// A field that has to be text.
fn text(name: &str, field: Option<Value>) -> Result<String, String> {
    match field {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Null) | None => Err(format!("no {name}")),
        Some(_) => Err(format!("{name} is not text")),
    }
}

/// Anything, `null` too.
fn as_written<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(field).map(Some)
}

/// The lines to be answered together: at least one, and those that are there already. Nothing at the end.
fn next(lines: &Receiver<Result<Line, CliError>>) -> Option<Result<Vec<Line>, CliError>> {
    let (most, bytes) = TOGETHER;
    let mut together = Vec::new();
    let mut taken = 0;
    let mut waiting = Some(lines.recv().ok()?);
    while let Some(line) = waiting {
        match line {
            Ok(line) => {
                taken += line.bytes.as_ref().map_or(0, Vec::len);
                together.push(line);
            }
            Err(error) => return Some(Err(error)),
        }
        waiting = if together.len() < most && taken < bytes { lines.try_recv().ok() } else { None };
    }
    Some(Ok(together))
}

/// Reads lines until there are no more, or nobody wants them. Blank ones are passed over.
fn read(mut input: impl BufRead, lines: &SyncSender<Result<Line, CliError>>) {
    for number in 1.. {
        let line = match read_line(&mut input) {
            Ok(Some(Ok(bytes))) if number == 1 => {
                if let Some((_, what, remedy)) = NO_LINES.iter().find(|(mark, ..)| bytes.starts_with(mark)) {
                    let _ = lines.send(Err(CliError::new(format!("{STANDARD_INPUT} {what}"), remedy)));
                    return;
                }
                // Windows' programs begin a file so.
                Ok(bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes))
            }
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(error) => {
                let _ = lines.send(Err(CliError::unreadable(STANDARD_INPUT.as_ref(), &error)));
                return;
            }
        };
        let is_blank = line.as_ref().is_ok_and(|line| line.iter().all(u8::is_ascii_whitespace));
        if !is_blank && lines.send(Ok(Line { number, bytes: line })).is_err() {
            return;
        }
    }
}

/// A line without its end; of one that is too long, only that it is.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Result<Vec<u8>, &'static str>>> {
    let mut line = Vec::new();
    let (mut is_there, mut is_long) = (false, false);
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        if buffer.is_empty() {
            break;
        }
        is_there = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        is_long |= line.len() + part.len() > LONGEST;
        if !is_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(is_there.then_some(if is_long { Err("the line has more than 16 MiB") } else { Ok(line) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(usize, Result<Vec<u8>, &'static str>)> {
        let (sender, receiver) = sync_channel(QUEUE);
        // A small buffer: lines come in pieces.
        read(BufReader::with_capacity(3, text), &sender);
        drop(sender);
        receiver.into_iter().map(Result::unwrap).map(|line| (line.number, line.bytes)).collect()
    }

    #[test]
    fn lines_keep_their_numbers_and_need_no_end() {
        let expected = [(1, Ok(b"one".to_vec())), (3, Ok(b"three\r".to_vec())), (4, Ok(b"last".to_vec()))];
        assert_eq!(lines(b"one\n \nthree\r\nlast"), expected);
        assert!(lines(b"").is_empty() && lines(b"\n\n").is_empty());
        assert_eq!(lines(b"\xef\xbb\xbfone\n"), [(1, Ok(b"one".to_vec()))]);
    }

    #[test]
    fn what_is_no_text_is_refused_at_once() {
        for (mark, what, _) in NO_LINES {
            let (sender, receiver) = sync_channel(QUEUE);
            read([mark, b"\0{\0\n\n"].concat().as_slice(), &sender);
            let refused = next(&receiver).unwrap().map(|lines| lines.len()).unwrap_err();
            assert!(refused.to_string().contains(what), "{refused}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let mut text = vec![b'x'; LONGEST + 1];
        text.extend(b"\nnext\n");
        let found = lines(&text);
        assert!(found[0].1.is_err());
        assert_eq!(found[1], (2, Ok(b"next".to_vec())));
    }

    #[test]
    fn a_bad_line_is_told_with_its_number_and_its_id() {
        let told = |text: &str| {
            let line = Line { number: 7, bytes: Ok(text.as_bytes().to_vec()) };
            parse(&line).err().map(|bad| serde_json::to_string(&bad).unwrap()).unwrap_or_default()
        };
        for (line, expected) in [
            (r#"{"id": 3, "question": "Who?"}"#, r#"{"id":3,"line":7,"error":"no context"}"#),
            (
                r#"{"id": null, "question": 3, "context": ""}"#,
                r#"{"id":null,"line":7,"error":"question is not text"}"#,
            ),
            ("who?", r#"{"line":7,"error":"not JSON: expected value"}"#),
            ("3", r#"{"line":7,"error":"not an object with question and context"}"#),
        ] {
            assert_eq!(told(line), expected);
        }
        assert_eq!(told("{\"question\": \"Who?\", \"context\": \"Nobody.\", \"answers\": []}"), "");
    }

    #[test]
    fn an_id_comes_back_as_it_was_written() {
        for id in ["null", "340282366920938463463374607431768211456", "1.50", "[\"a\", 1]"] {
            let text = format!("{{\"id\": {id}, \"question\": \"Who?\", \"context\": \"Nobody.\"}}");
            let asked = parse(&Line { number: 1, bytes: Ok(text.into_bytes()) }).ok().unwrap();
            assert_eq!(asked.id.unwrap().get(), id);
        }
    }
}

//! `spanbert predict --lines`: questions as JSON lines from standard input, answers as JSON lines to standard output.
//!
//! A thread reads ahead, so far as a short queue goes: a producer that is faster than the model waits, as it does for any
//! program in a pipe. Lines that are there are answered together; what is done is written before more is waited for.

use std::{
    io::{self, BufRead, BufReader, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// A line and its number, from 1.
struct Line {
    number: usize,
    bytes: Result<Vec<u8>, &'static str>,
}

/// A line as it is read; other keys are ignored.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    id: Option<Value>,
    question: String,
    context: String,
}

/// A line as it is written.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'a> {
    Answer {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a Value>,
        /// None if the passage does not answer the question.
        answer: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        probability: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        score_diff: Option<f64>,
    },
    Bad {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<Value>,
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
        Told::Answer { id: asked.id.as_ref(), answer, probability, score_diff: prediction.score_diff }
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
    serde_json::from_slice(bytes).map_err(|error| {
        // The line may name its question all the same.
        let id = serde_json::from_slice::<Value>(bytes).ok();
        let id = id.and_then(|mut line| line.get_mut("id").map(Value::take));
        // There is only one line for the parser.
        let told = error.to_string();
        let told = told.split(" at line 1 column").next().unwrap_or(&told).to_owned();
        bad(id, format!("{told}, where id, question and context were expected"))
    })
}

/// The lines to be answered together: at least one, and those that are there already. Nothing at the end.
fn next(lines: &Receiver<io::Result<Line>>) -> Option<Result<Vec<Line>, CliError>> {
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
            Err(error) => return Some(Err(CliError::unreadable(STANDARD_INPUT.as_ref(), &error))),
        }
        waiting = if together.len() < most && taken < bytes { lines.try_recv().ok() } else { None };
    }
    Some(Ok(together))
}

/// Reads lines until there are no more, or nobody wants them. Blank ones are passed over.
fn read(mut input: impl BufRead, lines: &SyncSender<io::Result<Line>>) {
    for number in 1.. {
        let line = match read_line(&mut input) {
            // Windows' programs begin a file so.
            Ok(Some(Ok(bytes))) if number == 1 => {
                Ok(bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes))
            }
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(error) => {
                let _ = lines.send(Err(error));
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
        let expected = "{\"id\":3,\"line\":7,\"error\":\"missing field `context`, where id, question and context were expected\"}";
        assert_eq!(told("{\"id\": 3, \"question\": \"Who?\"}"), expected);
        assert!(
            told("who?").starts_with("{\"line\":7,\"error\":\"expected value, where"),
            "{}",
            told("who?")
        );
        assert_eq!(told("{\"question\": \"Who?\", \"context\": \"Nobody.\", \"answers\": []}"), "");
    }
}

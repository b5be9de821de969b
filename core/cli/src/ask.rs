//! `spanbert ask`: answers to questions about passages.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use serde::Serialize;

use super::{
    error::CliError,
    flags::{AbstentionArgs, AnswerArgs, CasingArgs, DeviceArgs, JsonArgs, PrecisionArgs, WindowArgs},
    model::{OpenedModel, open_model},
    names::ModelArg,
    output,
    passages::{self, PassageSource},
    progress::Progress,
    table::{Align, Paint, Table},
};
use spanbert_core::{
    advice::Advice,
    ask::{
        Among, AnswerAmong, AskError, AskOptions, Excerpt, Fitted, FoundAnswer, ask_with_progress, visible,
    },
};

/// Passages of more windows than this get a progress bar.
const LONG: usize = 64;

/// Answer questions about a passage, or say that it does not answer them.
///
/// Every answer is an exact piece of the passage. All white space separates words, including no-break and zero-width spaces; terminal
/// escapes and other invisible characters are left out of what is printed.
///
/// Given several passages (`--passage a.txt --passage b.txt`, `--passage *.txt`, a folder), the best answer over all of them
/// is shown with its file. Each passage is judged by itself: its null score minus the logit sum of its best answer is its
/// null score difference. The passage with the lowest one answers, if it is not above the threshold; otherwise none of them
/// does. Every passage is another chance of a wrong answer, so large collections call for a lower threshold. With
/// --squad-version 1.1 there is no threshold, and the answer with the highest logit sum wins.
#[derive(Debug, Args)]
pub(super) struct AskCommand {
    /// The question, or several. Files that stand among them after --passage, as from --passage *.txt, are passages.
    #[arg(value_name = "QUESTION", required_unless_present = "more")]
    questions: Vec<String>,
    /// A question; may be repeated.
    #[arg(long = "question", id = "more", value_name = "QUESTION")]
    more: Vec<String>,
    /// Checkpoint folder, such as the best/ of a run, or the name of a fetched model.
    #[arg(long, value_name = "DIR")]
    model: ModelArg,
    /// Text file with the passage, a folder of .txt and .md files, or - for standard input, which is the default; may be
    /// repeated.
    #[arg(long, value_name = "FILE")]
    passage: Vec<PathBuf>,
    #[command(flatten)]
    abstention: AbstentionArgs,
    /// How many alternatives are shown.
    #[arg(long, value_name = "N", default_value_t = 3)]
    show: usize,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    precision: PrecisionArgs,
    #[command(flatten)]
    window: WindowArgs,
    #[command(flatten)]
    answer: AnswerArgs,
    #[command(flatten)]
    casing: CasingArgs,
    #[command(flatten)]
    output: JsonArgs,
}

/// A question as `--json` gives it.
#[derive(Serialize)]
struct Printed<'a> {
    question: &'a str,
    answer: Option<&'a str>,
    /// Where the answer stands; `-` is standard input.
    file: Option<&'a str>,
    secs: f64,
    answered: bool,
    answers: Vec<PrintedAnswer<'a>>,
    score_diff: f64,
    threshold: f64,
    null_probability: f64,
    passages: usize,
    windows: usize,
    #[serde(flatten)]
    fitted: Fitted,
    /// Passages that could not be used.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skipped: &'a [Skipped],
}

/// An answer with the name of its file instead of a number.
#[derive(Serialize)]
struct PrintedAnswer<'a> {
    file: Option<&'a str>,
    #[serde(flatten)]
    found: &'a FoundAnswer,
}

/// A passage that could not be used.
#[derive(Serialize)]
struct Skipped {
    file: String,
    cause: String,
}

/// A question on its way through the passages.
struct Asking<'a> {
    question: &'a str,
    among: Among,
    excerpt: Option<Excerpt>,
    secs: f64,
}

/// A question with its answer.
pub(super) struct Asked {
    question: String,
    /// The answer over all passages.
    pub(super) answer: AnswerAmong,
    /// The best answer in its sentence.
    excerpt: Option<Excerpt>,
    secs: f64,
}

impl AskCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        self.abstention.check()?;
        let (mut questions, more_passages) = passages::part(&self.questions, &self.passage)?;
        questions.extend(self.more.iter().cloned());
        if questions.is_empty() {
            return Err(CliError::new(
                "no question given, all arguments are files",
                "put the question in quotes, or give it with --question",
            ));
        }
        let sources = passages::sources(&[&self.passage[..], &more_passages].concat())?;
        let names: Vec<String> = sources.iter().map(PassageSource::name).collect();
        // A lone file that cannot be used is refused before the model is loaded.
        let only = if let [only] = &sources[..] { Some(only.read()?) } else { None };
        let mut model = open_model(
            &self.model.folder()?,
            &self.device.backend,
            self.casing,
            self.precision.precision.into(),
        )?;
        let options = AskOptions {
            // What the model has no positions for is lowered, and said, with the question.
            windows: self.window.over(model.wanted_window_options()),
            threshold: self.threshold(&model)?,
            length_multiple: model.length_multiple(),
            ..with_answers(&self.answer.over(model.answer_options()))
        };
        if let Some(passage) = only {
            return self.ask_one_passage(&mut model, &passage, &questions, &names, &options);
        }
        let (asked, skipped) = ask_all(&mut model, &sources, &questions, &options)?;
        self.print(&asked, &names, &skipped)
    }

    /// Prints each answer as soon as it is there.
    fn ask_one_passage(
        &self,
        model: &mut OpenedModel,
        passage: &str,
        questions: &[String],
        names: &[String],
        options: &AskOptions,
    ) -> Result<(), CliError> {
        let mut all = Vec::new();
        for question in questions {
            let asked = ask_one(model, passage, question, options).map_err(|error| match error {
                AskError::EmptyPassage => CliError::from(error).within(names.join(", ")),
                error => error.into(),
            })?;
            if self.output.json {
                all.push(asked);
            } else {
                self.print(&[asked], names, &[])?;
            }
        }
        if self.output.json { self.print(&all, names, &[]) } else { Ok(()) }
    }

    fn print(&self, asked: &[Asked], names: &[String], skipped: &[Skipped]) -> Result<(), CliError> {
        let mut said: Vec<String> = Vec::new();
        for note in asked.iter().flat_map(|asked| asked.answer.fitted.notes()) {
            if !said.contains(&note) {
                output::note(format_args!("note: {note}"));
                said.push(note);
            }
        }
        if self.output.json {
            let printed: Vec<_> = asked.iter().map(|asked| asked.printed(names, skipped)).collect();
            return output::json(&printed);
        }
        for asked in asked {
            output::print(&asked.render(names, self.show, Paint::stdout()))?;
        }
        Ok(())
    }

    /// What a null score difference is compared with; infinity where the model may not abstain.
    fn threshold(&self, model: &OpenedModel) -> Result<f64, CliError> {
        match self.abstention.decide(&model.meta)? {
            Some(decided) if !decided.allowed => {
                output::note(decided);
                Ok(f64::INFINITY)
            }
            _ => Ok(self.abstention.threshold.or(model.meta.threshold).unwrap_or_default()),
        }
    }
}

/// Puts a question about one passage to an opened model.
pub(super) fn ask_one(
    model: &mut OpenedModel,
    passage: &str,
    question: &str,
    options: &AskOptions,
) -> Result<Asked, AskError> {
    let mut asking = Asking::new(question, options);
    // Made when the passage turns out to be long, gone before the answer is printed.
    let mut progress: Option<Progress> = None;
    asking.ask(model, 0, passage, options, &mut |done, total| {
        if total > LONG {
            let new = || {
                let mut progress = Progress::new();
                progress.begin("answering", Some(total));
                progress
            };
            progress.get_or_insert_with(new).at(done, total, "windows");
        }
    })?;
    Ok(asking.finish())
}

/// Puts every question to every passage, one passage in memory at a time. What cannot be read is left out, with a warning.
fn ask_all(
    model: &mut OpenedModel,
    sources: &[PassageSource],
    questions: &[String],
    options: &AskOptions,
) -> Result<(Vec<Asked>, Vec<Skipped>), CliError> {
    let mut asking: Vec<Asking<'_>> =
        questions.iter().map(|question| Asking::new(question, options)).collect();
    let mut skipped = Vec::new();
    let mut progress = Progress::new();
    progress.begin("asking", Some(sources.len()));
    for (index, source) in sources.iter().enumerate() {
        progress.at(index, sources.len(), "passages");
        if let Some(cause) = ask_next(model, index, source, &mut asking, options)? {
            progress.say(&format!("warning: {cause}; this passage is left out"));
            skipped.push(Skipped { file: source.name(), cause });
        }
    }
    if skipped.len() == sources.len() {
        let cause = format!("none of the {} passages could be read", sources.len());
        return Err(CliError::new(cause, "give text files in UTF-8; the warnings above say what these are"));
    }
    Ok((asking.into_iter().map(Asking::finish).collect(), skipped))
}

/// Puts all questions to one passage of several. Gives why it could not be used.
fn ask_next(
    model: &mut OpenedModel,
    index: usize,
    source: &PassageSource,
    asking: &mut [Asking<'_>],
    options: &AskOptions,
) -> Result<Option<String>, CliError> {
    let passage = match source.read() {
        Ok(passage) => passage,
        Err(error) => return Ok(Some(error.in_one_line())),
    };
    for question in asking {
        match question.ask(model, index, &passage, options, &mut |_, _| {}) {
            Ok(()) => {}
            // Whatever the question is: there is nothing to search.
            Err(AskError::EmptyPassage) => {
                return Ok(Some(format!("{}: the passage is empty or holds no visible text", source.name())));
            }
            Err(error) => return Err(CliError::from(error).within(source.name())),
        }
    }
    Ok(None)
}

impl<'a> Asking<'a> {
    fn new(question: &'a str, options: &AskOptions) -> Self {
        Self { question, among: Among::new(options), excerpt: None, secs: 0.0 }
    }

    /// Takes in the answer of a passage.
    fn ask(
        &mut self,
        model: &mut OpenedModel,
        index: usize,
        passage: &str,
        options: &AskOptions,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), AskError> {
        let start = Instant::now();
        let answer = ask_with_progress(
            model.engine.as_mut(),
            &model.tokenizer,
            passage,
            self.question,
            options,
            &mut |done, total| {
                progress(done, total);
                true
            },
        )?;
        let best = answer.answers.first().map(|best| best.bytes.clone());
        if self.among.add(index, answer) {
            // The passage itself is not kept.
            self.excerpt = best.and_then(|bytes| Excerpt::around(passage, &bytes));
        }
        self.secs += start.elapsed().as_secs_f64();
        Ok(())
    }

    fn finish(self) -> Asked {
        let Self { question, among, excerpt, secs } = self;
        Asked { question: question.to_owned(), answer: among.finish(), excerpt, secs }
    }
}

fn with_answers(answers: &spanbert_core::answers::AnswerOptions) -> AskOptions {
    AskOptions {
        n_best_size: answers.n_best_size,
        max_answer_length: answers.max_answer_length,
        ..AskOptions::default()
    }
}

impl Asked {
    fn printed<'a>(&'a self, names: &'a [String], skipped: &'a [Skipped]) -> Printed<'a> {
        let file = |found: &FoundAnswer| names.get(found.passage).map(String::as_str);
        let Self { question, answer, secs, .. } = self;
        Printed {
            question,
            answer: answer.best().map(|best| best.answer.text.as_str()),
            file: answer.best().and_then(file),
            secs: *secs,
            answered: answer.answered,
            answers: answer.answers.iter().map(|found| PrintedAnswer { file: file(found), found }).collect(),
            score_diff: answer.score_diff,
            threshold: answer.threshold,
            null_probability: answer.null_probability,
            passages: answer.passages,
            windows: answer.windows,
            fitted: answer.fitted,
            skipped,
        }
    }

    /// The answer, where it stands, how sure the model is, and the alternatives. `names` are those of the passages; files
    /// are told apart where there are several.
    pub(super) fn render(&self, names: &[String], show: usize, paint: Paint) -> String {
        let answer = &self.answer;
        let several = names.len() > 1;
        let name = |found: &FoundAnswer| {
            names.get(found.passage).map_or_else(String::new, |name| output::safe(name).into_owned())
        };
        let mut out = format!("{}\n", paint.bold(&visible(&self.question)));
        match answer.best() {
            Some(best) => {
                out.push_str(&format!("  {}\n", paint.good(&visible(&best.answer.text))));
                if let Some(excerpt) = &self.excerpt {
                    let Excerpt { before, answer, after } = excerpt;
                    out.push_str(&format!("  {before}{}{after}\n", paint.highlight(answer)));
                }
                if several {
                    out.push_str(&format!("  in {}\n", name(best)));
                }
            }
            None => {
                let place = if several {
                    format!("any of the {} passages", answer.passages)
                } else {
                    "the passage".to_owned()
                };
                out.push_str(&format!("  {}\n", paint.warn(&format!("no answer in {place}"))));
            }
        }
        out.push_str(&paint.dim(&self.reason(several)));
        out.push('\n');
        if show > 0 && !answer.answers.is_empty() {
            out.push_str(&alternatives(answer, show, several.then_some(&name), paint));
        }
        out.push('\n');
        out
    }

    /// Why there is an answer, or none.
    fn reason(&self, several: bool) -> String {
        let AnswerAmong { answered, answers, score_diff, threshold, null_probability, passages, .. } =
            &self.answer;
        if answers.is_empty() {
            return "  the model has no span to offer as an answer".to_owned();
        }
        let (verdict, consequence) = if *answered {
            ("at or below", "")
        } else {
            ("above", "; what is listed is not given as an answer")
        };
        if threshold.is_infinite() {
            let of = if several { format!(" of {passages} passages") } else { String::new() };
            return format!(
                "  the highest score{of}; null score difference {score_diff:.3}, compared with no threshold; \"no answer\" has probability {null_probability:.3}"
            );
        }
        let of = if several { format!(", the lowest of {passages} passages,") } else { ",".to_owned() };
        format!(
            "  null score difference {score_diff:.3}{of} {verdict} the threshold {threshold:.3}{consequence}; \"no answer\" has probability {null_probability:.3}"
        )
    }
}

/// The best pieces of text, each with its place.
fn alternatives(
    answer: &AnswerAmong,
    show: usize,
    name: Option<&dyn Fn(&FoundAnswer) -> String>,
    paint: Paint,
) -> String {
    let mut headings = vec![
        (" ", Align::Left),
        ("probability", Align::Right),
        ("start", Align::Right),
        ("end", Align::Right),
        ("characters", Align::Left),
    ];
    headings.extend(name.map(|_| ("file", Align::Left)));
    headings.push(("answer", Align::Left));
    let mut table = Table::new(&headings);
    for found in answer.answers.iter().take(show) {
        let ranked = &found.answer;
        let mut row = vec![
            String::new(),
            format!("{:.3}", ranked.probability),
            format!("{:.3}", ranked.start_logit),
            format!("{:.3}", ranked.end_logit),
            format!("{}..{}", ranked.chars.start, ranked.chars.end),
        ];
        row.extend(name.map(|name| name(found)));
        row.push(visible(&ranked.text));
        table.row(row);
    }
    table.render(paint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spanbert_core::ask::{Answer, RankedAnswer};

    fn answer(threshold: f64, text: &str) -> Answer {
        let ranked = RankedAnswer {
            text: text.to_owned(),
            bytes: 0..text.len(),
            chars: 0..text.chars().count(),
            probability: 0.9,
            start_logit: 2.0,
            end_logit: 2.0,
            window: 0,
        };
        Answer {
            answered: -1.0 <= threshold,
            answers: vec![ranked],
            score_diff: -1.0,
            threshold,
            null_probability: 0.1,
            windows: 1,
            fitted: Fitted::default(),
        }
    }

    fn asked(threshold: f64, texts: &[&str]) -> Asked {
        let question = "Who\u{1b}[2J?";
        let options = AskOptions { threshold, ..AskOptions::default() };
        let mut asking = Asking::new(question, &options);
        for (index, text) in texts.iter().enumerate() {
            if asking.among.add(index, answer(threshold, text)) {
                asking.excerpt = Excerpt::around(text, &(0..text.len()));
            }
        }
        asking.finish()
    }

    #[test]
    fn nothing_of_question_and_passage_reaches_the_terminal_raw() {
        let shown =
            asked(0.0, &["Mar\u{1b}[31mra\u{7}\u{c}\u{202e}x"]).render(&["a".into()], 3, Paint::PLAIN);
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{shown:?}");
        assert!(
            shown.starts_with("Who ?\n  Marra x\n  [Marra x]\n  null score difference -1.000, at or"),
            "{shown}"
        );
    }

    #[test]
    fn an_abstention_says_what_its_list_is() {
        let shown = asked(-2.0, &["Marra"]).render(&["a".into()], 3, Paint::PLAIN);
        assert!(shown.contains("no answer in the passage\n"), "{shown}");
        assert!(
            shown.contains("above the threshold -2.000; what is listed is not given as an answer"),
            "{shown}"
        );
        assert!(!shown.contains("empty"), "{shown}");
    }

    #[test]
    fn files_are_named_where_there_are_several() {
        let names = ["a.txt".to_owned(), "b\u{1b}.txt".to_owned()];
        let shown = asked(0.0, &["Marra", "Torik"]).render(&names, 3, Paint::PLAIN);
        assert!(shown.contains("\n  in a.txt\n") && shown.contains("the lowest of 2 passages"), "{shown}");
        assert!(shown.contains("b .txt  Torik"), "{shown}");
        let json = serde_json::to_value(asked(0.0, &["Marra", "Torik"]).printed(&names, &[])).unwrap();
        assert_eq!((&json["file"], &json["answers"][1]["file"]), (&"a.txt".into(), &"b\u{1b}.txt".into()));
        assert_eq!((&json["answers"][0]["text"], &json["passages"]), (&"Marra".into(), &2.into()));
    }
}

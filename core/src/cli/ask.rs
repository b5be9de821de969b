//! `spanbert ask`: answers to questions about a passage.

use std::{
    io::{IsTerminal, Read},
    ops::Range,
    path::PathBuf,
    time::Instant,
};

use clap::Args;
use serde::Serialize;

use super::{
    data,
    error::CliError,
    flags::{AbstentionArgs, AnswerArgs, CasingArgs, DeviceArgs, JsonArgs, PrecisionArgs, WindowArgs},
    model::{OpenedModel, open_model},
    names::ModelArg,
    output,
    table::{Align, Paint, Table},
};
use crate::ask::{Answer, AskOptions, RankedAnswer, ask};

/// Answer questions about a passage, or say that the passage does not answer them.
#[derive(Debug, Args)]
pub(super) struct AskCommand {
    /// The question, or several.
    #[arg(value_name = "QUESTION", required_unless_present = "more")]
    questions: Vec<String>,
    /// A question; may be repeated.
    #[arg(long = "question", id = "more", value_name = "QUESTION")]
    more: Vec<String>,
    /// Checkpoint folder, such as the best/ of a run, or the name of a fetched model.
    #[arg(long, value_name = "DIR")]
    model: ModelArg,
    /// Text file with the passage; without it, standard input.
    #[arg(long, value_name = "FILE")]
    passage: Option<PathBuf>,
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

#[derive(Serialize)]
struct Asked<'a> {
    question: &'a str,
    answer: Option<&'a str>,
    secs: f64,
    #[serde(flatten)]
    details: &'a Answer,
}

impl AskCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        self.abstention.check()?;
        let passage = self.read_passage()?;
        let mut model =
            open_model(&self.model.folder()?, &self.device.backend, self.casing, self.precision.precision)?;
        let options = AskOptions {
            windows: self.window.over(model.window_options()),
            threshold: self.threshold(&model)?,
            length_multiple: model.length_multiple(),
            ..with_answers(&self.answer.over(model.answer_options()))
        };
        let mut asked = Vec::new();
        for question in self.questions.iter().chain(&self.more) {
            let start = Instant::now();
            let answer = ask_one(&mut model, &passage, question, &options)?;
            let secs = start.elapsed().as_secs_f64();
            if self.output.json {
                asked.push((question, answer, secs));
            } else {
                output::print(&render(&passage, question, &answer, self.show, Paint::stdout()))?;
            }
        }
        if self.output.json {
            let asked: Vec<Asked<'_>> = asked
                .iter()
                .map(|(question, details, secs)| Asked {
                    question,
                    answer: details.best().map(|best| best.text.as_str()),
                    secs: *secs,
                    details,
                })
                .collect();
            output::json(&asked)?;
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

    fn read_passage(&self) -> Result<String, CliError> {
        if let Some(path) = &self.passage {
            return data::text(path, "a text file with the passage");
        }
        let remedy = "add --passage FILE, or pipe the text in";
        let mut stdin = std::io::stdin().lock();
        if stdin.is_terminal() {
            return Err(CliError::new("no passage given", remedy));
        }
        let mut passage = String::new();
        stdin.read_to_string(&mut passage).map_err(|error| {
            CliError::new(format_args!("the passage on standard input cannot be read: {error}"), remedy)
        })?;
        Ok(passage)
    }
}

/// Asks an opened model.
pub(super) fn ask_one(
    model: &mut OpenedModel,
    passage: &str,
    question: &str,
    options: &AskOptions,
) -> Result<Answer, CliError> {
    Ok(ask(model.engine.as_mut(), &model.tokenizer, passage, question, options)?)
}

fn with_answers(answers: &crate::answers::AnswerOptions) -> AskOptions {
    AskOptions {
        n_best_size: answers.n_best_size,
        max_answer_length: answers.max_answer_length,
        ..AskOptions::default()
    }
}

/// The answer, where it stands, how sure the model is, and the alternatives.
pub(super) fn render(passage: &str, question: &str, answer: &Answer, show: usize, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.bold(question));
    let verdict = if answer.answered { "at or below" } else { "above" };
    match answer.best() {
        Some(best) => {
            out.push_str(&format!("  {}\n", paint.good(&best.text)));
            out.push_str(&format!("  {}\n", in_sentence(passage, &best.bytes, paint)));
        }
        None => out.push_str(&format!("  {}\n", paint.warn("no answer in the passage"))),
    }
    let compared = if answer.threshold.is_finite() {
        format!("{verdict} the threshold {:.3}", answer.threshold)
    } else {
        "compared with no threshold".to_owned()
    };
    out.push_str(&paint.dim(&format!(
        "  null score difference {:.3}, {compared}; no answer has probability {:.3}",
        answer.score_diff, answer.null_probability
    )));
    out.push('\n');
    out.push_str(&alternatives(answer.answers.iter().take(show), paint));
    out.push('\n');
    out
}

fn alternatives<'a>(answers: impl Iterator<Item = &'a RankedAnswer>, paint: Paint) -> String {
    let mut table = Table::new(&[
        (" ", Align::Left),
        ("probability", Align::Right),
        ("start", Align::Right),
        ("end", Align::Right),
        ("characters", Align::Left),
        ("answer", Align::Left),
    ]);
    for answer in answers {
        table.row([
            String::new(),
            format!("{:.3}", answer.probability),
            format!("{:.3}", answer.start_logit),
            format!("{:.3}", answer.end_logit),
            format!("{}..{}", answer.chars.start, answer.chars.end),
            one_line(&answer.text),
        ]);
    }
    table.render(paint)
}

/// The sentence around the answer, cut where it gets long, with the answer highlighted.
fn in_sentence(passage: &str, answer: &Range<usize>, paint: Paint) -> String {
    const LONGEST_SIDE: usize = 80;
    let (Some(before), Some(text), Some(after)) =
        (passage.get(..answer.start), passage.get(answer.clone()), passage.get(answer.end..))
    else {
        return String::new();
    };
    let before = before.rfind(['\n', '.', '!', '?']).map_or(before, |end| &before[end + 1..]);
    let after_end = after.find(['\n', '.', '!', '?']).map_or(after.len(), |end| end + 1);
    let after = &after[..after_end];
    let skipped = before.chars().count().saturating_sub(LONGEST_SIDE);
    let before: String = before.chars().skip(skipped).collect();
    let shown: String = after.chars().take(LONGEST_SIDE).collect();
    format!(
        "{}{}{}{}{}",
        if skipped > 0 { "…" } else { "" },
        before.trim_start(),
        paint.highlight(&one_line(text)),
        shown.trim_end(),
        if shown.len() < after.len() { "…" } else { "" }
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_stands_in_its_sentence() {
        let passage = "It rained. In 1834,\tGorna was born. Then more.";
        let start = passage.find("Gorna").unwrap();
        let shown = in_sentence(passage, &(start..start + 5), Paint::PLAIN);
        assert_eq!(shown, "In 1834,\t[Gorna] was born.");
    }

    #[test]
    fn long_sentences_are_cut_on_both_sides() {
        let passage = format!("{} Gorna {}", "a".repeat(200), "é".repeat(200));
        let start = passage.find("Gorna").unwrap();
        let shown = in_sentence(&passage, &(start..start + 5), Paint::PLAIN);
        assert!(shown.starts_with("…a") && shown.ends_with("é…") && shown.contains("[Gorna]"), "{shown}");
        assert!(shown.chars().count() < 180);
    }
}

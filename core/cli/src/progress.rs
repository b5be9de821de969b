//! How a training or an evaluation looks while it runs: a bar on a terminal, plain lines anywhere else, messages for a
//! program that asks for them. On standard error, so that results can be piped.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use spanbert_core::{
    message::Message,
    run::{CheckpointKind, Event, Phase, StepEvent},
    train::Observer,
};

/// Plain lines come no faster than this.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// Messages for a program come no faster than this.
const MESSAGE_INTERVAL: Duration = Duration::from_millis(200);

/// A progress display.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    phase: String,
    announced: Vec<String>,
    last_line: Option<Instant>,
}

impl Progress {
    /// A bar if standard error is a terminal, else lines or messages.
    pub(super) fn new() -> Self {
        let is_watched = std::io::stderr().is_terminal() && !output::are_messages_json();
        let bar = is_watched.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        });
        Self { bar, phase: String::new(), announced: Vec::new(), last_line: None }
    }

    /// A line that stays.
    pub(super) fn say(&self, text: &str) {
        self.aside(|| output::note(text));
    }

    /// Prints beside the bar.
    fn aside(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// Begins something with an unknown or known number of parts.
    pub(super) fn begin(&mut self, phase: &str, total: Option<usize>) {
        phase.clone_into(&mut self.phase);
        self.last_line = None;
        match &self.bar {
            Some(bar) => {
                bar.reset();
                match total {
                    Some(total) => bar.set_length(total as u64),
                    None => bar.unset_length(),
                }
                bar.set_style(style(total.is_some()));
                bar.set_prefix(phase.to_owned());
                bar.set_message("");
            }
            None if output::are_messages_json() => self.message(0, total.unwrap_or_default()),
            // Training and evaluation take turns; once each is enough.
            None if !self.announced.iter().any(|announced| announced == phase) => {
                self.announced.push(phase.to_owned());
                output::note(format_args!("{phase}…"));
            }
            None => {}
        }
    }

    /// `done` of `total` parts are through.
    pub(super) fn at(&mut self, done: usize, total: usize, message: &str) {
        if let Some(bar) = &self.bar {
            if bar.length() != Some(total as u64) {
                bar.set_length(total as u64);
                bar.set_style(style(true));
            }
            bar.set_position(done as u64);
            bar.set_message(message.to_owned());
        } else if output::are_messages_json() {
            if done == total || self.is_due(MESSAGE_INTERVAL) {
                self.message(done, total);
            }
        } else if done < total && self.is_due(LINE_INTERVAL) {
            let gap = if message.is_empty() { "" } else { "  " };
            output::note(format_args!("{} {done}/{total}{gap}{message}", self.phase));
        }
    }

    /// How far it is, for a program.
    fn message(&self, done: usize, total: usize) {
        output::say(&Message::Progress { work: self.phase.clone(), done, total });
    }

    /// Whether it is time for another line; the first is due an interval after the beginning.
    fn is_due(&mut self, interval: Duration) -> bool {
        let now = Instant::now();
        let last = *self.last_line.get_or_insert(now);
        let due = now.duration_since(last) >= interval;
        if due {
            self.last_line = Some(now);
        }
        due
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn step(&mut self, step: &StepEvent) {
        let remaining = step.eta_secs.map_or_else(String::new, |secs| format!("  {} left", duration(secs)));
        let message = format!(
            "loss {:.4}  lr {:.2e}  {:.1} {}s/s{remaining}",
            step.loss,
            step.learning_rate,
            step.windows_per_sec,
            step.row()
        );
        self.at(step.step, step.total_steps, &message);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event) {
        match event {
            // Writing weights takes a moment, many times.
            Event::Phase { phase: Phase::Saving, .. } => {}
            Event::Phase { phase, detail } => {
                let name = phase.to_string();
                if self.phase != name {
                    self.begin(&name, None);
                }
                if let Some(detail) = detail {
                    self.say(&format!("  {detail}"));
                }
            }
            Event::Step(step) => self.step(step),
            Event::Evaluation { step, epoch, scores, best, secs, .. } => {
                let named = ["best_f1", "best_exact", "f1", "exact"]
                    .into_iter()
                    .filter_map(|name| scores.get(name).map(|value| format!("{name} {value:.2}")));
                self.say(&format!(
                    "evaluated at step {step}, epoch {}: {}{} ({})",
                    epoch + 1,
                    named.collect::<Vec<_>>().join("  "),
                    if *best { ", best so far" } else { "" },
                    duration(*secs)
                ));
            }
            Event::HeldOut { step, epoch, scores, best, secs } => {
                let sbo = scores.sbo_loss.map_or_else(String::new, |loss| format!(", boundaries {loss:.4}"));
                self.say(&format!(
                    "held-out text at step {step}, epoch {}: loss of masked pieces {:.4} ({:.1} % right){sbo}{} ({})",
                    epoch + 1,
                    scores.mlm_loss,
                    scores.mlm_accuracy,
                    if *best { ", best so far" } else { "" },
                    duration(*secs)
                ));
            }
            Event::Checkpoint { kind: CheckpointKind::Last, path, .. } => self.say(&format!("saved {path}")),
            Event::Resumed { step: 0, .. } => {
                self.say("no checkpoint yet: starting again from the beginning")
            }
            Event::Resumed { step, .. } => self.say(&format!("resuming after step {step}")),
            Event::Warning { message } => self.aside(|| output::warn(message)),
            // Errors are reported once, at the end of the command; the rest is in the run folder.
            Event::Error { .. }
            | Event::Fault { .. }
            | Event::Checkpoint { .. }
            | Event::Finished { .. }
            | Event::Unknown => {}
        }
    }

    fn progress(&mut self, phase: Phase, done: usize, total: usize) {
        let name = phase.to_string();
        if self.phase != name {
            self.begin(&name, Some(total));
        }
        self.at(done, total, "");
    }
}

fn style(bounded: bool) -> ProgressStyle {
    let template = if bounded {
        "{prefix:10} {wide_bar:.cyan/dim} {pos}/{len}  {msg}"
    } else {
        "{prefix:10} {spinner} {elapsed}  {msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A duration for people.
pub(super) fn duration(secs: f64) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let whole = secs.clamp(0.0, 1e9).round() as u64;
    match whole {
        0..60 => format!("{secs:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_read_at_a_glance() {
        assert_eq!(duration(1.26), "1.3 s");
        assert_eq!(duration(75.2), "1 min 15 s");
        assert_eq!(duration(7500.0), "2 h 05 min");
    }
}

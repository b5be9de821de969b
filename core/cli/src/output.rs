//! Standard output: results only, so that it can be piped; everything else goes to standard error.
//!
//! Files may hold anything, commands for the terminal as well: texts of users go through [`safe`] or
//! [`visible`](spanbert_core::ask::visible) on their way.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io,
    io::Write,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use serde::Serialize;

use super::{error::CliError, flags::OverwriteArgs};
use spanbert_core::{
    message::Message,
    run::{OutputFolder, Writer},
};

/// Whether messages are for a program. Decided once, before anything is said.
static AS_JSON: AtomicBool = AtomicBool::new(false);

/// Whether notes are left out. Decided once, before any is said.
static OMITS_NOTES: AtomicBool = AtomicBool::new(false);

/// Leaves notes out from now on: another process says the same.
pub(super) fn omit_notes() {
    OMITS_NOTES.store(true, Ordering::Relaxed);
}

/// Has messages written as JSON lines from now on.
pub(super) fn write_messages_as_json() {
    AS_JSON.store(true, Ordering::Relaxed);
}

/// Whether messages are written as JSON lines.
pub(super) fn are_messages_json() -> bool {
    AS_JSON.load(Ordering::Relaxed)
}

/// Says something on standard error, if somebody still listens: a training goes on without.
pub(super) fn say(message: &Message) {
    let line = if are_messages_json() { message.to_line() } else { in_words(message) };
    let _ = writeln!(io::stderr(), "{}", safe(&line));
}

fn in_words(message: &Message) -> String {
    match message {
        Message::Progress { work, done, total } => format!("{work} {done}/{total}"),
        Message::Note { text } => text.clone(),
        Message::Warning { text } => format!("warning: {text}"),
        Message::Error { cause, remedy } => format!("error: {cause}\n  try: {remedy}"),
    }
}

/// Prints text as it is.
pub(super) fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(CliError::standard_output)
}

/// Prints a line.
pub(super) fn line(text: impl std::fmt::Display) -> Result<(), CliError> {
    print(&format!("{text}\n"))
}

/// Prints a value as indented JSON.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(CliError::no_json)?;
    line(json_safe(&text))
}

/// JSON with everything escaped that a terminal would obey. `serde_json` escapes the controls of ASCII alone.
fn json_safe(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.contains('\u{7f}') {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        // Outside its strings JSON is ASCII, and none of these is beyond U+FFFF.
        if character != '\n' && is_obeyed(character) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// A text that may be printed: characters that a terminal would obey are spaces, but for line ends.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c != '\n' && is_obeyed(c);
    if text.contains(obeyed) { Cow::Owned(text.replace(obeyed, " ")) } else { Cow::Borrowed(text) }
}

/// Control characters, line separators, and marks that turn the direction of what follows.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Says something that is good to know.
pub(super) fn note(text: impl std::fmt::Display) {
    if !OMITS_NOTES.load(Ordering::Relaxed) {
        say(&Message::Note { text: text.to_string() });
    }
}

/// Says something that should be looked at.
pub(super) fn warn(text: impl std::fmt::Display) {
    say(&Message::Warning { text: text.to_string() });
}

/// A folder for results, checked before hours are spent on them: see [`OutputFolder::open`].
pub(super) fn folder(
    folder: &Path,
    command: &'static str,
    files: &'static [&'static str],
    args: OverwriteArgs,
) -> Result<OutputFolder, CliError> {
    let writer = Writer { command, files, into_runs: command == "run_squad" };
    Ok(OutputFolder::open(folder, writer, args.overwrite, |_| false)?)
}

/// Refuses to write a file onto one that is read.
pub(super) fn not_onto<'p>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'p Path>,
) -> Result<(), CliError> {
    let Ok(output) = std::fs::canonicalize(output) else { return Ok(()) };
    let same = |input: &&Path| std::fs::canonicalize(input).is_ok_and(|input| input == output);
    match inputs.into_iter().find(same) {
        // A terminal or a pipe may well be both.
        Some(input) if output.is_file() => Err(CliError::new(
            format_args!("{} is read by this command and would be replaced by its output", input.display()),
            "name another file to write",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_values_and_holds_nothing_that_a_terminal_obeys() {
        let hostile = "Zoë\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2028}\n𝄞";
        let text = serde_json::to_string_pretty(&[hostile]).unwrap();
        let shown = json_safe(&text);
        assert!(!shown.contains(|c| c != '\n' && is_obeyed(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [hostile]);
        assert!(matches!(json_safe("[\"a\"]"), Cow::Borrowed(_)));
    }

    #[test]
    fn notes_keep_their_lines() {
        assert_eq!(safe("a\n\u{1b}[31mb\r\u{202e}"), "a\n [31mb  ");
    }
}

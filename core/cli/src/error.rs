//! Failure of a command: a line of cause, a line of remedy, an exit code.

use std::{fmt, io, path::Path, process::ExitCode};

use super::output;
use spanbert_core::{
    advice::{self, Advice},
    message::Message,
    run::WriteError,
};

/// Why a command failed and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct CliError {
    cause: String,
    remedy: String,
    exit: Exit,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Cause and remedy are printed; code 1.
    Failure,
    /// The reader of our output has closed it, on purpose.
    ReaderLeft,
    /// Everything has been said.
    Silent(u8),
}

impl CliError {
    /// A failure with what to do about it, which begins with a verb (see [`Advice::remedy`]).
    pub fn new(cause: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        let remedy = one_line(&remedy.to_string());
        debug_assert!(advice::is_remedy(&remedy), "no remedy: {remedy}");
        Self { cause: one_line(&cause.to_string()), remedy, exit: Exit::Failure }
    }

    /// A file that cannot be read.
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(format_args!("{}: cannot be read: {error}", path.display()), "check the path")
    }

    /// Standard output that cannot be written to; if its reader has closed it, that is no failure.
    pub fn standard_output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { cause: String::new(), remedy: String::new(), exit: Exit::ReaderLeft };
        }
        WriteError { path: "standard output".into(), source: error }.into()
    }

    /// A result that has no JSON form, which no input should bring about.
    #[allow(clippy::needless_pass_by_value, reason = "for map_err")]
    pub fn no_json(error: serde_json::Error) -> Self {
        Self::new(format_args!("the result cannot be written as JSON: {error}"), advice::REPORT)
    }

    /// What the operating system refuses to do, such as starting a process.
    pub fn system(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(format_args!("{what}: {error}"), "close other programs and run the command again")
    }

    /// The end of a process that has nothing more to say, with an exit code.
    pub fn silent(code: u8) -> Self {
        Self { cause: String::new(), remedy: String::new(), exit: Exit::Silent(code) }
    }

    /// The same failure with something else to do about it.
    pub fn or_try(mut self, remedy: impl fmt::Display) -> Self {
        if self.exit == Exit::Failure {
            self.remedy = one_line(&format!("{}; {remedy}", self.remedy));
        }
        self
    }

    /// The same failure with its file or place before the cause.
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.cause = one_line(&format!("{place}: {}", self.cause));
        self
    }

    /// Cause and remedy in one line.
    pub fn in_one_line(&self) -> String {
        format!("{}; {}", self.cause, self.remedy)
    }

    /// Prints the failure to standard error and gives the process's exit code.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        ExitCode::from(self.say())
    }

    /// [`Self::report`], with the code as a number.
    #[must_use]
    pub fn say(&self) -> u8 {
        match self.exit {
            // `spanbert … | head` closes our output on purpose.
            Exit::ReaderLeft => 0,
            Exit::Silent(code) => code,
            Exit::Failure => {
                let (cause, remedy) = (self.cause.clone(), self.remedy.clone());
                output::say(&Message::Error { cause, remedy });
                1
            }
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}\n  try: {}", self.cause, self.remedy)
    }
}

impl<E: Advice> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::new(&error, error.remedy())
    }
}

/// A file's content quoted in an error must not break the promise of one line.
fn one_line(text: &str) -> String {
    // Files may hold anything, commands for the terminal as well.
    text.split(char::is_control).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_error_becomes_cause_and_remedy() {
        let source = io::Error::other("the file has\n two lines; and is bad; use another");
        let error = CliError::from(WriteError { path: "a; b".into(), source });
        let expected = "error: cannot write a; b: the file has two lines; and is bad; use another\n  \
                        try: choose an output folder that you may write to";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_further_remedy_stands_beside_the_first() {
        let error = CliError::new("no model given", "add --model DIR").or_try("or name one with --config");
        assert_eq!(
            error.to_string(),
            "error: no model given\n  try: add --model DIR; or name one with --config"
        );
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let error = CliError::standard_output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.report(), ExitCode::SUCCESS);
        let error = CliError::standard_output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.report(), ExitCode::FAILURE);
        assert!(
            error.to_string().starts_with("error: cannot write standard output: the disk is full\n"),
            "{error}"
        );
    }
}

//! Failure of a command: a line of cause, a line of remedy, an exit code.

use std::{any::Any, error::Error, fmt, io, process::ExitCode};

use super::output;

/// For the few causes that say all there is to say.
const FALLBACK_REMEDY: &str = "correct what is named above; `spanbert help COMMAND` explains the flags";

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
    /// A failure with what to do about it.
    pub fn new(cause: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self {
            cause: one_line(&cause.to_string()),
            remedy: one_line(&remedy.to_string()),
            exit: Exit::Failure,
        }
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
                output::note(self);
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

/// The library's errors read "cause; remedy": the last semicolon parts the two lines.
impl<E: Error + Send + Sync + 'static> From<E> for CliError {
    fn from(error: E) -> Self {
        let reader_left = (&error as &dyn Any)
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        let exit = if reader_left { Exit::ReaderLeft } else { Exit::Failure };
        let text = one_line(&error.to_string());
        match text.rsplit_once("; ") {
            Some((cause, remedy)) => Self { cause: cause.to_owned(), remedy: remedy.to_owned(), exit },
            None => Self { cause: text, remedy: FALLBACK_REMEDY.to_owned(), exit },
        }
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
        let error = CliError::from(io::Error::other("the file has\n two lines; and is bad; use another"));
        assert_eq!(error.to_string(), "error: the file has two lines; and is bad\n  try: use another");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let error = CliError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.report(), ExitCode::SUCCESS);
    }
}

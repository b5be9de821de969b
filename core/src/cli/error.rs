//! Failure of a command: a line of cause, a line of remedy, an exit code.

use std::{any::Any, error::Error, fmt, io, process::ExitCode};

/// For the few causes that say all there is to say.
const FALLBACK_REMEDY: &str = "correct what is named above; `spanbert help COMMAND` explains the flags";

/// Why a command failed and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct CliError {
    cause: String,
    remedy: String,
    reader_left: bool,
}

impl CliError {
    /// A failure with what to do about it.
    pub fn new(cause: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self {
            cause: one_line(&cause.to_string()),
            remedy: one_line(&remedy.to_string()),
            reader_left: false,
        }
    }

    /// The same failure with its file or place before the cause.
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.cause = one_line(&format!("{place}: {}", self.cause));
        self
    }

    /// Prints the failure to standard error and gives the process's exit code.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        // `spanbert … | head` closes our output on purpose.
        if self.reader_left {
            return ExitCode::SUCCESS;
        }
        eprintln!("{self}");
        ExitCode::FAILURE
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
        let text = one_line(&error.to_string());
        match text.rsplit_once("; ") {
            Some((cause, remedy)) => Self { cause: cause.to_owned(), remedy: remedy.to_owned(), reader_left },
            None => Self { cause: text, remedy: FALLBACK_REMEDY.to_owned(), reader_left },
        }
    }
}

/// A file's content quoted in an error must not break the promise of one line.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
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

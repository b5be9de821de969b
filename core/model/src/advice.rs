//! What to do about an error: every error that reaches a user says it beside its cause.

#[cfg(feature = "native")]
use spanbert_backends::runtime::RuntimeError;
use spanbert_backends::{BackendError, collective::CollectiveError};

/// The remedy for what no input should be able to cause.
pub const REPORT: &str = "report this as a defect of the program, with the command and its input";

/// An error in two parts: [`Display`](std::fmt::Display) is the cause alone, with the file and the place in it, in one
/// line; [`remedy`](Self::remedy) is what to do about it.
pub trait Advice: std::error::Error {
    /// What to do: begins with a verb in the imperative, one line, no full stop at the end.
    fn remedy(&self) -> String;

    /// Cause and remedy in one line, for logs and wherever there is room for one line only.
    fn in_one_line(&self) -> String {
        format!("{self}; {}", self.remedy())
    }
}

impl Advice for BackendError {
    fn remedy(&self) -> String {
        self.remedy()
    }
}

impl Advice for CollectiveError {
    fn remedy(&self) -> String {
        self.remedy()
    }
}

#[cfg(feature = "native")]
impl Advice for RuntimeError {
    fn remedy(&self) -> String {
        self.remedy()
    }
}

/// First words of remedies.
const VERBS: &str = "accept add answer ask begin bring build check choose close compare configure convert copy correct create cut \
    delete download drop end evaluate export extract fetch fill free give install join keep leave limit load \
    log look lower make mark merge move name open pass paste pipe put quote raise read remove rename repeat \
    replace report restore resume run save score see select send set shorten split start stop take train try \
    turn undo unpack unset update upgrade use wait write";

/// Whether a text is what [`Advice::remedy`] promises.
#[must_use]
pub fn is_remedy(text: &str) -> bool {
    let first = text.split([' ', ',']).next().unwrap_or_default();
    VERBS.split(' ').any(|verb| verb == first) && !text.ends_with('.') && !text.contains('\n')
}

//! What goes wrong with files that a browser holds for the page, and what to do about it: chosen by the kind of the error that the
//! page's script names, never by its text, which every browser words in its own way.

/// A kind of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// There is no room for more.
    Full,
    /// The page may store nothing.
    Forbidden,
    /// The name is none that a folder or file may have.
    Name,
    /// A model of the name has been kept meanwhile.
    Taken,
    /// The files have been deleted, moved or changed.
    Gone,
    /// It was given up, as asked.
    GivenUp,
    /// Anything else: only the script or the browser knows.
    Other,
}

/// The names of errors of browsers (those of `DOMException`), and of `kept.js`.
const NAMES: [(&str, Kind); 10] = [
    ("QuotaExceededError", Kind::Full),
    ("SecurityError", Kind::Forbidden),
    ("NotAllowedError", Kind::Forbidden),
    ("Forbidden", Kind::Forbidden),
    ("Name", Kind::Name),
    ("Taken", Kind::Taken),
    ("NotFoundError", Kind::Gone),
    // A file of the disk that has changed since it was chosen.
    ("NotReadableError", Kind::Gone),
    ("InvalidStateError", Kind::Gone),
    ("GivenUp", Kind::GivenUp),
];

/// Why something could not be done with files that the browser holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    kind: Kind,
    /// As the script or the browser says it.
    said: String,
}

impl Trouble {
    /// From an error's name and message.
    fn new(name: &str, said: &str) -> Self {
        let kind = NAMES.iter().find(|(known, _)| *known == name).map_or(Kind::Other, |(_, kind)| *kind);
        Self { kind, said: said.to_owned() }
    }

    /// Whether it was given up, as asked: nothing needs to be said then.
    pub(crate) fn is_given_up(&self) -> bool {
        self.kind == Kind::GivenUp
    }

    /// Whether the files are not there any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.kind == Kind::Gone
    }

    /// What happened.
    pub(crate) fn cause(&self) -> &str {
        match self.kind {
            Kind::Full => "the browser has no room left for it",
            Kind::Forbidden => "the browser lets this page store nothing",
            Kind::Name => "the browser stores nothing under that name",
            Kind::Taken => "a model of that name has been kept in another tab meanwhile",
            Kind::Gone => "its files were deleted, moved or changed meanwhile",
            Kind::GivenUp => "it was given up",
            Kind::Other if self.said.trim().is_empty() => "the browser does not say why",
            // Browsers end their messages as sentences; here more follows.
            Kind::Other => self.said.trim().trim_end_matches('.'),
        }
    }

    /// What to do about it; the script's own messages say that themselves.
    fn remedy(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Full => Some("delete kept models in the settings, or make room on the disk"),
            Kind::Forbidden => Some("open it in a window that is not private, or let the site store data"),
            Kind::Name => Some("rename the folder and drop it again"),
            Kind::Taken => Some("try again"),
            Kind::Gone => Some("choose its files again, or fetch it"),
            Kind::GivenUp | Kind::Other => None,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.cause())?;
        self.remedy().map_or(Ok(()), |remedy| write!(formatter, "; {remedy}"))
    }
}

#[cfg(target_family = "wasm")]
impl From<wasm_bindgen::JsValue> for Trouble {
    fn from(error: wasm_bindgen::JsValue) -> Self {
        let text = |key: &str| {
            js_sys::Reflect::get(&error, &key.into())
                .ok()
                .and_then(|text| text.as_string())
                .unwrap_or_default()
        };
        Self::new(&text("name"), &text("message"))
    }
}

#[cfg(test)]
mod tests {
    use spanbert_core::advice::is_remedy;

    use super::*;

    #[test]
    fn remedies_fit_the_kind_and_not_the_text() {
        for (name, kind) in NAMES {
            let trouble = Trouble::new(name, "Failed to make room.");
            assert_eq!((trouble.kind, trouble.is_gone()), (kind, kind == Kind::Gone));
            assert_eq!(trouble.remedy().is_none(), trouble.is_given_up(), "{trouble}");
            assert!(trouble.remedy().is_none_or(is_remedy), "{trouble}");
            assert!(!trouble.to_string().contains("Failed"), "{trouble}");
        }
        let name = Trouble::new("Name", "Name is not allowed.").to_string();
        assert!(!name.contains("room") && name.contains("rename"), "{name}");
    }

    #[test]
    fn a_sentence_of_the_browser_becomes_a_part_of_one() {
        assert_eq!(Trouble::new("UnknownError", "It broke. ").to_string(), "It broke");
        assert_eq!(Trouble::new("", "").to_string(), "the browser does not say why");
    }
}

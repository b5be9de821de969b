//! What a command says while it works, one JSON object a line: the command line writes them for a program that has started it
//! (`--message-format json`), which reads them with [`Message::parse`].

use serde::{Deserialize, Serialize};

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// How far the work is.
    Progress {
        /// What is being done, such as `answering`.
        work: String,
        /// Parts that are done.
        done: usize,
        /// All of them; 0 while that is unknown.
        total: usize,
    },
    /// Good to know.
    Note {
        /// A sentence.
        text: String,
    },
    /// Something to look at.
    Warning {
        /// A sentence.
        text: String,
    },
    /// Why the command failed; the last message.
    Error {
        /// The cause.
        cause: String,
        /// What to do about it.
        remedy: String,
    },
}

impl Message {
    /// The message as a line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Strings and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The message of a line; none if it is something else, such as the last words of a library.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_from_their_lines() {
        let messages = [
            Message::Progress { work: "answering".into(), done: 192, total: 12_232 },
            Message::Note { text: "device: cpu".into() },
            Message::Warning { text: "two\nlines".into() },
            Message::Error { cause: "no file".into(), remedy: "name one".into() },
        ];
        for message in messages {
            let line = message.to_line();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(Message::parse(&line), Some(message));
        }
        let progress = r#"{"message":"progress","work":"answering","done":192,"total":12232}"#;
        assert!(matches!(Message::parse(progress), Some(Message::Progress { done: 192, .. })));
        assert_eq!(Message::parse("answering 192/12232"), None);
    }
}

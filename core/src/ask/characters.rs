//! What each character of a passage is to a reader: text, nothing, or the end of a word.
//!
//! The reference's own rule (`features::DocTokens`) knows five separators, and its tokenizer deletes all other invisible
//! characters, so that words with a no-break space between them are one. That rule stays for parity; this one is for
//! passages as people have them: copied from web pages, made by `pdftotext`, captured from terminals.

use std::ops::Range;

use crate::tokenizer::unicode::is_control as is_deleted_by_tokenizer;

/// What a character, or a sequence that only makes sense whole, is to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Text that the tokenizer keeps.
    Kept,
    /// Text that the tokenizer deletes: joiners within words, pictures newer than its tables, private use.
    Shown,
    /// Nothing: marks of direction, terminal escapes, soft hyphens.
    Hidden,
    /// Ends a word: blanks of all kinds, line and page ends, control characters.
    Parts,
    /// Takes the character before back, as in the overstrikes of manual pages.
    Erases,
}

/// The characters of a text, one after the other, each with its bytes.
pub(super) struct Characters<'a> {
    text: &'a str,
    at: usize,
    before: Option<char>,
}

impl<'a> Characters<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, before: None }
    }
}

impl Iterator for Characters<'_> {
    type Item = (Range<usize>, Role);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..)?;
        let character = rest.chars().next()?;
        let (length, role) = read(rest, character, self.before);
        let start = self.at;
        self.at += length.max(character.len_utf8());
        match role {
            Role::Kept | Role::Shown | Role::Parts => self.before = Some(character),
            Role::Hidden | Role::Erases => {}
        }
        Some((start..self.at, role))
    }
}

/// How many bytes at the start of `rest` belong together, and what they are.
fn read(rest: &str, character: char, before: Option<char>) -> (usize, Role) {
    let length = character.len_utf8();
    let role = match character {
        '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}' => return escape(rest, character),
        '\u{8}' => Role::Erases,
        '\u{ad}' => return (soft_hyphen(rest), Role::Hidden),
        '\u{200c}' | '\u{200d}' => {
            let after = rest.chars().nth(1);
            let joins = before.is_some_and(is_joined)
                && after.is_none_or(|after| is_joined(after) || !after.is_alphanumeric());
            if joins { Role::Shown } else { Role::Parts }
        }
        _ if is_zero_width_separator(character) || character.is_whitespace() || character.is_control() => {
            Role::Parts
        }
        // Direction, deprecated formats, invisible operators, annotations, tags: they format what they surround.
        '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2061}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Role::Hidden,
        char::REPLACEMENT_CHARACTER => Role::Shown,
        _ if is_deleted_by_tokenizer(character) => Role::Shown,
        _ => Role::Kept,
    };
    (length, role)
}

/// Zero-width space, word joiner, and the byte-order mark, which stands within a text where files were put together. None
/// of them is part of a word, and like no-break spaces they stand between two.
pub(super) fn is_zero_width_separator(character: char) -> bool {
    matches!(character, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// Whether a character is of a script or an emoji in which joiners are spelling: Persian, Indic scripts, families. Latin,
/// Greek, Cyrillic, digits and punctuation are not.
pub(super) fn is_joined(character: char) -> bool {
    character >= '\u{530}'
        && !character.is_whitespace()
        && !matches!(character, '\u{1e00}'..='\u{206f}' | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}' | '\u{fb00}'..='\u{fb06}' | '\u{feff}')
}

/// A soft hyphen, with the line break that it allowed if there is one between two parts of a word.
fn soft_hyphen(rest: &str) -> usize {
    let hyphen = '\u{ad}'.len_utf8();
    let after = rest.get(hyphen..).unwrap_or_default();
    let Some(next_line) = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')) else {
        return hyphen;
    };
    let word = next_line.trim_start_matches([' ', '\t']);
    if word.starts_with(char::is_alphabetic) { rest.len() - word.len() } else { hyphen }
}

/// A terminal escape (ECMA-48, and xterm's title and link strings).
fn escape(rest: &str, introducer: char) -> (usize, Role) {
    let introduced = rest.get(introducer.len_utf8()..).unwrap_or_default();
    let (kind, body) = match introducer {
        '\u{9b}' => ('[', introduced),
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => (']', introduced),
        _ => match introduced.chars().next() {
            Some(kind) => (kind, introduced.get(kind.len_utf8()..).unwrap_or_default()),
            None => return (rest.len(), Role::Parts),
        },
    };
    let to = |tail: &str| rest.len() - tail.len();
    match kind {
        '[' => {
            let tail = body.trim_start_matches(|c| matches!(c, ' '..='?'));
            match tail.chars().next() {
                // Colours and the clearing of a line leave a word whole, movements of the cursor do not.
                Some(last @ '@'..='~') => {
                    let role = if matches!(last, 'm' | 'K') { Role::Hidden } else { Role::Parts };
                    (to(tail) + 1, role)
                }
                _ => (to(tail), Role::Parts),
            }
        }
        ']' | 'P' | 'X' | '^' | '_' => {
            let ends =
                |c: char| matches!(c, '\u{7}' | '\u{18}' | '\u{1a}' | '\u{1b}' | '\u{9c}' | '\n' | '\r');
            let length = body.find(ends).unwrap_or(body.len());
            let tail = body.get(length..).unwrap_or_default();
            if let Some(after) = tail.strip_prefix("\u{1b}\\") {
                return (to(after), Role::Hidden);
            }
            match tail.chars().next() {
                Some(end @ ('\u{7}' | '\u{18}' | '\u{1a}' | '\u{9c}')) => {
                    (to(tail) + end.len_utf8(), Role::Hidden)
                }
                // Without its end it would take the rest of the passage with it.
                _ => (to(body), Role::Parts),
            }
        }
        ' '..='/' => {
            let tail = body.trim_start_matches(|c| matches!(c, ' '..='/'));
            (to(tail) + usize::from(tail.starts_with(|c| matches!(c, '0'..='~'))), Role::Hidden)
        }
        '0'..='~' => (to(body), Role::Hidden),
        _ => (introducer.len_utf8(), Role::Parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that is shown, a bar where words part.
    fn shown(text: &str) -> String {
        let mut shown = String::new();
        for (bytes, role) in Characters::new(text) {
            match role {
                Role::Kept | Role::Shown => shown.push_str(&text[bytes]),
                Role::Parts => shown.push('|'),
                Role::Hidden => {}
                Role::Erases => {
                    shown.pop();
                }
            }
        }
        shown
    }

    #[test]
    fn blanks_and_breaks_of_all_kinds_part() {
        for separator in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| c.is_whitespace()) {
            assert_eq!(shown(&format!("a{separator}b")), "a|b", "{separator:?}");
        }
        for separator in "\u{200b}\u{2060}\u{feff}\u{200c}\u{200d}\0\u{1}\u{1c}\u{7f}\u{80}".chars() {
            assert_eq!(shown(&format!("a{separator}b")), "a|b", "{separator:?}");
        }
    }

    #[test]
    fn joiners_are_spelling_where_the_script_has_them() {
        for word in ["می\u{200c}خواهم", "क्\u{200d}ष", "👩\u{200d}🔬", "❤\u{fe0f}\u{200d}🔥", "க்\u{200c}ஷ"]
        {
            assert_eq!(shown(word), word);
        }
        assert_eq!(shown("م\u{200c}a"), "م|a");
    }

    #[test]
    fn marks_that_only_format_are_nothing() {
        assert_eq!(shown("\u{202e}Mar\u{ad}ra\u{202c} \u{2066}T\u{2069}\u{200f}\u{e0041}"), "Marra|T");
        assert_eq!(shown("Kel\u{ad}\r\n  ford, Kel\u{ad}\n3"), "Kelford,|Kel|3");
    }

    #[test]
    fn escapes_go_whole_and_take_no_text_with_them() {
        for (text, expected) in [
            ("\u{1b}[1;31mMar\u{1b}[0mra", "Marra"),
            ("\u{1b}[01;31m\u{1b}[KMarra\u{1b}[m\u{1b}[K", "Marra"),
            ("a\u{1b}[5Cb", "a|b"),
            ("\u{1b}]8;;http://a.b\u{1b}\\Marra\u{1b}]8;;\u{1b}\\", "Marra"),
            ("\u{1b}]0;title\u{7}Marra", "Marra"),
            ("\u{9d}0;title\u{9c}Marra\u{9b}0m", "Marra"),
            ("\u{1b}(BMarra\u{1b}7", "Marra"),
            // Cut short or made up.
            ("\u{1b}]0;title\nMarra", "|0;title|Marra"),
            ("a\u{1b}", "a|"),
            ("a\u{1b}[", "a|"),
            ("a\u{1b}[3é", "a|é"),
            ("a\u{1b}é", "a|é"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn overstrikes_are_one_character() {
        assert_eq!(shown("M\u{8}Ma\u{8}a _\u{8}b"), "Ma|b");
    }

    proptest::proptest! {
        #[test]
        fn every_byte_is_read_once(text in "([a-z\u{1b}\u{9b}\\[\\]mK;\u{8}\u{ad}\n\r \u{200d}م]|\\PC|\u{e0041}){0,40}") {
            let mut at = 0;
            for (bytes, _) in Characters::new(&text) {
                proptest::prop_assert_eq!(bytes.start, at);
                proptest::prop_assert!(bytes.end > at && text.is_char_boundary(bytes.end));
                at = bytes.end;
            }
            proptest::prop_assert_eq!(at, text.len());
        }
    }
}

//! Text of a passage as it may be shown: on one line, and without anything that a terminal would obey.

use std::ops::Range;

use super::characters::{Characters, Role, is_joined, is_zero_width_separator};

/// Longest text on each side of an answer, in characters.
const LONGEST_SIDE: usize = 80;
/// Bytes that are looked at on each side, however long the passage is.
const LOOKED_AT: usize = 2000;

/// A text on one line as a reader sees it: white space and line ends are single spaces, terminal escapes, marks of direction
/// and other invisible characters are gone. Answers and passages go through it before they are printed.
///
/// ```
/// assert_eq!(spanbert_core::ask::visible("\u{feff}Marra\r\n\u{1b}[31mTorik\u{1b}[0m "), "Marra Torik");
/// ```
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = with_edges(text);
    shown.truncate(shown.trim_end().len());
    shown.drain(..shown.len() - shown.trim_start().len());
    shown
}

/// [`visible`] with a space where the text begins or ends with white space.
fn with_edges(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(1 << 16));
    let mut before: Option<char> = None;
    let mut parted = false;
    for (bytes, role) in Characters::new(text) {
        match role {
            Role::Kept | Role::Shown => {
                if std::mem::take(&mut parted) {
                    shown.push(' ');
                }
                let piece = text.get(bytes).unwrap_or_default();
                shown.push_str(piece);
                before = piece.chars().next();
            }
            Role::Hidden => {}
            Role::Parts => {
                let separator = text.get(bytes).and_then(|piece| piece.chars().next());
                // Thai, Khmer and their like have these where lines may break, and no blanks between words.
                let is_unseen =
                    separator.is_some_and(is_zero_width_separator) && before.is_some_and(is_joined);
                parted |= !is_unseen;
            }
            Role::Erases if !parted => {
                shown.pop();
            }
            Role::Erases => {}
        }
    }
    if parted {
        shown.push(' ');
    }
    shown
}

/// An answer in its sentence, ready to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// What comes before the answer, with the space between them.
    pub before: String,
    /// The answer.
    pub answer: String,
    /// What comes after it, with the space between them.
    pub after: String,
}

impl Excerpt {
    /// The sentence around a piece of a passage; an ellipsis stands where a long one is cut. `None` if `bytes` is no piece.
    #[must_use]
    pub fn around(passage: &str, bytes: &Range<usize>) -> Option<Self> {
        let answer = passage.get(bytes.clone())?;
        let before = last_paragraph(tail(passage.get(..bytes.start)?));
        let after = first_paragraph(head(passage.get(bytes.end..)?));
        let (before, after) = (with_edges(before), with_edges(after));
        let before = before.get(last_sentence(&before)..).unwrap_or_default().trim_start();
        let after = after.get(..first_sentence(&after)).unwrap_or_default().trim_end();
        let skipped = before.chars().count().saturating_sub(LONGEST_SIDE);
        let mut excerpt = Self { answer: visible(answer), ..Self::default() };
        if skipped > 0 {
            excerpt.before.push('…');
        }
        excerpt.before.extend(before.chars().skip(skipped));
        excerpt.after.extend(after.chars().take(LONGEST_SIDE));
        if excerpt.after.len() < after.len() {
            excerpt.after.push('…');
        }
        Some(excerpt)
    }
}

/// The last bytes of a text, from a character on.
fn tail(text: &str) -> &str {
    let start = text.len().saturating_sub(LOOKED_AT);
    (start..=text.len()).find_map(|start| text.get(start..)).unwrap_or_default()
}

/// The first bytes of a text, whole characters.
fn head(text: &str) -> &str {
    let end = text.len().min(LOOKED_AT);
    (0..=end).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// Blank lines, form feeds and paragraph separators end a paragraph: its bytes.
fn paragraph_ends(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.char_indices().filter_map(move |(at, character)| {
        let end = at + character.len_utf8();
        match character {
            '\u{c}' | '\u{2029}' => Some(at..end),
            '\n' => {
                let rest = text.get(end..)?;
                let blank = rest.trim_start_matches([' ', '\t', '\r']);
                blank.starts_with('\n').then(|| at..end + (rest.len() - blank.len()) + 1)
            }
            _ => None,
        }
    })
}

fn last_paragraph(text: &str) -> &str {
    paragraph_ends(text).last().and_then(|end| text.get(end.end..)).unwrap_or(text)
}

fn first_paragraph(text: &str) -> &str {
    paragraph_ends(text).next().and_then(|end| text.get(..end.start)).unwrap_or(text)
}

/// Where the sentences of a text on one line end, with their closing quotes.
fn sentence_ends(text: &str) -> impl Iterator<Item = usize> {
    const CLOSING: [char; 6] = ['"', '\'', ')', ']', '\u{201d}', '\u{2019}'];
    text.char_indices().filter_map(move |(at, character)| {
        let rest = text.get(at + character.len_utf8()..)?;
        let after = rest.trim_start_matches(CLOSING);
        let ends = match character {
            // Not those of 3.5 and of file names.
            '.' | '!' | '?' => after.starts_with(' '),
            '。' | '！' | '？' | '।' | '؟' | '۔' => true,
            _ => false,
        };
        ends.then_some(text.len() - after.len())
    })
}

/// Where the last sentence of a text begins.
fn last_sentence(text: &str) -> usize {
    sentence_ends(text).last().unwrap_or(0)
}

/// Where the first sentence of a text ends.
fn first_sentence(text: &str) -> usize {
    sentence_ends(text).next().unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(passage: &str, answer: &str) -> String {
        let start = passage.find(answer).unwrap();
        let Excerpt { before, answer, after } =
            Excerpt::around(passage, &(start..start + answer.len())).unwrap();
        format!("{before}[{answer}]{after}")
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        let hostile = "\u{feff}a\u{1b}]0;own\u{7}\u{1b}[2Jb\u{9b}31mc\u{202e}d\u{c}e\u{2028}f\u{85}g\0h\u{7f}i\u{8}j\rk";
        assert_eq!(visible(hostile), "a bcd e f g h j k");
        for text in [hostile, "\u{1b}", "\u{9b}", "\u{1b}]x", "\u{202e}\u{2066}", "\u{ad}\u{2060}"] {
            let shown = visible(text);
            assert!(
                !shown.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn joined_scripts_keep_their_spelling() {
        assert_eq!(visible(" می\u{200c}خواهم  👩\u{200d}🔬 "), "می\u{200c}خواهم 👩\u{200d}🔬");
        assert_eq!(visible("ภาษา\u{200b}ไทย a\u{200b}b"), "ภาษาไทย a b");
    }

    #[test]
    fn the_answer_stands_in_its_sentence() {
        assert_eq!(
            excerpt("It rained. In 1834,\tGorna was born. Then more.", "Gorna"),
            "In 1834, [Gorna] was born."
        );
        assert_eq!(excerpt("雨だった。1834年に生まれた。次。", "1834年"), "[1834年]に生まれた。");
        assert_eq!(excerpt("It cost $3.5 million.", "3"), "It cost $[3].5 million.");
        assert_eq!(excerpt("Ann came. (Gorna) left.", "Gorna"), "([Gorna]) left.");
    }

    #[test]
    fn wrapped_lines_are_one_sentence_and_pages_are_not() {
        let wrapped = "In 1842,\r\nMarra built the mill\r\nof Kelford.\r\n";
        assert_eq!(excerpt(wrapped, "Marra"), "In 1842, [Marra] built the mill of Kelford.");
        assert_eq!(excerpt("Heading\r\n\r\nMarra left\n \nFooter", "Marra"), "[Marra] left");
        assert_eq!(excerpt("Page 1\u{c}Marra left\u{c}Page 2", "Marra"), "[Marra] left");
    }

    #[test]
    fn long_sentences_are_cut_on_both_sides() {
        let shown = excerpt(&format!("{} Gorna {}", "a".repeat(5000), "é".repeat(5000)), "Gorna");
        assert!(shown.starts_with("…a") && shown.ends_with("é…") && shown.contains(" [Gorna] "), "{shown}");
        assert!(shown.chars().count() < 180);
    }

    #[test]
    fn escapes_of_the_passage_do_not_reach_the_sentence() {
        let passage = "Then \u{1b}[31mMar\u{1b}[1mra\u{1b}[0m\u{7} \u{202e}built it. \u{1b}]0;x\u{7}";
        assert_eq!(excerpt(passage, "Mar\u{1b}[1mra"), "Then [Marra] built it.");
    }

    #[test]
    fn ranges_that_are_no_piece_have_no_excerpt() {
        assert_eq!(Excerpt::around("é", &(0..1)), None);
        assert_eq!(Excerpt::around("é", &(0..9)), None);
    }
}

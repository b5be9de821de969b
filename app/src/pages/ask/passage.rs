//! The passage: typed, pasted or read from a file, with the answer highlighted in it.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
};

use egui::{Color32, Context, FontId, Margin, TextEdit, TextFormat, TextStyle, Ui, text::LayoutJob};

use spanbert_core::{
    advice::Advice,
    ask::visible,
    text_file::{self, TextError},
};

use super::long_text::LongText;
#[cfg(target_family = "wasm")]
use crate::files;
use crate::{background, theme::Tokens, widgets::named};

/// Texts from this size on are shown by rows and not edited: a text field lays out all of its text for every change.
const LONG: usize = 60_000;
/// Largest file that is read.
const LARGEST: u64 = 20 << 20;

/// Height of a line in heights of its letters.
pub(super) const LINE_HEIGHT: f32 = 1.45;

/// A piece of the passage on a coloured ground.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) bytes: Range<usize>,
    pub(super) ground: Color32,
}

/// What is to be seen in the passage.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Marks {
    /// Later ones cover earlier ones.
    pub(super) marks: Vec<Mark>,
    /// What lies outside is dimmed.
    pub(super) window: Option<Range<usize>>,
    /// Where to look, once.
    pub(super) scroll_to: Option<usize>,
}

/// The text and how it came.
#[derive(Default)]
pub(super) struct Passage {
    text: String,
    /// The same for the thread of models, made when it is first asked for.
    shared: Option<Arc<str>>,
    long: Option<LongText>,
    reading: Option<(PathBuf, Receiver<Result<String, String>>)>,
    error: Option<String>,
}

impl Passage {
    /// The text to ask about.
    pub(super) fn shared(&mut self) -> Arc<str> {
        self.shared.get_or_insert_with(|| self.text.as_str().into()).clone()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The file that is being read.
    pub(super) fn reading(&self) -> Option<&Path> {
        self.reading.as_ref().map(|(path, _)| path.as_path())
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Replaces the text.
    pub(super) fn set(&mut self, text: String) {
        self.shared = None;
        self.error = None;
        self.long = (text.len() >= LONG).then(|| LongText::new(&text));
        self.text = text;
    }

    /// Starts to read a file.
    pub(super) fn read(&mut self, context: &Context, path: PathBuf) {
        let file = path.clone();
        let read = async move { read_text(&file).await };
        match background::find_async(context, "passage", read) {
            Ok(receiver) => self.reading = Some((path, receiver)),
            Err(error) => self.error = Some(format!("{} was not read: {error}", path.display())),
        }
    }

    /// Takes in a file that was read; never waits.
    pub(super) fn poll(&mut self) {
        let Some((path, receiver)) = &self.reading else { return };
        let outcome = match receiver.try_recv() {
            Ok(outcome) => outcome,
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => Err(format!("{} was not read; open it again", path.display())),
        };
        self.reading = None;
        match outcome {
            Ok(text) => self.set(text),
            Err(message) => self.error = Some(message),
        }
    }

    /// Draws the text at the given height. Gives whether it was changed.
    pub(super) fn ui(&mut self, ui: &mut Ui, height: f32, marks: &Marks) -> bool {
        if let Some(long) = &mut self.long {
            long.ui(ui, &self.text, height, marks);
            return false;
        }
        let tokens = Tokens::of(ui);
        let font = TextStyle::Body.resolve(ui.style());
        let mut layouter = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
            let mut job = marked(text.as_str(), 0..text.as_str().len(), marks, &font, &tokens);
            job.wrap.max_width = width;
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let scroll =
            egui::ScrollArea::vertical().id_salt("passage").max_height(height).min_scrolled_height(height);
        let rows = ((height - 20.0) / (font.size * LINE_HEIGHT)).max(1.0) as usize;
        let mut changed = false;
        scroll.auto_shrink([false, true]).show(ui, |ui| {
            let field = TextEdit::multiline(&mut self.text)
                .hint_text("Paste a text here, open a file, or drop one on the window")
                .desired_width(f32::INFINITY)
                .desired_rows(rows)
                .margin(Margin::symmetric(10, 8))
                .layouter(&mut layouter);
            let output = field.show(ui);
            let response = named(output.response.response, "Passage");
            changed = response.changed();
            if let Some(byte) = marks.scroll_to
                && let Some(before) = self.text.get(..byte)
            {
                let cursor = egui::text::CCursor::new(before.chars().count());
                let place = output.galley.pos_from_cursor(cursor).translate(output.galley_pos.to_vec2());
                ui.scroll_to_rect(place.expand(24.0), None);
            }
        });
        if changed {
            let text = std::mem::take(&mut self.text);
            self.set(text);
        }
        changed
    }
}

/// A part of a text with its marks.
pub(super) fn marked(
    text: &str,
    part: Range<usize>,
    marks: &Marks,
    font: &FontId,
    tokens: &Tokens,
) -> LayoutJob {
    let mut cuts = vec![part.start, part.end];
    let ranges = marks.marks.iter().map(|mark| &mark.bytes).chain(&marks.window);
    for cut in ranges.flat_map(|range| [range.start, range.end]) {
        if part.contains(&cut) && text.is_char_boundary(cut) {
            cuts.push(cut);
        }
    }
    cuts.sort_unstable();
    cuts.dedup();
    let mut job = LayoutJob::default();
    for cut in cuts.windows(2) {
        let [start, end] = *cut else { continue };
        let inside = |range: &Range<usize>| range.start <= start && end <= range.end;
        let seen = marks.window.as_ref().is_none_or(inside);
        let mut format = TextFormat::simple(font.clone(), if seen { tokens.text } else { tokens.text_muted });
        format.line_height = Some(font.size * LINE_HEIGHT);
        format.valign = egui::Align::Center;
        if let Some(mark) = marks.marks.iter().rev().find(|mark| inside(&mark.bytes)) {
            format.background = mark.ground;
        }
        if let Some(piece) = text.get(start..end) {
            job.append(piece, 0.0, format);
        }
    }
    job
}

/// A text file, if it is one.
async fn read_text(path: &Path) -> Result<String, String> {
    let text = content(path).await.map_err(|error| error.in_one_line())?;
    if visible(&text).is_empty() {
        Err(format!("{} holds no visible text; choose another file", path.display()))
    } else {
        Ok(text)
    }
}

#[cfg(not(target_family = "wasm"))]
#[allow(clippy::unused_async, reason = "its twin for browsers waits")]
async fn content(path: &Path) -> Result<String, TextError> {
    text_file::read_path(path, LARGEST)
}

#[cfg(target_family = "wasm")]
async fn content(path: &Path) -> Result<String, TextError> {
    let file = path.display().to_string();
    // A larger one would be in memory before it is refused.
    if files::size(path).is_some_and(|size| size > LARGEST) {
        return Err(TextError::TooLarge { file, limit: LARGEST });
    }
    let bytes =
        files::read(path).await.map_err(|source| TextError::Unreadable { file: file.clone(), source })?;
    text_file::read(bytes.as_slice(), &file, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_now(path: &Path) -> Result<String, String> {
        pollster::block_on(read_text(path))
    }

    #[test]
    fn files_that_are_no_texts_are_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("image"), [0xff, 0xd8, 0xff]).unwrap();
        std::fs::write(path("blank"), " \n").unwrap();
        std::fs::write(path("text"), "\u{feff}Zoë left.").unwrap();
        std::fs::write(path("latin"), b"Zo\xeb left.").unwrap();
        std::fs::write(path("wide"), b"\xff\xfeZ\0o\0\xeb\0").unwrap();
        std::fs::write(path("unseen"), "\u{feff}\u{200b}\u{1b}[0m\n").unwrap();
        assert!(read_now(&path("image")).unwrap_err().contains("an image"));
        let latin = read_now(&path("latin")).unwrap_err();
        assert!(latin.contains("byte 2") && latin.contains("iconv -f WINDOWS-1252"), "{latin}");
        assert_eq!(read_now(&path("wide")).unwrap(), "Zoë");
        assert!(read_now(&path("unseen")).unwrap_err().contains("no visible text"));
        assert!(read_now(&path("blank")).unwrap_err().contains("no visible text"));
        assert!(read_now(&path("none")).unwrap_err().contains("cannot be read"));
        assert!(read_now(folder.path()).is_err());
        assert_eq!(read_now(&path("text")).unwrap(), "Zoë left.");
    }

    #[test]
    fn marks_cover_exactly_their_bytes() {
        let tokens = Tokens::of_theme(egui::Theme::Dark);
        let text = "Zoë left. Ann came.";
        let mark = Mark { bytes: 0..4, ground: Color32::RED };
        let marks = Marks { marks: vec![mark], window: Some(0..10), scroll_to: None };
        let job = marked(text, 0..text.len(), &marks, &FontId::default(), &tokens);
        assert_eq!(job.text, text);
        let shown: Vec<_> = job
            .sections
            .iter()
            .map(|section| {
                let format = &section.format;
                (
                    &job.text[section.byte_range.start.0..section.byte_range.end.0],
                    format.background,
                    format.color,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("Zoë", Color32::RED, tokens.text),
                (" left.", Color32::TRANSPARENT, tokens.text),
                (" Ann came.", Color32::TRANSPARENT, tokens.text_muted)
            ]
        );
    }
}

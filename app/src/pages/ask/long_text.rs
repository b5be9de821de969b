//! A text of megabytes, of which only the rows in sight are laid out.

use std::ops::Range;

use egui::{FontFamily, FontId, ScrollArea, TextStyle, Ui, WidgetInfo, WidgetType};

use super::passage::{LINE_HEIGHT, Marks, marked};
use crate::theme::Tokens;

/// Rows of a long text for one width.
pub(super) struct LongText {
    /// Bytes of each row, for this many columns.
    rows: Vec<Range<usize>>,
    columns: usize,
}

impl LongText {
    pub(super) fn new(_text: &str) -> Self {
        Self { rows: Vec::new(), columns: 0 }
    }

    /// Draws the rows in sight.
    pub(super) fn ui(&mut self, ui: &mut Ui, text: &str, height: f32, marks: &Marks) {
        let tokens = Tokens::of(ui);
        // All characters of one width, so that rows are found by counting.
        let font = FontId::new(TextStyle::Body.resolve(ui.style()).size, FontFamily::Monospace);
        let width = ui.fonts_mut(|fonts| fonts.glyph_width(&font, 'm')).max(1.0);
        let columns = (((ui.available_width() - 28.0) / width) as usize).max(16);
        if columns != self.columns {
            self.rows = wrap(text, columns);
            self.columns = columns;
        }
        let row_height = font.size * LINE_HEIGHT;
        let mut area =
            ScrollArea::vertical().id_salt("long passage").max_height(height).auto_shrink([false, false]);
        if let Some(byte) = marks.scroll_to {
            let row = self.rows.partition_point(|row| row.end <= byte);
            area = area.vertical_scroll_offset((row as f32 * row_height - height / 3.0).max(0.0));
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        let output = area.show_rows(ui, row_height, self.rows.len(), |ui, shown| {
            for row in self.rows.get(shown).unwrap_or_default() {
                let job = marked(text, row.clone(), marks, &font, &tokens);
                ui.add(egui::Label::new(job).extend());
            }
        });
        let response = ui.interact(output.inner_rect, ui.id().with("long passage"), egui::Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, "Passage"));
    }
}

/// Cuts a text into rows of at most so many columns, at spaces where there are any.
fn wrap(text: &str, columns: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::with_capacity(text.len() / columns + 1);
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let visible = line.trim_end_matches(['\n', '\r']);
        let (mut start, mut column, mut space) = (0, 0, None);
        for (at, character) in visible.char_indices() {
            let wide = if is_wide(character) { 2 } else { 1 };
            if column + wide > columns {
                let cut = space.filter(|space| *space > start).unwrap_or(at);
                rows.push(line_start + start..line_start + cut);
                column = visible
                    .get(cut..at)
                    .map_or(0, |rest| rest.chars().map(|c| 1 + usize::from(is_wide(c))).sum());
                (start, space) = (cut, None);
            }
            column += wide;
            if character == ' ' {
                space = Some(at + 1);
            }
        }
        rows.push(line_start + start..line_start + visible.len());
        line_start += line.len();
    }
    rows
}

/// Whether a character takes two columns: those of East Asian scripts and pictures.
fn is_wide(character: char) -> bool {
    matches!(u32::from(character), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0x1f300..=0x1faff | 0x20000..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_all_of_the_text_but_its_line_ends() {
        let text = "one two three\r\nfour\n\nVeryLongWordWithoutSpaces 五六七八 nine";
        let rows = wrap(text, 8);
        let shown: Vec<&str> = rows.iter().map(|row| &text[row.clone()]).collect();
        let whole: String = shown.concat();
        assert_eq!(whole, text.replace(['\r', '\n'], ""));
        assert!(shown.iter().all(|row| row.chars().map(|c| 1 + usize::from(is_wide(c))).sum::<usize>() <= 8));
        assert_eq!(shown[..4], ["one two ", "three", "four", ""]);
    }

    #[test]
    fn five_megabytes_are_cut_once() {
        let text = "The quick brown fox jumps. ".repeat(200_000);
        let rows = wrap(&text, 100);
        assert!(rows.len() > 50_000);
        assert_eq!(rows.iter().map(|row| row.len()).sum::<usize>(), text.len());
    }
}

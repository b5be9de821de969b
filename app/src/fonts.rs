//! The fonts of window and page.

use egui::{FontData, FontDefinitions, FontFamily};

use crate::symbols;

/// The fonts, the symbols among them right after the one for text.
pub(crate) fn definitions() -> FontDefinitions {
    let mut fonts = text_fonts();
    fonts.font_data.insert("symbols".to_owned(), FontData::from_static(symbols::FONT).into());
    if let Some(names) = fonts.families.get_mut(&FontFamily::Proportional) {
        names.insert(names.len().min(1), "symbols".to_owned());
    }
    fonts
}

#[cfg(not(target_family = "wasm"))]
fn text_fonts() -> FontDefinitions {
    FontDefinitions::default()
}

/// Those of the window without emoji, which are larger than all the others, and without instructions for coarse screens
/// (`app/fonts/subset.sh`).
#[cfg(target_family = "wasm")]
fn text_fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let files: [(_, &'static [u8]); 2] =
        [("text", include_bytes!("../fonts/text.ttf")), ("code", include_bytes!("../fonts/code.ttf"))];
    for (name, font) in files {
        fonts.font_data.insert(name.to_owned(), FontData::from_static(font).into());
    }
    // Each has signs that the other lacks.
    for (family, names) in
        [(FontFamily::Proportional, ["text", "code"]), (FontFamily::Monospace, ["code", "text"])]
    {
        fonts.families.insert(family, names.map(str::to_owned).into());
    }
    fonts
}

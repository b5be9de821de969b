//! The symbols on buttons and in lists: characters of the Phosphor icon font, of which the program carries these alone.
//!
//! Whoever adds one runs `app/fonts/subset.sh`, which makes the font of this list.

/// The part of the Phosphor font (regular) that has the symbols, and no other glyph.
pub(crate) const FONT: &[u8] = include_bytes!("../fonts/symbols.ttf");

/// Names that Phosphor has for its icons.
macro_rules! symbols {
    ($($name:ident)*) => {
        $(
            // A page has not all of what a window has.
            #[cfg_attr(target_family = "wasm", allow(dead_code))]
            pub(crate) const $name: &str = egui_phosphor::regular::$name;
        )*
        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

symbols! {
    ARROWS_CLOCKWISE ARROW_COUNTER_CLOCKWISE ARROW_LEFT CARET_DOWN CARET_LEFT CARET_RIGHT CARET_UP CHART_BAR
    CHART_LINE_UP CHAT_TEXT CHECK CHECK_CIRCLE CIRCLE_HALF COMMAND COPY CURSOR_CLICK DOWNLOAD_SIMPLE EXAM EXPORT FILE
    FOLDER_OPEN FOLDER_SIMPLE GEAR_SIX GIT_DIFF GRADUATION_CAP HAND_WAVING INFO KEYBOARD LINE_SEGMENT LIST_DASHES
    MAGNIFYING_GLASS MAGNIFYING_GLASS_MINUS MAGNIFYING_GLASS_PLUS PAUSE PENCIL_SIMPLE PLAY PLUS PROHIBIT ROCKET_LAUNCH
    SIGN_OUT SLIDERS_HORIZONTAL STAR STOP TRASH WARNING WARNING_CIRCLE X
}

#[cfg(test)]
mod tests {
    use egui::{Context, FontData, FontDefinitions, FontFamily, FontId};

    use super::*;

    #[test]
    fn the_font_has_every_symbol_and_little_else() {
        let mut fonts = FontDefinitions::empty();
        fonts.font_data.insert("symbols".into(), FontData::from_static(FONT).into());
        for family in [FontFamily::Proportional, FontFamily::Monospace] {
            fonts.families.insert(family, vec!["symbols".into()]);
        }
        let context = Context::default();
        context.set_fonts(fonts);
        context.begin_pass(egui::RawInput::default());
        let missing =
            |text: &str| !context.fonts_mut(|fonts| fonts.has_glyphs(&FontId::proportional(14.0), text));
        for (name, text) in ALL {
            assert!(!missing(text), "{name}: run app/fonts/subset.sh");
        }
        assert!(missing(egui_phosphor::regular::ACORN), "the font is the whole one");
        let _ = context.end_pass();
        assert!(FONT.len() < 20_000, "{} bytes", FONT.len());
    }

    #[test]
    fn no_page_takes_symbols_from_elsewhere() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("symbols.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(!text.contains("egui_phosphor"), "{}", path.display());
                }
            }
        }
    }
}

//! Charts as pictures, drawn by resvg with the window's own font, so that they look the same wherever they are made.

use std::sync::Arc;

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb::Database},
};

use super::SCALE;

/// Makes pictures of drawings.
pub(super) struct Painter {
    fonts: Arc<Database>,
}

impl Default for Painter {
    fn default() -> Self {
        let mut database = Database::new();
        let definitions = egui::FontDefinitions::default();
        if let Some(name) =
            definitions.families.get(&egui::FontFamily::Proportional).and_then(|names| names.first())
            && let Some(font) = definitions.font_data.get(name)
        {
            database.load_font_data(font.font.to_vec());
        }
        let family = database.faces().next().and_then(|face| Some(face.families.first()?.0.clone()));
        database.set_sans_serif_family(family.unwrap_or_default());
        Self { fonts: Arc::new(database) }
    }
}

impl Painter {
    /// A PNG file of an SVG drawing.
    ///
    /// # Errors
    /// If the drawing is none, or is too large.
    #[allow(clippy::unused_async, reason = "its twin for browsers waits")]
    pub(super) async fn png(&self, svg: &str) -> Result<Vec<u8>, String> {
        let options = Options { fontdb: Arc::clone(&self.fonts), ..Options::default() };
        let tree = Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
        let too_large = "the chart is too large for a picture";
        let scaled = tree.size().to_int_size().scale_by(SCALE).ok_or(too_large)?;
        let mut pixmap = Pixmap::new(scaled.width(), scaled.height()).ok_or(too_large)?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixmap.as_mut());
        pixmap.encode_png().map_err(|error| error.to_string())
    }
}

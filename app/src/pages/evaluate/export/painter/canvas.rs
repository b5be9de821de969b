//! Charts as pictures, drawn by the browser beside the frames.

use js_sys::{Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::SCALE;

#[wasm_bindgen]
extern "C" {
    /// A promise of a PNG file's bytes.
    #[wasm_bindgen(js_namespace = studio)]
    fn picture(svg: &str, scale: f64) -> Promise;
}

/// Makes pictures of drawings.
#[derive(Default)]
pub(super) struct Painter;

impl Painter {
    /// A PNG file of an SVG drawing.
    ///
    /// # Errors
    /// If the browser does not draw it.
    pub(super) async fn png(&self, svg: &str) -> Result<Vec<u8>, String> {
        let drawn = JsFuture::from(picture(svg, f64::from(SCALE))).await.map_err(|error: JsValue| {
            let message = Reflect::get(&error, &"message".into()).ok().and_then(|text| text.as_string());
            message.unwrap_or_else(|| "the browser does not draw the chart".to_owned())
        })?;
        let bytes: Uint8Array = drawn.dyn_into().map_err(|_| "the browser does not draw the chart")?;
        Ok(bytes.to_vec())
    }
}

//! Names of the model's parameters in Hugging Face checkpoints.

/// The Hugging Face name of a module path: `self` and `LayerNorm` cannot be Rust field names.
#[must_use]
pub fn hugging_face_name(path: &[String]) -> String {
    let parts: Vec<&str> = path
        .iter()
        .map(|part| match part.as_str() {
            "self_attention" => "self",
            "layer_norm" => "LayerNorm",
            other => other,
        })
        .collect();
    parts.join(".")
}

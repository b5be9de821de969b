//! Names of the model's parameters in Hugging Face checkpoints.

use super::ParameterKind;

/// Where a walk over the model's modules is.
#[derive(Clone, Debug, Default)]
pub struct ParameterPath {
    names: Vec<String>,
    containers: Vec<String>,
}

impl ParameterPath {
    /// The place of a module that is walked on its own: the names of the fields that lead to it, with dots between them;
    /// empty for the whole model.
    pub(crate) fn at(path: &str) -> Self {
        let names: Vec<String> = path.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self { containers: vec![String::new(); names.len()], names }
    }

    /// Goes into a field; `container` is Burn's type string of the struct it belongs to.
    pub fn enter(&mut self, name: &str, container: &str) {
        self.names.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    /// Leaves the field entered last.
    pub fn exit(&mut self) {
        self.names.pop();
        self.containers.pop();
    }

    /// The Hugging Face name: `self` and `LayerNorm` cannot be Rust field names.
    #[must_use]
    pub fn hugging_face_name(&self) -> String {
        let parts: Vec<&str> = self
            .names
            .iter()
            .map(|part| match part.as_str() {
                "self_attention" => "self",
                "layer_norm" => "LayerNorm",
                other => other,
            })
            .collect();
        parts.join(".")
    }

    /// How a parameter of this rank is stored.
    #[must_use]
    pub fn kind(&self, rank: usize) -> ParameterKind {
        match self.containers.last() {
            Some(container) if rank == 2 && container == "Struct:Linear" => ParameterKind::Transposed,
            _ => ParameterKind::Plain,
        }
    }
}

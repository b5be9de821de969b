//! Names of activations in `config.json` (`ACT2FN` of `transformers`).

use spanbert_backends::ops::Activation;

/// Names and what they mean. `transformers` has several for one function, computed in different ways.
const NAMES: [(&str, Activation); 11] = [
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_python_tanh", Activation::GeluTanh),
    ("gelu_accurate", Activation::GeluTanh),
    ("quick_gelu", Activation::QuickGelu),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
];

/// The activation of this name.
pub(super) fn by_name(name: &str) -> Option<Activation> {
    NAMES.iter().find(|(known, _)| *known == name).map(|&(_, activation)| activation)
}

/// All names, for messages.
pub(super) fn names() -> String {
    NAMES.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_function_mean_the_same() {
        for (name, expected) in [
            ("gelu", Some(Activation::Gelu)),
            ("gelu_python", Some(Activation::Gelu)),
            ("gelu_new", Some(Activation::GeluTanh)),
            ("gelu_fast", Some(Activation::GeluTanh)),
            ("gelu_pytorch_tanh", Some(Activation::GeluTanh)),
            ("relu", Some(Activation::Relu)),
            ("silu", Some(Activation::Silu)),
            ("swish", Some(Activation::Silu)),
            ("quick_gelu", Some(Activation::QuickGelu)),
            ("mish", None),
            ("GELU", None),
        ] {
            assert_eq!(by_name(name), expected, "{name}");
        }
    }
}

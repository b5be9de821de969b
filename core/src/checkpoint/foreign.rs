//! What a folder or repository holds where weights are expected, and how to make weights of it.

/// How TensorFlow's and Flax's files become PyTorch's: `transformers` 5 no longer reads them.
const TENSORFLOW: &str = "convert it once with transformers 4, the last version that reads it (pip install \
    'transformers<5' tensorflow tf-keras torch): \
    AutoModelForQuestionAnswering.from_pretrained(FOLDER, from_tf=True).save_pretrained(FOLDER)";
const FLAX: &str = "convert it once with transformers 4, the last version that reads it (pip install \
    'transformers<5' flax torch): \
    AutoModelForQuestionAnswering.from_pretrained(FOLDER, from_flax=True).save_pretrained(FOLDER)";
const TENSORFLOW_1: &str = "convert it once with transformers 4 (pip install 'transformers<5' tensorflow torch): \
    python -m transformers.models.bert.convert_bert_original_tf_checkpoint_to_pytorch --tf_checkpoint_path \
    bert_model.ckpt --bert_config_file bert_config.json --pytorch_dump_path pytorch_model.bin";

/// What to say of a folder without weights that can be read, if there is something like them: what it is, beginning with a
/// comma, and what to do.
pub(crate) fn instead<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Option<(String, String)> {
    let first = |fits: &dyn Fn(&str) -> bool| names.clone().filter(|name| fits(name)).min();
    let ends = |name: &str, ends: &[&str]| ends.iter().any(|end| name.to_ascii_lowercase().ends_with(end));
    // What may be renamed comes first: it needs no other program.
    if let Some(name) = first(&|name| name.starts_with("adapter_model.")) {
        return Some((
            format!(", but {name}, an adapter to another model"),
            "merge it into that model with peft (merge_and_unload) and save the result".to_owned(),
        ));
    }
    if let Some(name) = first(&|name| name.contains("-of-") && ends(name, &[".safetensors", ".bin"])) {
        let remedy = format!(
            "download the other parts and their index ({} or {}) into the same folder",
            super::shards::SAFETENSORS_INDEX,
            super::shards::TORCH_INDEX
        );
        return Some((format!(", but {name}, a part of them"), remedy));
    }
    if let Some(name) = first(&|name| ends(name, &[".safetensors"])) {
        let remedy = "rename it to model.safetensors if it holds the whole model";
        return Some((format!(", but {name}"), remedy.to_owned()));
    }
    // What a training leaves beside its weights.
    let aside = |name: &str| {
        ["training_args", "optimizer", "scheduler", "rng_state", "scaler"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    if let Some(name) = first(&|name| ends(name, &[".bin", ".pt", ".pth", ".ckpt"]) && !aside(name)) {
        let remedy = "rename it to pytorch_model.bin if it holds the model's state dict";
        return Some((format!(", but {name}"), remedy.to_owned()));
    }
    let tensorflow_1 = |name: &str| name.contains(".ckpt.") || name.contains(".ckpt-");
    /// Which names, what they are, what to do.
    type Kind<'a> = (&'a dyn Fn(&str) -> bool, &'a str, &'a str);
    let kinds: [Kind<'_>; 6] = [
        (&|name| ends(name, &[".h5"]), "TensorFlow's weights", TENSORFLOW),
        (&|name| ends(name, &[".msgpack"]), "Flax's weights", FLAX),
        (&tensorflow_1, "weights of TensorFlow 1", TENSORFLOW_1),
        (
            &|name| ends(name, &[".onnx"]),
            "a model for ONNX",
            "use the PyTorch model that it was exported from",
        ),
        (
            &|name| ends(name, &[".gguf", ".ggml"]),
            "a model for llama.cpp",
            "use the PyTorch model that it was made from",
        ),
        (
            &|name| ends(name, &[".ot", ".mlmodel", ".tflite", ".xml", ".pb"]),
            "a model for another program",
            "use the PyTorch model that it was made from",
        ),
    ];
    kinds.iter().find_map(|(fits, what, remedy)| {
        Some((format!(", but {} ({what})", first(fits)?), (*remedy).to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_formats_are_named_with_what_to_do() {
        for (names, expected) in [
            (
                &["config.json", "tf_model.h5"][..],
                &["tf_model.h5 (TensorFlow's weights)", "transformers<5", "from_tf=True"][..],
            ),
            (&["flax_model.msgpack"], &["Flax's weights", "from_flax=True"]),
            (
                &["bert_model.ckpt.index", "bert_model.ckpt.meta"],
                &["TensorFlow 1", "convert_bert_original_tf_checkpoint"],
            ),
            (&["onnx/model.onnx", "config.json"], &["ONNX", "exported from"]),
            (&["bert-base.Q8_0.gguf"], &["bert-base.Q8_0.gguf (a model for llama.cpp)"]),
            (&["last.ckpt"], &["last.ckpt; rename it to pytorch_model.bin"]),
            (&["model.pt", "optimizer.pt"], &["model.pt; rename it"]),
            (&["pytorch_model.fp16.bin"], &["pytorch_model.fp16.bin; rename it"]),
            (&["model.fp16.safetensors"], &["rename it to model.safetensors"]),
            (&["adapter_model.safetensors", "adapter_config.json"], &["adapter", "merge_and_unload"]),
            (&["model-00001-of-00002.safetensors"], &["a part of them", "model.safetensors.index.json"]),
        ] {
            let (found, remedy) = instead(names.iter().copied()).unwrap();
            let told = format!("{found}; {remedy}");
            assert!(expected.iter().all(|part| told.contains(part)), "{names:?}: {told}");
            assert!(crate::advice::is_remedy(&remedy), "{remedy}");
        }
        assert_eq!(instead(["config.json", "training_args.bin", "optimizer.pt"].into_iter()), None);
    }
}

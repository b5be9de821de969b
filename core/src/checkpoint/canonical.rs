//! Canonical names of a file's tensors, whatever its family calls them and whatever was wrapped around the model that was
//! saved.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{FAMILIES, Family, Unsupported, names};

/// Wrappers around the whole model: `torch.nn.DataParallel`, `torch.compile`, Lightning Fabric, FSDP, and SpanBERT's
/// pre-training model (the reference's loader strips `decoder.`).
const WRAPPERS: [&str; 5] =
    ["module.", "decoder.", "_orig_mod.", "_forward_module.", "_fsdp_wrapped_module."];

/// Wrappers around a part of the model, anywhere in a name.
const INNER_WRAPPERS: [&str; 3] = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// The tensor that every encoder has once: what stands before its name is the prefix of the encoder.
const ANCHOR: &str = "embeddings.word_embeddings.weight";

/// Two names of the file that mean the same parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguity {
    /// Name in the file.
    pub first: String,
    /// Name in the file.
    pub second: String,
    /// Its usual name in the family's checkpoints.
    pub name: String,
}

/// The names of a file and what they mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CanonicalNames {
    /// Canonical name to name in the file.
    pub stored: BTreeMap<String, String>,
    /// What stands before names of the file and is left out.
    pub prefixes: BTreeSet<String>,
}

impl CanonicalNames {
    /// Finds what the names of a file mean whose model is of this family: known wrappers are left out, and so is any other
    /// prefix of the encoder.
    ///
    /// # Errors
    /// If two names mean the same parameter.
    pub fn of<'n>(
        names: impl Iterator<Item = &'n str> + Clone,
        family: &'static Family,
    ) -> Result<Self, Ambiguity> {
        let prefix = Prefix::of(names.clone(), family)?;
        let mut found = Self::default();
        for name in names {
            let unwrapped = unwrapped(name);
            let plain = prefix.strip(&unwrapped);
            match name.strip_suffix(&*plain) {
                Some("") => {}
                Some(left_out) => drop(found.prefixes.insert(left_out.to_owned())),
                None => {
                    let wrappers = INNER_WRAPPERS.iter().filter(|wrapper| name.contains(*wrapper));
                    found.prefixes.extend(wrappers.map(|wrapper| format!("{wrapper}.")));
                }
            }
            let canonical = current(&plain, family);
            if let Some(first) = found.stored.insert(canonical.clone(), name.to_owned()) {
                return Err(Ambiguity { first, second: name.to_owned(), name: family.own_name(&canonical) });
            }
        }
        Ok(found)
    }
}

/// What stands before the names of an encoder within another model, such as `model.bert.`; empty where they are as usual.
struct Prefix {
    stripped: String,
    family: &'static Family,
}

impl Prefix {
    fn of<'n>(names: impl Iterator<Item = &'n str>, family: &'static Family) -> Result<Self, Ambiguity> {
        let mut found: Option<(String, &str)> = None;
        let mut several = None;
        for name in names {
            let unwrapped = unwrapped(name);
            let Some(prefix) = unwrapped.strip_suffix(ANCHOR) else { continue };
            if prefix.is_empty() || prefix.strip_suffix('.') == Some(family.prefix) {
                return Ok(Self { stripped: String::new(), family });
            }
            if !prefix.ends_with('.') || prefix.split('.').any(|part| is_another(part, family)) {
                continue;
            }
            match &found {
                None => found = Some((prefix.to_owned(), name)),
                Some((_, first)) => several = several.or(Some((*first, name))),
            }
        }
        match (several, found) {
            (Some((first, second)), _) => Err(Ambiguity {
                first: first.to_owned(),
                second: second.to_owned(),
                name: family.own_name(names::WORD_EMBEDDINGS),
            }),
            (None, found) => {
                let stripped = found.map(|(prefix, _)| prefix).unwrap_or_default();
                Ok(Self { stripped, family })
            }
        }
    }

    /// The name without what stands before the encoder; heads stand beside it.
    fn strip<'n>(&self, name: &'n str) -> std::borrow::Cow<'n, str> {
        // Of `model.bert.` the first part is the wrapper; `my_` of `my_bert.` may stand before the heads, too.
        let own = self.stripped.strip_suffix('.').and_then(|prefix| prefix.strip_suffix(self.family.prefix));
        name.strip_prefix(own.unwrap_or(&self.stripped)).unwrap_or(name).into()
    }
}

/// Whether a part of a prefix says that the encoder is not the one to be loaded: another family's, whatever `config.json`
/// says, or one that its family sets aside. `bert` is what many call any encoder.
fn is_another(part: &str, family: &Family) -> bool {
    let others = FAMILIES.iter().filter(|other| other.prefix != "bert" && **other != family);
    let is_supported = || others.clone().any(|other| other.prefix == part);
    let is_aside = || family.aside.iter().any(|aside| part.starts_with(aside));
    Unsupported::of_encoder(part).is_some() || is_supported() || is_aside()
}

/// The name without the known wrappers.
fn unwrapped(stored: &str) -> std::borrow::Cow<'_, str> {
    let mut name = stored;
    while let Some(inner) = WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
        name = inner;
    }
    if !INNER_WRAPPERS.iter().any(|wrapper| name.contains(wrapper)) {
        return name.into();
    }
    name.split('.').filter(|part| !INNER_WRAPPERS.contains(part)).collect::<Vec<_>>().join(".").into()
}

/// The canonical name of an unwrapped one; LayerNorm's old `gamma` and `beta` are `weight` and `bias`.
fn current(name: &str, family: &Family) -> String {
    for (old, new) in [(".LayerNorm.gamma", ".LayerNorm.weight"), (".LayerNorm.beta", ".LayerNorm.bias")] {
        if let Some(stem) = name.strip_suffix(old) {
            return family.canonical_name(&format!("{stem}{new}"));
        }
    }
    family.canonical_name(name)
}

/// The canonical name of a tensor in a file of this family, as far as the name alone tells: known wrappers stripped, the
/// encoder's prefix in front, LayerNorm's old `gamma` and `beta` as `weight` and `bias`.
#[must_use]
pub fn canonical_name(stored: &str, family: &Family) -> String {
    current(&unwrapped(stored), family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BERT;

    #[test]
    fn old_and_wrapped_names_become_canonical() {
        for (stored, canonical) in [
            ("bert.embeddings.LayerNorm.gamma", "bert.embeddings.LayerNorm.weight"),
            ("decoder.bert.embeddings.LayerNorm.beta", "bert.embeddings.LayerNorm.bias"),
            ("module.decoder.bert.pooler.dense.bias", "bert.pooler.dense.bias"),
            ("_orig_mod.module.bert.pooler.dense.bias", "bert.pooler.dense.bias"),
            ("bert.encoder.layer.0._orig_mod.output.dense.bias", "bert.encoder.layer.0.output.dense.bias"),
            ("encoder.layer.0.output.dense.bias", "bert.encoder.layer.0.output.dense.bias"),
            ("decoder.qa_outputs.weight", "qa_outputs.weight"),
            ("cls.predictions.decoder.weight", "cls.predictions.decoder.weight"),
            ("cls.predictions.transform.LayerNorm.gamma", "cls.predictions.transform.LayerNorm.weight"),
        ] {
            assert_eq!(canonical_name(stored, &BERT), canonical);
        }
    }

    const PLAIN: [&str; 5] = [
        "bert.embeddings.word_embeddings.weight",
        "bert.encoder.layer.0.output.LayerNorm.gamma",
        "bert.pooler.dense.bias",
        "qa_outputs.weight",
        "cls.predictions.bias",
    ];

    fn names(stored: &[String]) -> Result<CanonicalNames, Ambiguity> {
        CanonicalNames::of(stored.iter().map(String::as_str), &BERT)
    }

    #[test]
    fn a_prefix_of_all_names_is_left_out() {
        for prefix in [
            "",
            "module.",
            "_orig_mod.",
            "model.",
            "bert.",
            "model.module.",
            "0.auto_model.",
            "module._orig_mod.model.",
            "net.encoder.",
            "x.y.z.",
            "my_",
        ] {
            let stored = PLAIN.map(|name| format!("{prefix}{name}"));
            let found = names(&stored).unwrap();
            for (name, stored) in PLAIN.iter().zip(&stored) {
                assert_eq!(found.stored.get(&current(name, &BERT)), Some(stored), "{prefix}");
            }
            let told: Vec<&str> = found.prefixes.iter().map(String::as_str).collect();
            assert_eq!(told, if prefix.is_empty() { vec![] } else { vec![prefix] });
        }
        // A bare encoder within another model, its head beside it.
        let stored = [
            "model.embeddings.word_embeddings.weight",
            "model.encoder.layer.0.output.dense.bias",
            "qa_outputs.bias",
        ];
        let found = names(&stored.map(str::to_owned)).unwrap();
        assert_eq!(
            found.stored.keys().collect::<Vec<_>>(),
            [
                "bert.embeddings.word_embeddings.weight",
                "bert.encoder.layer.0.output.dense.bias",
                "qa_outputs.bias"
            ]
        );
    }

    #[test]
    fn two_encoders_are_an_error_unless_one_has_its_usual_name() {
        let two = |names_of: [&str; 2]| {
            names(&names_of.map(|name| format!("{name}.embeddings.word_embeddings.weight")))
        };
        let error = two(["teacher.bert", "student.bert"]).unwrap_err();
        assert_eq!(error.name, "bert.embeddings.word_embeddings.weight");
        assert_eq!(error.first, "teacher.bert.embeddings.word_embeddings.weight");
        let found = two(["bert", "teacher.bert"]).unwrap();
        assert_eq!(found.stored.len(), 2);
        assert!(found.stored.contains_key("teacher.bert.embeddings.word_embeddings.weight"));
        let both = ["module.bert", "bert"];
        assert!(two(both).is_err());
        let both =
            ["model.qa_outputs.weight", "qa_outputs.weight", "model.bert.embeddings.word_embeddings.weight"];
        assert_eq!(names(&both.map(str::to_owned)).unwrap_err().name, "qa_outputs.weight");
    }

    #[test]
    fn another_family_s_encoder_is_not_taken_for_bert_s() {
        let found = names(&["roberta.embeddings.word_embeddings.weight".to_owned()]).unwrap();
        assert!(found.stored.contains_key("roberta.embeddings.word_embeddings.weight"));
    }
}

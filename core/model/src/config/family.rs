//! Model families as data: what an encoder is called in checkpoints, and where it differs from BERT.
//!
//! The program computes one kind of encoder: embeddings, LayerNorm, post-norm transformer layers. A family says what its
//! files call the parts (`model_type`, classes, names of tensors, keys of `config.json`) and the few parts that it has or
//! lacks. Within the program every tensor has its canonical name, BERT's ([`names`](super::names)): engines, optimizer states
//! and the checkpoints of a run do not depend on the family. A family's own names exist where files of Hugging Face's
//! layout are read and written, and in messages about them.
//!
//! A further family is a file in `families/` with one [`Family`], and a row in [`FAMILIES`].

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serializer, de::Error};

use super::{BertConfig, families::FAMILIES, names};

/// A family of encoders.
pub struct Family {
    /// `model_type` of `config.json`.
    pub model_type: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How names of its classes begin: `Bert` of `BertForQuestionAnswering`.
    pub class: &'static str,
    /// What the encoder is called in a model with a head (`base_model_prefix`): `bert` of `bert.embeddings.…`.
    pub prefix: &'static str,
    /// First parts of the encoder's names; a bare encoder is saved without the prefix.
    pub modules: &'static [&'static str],
    /// Canonical and own names of the encoder's modules, without prefix and `weight` or `bias`, where they differ; `*` stands
    /// for a layer's number.
    pub encoder_names: &'static [(&'static str, &'static str)],
    /// The same of the heads, with all that the name has before `weight` or `bias`.
    pub head_names: &'static [(&'static str, &'static str)],
    /// How parts of the names of encoders begin that are saved beside the one to be fine-tuned, and left aside.
    pub aside: &'static [&'static str],
    /// Fields of [`BertConfig`] and what `config.json` calls them, where that differs.
    pub config_keys: &'static [(&'static str, &'static str)],
    /// Fields that its `config.json` does not have: they are as in [`defaults`](Self::defaults), whatever a file says.
    pub without_keys: &'static [&'static str],
    /// The configuration of a `config.json` that says nothing.
    pub defaults: fn() -> BertConfig,
    /// Whether the attention's output has a dropout before the residual sum.
    pub dropout_after_attention: bool,
    /// Class of the tokenizer in `tokenizer_config.json`.
    pub tokenizer_class: &'static str,
}

impl Family {
    /// The family of a `model_type`.
    #[must_use]
    pub fn of_model_type(model_type: &str) -> Option<&'static Self> {
        FAMILIES.into_iter().find(|family| family.model_type == model_type)
    }

    /// The family of a class such as `BertForQuestionAnswering`.
    #[must_use]
    pub fn of_class(class: &str) -> Option<&'static Self> {
        FAMILIES.into_iter().find(|family| {
            // `BertFor…`, `BertModel`, `BertLMHeadModel`; not `BertGenerationEncoder`.
            let rest = class.strip_prefix(family.class);
            rest.is_some_and(|rest| ["For", "Model", "LMHead"].iter().any(|part| rest.starts_with(part)))
        })
    }

    /// The titles of all families, as `BERT, ELECTRA and DistilBERT`.
    #[must_use]
    pub fn titles() -> String {
        listed("and")
    }

    /// The same as alternatives, as `BERT, ELECTRA or DistilBERT`.
    #[must_use]
    pub(super) fn titles_or() -> String {
        listed("or")
    }

    /// A class of the family for a task, such as `QuestionAnswering`.
    #[must_use]
    pub fn class_for(&self, task: &str) -> String {
        format!("{}For{task}", self.class)
    }

    /// Whether its `config.json` has a field of [`BertConfig`].
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        !self.without_keys.contains(&field)
    }

    /// The key of `config.json` for a field of [`BertConfig`].
    #[must_use]
    pub fn config_key(&self, field: &'static str) -> &'static str {
        self.config_keys.iter().find(|(name, _)| *name == field).map_or(field, |&(_, key)| key)
    }

    /// The name that a tensor has in the family's checkpoints, by its canonical name.
    #[must_use]
    pub fn own_name(&self, canonical: &str) -> String {
        let Some(inner) = canonical.strip_prefix(names::ENCODER) else {
            return renamed(canonical, self.head_names.iter().copied()).into_owned();
        };
        format!("{}.{}", self.prefix, renamed(inner, self.encoder_names.iter().copied()))
    }

    /// The canonical name of a tensor, by its name in the family's checkpoints; a bare encoder's has no prefix.
    #[must_use]
    pub fn canonical_name(&self, own: &str) -> String {
        let with_prefix = own.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('.'));
        let bare = || {
            let first = own.split('.').next().unwrap_or_default();
            (self.modules.contains(&first) && first.len() < own.len()).then_some(own)
        };
        let back =
            |table: &'static [(&'static str, &'static str)]| table.iter().map(|&(name, own)| (own, name));
        match with_prefix.or_else(bare) {
            Some(inner) => format!("{}{}", names::ENCODER, renamed(inner, back(self.encoder_names))),
            None => renamed(own, back(self.head_names)).into_owned(),
        }
    }
}

fn listed(conjunction: &str) -> String {
    let titles: Vec<&str> = FAMILIES.iter().map(|family| family.title).collect();
    match titles.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} {conjunction} {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The name with its module called as the table says.
fn renamed(name: &str, mut table: impl Iterator<Item = (&'static str, &'static str)>) -> Cow<'_, str> {
    let Some((module, kind)) = name.rsplit_once('.') else { return name.into() };
    let found = table.find_map(|(from, to)| filled(module, from, to));
    found.map_or(name.into(), |module| format!("{module}.{kind}").into())
}

/// `to` with the number that stands in `module` for the `*` of `from`, if the module is of that form.
fn filled(module: &str, from: &str, to: &str) -> Option<String> {
    let Some((before, after)) = from.split_once('*') else {
        return (module == from).then(|| to.to_owned());
    };
    let number = module.strip_prefix(before)?.strip_suffix(after)?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| to.replacen('*', number, 1))
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.model_type == other.model_type
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.title)
    }
}

/// Writes the family as its `model_type`.
pub(super) fn serialize<S: Serializer>(family: &Family, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(family.model_type)
}

/// Finds the family of a `model_type`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static Family, D::Error> {
    let model_type = String::deserialize(deserializer)?;
    Family::of_model_type(&model_type)
        .ok_or_else(|| D::Error::custom(format!("model_type {model_type:?} is none of {}", Family::titles())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parameter_shapes;

    /// Parameters of the heads.
    const HEADS: [&str; 5] = [
        "cls.predictions.transform.dense.weight",
        "cls.predictions.transform.LayerNorm.bias",
        "cls.predictions.bias",
        "sbo.first.dense.weight",
        "sbo.bias",
    ];

    #[test]
    fn names_go_to_the_family_s_and_back() {
        for family in FAMILIES {
            let config = (family.defaults)();
            config.validate().unwrap();
            let has_pooler = family.modules.contains(&"pooler");
            let names = parameter_shapes(&config, has_pooler).into_iter().map(|(name, _)| name);
            for name in names.chain(HEADS.map(str::to_owned)) {
                let own = family.own_name(&name);
                assert_eq!(family.canonical_name(&own), name, "{own} of {}", family.title);
                let Some(bare) = own.strip_prefix(&format!("{}.", family.prefix)) else { continue };
                assert_eq!(family.canonical_name(bare), name, "{bare} of {}", family.title);
            }
        }
    }

    #[test]
    fn a_family_is_known_by_its_type_and_its_classes() {
        for family in FAMILIES {
            assert_eq!(Family::of_model_type(family.model_type), Some(family));
            for class in [family.class_for("QuestionAnswering"), format!("{}Model", family.class)] {
                assert_eq!(Family::of_class(&class), Some(family), "{class}");
            }
        }
        for class in ["BertGenerationEncoder", "RobertaModel", "MyBert", "Bertram"] {
            assert_eq!(Family::of_class(class), None, "{class}");
        }
    }

    #[test]
    fn only_a_layer_s_number_stands_for_the_star() {
        assert_eq!(filled("layer.12.x", "layer.*.x", "l.*.y").as_deref(), Some("l.12.y"));
        for other in ["layer..x", "layer.a.x", "layer.1.2.x", "layer.1.xy", "x"] {
            assert_eq!(filled(other, "layer.*.x", "l.*.y"), None, "{other}");
        }
    }
}

//! What loading a checkpoint found.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::Serialize;

use super::{
    keys::{KeyMap, Mismatch},
    weights_file::{WeightsFile, WeightsFormat},
};
use crate::config::{BertConfig, Family};

/// How many names a message lists before it says how many more there are.
const LISTED: usize = 5;

/// A tensor that has another name in the file than in current checkpoints of its family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rename {
    /// Name in the file.
    pub from: String,
    /// The usual name.
    pub to: String,
}

/// What a weights file holds, compared with what the model needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadReport {
    /// The weights file, or the index of its shards.
    pub file: PathBuf,
    /// The files that hold the weights, if they are in shards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<PathBuf>,
    /// Its format.
    pub format: WeightsFormat,
    /// The model in one line.
    pub architecture: String,
    /// Number of weights of encoder and question-answering head.
    pub parameters: usize,
    /// Number of the model's tensors by their type in the file (`F16`, `F32`…).
    pub dtypes: BTreeMap<String, usize>,
    /// Tensors whose name is not the usual one.
    pub renamed: Vec<Rename>,
    /// Parameters absent from the file, by their usual names; those of the question-answering head start fresh.
    pub missing: Vec<String>,
    /// Entries of the file that the model does not use.
    pub unused: Vec<String>,
    /// Parameters whose shape in the file is not the model's.
    pub mismatched: Vec<Mismatch>,
    /// What is good to know about how the weights were read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The model's family, whose names these are.
    #[serde(skip)]
    family: &'static Family,
}

impl LoadReport {
    pub(super) fn new(path: PathBuf, config: &BertConfig, file: &WeightsFile<'_>, keys: &KeyMap) -> Self {
        let mut dtypes = BTreeMap::new();
        let mut renamed = Vec::new();
        for (to, from) in &keys.found {
            if let Some(tensor) = file.tensors.get(from) {
                *dtypes.entry(tensor.dtype().to_string()).or_default() += 1;
            }
            let usual = config.family.own_name(to);
            if usual != *from {
                renamed.push(Rename { from: from.clone(), to: usual });
            }
        }
        let mut unused = keys.unused.clone();
        unused.extend(file.ignored.iter().cloned());
        Self {
            file: path,
            shards: Vec::new(),
            format: file.format,
            architecture: architecture(config),
            parameters: config.parameter_count(),
            dtypes,
            renamed,
            missing: keys.missing.iter().map(|name| config.family.own_name(name)).collect(),
            unused,
            mismatched: keys.mismatched.clone(),
            notes: notes(config, keys),
            family: config.family,
        }
    }

    /// Whether the question-answering head, or a part of it, is absent and starts fresh.
    #[must_use]
    pub fn has_fresh_head(&self) -> bool {
        self.missing.iter().any(|name| !self.is_encoder(name))
    }

    /// The encoder's parameters that are absent; a checkpoint with any cannot be loaded.
    pub(super) fn missing_encoder(&self) -> Vec<&str> {
        self.missing.iter().map(String::as_str).filter(|name| self.is_encoder(name)).collect()
    }

    fn is_encoder(&self, name: &str) -> bool {
        name.strip_prefix(self.family.prefix).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The types of the model's tensors in the file, as `F16` or `F16 (199), F32 (2)`.
    #[must_use]
    pub fn dtype_summary(&self) -> String {
        let mut dtypes = self.dtypes.iter();
        match (dtypes.next(), self.dtypes.len()) {
            (Some((only, _)), 1) => only.clone(),
            (None, _) => "none".into(),
            _ => self
                .dtypes
                .iter()
                .map(|(dtype, count)| format!("{dtype} ({count})"))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "Model       {}", self.architecture)?;
        writeln!(out, "Parameters  {}", grouped(self.parameters))?;
        let shards = match self.shards.len() {
            0 => String::new(),
            shards => format!(" in {shards} shards"),
        };
        write!(
            out,
            "Weights     {} ({}{shards}, {})",
            self.file.display(),
            self.format,
            self.dtype_summary()
        )?;
        if !self.renamed.is_empty() {
            let first = self.renamed.first().map(|rename| format!("{} → {}", rename.from, rename.to));
            write!(out, "\nRenamed     {}, such as {}", self.renamed.len(), first.unwrap_or_default())?;
        }
        if !self.missing.is_empty() {
            let fresh = if self.missing_encoder().is_empty() { "; freshly initialised" } else { "" };
            write!(out, "\nMissing     {}{fresh}", list(&self.missing))?;
        }
        if !self.unused.is_empty() {
            write!(out, "\nUnused      {}", list(&self.unused))?;
        }
        if !self.mismatched.is_empty() {
            write!(out, "\nMismatched  {}", list(&self.mismatched))?;
        }
        for note in &self.notes {
            write!(out, "\nNote        {note}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is {:?} in the file but {:?} by config.json", self.name, self.found, self.expected)
    }
}

fn notes(config: &BertConfig, keys: &KeyMap) -> Vec<String> {
    let mut notes = Vec::new();
    if !keys.prefixes.is_empty() {
        let prefixes: Vec<String> = keys.prefixes.iter().map(|prefix| format!("\"{prefix}\"")).collect();
        notes.push(format!(
            "tensors are named in the file with {} in front, which is left out",
            list(&prefixes)
        ));
    }
    if config.type_vocab_size == 1 {
        notes.push(
            "the model has one segment type (type_vocab_size 1), which question and passage share".to_owned(),
        );
    }
    if keys.further_layers {
        notes.push(format!(
            "the file holds more of an encoder than config.json asks for ({} {}); the rest is left out",
            config.family.config_key("num_hidden_layers"),
            config.num_hidden_layers
        ));
    }
    notes
}

/// The model in one line.
#[must_use]
pub fn architecture(config: &BertConfig) -> String {
    let embeddings = match config.embedding_width() {
        width if width == config.hidden_size => String::new(),
        width => format!("embeddings {width}, "),
    };
    format!(
        "{}, {} layers, {embeddings}hidden {}, {} heads, feed-forward {}, vocabulary {}, {} positions",
        config.family.title,
        config.num_hidden_layers,
        config.hidden_size,
        config.num_attention_heads,
        config.intermediate_size,
        config.vocab_size,
        config.max_position_embeddings,
    )
}

/// The first few items and how many more there are.
pub(super) fn list<T: fmt::Display>(items: &[T]) -> String {
    let mut text = items.iter().take(LISTED).map(T::to_string).collect::<Vec<_>>().join(", ");
    if items.len() > LISTED {
        text += &format!(" and {} more", items.len() - LISTED);
    }
    text
}

/// A number with its thousands apart: `107721218` as `107,721,218`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        assert_eq!([0, 999, 1000, 107_721_218].map(grouped), ["0", "999", "1,000", "107,721,218"]);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(list(&[1, 2]), "1, 2");
        assert_eq!(list(&[1, 2, 3, 4, 5, 6, 7]), "1, 2, 3, 4, 5 and 2 more");
    }
}

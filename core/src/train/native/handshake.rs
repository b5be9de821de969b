//! What workers tell each other before they train: that they train the same, and where they begin.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spanbert_backends::{DeviceChoice, PORTABLE};

use super::{Fit, Progress, TrainError};
use crate::{
    checkpoint::{Weights, from_safetensors_bytes, to_safetensors},
    engine::{EngineError, OptimizerState, SharedRanks},
    hash::Fingerprint,
    run::{Environment, RunError, WriteError},
};

/// What has to be the same for all workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    version: String,
    /// Every field of the recipe, and its value.
    recipe: Vec<(String, Option<String>)>,
    checkpoint: Vec<String>,
    #[serde(default)]
    teacher: Vec<String>,
    train_data: Vec<String>,
    dev_data: Vec<String>,
    resumed: bool,
    /// Named if it differs: another processor or GPU may round differently.
    device: String,
    /// On a processor, whether in portable mode; else its bits are others.
    #[serde(default)]
    portable: Option<bool>,
}

impl Facts {
    pub fn new(
        recipe: Vec<(&'static str, Option<String>)>,
        environment: &Environment,
        resumed: bool,
    ) -> Self {
        let is_processor = environment.backend == DeviceChoice::Cpu.to_string();
        let digests = |files: &[Fingerprint]| files.iter().map(|file| file.sha256.clone()).collect();
        Self {
            version: environment.spanbert_studio.clone(),
            recipe: recipe.into_iter().map(|(field, value)| (field.to_owned(), value)).collect(),
            checkpoint: digests(&environment.checkpoint),
            teacher: digests(&environment.teacher),
            train_data: digests(environment.train_data.as_slice()),
            dev_data: digests(environment.dev_data.as_slice()),
            resumed,
            portable: is_processor.then_some(environment.portable),
            device: if environment.portable && is_processor {
                "a processor in portable mode".into()
            } else {
                format!("{} on {}{}", environment.device, environment.platform, vectors())
            },
        }
    }

    /// With these digests instead, of what the environment does not name.
    pub fn made_of(self, checkpoint: Vec<String>, train_data: Vec<String>, dev_data: Vec<String>) -> Self {
        Self { checkpoint, train_data, dev_data, ..self }
    }

    /// In what a worker differs from the first, in words.
    fn difference(&self, first: &Self) -> Option<String> {
        if self.version != first.version {
            return Some(format!("version of the program ({}, not {})", self.version, first.version));
        }
        if self.recipe != first.recipe {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".into());
            let field = self.recipe.iter().zip(&first.recipe).find(|(own, other)| own != other);
            return Some(field.map_or_else(
                || "recipe".into(),
                |(own, other)| format!("recipe ({} is {}, not {})", own.0, value(&own.1), value(&other.1)),
            ));
        }
        let pairs = [
            (&self.checkpoint, &first.checkpoint, "starting model"),
            (&self.teacher, &first.teacher, "teacher"),
            (&self.train_data, &first.train_data, "training data"),
            (&self.dev_data, &first.dev_data, "development data"),
        ];
        if let Some((_, _, what)) = pairs.into_iter().find(|(own, other, _)| own != other) {
            return Some(what.to_owned());
        }
        if let (Some(own), Some(other)) = (self.portable, first.portable)
            && own != other
        {
            let mode = |on| if on { "on" } else { "off" };
            return Some(format!("portable mode, {PORTABLE} ({}, not {})", mode(own), mode(other)));
        }
        let start = |facts: &Self| if facts.resumed { "resumed" } else { "new" };
        (self.resumed != first.resumed)
            .then(|| format!("run, which is {}, not {}", start(self), start(first)))
    }
}

/// What the matrix kernels choose by.
fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            return ", AVX-512";
        }
        if std::arch::is_x86_feature_detected!("fma") {
            return ", AVX2 and FMA";
        }
    }
    ""
}

/// Refuses workers that would train something else than the first. Gives what is to be warned of.
///
/// # Errors
/// Names the first worker that differs, and in what.
pub(crate) fn shake_hands(ranks: &SharedRanks, own: &Facts) -> Result<Option<String>, TrainError> {
    let text = serde_json::to_vec(own).map_err(defect)?;
    let all = ranks.borrow_mut().gather(&text)?;
    let facts = all.iter().map(|text| serde_json::from_slice(text)).collect::<Result<Vec<Facts>, _>>();
    // Another version may say other things; then only the text is compared.
    let Ok(facts) = facts else {
        let rank = all.iter().position(|text| Some(text) != all.first()).unwrap_or(0);
        return Err(TrainError::WorkerDiffers { rank, what: "version of the program".into() });
    };
    let Some(first) = facts.first() else { return Ok(None) };
    let differs = facts.iter().enumerate().find_map(|(rank, facts)| Some((rank, facts.difference(first)?)));
    if let Some((rank, what)) = differs {
        return Err(TrainError::WorkerDiffers { rank, what });
    }
    let other = facts.iter().enumerate().find(|(_, facts)| facts.device != first.device);
    Ok(other.map(|(rank, other)| {
        format!(
            "worker {rank} computes with {}, worker 0 with {}: the last digits may depend on the number of workers",
            other.device, first.device
        )
    }))
}

/// Where a training begins.
pub(crate) struct Beginning {
    /// The starting model's.
    pub weights: Weights,
    /// Those of the checkpoint, and the moments.
    pub saved: Option<(Weights, OptimizerState)>,
    pub progress: Option<Progress>,
    pub fit: Option<Fit>,
}

/// The part of it that is no tensor.
#[derive(Serialize, Deserialize)]
struct Told {
    progress: Option<Progress>,
    fit: Option<Fit>,
}

/// The first worker's beginning, for all.
pub(crate) fn share(ranks: &SharedRanks, own: Beginning) -> Result<Beginning, TrainError> {
    let (leads, size) = {
        let ranks = ranks.borrow();
        (ranks.rank() == 0, ranks.size())
    };
    if size == 1 {
        return Ok(own);
    }
    let Beginning { weights, saved, progress, fit } = own;
    let told = serde_json::to_vec(&Told { progress, fit }).map_err(defect)?;
    let told = ranks.borrow_mut().broadcast(told)?;
    let Told { progress, fit } = serde_json::from_slice(&told).map_err(defect)?;
    let weights = tensors(ranks, leads, weights)?;
    let saved = if progress.is_some() {
        let (own, OptimizerState { first, second, average, loss_scale, updates }) = saved.unwrap_or_default();
        let own = tensors(ranks, leads, own)?;
        let (first, second) = (tensors(ranks, leads, first)?, tensors(ranks, leads, second)?);
        let average = tensors(ranks, leads, average)?;
        let (loss_scale, updates) = progress.as_ref().map_or((loss_scale, updates), |progress: &Progress| {
            (progress.loss_scale, progress.place.training_step as u64)
        });
        Some((own, OptimizerState { first, second, average, updates, loss_scale }))
    } else {
        None
    };
    Ok(Beginning { weights, saved, progress, fit })
}

/// The first worker's tensors.
fn tensors(ranks: &SharedRanks, leads: bool, own: Weights) -> Result<Weights, TrainError> {
    let bytes = if leads {
        let bytes = to_safetensors(&own, &BTreeMap::new());
        bytes.map_err(|error| RunError::from(WriteError::at("the first worker's weights".as_ref())(error)))?
    } else {
        Vec::new()
    };
    let bytes = ranks.borrow_mut().broadcast(bytes)?;
    if leads {
        return Ok(own);
    }
    let read = from_safetensors_bytes(&bytes);
    let (tensors, _) = read.map_err(|what| EngineError::Defect(format!("weights from worker 0: {what}")))?;
    Ok(tensors)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn defect(error: serde_json::Error) -> TrainError {
    EngineError::Defect(format!("what workers tell each other: {error}")).into()
}

#[cfg(test)]
mod tests {
    use super::{super::Recipe, *};

    #[test]
    fn the_first_difference_is_named() {
        let environment = Environment::of_this_process("cpu");
        let recipe = Recipe { parts: Some(2), ..Recipe::default() };
        let facts =
            |recipe: &Recipe, environment: &Environment| Facts::new(recipe.values(), environment, false);
        let first = facts(&recipe, &environment);
        assert_eq!(first.difference(&first), None);
        let seed = facts(&Recipe { seed: 7, ..recipe.clone() }, &environment);
        assert_eq!(seed.difference(&first).unwrap(), "recipe (seed is 7, not 42)");
        let data = Some(Fingerprint::of_bytes("train.json", b"other"));
        let data = facts(&recipe, &Environment { train_data: data, ..environment.clone() });
        assert_eq!(data.difference(&first).unwrap(), "training data");
        let teacher = vec![Fingerprint::of_bytes("model.safetensors", b"other")];
        let teacher = facts(&recipe, &Environment { teacher, ..environment.clone() });
        assert_eq!(teacher.difference(&first).unwrap(), "teacher");
        assert_eq!(
            Facts::new(recipe.values(), &environment, true).difference(&first).unwrap(),
            "run, which is resumed, not new"
        );
        let version = Environment { spanbert_studio: "9".into(), ..environment.clone() };
        assert!(facts(&recipe, &version).difference(&first).unwrap().contains("(9, not "));
        let other_bits = Environment { portable: !environment.portable, ..environment.clone() };
        assert_eq!(facts(&recipe, &other_bits).difference(&first), None);
        let on = |environment: &Environment| Environment { backend: "cpu".into(), ..environment.clone() };
        let difference = facts(&recipe, &on(&other_bits)).difference(&facts(&recipe, &on(&environment)));
        assert!(difference.unwrap().starts_with("portable mode, SPANBERT_PORTABLE ("));
        let device = Environment { device: "another".into(), ..environment };
        assert_eq!(facts(&recipe, &device).difference(&first), None);
    }
}

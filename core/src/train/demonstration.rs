//! The demonstration's fine-tuning where there are no files: its model and data are part of the program.

use serde::{Deserialize, Serialize};

use super::{Preset, Recipe};
use crate::{
    advice::Advice,
    demo::{DEV, DEV_NAME, TRAIN, TRAIN_NAME, generate::GeneratorOptions, squad_json},
};

/// What the demonstration's pre-trained model learns from, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Demonstration {
    /// Every hyper-parameter.
    pub recipe: Recipe,
    /// Passages of the training set, the first of the whole one; there are six questions about each.
    pub train_passages: usize,
    /// The same of the development set.
    pub dev_passages: usize,
}

/// A size that the demonstration's data does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {found}, not a number from 1 to {most}")]
pub struct NoSuchSize {
    name: &'static str,
    found: usize,
    most: usize,
}

impl Advice for NoSuchSize {
    fn remedy(&self) -> String {
        format!("use fewer passages, {} at most, and at least one", self.most)
    }
}

impl Default for Demonstration {
    /// All of it, as `spanbert demo` has it.
    fn default() -> Self {
        Self { recipe: Preset::Demo.recipe(), train_passages: TRAIN.passages, dev_passages: DEV.passages }
    }
}

impl Demonstration {
    /// The name of the training set, in messages and records; that of a part tells how large it is.
    #[must_use]
    pub fn train_name(&self) -> String {
        name(TRAIN_NAME, self.train_passages, &TRAIN)
    }

    /// The name of the development set.
    #[must_use]
    pub fn dev_name(&self) -> String {
        name(DEV_NAME, self.dev_passages, &DEV)
    }

    /// Makes the training set and the development set, as SQuAD 2.0 files.
    ///
    /// # Errors
    /// If a size is none that the data has.
    pub fn data(&self) -> Result<(String, String), NoSuchSize> {
        let train = part("train", "train_passages", self.train_passages, &TRAIN)?;
        Ok((train, part("dev", "dev_passages", self.dev_passages, &DEV)?))
    }
}

fn part(
    file: &str,
    name: &'static str,
    found: usize,
    whole: &GeneratorOptions,
) -> Result<String, NoSuchSize> {
    let most = whole.passages;
    let json = (1..=most)
        .contains(&found)
        .then(|| squad_json(file, &GeneratorOptions { passages: found, ..*whole }));
    // Texts and numbers always serialise.
    json.and_then(Result::ok).ok_or(NoSuchSize { name, found, most })
}

fn name(of: &str, passages: usize, whole: &GeneratorOptions) -> String {
    if passages == whole.passages { of.to_owned() } else { format!("{of}, the first {passages} passages") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::squad::Dataset;

    #[test]
    fn a_part_is_the_beginning_of_the_whole() {
        let demonstration = Demonstration { train_passages: 3, dev_passages: 30, ..Demonstration::default() };
        let (train, dev) = demonstration.data().unwrap();
        let paragraphs = |json: &str| -> Vec<_> {
            let articles = Dataset::from_json(json, "part").unwrap().articles;
            articles.into_iter().flat_map(|article| article.paragraphs).collect()
        };
        let whole = paragraphs(&squad_json("dev", &DEV).unwrap());
        assert_eq!(paragraphs(&dev), whole[..30]);
        assert_eq!(
            (paragraphs(&train).len(), demonstration.train_name().as_str()),
            (3, "demo train, the first 3 passages")
        );
        assert_eq!(Demonstration::default().dev_name(), DEV_NAME);
    }

    #[test]
    fn sizes_that_the_data_does_not_have_are_refused() {
        for passages in [0, 151, usize::MAX] {
            let error =
                Demonstration { dev_passages: passages, ..Demonstration::default() }.data().unwrap_err();
            assert!(error.to_string().ends_with("not a number from 1 to 150"), "{error}");
            assert!(crate::advice::is_remedy(&error.remedy()), "{}", error.remedy());
        }
    }
}

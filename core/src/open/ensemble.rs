//! Checkpoints that answer together.

use std::path::{Path, PathBuf};

use spanbert_backends::{DeviceChoice, Precision};

use super::{Notice, Notices, OpenError, OpenedModel, windows_of};
use crate::{
    advice::Advice,
    checkpoint::{Checkpoint, LoadOptions, load},
    config::BertConfig,
    engine::{
        EngineError, Ensemble, InTurn, InferenceEngine, OpenMember,
        memory::{Work, estimate},
        open_inference,
    },
    features::WindowOptions,
    train::DeviceLimits,
};

/// Why checkpoints cannot answer together.
#[derive(Debug, thiserror::Error)]
pub enum EnsembleError {
    /// The same text would mean something else to one of them.
    #[error("{} does not read text as the first model does: {what}", folder.display())]
    OtherTokenizer {
        /// The checkpoint.
        folder: PathBuf,
        /// In what they differ.
        what: String,
    },
    /// They were trained with other windows.
    #[error("{} wants windows of {}, the first model of {}", folder.display(), described(*wanted), described(*first))]
    OtherWindows {
        /// The checkpoint.
        folder: PathBuf,
        /// Its windows.
        wanted: WindowOptions,
        /// Those of the first.
        first: WindowOptions,
    },
}

/// `384 pieces with a stride of 128 and questions of at most 64`.
fn described(windows: WindowOptions) -> String {
    let WindowOptions { max_seq_length, doc_stride, max_query_length } = windows;
    format!(
        "{max_seq_length} pieces with a stride of {doc_stride} and questions of at most {max_query_length}"
    )
}

impl Advice for EnsembleError {
    fn remedy(&self) -> String {
        match self {
            Self::OtherTokenizer { .. } => "choose checkpoints with the same vocabulary and casing".into(),
            Self::OtherWindows { .. } => {
                "set --max-seq-length, --doc-stride and --max-query-length for all of them".into()
            }
        }
    }
}

/// How checkpoints are opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// The device.
    pub choice: DeviceChoice,
    /// The user's word on casing, else each checkpoint decides.
    pub lower_case: Option<bool>,
    /// Format of the operands of matrix products.
    pub precision: Precision,
}

impl OpenedModel {
    /// [`open`](Self::open) for checkpoints whose logits are averaged. Settings are those of the first; the stored threshold is the
    /// mean of theirs, none if one of them has none. `windows` puts what the user says over a checkpoint's windows, which have to
    /// be the same for all. If the device's memory does not hold all of them, each answers everything before the next is opened.
    ///
    /// # Errors
    /// As [`open`](Self::open), or if one of the others reads text in another way or wants other windows.
    pub fn open_ensemble(
        folder: &Path,
        others: &[PathBuf],
        options: &OpenOptions,
        windows: &dyn Fn(WindowOptions) -> WindowOptions,
        notices: Notices<'_>,
    ) -> Result<Self, OpenError> {
        let OpenOptions { choice, lower_case, precision } = options;
        let mut model = Self::open(folder, choice, *lower_case, *precision, notices)?;
        if others.is_empty() {
            return Ok(model);
        }
        let first = windows(model.wanted_window_options());
        let limits = DeviceLimits::from(&model.device);
        let takes = |config: &BertConfig| {
            estimate(config, 1, first.max_seq_length, limits.backend, Work::Inference).total
        };
        let mut total = takes(model.engine.config());
        let mut thresholds = vec![model.meta.threshold];
        let mut engines = Some(Vec::new());
        let place = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut places = vec![place(folder)];
        for folder in others {
            if places.contains(&place(folder)) {
                let warning = format!("{} answers more than once, so it counts for more", folder.display());
                if !notices(Notice::Warning(warning)) {
                    return Err(OpenError::Cancelled);
                }
            }
            places.push(place(folder));
            let checkpoint = load(folder, LoadOptions { lower_case: *lower_case, ..LoadOptions::default() })?;
            if let Some(what) = model.tokenizer.difference(&checkpoint.tokenizer()?) {
                return Err(EnsembleError::OtherTokenizer { folder: folder.clone(), what }.into());
            }
            super::tell(&checkpoint, folder, notices)?;
            let Checkpoint { config, weights, stored, .. } = checkpoint;
            let meta = stored.unwrap_or_default();
            let wanted = windows(windows_of(&meta));
            if wanted != first {
                return Err(EnsembleError::OtherWindows { folder: folder.clone(), wanted, first }.into());
            }
            total = total.saturating_add(takes(&config));
            if limits.usable_memory().is_some_and(|usable| total > usable) {
                engines = None;
            }
            if let Some(engines) = &mut engines {
                engines.push(open_inference(
                    &model.device.choice,
                    model.fusion,
                    &config,
                    weights,
                    *precision,
                )?);
            }
            thresholds.push(meta.threshold);
            model.others.push(config);
        }
        model.meta.threshold = mean(&thresholds);
        let threshold = match model.meta.threshold {
            Some(threshold) => format!("the mean of their thresholds is {threshold}"),
            None => "not all of them have a stored threshold, so there is none".to_owned(),
        };
        let how = if engines.is_some() { "" } else { ", one after the other to fit on the device" };
        let note = format!("answering with {} models{how}; {threshold}", others.len() + 1);
        if !notices(Notice::Note(note)) {
            return Err(OpenError::Cancelled);
        }
        Ok(match engines {
            Some(engines) => model.together(engines),
            None => model.in_turn(folder, others, options),
        })
    }

    fn together(mut self, others: Vec<Box<dyn InferenceEngine>>) -> Self {
        self.engine = Box::new(Ensemble::new(self.engine, others));
        self
    }

    fn in_turn(mut self, folder: &Path, others: &[PathBuf], options: &OpenOptions) -> Self {
        let folders = std::iter::once(folder.to_owned()).chain(others.iter().cloned());
        let members = folders.map(|folder| -> OpenMember {
            let (choice, fusion, options) = (self.device.choice.clone(), self.fusion, options.clone());
            Box::new(move || {
                let loading = LoadOptions { lower_case: options.lower_case, ..LoadOptions::default() };
                let checkpoint = load(&folder, loading).map_err(|error| EngineError::Weights {
                    what: error.to_string(),
                    remedy: "check that its folder is as it was",
                })?;
                let Checkpoint { config, weights, .. } = checkpoint;
                open_inference(&choice, fusion, &config, weights, options.precision)
            })
        });
        let members = members.collect();
        let shortest = std::iter::once(self.engine.config()).chain(&self.others);
        let shortest = shortest.min_by_key(|config| config.max_position_embeddings).cloned();
        let config = shortest.unwrap_or_else(|| self.engine.config().clone());
        self.engine = Box::new(InTurn::new(members, config));
        self.in_turn = true;
        self
    }
}

fn mean(thresholds: &[Option<f64>]) -> Option<f64> {
    let all: Vec<f64> = thresholds.iter().copied().collect::<Option<_>>()?;
    Some(all.iter().sum::<f64>() / all.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_the_mean_where_all_have_one() {
        assert_eq!(mean(&[Some(-1.5), Some(-1.5)]), Some(-1.5));
        assert_eq!(mean(&[Some(-3.0), Some(1.0)]), Some(-1.0));
        assert_eq!(mean(&[Some(-3.0), None]), None);
    }
}

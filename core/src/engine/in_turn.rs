//! An ensemble of models that a device does not hold together: each answers all batches before the next one is opened.

use std::collections::VecDeque;

use spanbert_backends::MemoryUse;

use super::{Engine, EngineError, EngineFuture, InferenceEngine, Logits, ensemble::Sum};
use crate::{batch::Batch, config::BertConfig};

/// Opens a member on the device.
pub type OpenMember = Box<dyn Fn() -> Result<Box<dyn InferenceEngine>, EngineError>>;

/// Models of one vocabulary whose logits are averaged; one at a time is on the device. What the last of them answers in its
/// [pass](InferenceEngine::passes) is what [`Ensemble`](super::Ensemble) answers, to the bit.
pub struct InTurn {
    members: Vec<OpenMember>,
    /// Of the member with the fewest positions.
    config: BertConfig,
    present: Option<Box<dyn InferenceEngine>>,
    /// Whether the present one is the first.
    first: bool,
    /// Sums of the logits of every batch, in the order in which all members are given them.
    sums: VecDeque<Sum>,
}

impl InTurn {
    /// The ensemble of these models; `config` is that of the one with the fewest positions.
    #[must_use]
    pub fn new(members: Vec<OpenMember>, config: BertConfig) -> Self {
        Self { members, config, present: None, first: true, sums: VecDeque::new() }
    }

    fn present(&mut self) -> Result<&mut Box<dyn InferenceEngine>, EngineError> {
        self.present.as_mut().ok_or_else(|| EngineError::Defect("no member of an ensemble is open".into()))
    }

    fn counted(&mut self, logits: Logits) -> Result<Logits, EngineError> {
        let mut sum = if self.first {
            Sum::default()
        } else {
            let before = self.sums.pop_front();
            before.ok_or_else(|| EngineError::Defect("a member of an ensemble got more batches".into()))?
        };
        sum.add(logits)?;
        self.sums.push_back(sum.clone());
        sum.mean()
    }
}

impl Engine for InTurn {
    fn config(&self) -> &BertConfig {
        &self.config
    }

    fn memory(&self) -> Option<MemoryUse> {
        self.present.as_ref()?.memory()
    }
}

impl InferenceEngine for InTurn {
    fn passes(&self) -> usize {
        self.members.len()
    }

    fn begin_pass(&mut self, pass: usize) -> Result<(), EngineError> {
        // There is room for one only.
        self.present = None;
        let open = self.members.get(pass);
        let open = open.ok_or_else(|| EngineError::Defect("an ensemble has no more members".into()))?;
        self.present = Some(open()?);
        self.first = pass == 0;
        if self.first {
            self.sums.clear();
        }
        Ok(())
    }

    fn predict(&mut self, batch: &Batch) -> Result<Logits, EngineError> {
        let logits = self.present()?.predict(batch)?;
        self.counted(logits)
    }

    fn predict_async<'a>(&'a mut self, batch: &'a Batch) -> EngineFuture<'a, Logits> {
        Box::pin(async move {
            let logits = self.present()?.predict_async(batch).await?;
            self.counted(logits)
        })
    }
}

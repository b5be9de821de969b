//! The engines of a training, one for each learning rate.

use crate::{
    checkpoint::Weights,
    config::BertConfig,
    engine::{EngineError, OptimizerConfig, OptimizerState, PartedSum, TrainingEngine},
};

use super::{
    Recipe, Teacher, TrainError,
    teacher::{OpenTeacher, TeacherModel},
};

/// Opens an engine on the chosen device.
pub type OpenEngine<'a> =
    dyn Fn(&BertConfig, Weights, &OptimizerConfig) -> Result<Box<dyn TrainingEngine>, EngineError> + 'a;

/// What opens models on the chosen device.
#[derive(Clone, Copy)]
pub(super) struct Open<'a> {
    pub student: &'a OpenEngine<'a>,
    pub teacher: &'a OpenTeacher<'a>,
}

/// Opens an engine for every training of a sweep, each from the same weights, and the teacher of all.
pub(super) struct Engines<'a> {
    pub open: Open<'a>,
    /// What the teacher is made of, until it is opened.
    pub teacher: Option<TeacherModel>,
    /// Bytes that the teacher takes on the device.
    pub others: u64,
    pub config: BertConfig,
    pub optimizer: OptimizerConfig,
    /// What every training starts from.
    pub weights: Weights,
    /// What the first one goes on from instead.
    pub saved: Option<(Weights, OptimizerState)>,
    pub recompute: bool,
    /// Length of adversarial perturbations, if the recipe wants any.
    pub adversarial: Option<f32>,
    /// How gradients are summed, if not one after another.
    pub parted: Option<PartedSum>,
    pub left: usize,
}

impl Engines<'_> {
    /// Opens the teacher, if there is one; once.
    pub fn teacher(&mut self, recipe: &Recipe) -> Result<Option<Teacher>, TrainError> {
        let model = self.teacher.take();
        Ok(model.map(|model| Teacher::open(model, recipe, self.open.teacher)).transpose()?)
    }

    /// Opens the next.
    pub fn next(&mut self) -> Result<Box<dyn TrainingEngine>, TrainError> {
        self.left = self.left.saturating_sub(1);
        let is_last = self.left == 0;
        let (weights, moments) = match self.saved.take() {
            Some((weights, moments)) => (weights, Some(moments)),
            // The last one takes the weights: they may be gigabytes.
            None if is_last => (std::mem::take(&mut self.weights), None),
            None => (self.weights.clone(), None),
        };
        if is_last {
            self.weights = Weights::new();
        }
        let mut engine = (self.open.student)(&self.config, weights, &self.optimizer)?;
        if let Some(moments) = moments {
            engine.load_optimizer_state(moments)?;
        }
        engine.set_recompute(self.recompute);
        engine.set_adversarial(self.adversarial);
        engine.share_device(self.others);
        if let Some(parted) = &self.parted {
            engine.sum_in_parts(parted.clone());
        }
        Ok(engine)
    }
}

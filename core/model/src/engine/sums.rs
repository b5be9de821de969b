//! The gradients of an update, summed one after another or in parts, by one process or several.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use burn::tensor::{Tensor, TensorData, backend::Backend};
use spanbert_backends::{
    collective::{
        Ranks,
        tree::{self, Node},
    },
    fault,
};

use super::{
    EngineError,
    gradients::{Gradients, add, matrix_shape},
    inference::read,
    parts::add_losses,
};

/// The other processes of a training; all that talk to them are on one thread.
pub type SharedRanks = Rc<RefCell<Ranks>>;

/// How the gradients of an update are summed.
///
/// The rows of a batch are divided into `count` parts. The micro-batches of a part are summed one after another, the parts in
/// pairs, pairs of pairs and so on ([`tree`]): the same bits for any number of processes, each of which computes some of the parts
/// ([`tree::parts_of`]). One process that computes all of them keeps the gradients of each until the update.
#[derive(Clone)]
pub struct PartedSum {
    /// Number of parts.
    pub count: usize,
    /// The processes that share them; one has them all without it.
    pub ranks: Option<SharedRanks>,
}

/// Gradients and weighted losses of some micro-batches.
pub(super) struct PartSum<B: Backend> {
    pub gradients: Gradients<B>,
    /// `[losses]`.
    pub losses: Option<Tensor<B, 1>>,
}

impl<B: Backend> Default for PartSum<B> {
    fn default() -> Self {
        Self { gradients: Gradients::new(), losses: None }
    }
}

impl<B: Backend> PartSum<B> {
    fn plus(mut self, other: Self) -> Self {
        add(&mut self.gradients, other.gradients);
        if let Some(losses) = other.losses {
            add_losses(&mut self.losses, losses);
        }
        self
    }
}

/// Sums by part; all is part 0 where nothing is divided.
pub(super) type PartSums<B> = BTreeMap<usize, PartSum<B>>;

/// Names and device dimensions of all parameters, in order, and the number of losses: what a vector of both consists of.
pub(super) struct Vector {
    pub parameters: Vec<(String, Vec<usize>)>,
    pub losses: usize,
}

impl PartedSum {
    /// The sum over all parts, of all processes.
    pub(super) fn total<B: Backend>(
        &self,
        sums: PartSums<B>,
        vector: &Vector,
        device: &B::Device,
    ) -> Result<PartSum<B>, EngineError> {
        let mut nodes: BTreeMap<Node, PartSum<B>> =
            sums.into_iter().map(|(part, sum)| (Node::part(part), sum)).collect();
        let mut add = PartSum::plus;
        let shared = self.ranks.as_ref().filter(|ranks| ranks.borrow().size() > 1);
        let Some(ranks) = shared else {
            let total = fault::guard(|| tree::sum(self.count, &mut nodes, &mut add))?;
            return Ok(total.unwrap_or_default());
        };
        let mut ranks = ranks.borrow_mut();
        let own = tree::parts_of(ranks.rank(), ranks.size(), self.count);
        let mut vectors = Vec::new();
        for node in tree::subtrees(&own, self.count) {
            if let Some(sum) = fault::guard(|| tree::sum_under(node, &mut nodes, &mut add))? {
                vectors.push((node, vector.values_of(sum)?));
            }
        }
        let values = ranks.sum(self.count, vectors, vector.length())?;
        vector.tensors_from(values, device)
    }
}

impl Vector {
    fn length(&self) -> usize {
        let values: usize = self.parameters.iter().map(|(_, dims)| dims.iter().product::<usize>()).sum();
        values + self.losses
    }

    /// All values, on the host.
    fn values_of<B: Backend>(&self, mut sum: PartSum<B>) -> Result<Vec<f32>, EngineError> {
        let mut values = Vec::with_capacity(self.length());
        for (name, _) in &self.parameters {
            let gradient = sum.gradients.remove(name);
            let gradient = gradient.ok_or_else(|| EngineError::Defect(format!("{name} got no gradient")))?;
            fault::guard(|| read([gradient]))??.iter().for_each(|part| values.extend_from_slice(part));
        }
        fault::guard(|| read(sum.losses))??.iter().for_each(|losses| values.extend_from_slice(losses));
        if values.len() == self.length() {
            Ok(values)
        } else {
            Err(EngineError::Defect(format!(
                "{} gradients and losses instead of {}",
                values.len(),
                self.length()
            )))
        }
    }

    /// The tensors of such values.
    fn tensors_from<B: Backend>(
        &self,
        values: Vec<f32>,
        device: &B::Device,
    ) -> Result<PartSum<B>, EngineError> {
        let mut left = values.as_slice();
        let mut gradients = Gradients::new();
        for (name, dims) in &self.parameters {
            let (own, rest) = left.split_at_checked(dims.iter().product()).unwrap_or((left, &[]));
            left = rest;
            let data = TensorData::new(own.to_vec(), matrix_shape(dims));
            gradients.insert(name.clone(), fault::guard(|| Tensor::from_data(data, device))?);
        }
        let losses = TensorData::new(left.to_vec(), [self.losses]);
        Ok(PartSum { gradients, losses: Some(fault::guard(|| Tensor::from_data(losses, device))?) })
    }
}

//! The optimizer that a recipe asks for.

use super::{OptimizerKind, Recipe};
use crate::engine::OptimizerConfig;

/// Constants of the recipe's optimizer.
#[must_use]
pub fn optimizer_config(recipe: &Recipe) -> OptimizerConfig {
    let base = match recipe.optimizer {
        OptimizerKind::BertAdam => OptimizerConfig::bert_adam(),
        OptimizerKind::FusedAdam => OptimizerConfig::fused_adam(),
    };
    OptimizerConfig {
        weight_decay: recipe.weight_decay as f32,
        max_grad_norm: recipe.max_grad_norm as f32,
        loss_scale: recipe.loss_scale as f32,
        layer_lr_decay: recipe.layer_lr_decay,
        bias_correction: recipe.bias_correction,
        ema_decay: recipe.ema_decay,
        ..base
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ClipScope;

    #[test]
    fn each_kind_has_the_reference_s_constants() {
        let recipe = Recipe::default();
        assert_eq!(optimizer_config(&recipe), OptimizerConfig::bert_adam());
        let fused = optimizer_config(&Recipe { optimizer: OptimizerKind::FusedAdam, ..recipe });
        assert_eq!((fused.clip, fused.eps, fused.weight_decay), (ClipScope::Global, 1e-8, 0.01));
    }
}

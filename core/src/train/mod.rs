//! Training: the recipe, the schedule and the loop.

pub mod recipe;
pub mod recipe_fields;
pub mod recipe_validate;

pub use recipe::{EvalMetric, OptimizerKind, Precision, Preset, Recipe, RecipeError};
pub use recipe_fields::RecipeArgs;

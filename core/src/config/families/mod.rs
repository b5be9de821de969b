//! The families that can be loaded, one file each.

mod bert;

use super::Family;

pub use bert::BERT;

/// Every family that can be loaded; see [`Family`].
pub static FAMILIES: [&Family; 1] = [&BERT];

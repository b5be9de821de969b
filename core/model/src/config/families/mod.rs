//! The families that can be loaded, one file each.

mod bert;
mod distilbert;
mod electra;

use super::Family;

pub use bert::BERT;
use distilbert::DISTILBERT;
use electra::ELECTRA;

/// Every family that can be loaded; see [`Family`].
pub static FAMILIES: [&Family; 3] = [&BERT, &ELECTRA, &DISTILBERT];

//! The factor on the loss that keeps half-precision gradients from vanishing.

use serde::{Deserialize, Serialize};

/// Where a scale that adapts itself begins.
const INITIAL: f32 = 65_536.0;
/// Updates without overflow after which it is doubled.
const WINDOW: u32 = 1_000;
/// It does not grow beyond what leaves sums of squares finite in f32.
const LARGEST: f32 = 16_777_216.0;

/// A loss scale, with what decides its next change (`FP16_Optimizer` of apex, which the reference trains with).
///
/// Small gradients are 0 in half precision, so the loss, and with it every gradient, is multiplied by a large number,
/// and the sum is divided by it in f32. Where that makes a gradient infinite, the update is left out and the scale
/// halved; after a thousand updates without one it is doubled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossScale {
    scale: f32,
    /// Updates since the last overflow or change.
    updates: u32,
    adapts: bool,
}

impl LossScale {
    /// A fixed scale, or one that adapts itself for 0.
    #[must_use]
    pub fn new(fixed: f32) -> Self {
        let adapts = fixed <= 0.0;
        Self { scale: if adapts { INITIAL } else { fixed }, updates: 0, adapts }
    }

    /// The scale now.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Whether a training goes on after an overflow: with a smaller scale, or, as in apex, with the same fixed one. At
    /// the smallest scale that adapts itself nothing is left to try.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        !self.adapts || self.scale > 1.0
    }

    /// Whether the numbers are ones that a training can reach.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.scale.is_finite() && self.scale > 0.0 && self.updates < WINDOW
    }

    /// Takes note of an update's gradients.
    pub fn note(&mut self, overflowed: bool) {
        if !self.adapts {
            return;
        }
        if overflowed {
            self.scale = (self.scale / 2.0).max(1.0);
            self.updates = 0;
        } else {
            self.updates += 1;
            if self.updates == WINDOW {
                self.scale = (self.scale * 2.0).min(LARGEST);
                self.updates = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_on_overflow_and_doubles_after_a_thousand_updates() {
        let mut scale = LossScale::new(0.0);
        assert_eq!(scale.scale(), 65_536.0);
        scale.note(true);
        assert_eq!(scale.scale(), 32_768.0);
        for _ in 0..999 {
            scale.note(false);
        }
        assert_eq!(scale.scale(), 32_768.0);
        scale.note(false);
        assert_eq!(scale.scale(), 65_536.0);
        for _ in 0..40 {
            scale.note(true);
        }
        assert_eq!((scale.scale(), scale.goes_on()), (1.0, false));
    }

    #[test]
    fn a_fixed_scale_stays() {
        let mut scale = LossScale::new(128.0);
        scale.note(true);
        assert_eq!((scale.scale(), scale.goes_on()), (128.0, true));
    }
}

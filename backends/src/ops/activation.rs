//! The activations a BERT's feed-forward network may have.

use burn::tensor::{backend::Backend, ops::FloatTensor};

/// Below this the exponential of a gate would overflow; the gate is 0 in f32 there.
pub(super) const LOWEST_EXPONENT: f32 = -80.0;

/// An elementwise activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// GELU by the error function: `x * Phi(x)`.
    #[default]
    Gelu,
    /// GELU's form with the hyperbolic tangent: `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
    /// `x * sigmoid(x)`, also known as swish.
    Silu,
    /// `max(x, 0)`; its derivative at 0 is 0.
    Relu,
}

/// What an activation is by kind of formula.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Formula {
    /// By the normal distribution function.
    Gelu,
    /// By a sigmoid.
    Gated(Gate),
    /// By comparison with 0.
    Relu,
}

/// `x * sigmoid(x * (linear + cubic * x^2))`. As `(1 + tanh(y)) / 2` is `sigmoid(2 y)`, GELU's tanh form is one of these,
/// without the loss of digits where the tangent approaches -1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Factor of `x`.
    pub linear: f32,
    /// Factor of `x^3`.
    pub cubic: f32,
}

impl Activation {
    pub(super) fn formula(self) -> Formula {
        /// `2 sqrt(2 / pi)`.
        const TANH: f32 = 1.595_769_2;
        match self {
            Self::Gelu => Formula::Gelu,
            Self::GeluTanh => Formula::Gated(Gate { linear: TANH, cubic: TANH * 0.044_715 }),
            Self::QuickGelu => Formula::Gated(Gate { linear: 1.702, cubic: 0.0 }),
            Self::Silu => Formula::Gated(Gate { linear: 1.0, cubic: 0.0 }),
            Self::Relu => Formula::Relu,
        }
    }
}

impl Gate {
    /// `x * sigmoid(…)` from Burn's primitives.
    pub(super) fn forward<B: Backend>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        let square = B::float_mul(x.clone(), x.clone());
        B::float_mul(x.clone(), self.sigmoid::<B>(x, square))
    }

    /// `grad * (s + x s (1 - s) (linear + 3 cubic x^2))` with the sigmoid `s`, from Burn's primitives.
    pub(super) fn backward<B: Backend>(self, x: FloatTensor<B>, grad: FloatTensor<B>) -> FloatTensor<B> {
        let square = B::float_mul(x.clone(), x.clone());
        let sigmoid = self.sigmoid::<B>(x.clone(), square.clone());
        let rest = B::float_add_scalar(B::float_neg(sigmoid.clone()), 1f32.into());
        let slope = B::float_mul_scalar(square, (3.0 * self.cubic).into());
        let slope = B::float_mul(x, B::float_add_scalar(slope, self.linear.into()));
        let slope = B::float_add_scalar(B::float_mul(slope, rest), 1f32.into());
        B::float_mul(grad, B::float_mul(sigmoid, slope))
    }

    fn sigmoid<B: Backend>(self, x: FloatTensor<B>, square: FloatTensor<B>) -> FloatTensor<B> {
        let factor = B::float_add_scalar(B::float_mul_scalar(square, self.cubic.into()), self.linear.into());
        let exponent = B::float_clamp_min(B::float_mul(x, factor), LOWEST_EXPONENT.into());
        let exponential = B::float_exp(B::float_neg(exponent));
        B::float_recip(B::float_add_scalar(exponential, 1f32.into()))
    }
}

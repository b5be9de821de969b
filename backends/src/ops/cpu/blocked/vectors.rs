//! Vectors of f32 that are multiplied and added, never both at once.

/// Vectors of one width.
pub trait Vectors: Copy {
    /// A vector in registers.
    type Vector: Copy;
    /// The same in memory.
    type Stored;

    /// As many whole vectors as there are in a slice.
    fn stored(values: &[f32]) -> &[Self::Stored];
    /// The same to be written.
    fn stored_mut(values: &mut [f32]) -> &mut [Self::Stored];
    /// A vector from memory.
    fn load(self, from: &Self::Stored) -> Self::Vector;
    /// A vector to memory.
    fn store(self, vector: Self::Vector, to: &mut Self::Stored);
    /// The same value in every lane.
    fn all(self, value: f32) -> Self::Vector;
    /// Sums of lanes.
    fn plus(self, left: Self::Vector, right: Self::Vector) -> Self::Vector;
    /// Products of lanes.
    fn times(self, left: Self::Vector, right: Self::Vector) -> Self::Vector;
}

/// Those of the processor, as wide as it has them.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Copy)]
pub struct Native<S>(pub S);

#[cfg(not(target_arch = "wasm32"))]
impl<S: pulp::Simd> Vectors for Native<S> {
    type Vector = S::f32s;
    type Stored = S::f32s;

    #[inline(always)]
    fn stored(values: &[f32]) -> &[S::f32s] {
        S::as_simd_f32s(values).0
    }

    #[inline(always)]
    fn stored_mut(values: &mut [f32]) -> &mut [S::f32s] {
        S::as_mut_simd_f32s(values).0
    }

    #[inline(always)]
    fn load(self, from: &S::f32s) -> S::f32s {
        *from
    }

    #[inline(always)]
    fn store(self, vector: S::f32s, to: &mut S::f32s) {
        *to = vector;
    }

    #[inline(always)]
    fn all(self, value: f32) -> S::f32s {
        self.0.splat_f32s(value)
    }

    #[inline(always)]
    fn plus(self, left: S::f32s, right: S::f32s) -> S::f32s {
        self.0.add_f32s(left, right)
    }

    #[inline(always)]
    fn times(self, left: S::f32s, right: S::f32s) -> S::f32s {
        self.0.mul_f32s(left, right)
    }
}

/// Vectors of four: those of WebAssembly, and elsewhere four values, for processors of which nothing else is known.
#[derive(Clone, Copy)]
pub struct Fours;

impl Vectors for Fours {
    type Vector = Four;
    type Stored = [f32; 4];

    #[inline(always)]
    fn stored(values: &[f32]) -> &[[f32; 4]] {
        values.as_chunks().0
    }

    #[inline(always)]
    fn stored_mut(values: &mut [f32]) -> &mut [[f32; 4]] {
        values.as_chunks_mut().0
    }

    #[inline(always)]
    fn load(self, from: &[f32; 4]) -> Four {
        Four::of(*from)
    }

    #[inline(always)]
    fn store(self, vector: Four, to: &mut [f32; 4]) {
        *to = vector.values();
    }

    #[inline(always)]
    fn all(self, value: f32) -> Four {
        Four::of([value; 4])
    }

    #[inline(always)]
    fn plus(self, left: Four, right: Four) -> Four {
        left.plus(right)
    }

    #[inline(always)]
    fn times(self, left: Four, right: Four) -> Four {
        left.times(right)
    }
}

/// A vector: the compiler does not make them of plain loops here.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[derive(Clone, Copy)]
pub struct Four(std::arch::wasm32::v128);

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
impl Four {
    #[inline(always)]
    fn of([a, b, c, d]: [f32; 4]) -> Self {
        Self(std::arch::wasm32::f32x4(a, b, c, d))
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(std::arch::wasm32::f32x4_add(self.0, other.0))
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(std::arch::wasm32::f32x4_mul(self.0, other.0))
    }

    #[inline(always)]
    fn values(self) -> [f32; 4] {
        use std::arch::wasm32::f32x4_extract_lane as lane;
        [lane::<0>(self.0), lane::<1>(self.0), lane::<2>(self.0), lane::<3>(self.0)]
    }
}

/// The same elsewhere.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[derive(Clone, Copy)]
pub struct Four([f32; 4]);

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
impl Four {
    #[inline(always)]
    fn of(values: [f32; 4]) -> Self {
        Self(values)
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }

    #[inline(always)]
    fn values(self) -> [f32; 4] {
        self.0
    }
}

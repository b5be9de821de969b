//! Vector instructions by what the processor has, not by how the program was built.

/// Runs a loop compiled for the widest vectors of this processor (AVX-512, AVX2, NEON, else the platform's baseline).
///
/// The bits do not depend on the width: the compiler neither reorders sums nor fuses products into them, so a loop must
/// only be written with as many partial sums as it is to have everywhere.
///
/// Rows are gone through by `for`: what `for_each` calls may be left a function of its own, compiled for the baseline.
#[inline(always)]
pub fn widest<R>(body: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(body)
}

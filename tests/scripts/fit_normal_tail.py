"""Fit the polynomial of `normal_cdf_and_exp` in backends/src/ops/cpu/math.rs.

The tail of the normal distribution is written `exp(-x^2 / 2) * t * p(t)` with `t = 1 / (1 + 0.4 z)` and
`z = |x| / sqrt(2)`; `p` is fitted by reweighted least squares towards the smallest largest error.

Usage: python fit_normal_tail.py        (needs numpy; prints the coefficients, constant first, and the error)
"""

import math

import numpy as np

SLOPE = 0.4
TERMS = 6


def half_erfcx(z: float) -> float:
    """0.5 * exp(z^2) * erfc(z), by a continued fraction where erfc would underflow."""
    if z < 5:
        return 0.5 * math.erfc(z) * math.exp(z * z)
    fraction = 0.0
    for k in range(60, 0, -1):
        fraction = k / 2 / (z + fraction)
    return 0.5 / math.sqrt(math.pi) / (z + fraction)


def main() -> None:
    lowest = 1 / (1 + SLOPE * 9.5)
    angles = np.pi * (np.arange(400) + 0.5) / 400
    t = 0.5 * (1 + lowest) + 0.5 * (1 - lowest) * np.cos(angles)
    z = (1 / t - 1) / SLOPE
    target = np.array([half_erfcx(v) for v in z]) / t
    powers = np.vander(t, TERMS, increasing=True)
    importance = np.exp(-z * z) * t + 1e-3 * t
    weights = importance.copy()
    for _ in range(60):
        coefficients, *_ = np.linalg.lstsq(powers * weights[:, None], target * weights, rcond=None)
        errors = np.abs((powers @ coefficients - target) * importance)
        weights *= 1 + errors / errors.max()
        weights /= weights.max()
    error = np.abs((powers @ coefficients - target) * t * np.exp(-z * z)).max()
    print([f"{c:.9g}" for c in coefficients], f"largest error {error:.2e}")


if __name__ == "__main__":
    main()

//! Percentiles, as NumPy has them.

/// The value below which a `share` (0 to 1) of the sorted values lies, interpolated between neighbours: type 7 of
/// Hyndman and Fan (1996), the default of NumPy's `percentile`. None if there are no values.
#[must_use]
pub(crate) fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let position = share.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (*sorted.get(position.floor() as usize)?, *sorted.get(position.ceil() as usize)?);
    Some(below + (above - below) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_numpy() {
        // numpy.percentile([15, 20, 35, 40, 50], [0, 40, 50, 90, 100])
        let values = [15.0, 20.0, 35.0, 40.0, 50.0];
        for (share, expected) in [(0.0, 15.0), (0.4, 29.0), (0.5, 35.0), (0.9, 46.0), (1.0, 50.0)] {
            assert!((percentile(&values, share).unwrap() - expected).abs() < 1e-12, "{share}");
        }
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[3.0], 0.9), Some(3.0));
    }
}

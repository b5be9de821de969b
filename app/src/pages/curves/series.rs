//! Series of points for charts: smoothed, and thinned to what a screen can show.

use crate::widgets::NumberSlider;

/// The slider of how much is smoothed.
pub(crate) const SMOOTHING: NumberSlider<'static> = NumberSlider {
    name: "Smoothing",
    range: 0.0..=0.99,
    decimals: 2,
    step: None,
    suffix: "",
    // At 1 nothing would be left of the curve.
    limited: true,
};

/// Smoothing is the same however many points there are: distances are measured in thousandths of the range.
const SCALE: f64 = 1000.0;

/// Exponential moving average over `[x, y]` points in order of x, with the start's bias taken out (Kingma and Ba, 2015,
/// section 3). `weight` in `0..1` is what is left of a value a thousandth of the range later.
pub(crate) fn smooth(points: &[[f64; 2]], weight: f64) -> Vec<[f64; 2]> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let range = last[0] - first[0];
    if weight <= 0.0 || range <= 0.0 {
        return points.to_vec();
    }
    // A step before the first point, so that it counts.
    let (mut sum, mut total, mut before) = (0.0, 0.0, first[0] - range / points.len() as f64);
    let mut smoothed = Vec::with_capacity(points.len());
    for [x, y] in points {
        if !y.is_finite() {
            continue;
        }
        let kept = weight.powf((x - before) / range * SCALE);
        sum = sum * kept + y * (1.0 - kept);
        total = total * kept + (1.0 - kept);
        before = *x;
        smoothed.push([*x, if total > 0.0 { sum / total } else { *y }]);
    }
    smoothed
}

/// Points of `low..=high`, and one more on either side, with at most the lowest and the highest in each of `columns` columns.
pub(crate) fn thin(points: &[[f64; 2]], low: f64, high: f64, columns: usize) -> Vec<[f64; 2]> {
    let start = points.partition_point(|point| point[0] < low).saturating_sub(1);
    let end = (points.partition_point(|point| point[0] <= high) + 1).min(points.len());
    let seen = points.get(start..end).unwrap_or_default();
    if seen.len() <= 2 * columns || high <= low {
        return seen.iter().copied().filter(|point| point[1].is_finite()).collect();
    }
    let column = |x: f64| ((x - low) / (high - low) * columns as f64).floor().clamp(-1.0, columns as f64);
    let mut thinned: Vec<[f64; 2]> = Vec::with_capacity(2 * columns + 4);
    let mut rest = seen.iter().filter(|point| point[1].is_finite()).peekable();
    while let Some(first) = rest.next() {
        let (mut least, mut most) = (*first, *first);
        let here = column(first[0]);
        while let Some(point) = rest.next_if(|point| column(point[0]) == here) {
            if point[1] < least[1] {
                least = *point;
            }
            if point[1] > most[1] {
                most = *point;
            }
        }
        let (earlier, later) = if least[0] <= most[0] { (least, most) } else { (most, least) };
        thinned.push(earlier);
        if earlier != later {
            thinned.push(later);
        }
    }
    thinned
}

/// Points, and those of them shown last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    points: Vec<[f64; 2]>,
    shown: Vec<[f64; 2]>,
    shown_for: Option<(f64, f64, usize)>,
}

impl Series {
    /// Replaces the points.
    pub(crate) fn set(&mut self, points: Vec<[f64; 2]>) {
        self.points = points;
        self.shown_for = None;
    }

    pub(crate) fn points(&self) -> &[[f64; 2]] {
        &self.points
    }

    pub(crate) fn last(&self) -> Option<[f64; 2]> {
        self.points.last().copied()
    }

    /// What to draw of `low..=high`; made anew only if something has changed.
    pub(crate) fn shown(&mut self, low: f64, high: f64, columns: usize) -> &[[f64; 2]] {
        if self.shown_for != Some((low, high, columns)) {
            self.shown = thin(&self.points, low, high, columns);
            self.shown_for = Some((low, high, columns));
        }
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_constants_and_begins_at_the_first_value() {
        let constant: Vec<[f64; 2]> = (0..500).map(|x| [f64::from(x), 3.0]).collect();
        assert!(smooth(&constant, 0.95).iter().all(|point| (point[1] - 3.0).abs() < 1e-9));
        let jump: Vec<[f64; 2]> = (0..500).map(|x| [f64::from(x), if x == 0 { 8.0 } else { 0.0 }]).collect();
        let smoothed = smooth(&jump, 0.9);
        assert!((smoothed[0][1] - 8.0).abs() < 1e-9);
        assert!(smoothed.windows(2).all(|pair| pair[1][1] < pair[0][1]) && smoothed[499][1] < 1e-3);
        assert_eq!(smooth(&jump, 0.0), jump);
        assert_eq!(smooth(&[], 0.9), Vec::<[f64; 2]>::new());
    }

    #[test]
    fn smoothing_does_not_depend_on_how_densely_a_curve_is_sampled() {
        let curve = |points: i32| -> Vec<[f64; 2]> {
            (0..=points).map(|i| f64::from(i) / f64::from(points)).map(|x| [x, (6.0 * x).sin()]).collect()
        };
        let (coarse, fine) = (smooth(&curve(1000), 0.98), smooth(&curve(8000), 0.98));
        assert!((coarse[600][1] - fine[4800][1]).abs() < 0.01);
    }

    #[test]
    fn thinning_keeps_peaks_and_ends_and_bounds_the_number() {
        let mut points: Vec<[f64; 2]> = (0..100_000).map(|x| [f64::from(x), 1.0]).collect();
        points[51_234][1] = 9.0;
        points[70_000][1] = f64::NAN;
        let thinned = thin(&points, 0.0, 99_999.0, 600);
        assert!(thinned.len() <= 1202, "{}", thinned.len());
        assert!(thinned.contains(&[51_234.0, 9.0]));
        assert!(thinned.iter().all(|point| point[1].is_finite()));
        assert!(thinned.windows(2).all(|pair| pair[0][0] < pair[1][0]));
        assert_eq!(thinned[0][0], 0.0);
        // Zoomed in, every point and a neighbour on either side.
        let near = thin(&points, 100.0, 103.0, 600);
        assert_eq!(
            near.iter().map(|point| point[0]).collect::<Vec<_>>(),
            [99.0, 100.0, 101.0, 102.0, 103.0, 104.0]
        );
    }
}

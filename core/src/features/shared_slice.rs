//! Values that many windows have in common.

use std::{fmt, ops::Deref, ops::Range, sync::Arc};

/// A stretch of values that others may share, read as a slice. The windows of a context differ in their question; what they
/// say about the context exists once.
#[derive(Clone)]
pub struct SharedSlice<T> {
    all: Arc<[T]>,
    range: Range<usize>,
}

impl<T> SharedSlice<T> {
    /// The stretch `range` of `all`, as far as it is within it.
    #[must_use]
    pub fn new(all: Arc<[T]>, range: Range<usize>) -> Self {
        Self { all, range }
    }
}

impl<T> Deref for SharedSlice<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let end = self.range.end.min(self.all.len());
        self.all.get(self.range.start..end).unwrap_or_default()
    }
}

impl<T> From<Vec<T>> for SharedSlice<T> {
    fn from(values: Vec<T>) -> Self {
        let range = 0..values.len();
        Self { all: values.into(), range }
    }
}

impl<T> FromIterator<T> for SharedSlice<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Vec::from_iter(values).into()
    }
}

impl<T> Default for SharedSlice<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T: PartialEq> PartialEq for SharedSlice<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for SharedSlice<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_equal_by_their_values_and_never_reach_beyond() {
        let all: Arc<[u32]> = vec![1, 2, 3, 2].into();
        let stretch = |range| SharedSlice::new(Arc::clone(&all), range);
        assert_eq!(*stretch(1..3), [2, 3]);
        assert_eq!(stretch(1..2), stretch(3..4));
        assert_eq!(stretch(2..9), vec![3, 2].into());
        assert_eq!(stretch(5..9), SharedSlice::default());
        assert_eq!(format!("{:?}", stretch(0..2)), "[1, 2]");
    }
}

//! How a document of word pieces is cut into overlapping spans, and which span serves a piece best.

/// A stretch of a document, in word pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocSpan {
    /// First piece.
    pub start: usize,
    /// Number of pieces, at least 1.
    pub length: usize,
}

impl DocSpan {
    /// Last piece, inclusive.
    #[must_use]
    pub fn last(&self) -> usize {
        self.start + self.length - 1
    }
}

/// The spans of a document of `pieces` word pieces, each at most `longest` pieces, starting every `stride` pieces
/// until one reaches the end. An empty document has none.
///
/// `longest` and `stride` are at least 1 ([`super::WindowOptions::check`]); 0 is taken for 1.
#[must_use]
pub fn doc_spans(pieces: usize, longest: usize, stride: usize) -> Vec<DocSpan> {
    let (longest, stride) = (longest.max(1), stride.max(1));
    let mut spans = Vec::new();
    let mut start = 0;
    while start < pieces {
        let length = (pieces - start).min(longest);
        spans.push(DocSpan { start, length });
        if start + length == pieces {
            break;
        }
        start += length.min(stride);
    }
    spans
}

/// For each of `pieces` word pieces, the index of the span that gives it the most context
/// (`_check_is_max_context`).
///
/// The score of a span is the smaller of the contexts to the left and right plus 0.01 times its length, in f64; the
/// first of equal spans wins.
#[must_use]
pub fn max_context_spans(spans: &[DocSpan], pieces: usize) -> Vec<usize> {
    let mut best = vec![(f64::NEG_INFINITY, 0); pieces];
    for (index, span) in spans.iter().enumerate() {
        let positions = best.iter_mut().enumerate().skip(span.start).take(span.length);
        for (position, best) in positions {
            let nearer_end = (position - span.start).min(span.last() - position);
            let score = nearer_end as f64 + 0.01 * span.length as f64;
            if score > best.0 {
                *best = (score, index);
            }
        }
    }
    best.into_iter().map(|(_, index)| index).collect()
}

/// Narrows an answer from whole words to the pieces that spell it (`_improve_answer_span`).
///
/// `start` and `end` (inclusive) bound the answer's words in `doc`; the result is the first stretch among them
/// equal to the pieces of the answer itself, or the bounds unchanged. With `end < start` (a word without pieces)
/// there is nothing to search.
///
/// The reference compares texts joined with spaces; pieces hold no spaces and equal pieces have equal ids, so
/// comparing ids is the same. Only stretches of the answer's length can match, which makes one pass enough.
#[must_use]
pub fn improve_answer_span(doc: &[u32], start: i64, end: i64, answer: &[u32]) -> (i64, i64) {
    let (Ok(first), Ok(after)) = (usize::try_from(start), usize::try_from(end + 1)) else {
        return (start, end);
    };
    if answer.is_empty() {
        return (start, end);
    }
    let at =
        doc.get(first..after).and_then(|words| words.windows(answer.len()).position(|span| span == answer));
    match at {
        Some(at) => {
            let at = start + at as i64;
            (at, at + answer.len() as i64 - 1)
        }
        None => (start, end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(pieces: usize, longest: usize, stride: usize) -> Vec<(usize, usize)> {
        doc_spans(pieces, longest, stride).into_iter().map(|span| (span.start, span.length)).collect()
    }

    #[test]
    fn spans_advance_by_the_stride_until_one_reaches_the_end() {
        assert_eq!(spans(10, 4, 3), [(0, 4), (3, 4), (6, 4)]);
        assert_eq!(spans(11, 4, 3), [(0, 4), (3, 4), (6, 4), (9, 2)]);
        assert_eq!(spans(4, 4, 1), [(0, 4)]);
        assert_eq!(spans(0, 4, 3), []);
    }

    #[test]
    fn a_stride_beyond_the_span_leaves_no_gap() {
        assert_eq!(spans(5, 2, 9), [(0, 2), (2, 2), (4, 1)]);
    }

    #[test]
    fn the_span_with_the_most_context_wins_and_the_first_of_equals() {
        let both = [DocSpan { start: 0, length: 5 }, DocSpan { start: 3, length: 5 }];
        // Piece 3 has 1 piece to its right in the first span and none to its left in the second; piece 4 the
        // other way round.
        assert_eq!(max_context_spans(&both, 8), [0, 0, 0, 0, 1, 1, 1, 1]);
        let tied = [DocSpan { start: 0, length: 4 }, DocSpan { start: 1, length: 4 }];
        assert_eq!(max_context_spans(&tied, 5), [0, 0, 0, 1, 1]);
        let equal = [DocSpan { start: 0, length: 3 }, DocSpan { start: 2, length: 3 }];
        assert_eq!(max_context_spans(&equal, 5)[2], 0);
    }

    #[test]
    fn of_spans_equally_near_the_longer_wins() {
        let spans = [DocSpan { start: 0, length: 3 }, DocSpan { start: 2, length: 4 }];
        assert_eq!(max_context_spans(&spans, 6)[2], 1);
    }

    #[test]
    fn answers_are_narrowed_to_the_first_match() {
        let doc = [5, 6, 7, 6, 7, 8];
        assert_eq!(improve_answer_span(&doc, 0, 5, &[6, 7]), (1, 2));
        assert_eq!(improve_answer_span(&doc, 2, 5, &[6, 7]), (3, 4));
        assert_eq!(improve_answer_span(&doc, 0, 5, &[9]), (0, 5));
        assert_eq!(improve_answer_span(&doc, 0, 5, &[]), (0, 5));
        assert_eq!(improve_answer_span(&doc, 3, 2, &[6]), (3, 2));
        assert_eq!(improve_answer_span(&doc, 0, -1, &[6]), (0, -1));
    }
}

//! The order in which the parts of a batch are summed: pairs, pairs of pairs, and so on.
//!
//! The order depends on the number of parts alone. A process that owns a range of parts sums the subtrees that lie in it, and
//! whoever has all subtrees sums the rest, so that floating-point addition, which is not associative, gives the same bits for
//! any number of processes. Parts that are absent (a short last batch) are skipped and not added as zeros, which would turn
//! -0 into 0.

use std::{collections::BTreeMap, ops::Range};

/// The subtree over the parts `index << level .. (index + 1) << level`, as far as there are such parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// How often pairs were made: 0 for a part itself.
    pub level: u32,
    /// Its place among those of its level.
    pub index: usize,
}

impl Node {
    /// A part by itself.
    #[must_use]
    pub fn part(index: usize) -> Self {
        Self { level: 0, index }
    }

    fn range(self, count: usize) -> Range<usize> {
        let end = |index: usize| (index << self.level).min(count);
        end(self.index)..end(self.index + 1)
    }

    fn halves(self) -> Option<[Self; 2]> {
        let level = self.level.checked_sub(1)?;
        Some([Self { level, index: 2 * self.index }, Self { level, index: 2 * self.index + 1 }])
    }
}

/// The parts of a rank: as many as others have, or one more.
#[must_use]
pub fn parts_of(rank: usize, size: usize, count: usize) -> Range<usize> {
    let size = size.max(1);
    rank * count / size..(rank + 1) * count / size
}

/// The largest subtrees that lie in a range of parts, in order.
#[must_use]
pub fn subtrees(own: &Range<usize>, count: usize) -> Vec<Node> {
    let mut found = Vec::new();
    collect(root(count), own, count, &mut found);
    found
}

fn collect(node: Node, own: &Range<usize>, count: usize, found: &mut Vec<Node>) {
    let range = node.range(count);
    if range.is_empty() || range.start >= own.end || range.end <= own.start {
        return;
    }
    if own.start <= range.start && range.end <= own.end {
        found.push(node);
    } else if let Some(halves) = node.halves() {
        halves.into_iter().for_each(|half| collect(half, own, count, found));
    }
}

/// The node over all parts.
fn root(count: usize) -> Node {
    Node { level: count.max(1).next_power_of_two().trailing_zeros(), index: 0 }
}

/// The sum over all parts of what is there; none if nothing is. Nodes must not overlap.
pub fn sum<T>(count: usize, nodes: &mut BTreeMap<Node, T>, add: &mut impl FnMut(T, T) -> T) -> Option<T> {
    sum_under(root(count), nodes, add)
}

/// The sum over a subtree.
pub fn sum_under<T>(node: Node, nodes: &mut BTreeMap<Node, T>, add: &mut impl FnMut(T, T) -> T) -> Option<T> {
    if let Some(value) = nodes.remove(&node) {
        return Some(value);
    }
    let [left, right] = node.halves()?;
    match (sum_under(left, nodes, add), sum_under(right, nodes, add)) {
        (Some(left), Some(right)) => Some(add(left, right)),
        (left, right) => left.or(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is added to what.
    fn shape(count: usize, present: impl Fn(usize) -> bool) -> Option<String> {
        let mut parts: BTreeMap<Node, String> = (0..count)
            .filter(|part| present(*part))
            .map(|part| (Node::part(part), part.to_string()))
            .collect();
        sum(count, &mut parts, &mut |a, b| format!("({a}+{b})"))
    }

    #[test]
    fn parts_are_paired_in_order() {
        assert_eq!(shape(1, |_| true).unwrap(), "0");
        assert_eq!(shape(4, |_| true).unwrap(), "((0+1)+(2+3))");
        assert_eq!(shape(5, |_| true).unwrap(), "(((0+1)+(2+3))+4)");
        assert_eq!(shape(7, |_| true).unwrap(), "(((0+1)+(2+3))+((4+5)+6))");
        assert_eq!(shape(8, |part| part % 3 != 0).unwrap(), "((1+2)+((4+5)+7))");
        assert_eq!(shape(8, |_| false), None);
    }

    #[test]
    fn any_number_of_ranks_makes_the_same_tree() {
        for count in 1..=9 {
            for absent in 0..=count {
                let present = |part: usize| part < count - absent;
                let whole = shape(count, present);
                for size in 1..=count {
                    let mut all = BTreeMap::new();
                    let mut covered = Vec::new();
                    for rank in 0..size {
                        let own = parts_of(rank, size, count);
                        assert!(!own.is_empty());
                        covered.extend(own.clone());
                        let mut parts: BTreeMap<Node, String> = own
                            .clone()
                            .filter(|part| present(*part))
                            .map(|part| (Node::part(part), part.to_string()))
                            .collect();
                        for node in subtrees(&own, count) {
                            let value = sum_under(node, &mut parts, &mut |a, b| format!("({a}+{b})"));
                            all.extend(value.map(|value| (node, value)));
                        }
                        assert!(parts.is_empty());
                    }
                    assert_eq!(covered, (0..count).collect::<Vec<_>>());
                    let sum = sum(count, &mut all, &mut |a, b| format!("({a}+{b})"));
                    assert_eq!(sum, whole, "{count} parts of {size} ranks, {absent} absent");
                }
            }
        }
    }

    #[test]
    fn a_power_of_two_of_ranks_sends_one_subtree_each() {
        for size in [1, 2, 4, 8] {
            for rank in 0..size {
                assert_eq!(subtrees(&parts_of(rank, size, 8), 8).len(), 1);
            }
        }
        assert_eq!(subtrees(&(1..4), 4), [Node::part(1), Node { level: 1, index: 1 }]);
    }
}

//! Where each token of a batch stands, so that the gradient of its embedding is a sum that no other thread takes part
//! in.
//!
//! Burn's scatter walks over all positions one after the other, because two of them may hold the same token. The host
//! knows the tokens before the device does: it sorts their positions, and each row of the table then has a list of its
//! own. Lists are cut into chunks, because some tokens (`[SEP]`, padding) stand everywhere.

use burn::tensor::{
    Int, Shape, Tensor, TensorData, TensorMetadata,
    backend::Backend,
    ops::{FloatTensor, IntTensor},
};

/// Positions of a chunk.
const CHUNK: usize = 32;

/// Sizes of a [`TokenPlaces`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacesLayout {
    /// Rows of the table.
    pub vocabulary: usize,
    /// Chunks of positions.
    pub chunks: usize,
    /// Positions of the batch.
    pub positions: usize,
}

impl PlacesLayout {
    /// Length of the index.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vocabulary + 1 + self.chunks + 1 + self.positions
    }

    /// Whether there is no position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions == 0
    }

    /// Where the starts of the chunks begin in the index.
    #[must_use]
    pub(super) fn chunk_starts(&self) -> usize {
        self.vocabulary + 1
    }

    /// Where the positions begin in the index.
    #[must_use]
    #[cfg(any(feature = "wgpu", with_cuda, test))]
    pub(super) fn first_position(&self) -> usize {
        self.chunk_starts() + self.chunks + 1
    }
}

/// The positions of a batch sorted by token, on the device.
#[derive(Clone, Debug)]
pub struct TokenPlaces<B: Backend> {
    /// The first chunk of each token of the vocabulary and the number of chunks; the first position of each chunk and
    /// the number of positions; the positions, by token and ascending. `[layout.len()]`, and zeros up to the most that a
    /// batch of this size can need: batches of one size share memory.
    pub index: Tensor<B, 1, Int>,
    /// Sizes of the three lists.
    pub layout: PlacesLayout,
}

impl<B: Backend> TokenPlaces<B> {
    /// Sorts the positions of `ids`, each in `0..vocabulary`, and copies them to the device. Ids outside have no
    /// place: they get no gradient.
    #[must_use]
    pub fn new(ids: &[i32], vocabulary: usize, device: &B::Device) -> Self {
        let (mut index, layout) = sorted(ids, vocabulary);
        index.resize(vocabulary + 2 + 2 * ids.len(), 0);
        let shape = [index.len()];
        Self { index: Tensor::from_data(TensorData::new(index, shape), device), layout }
    }
}

/// Rows of `table` `[vocabulary, hidden]` by `ids` `[batch, length]`, `[batch * length, hidden]`.
pub(super) fn lookup<B: Backend>(table: FloatTensor<B>, ids: IntTensor<B>) -> FloatTensor<B> {
    let ([_, hidden], [batch, length]) = (table.shape().dims(), ids.shape().dims());
    B::float_reshape(B::embedding(table, ids), Shape::new([batch * length, hidden]))
}

/// The index of a [`TokenPlaces`] and its layout.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "places and tokens are counted in 32 bits on the device, and no device holds 2^31 positions"
)]
pub(super) fn sorted(ids: &[i32], vocabulary: usize) -> (Vec<i32>, PlacesLayout) {
    let token = |id: i32| usize::try_from(id).ok().filter(|&token| token < vocabulary);
    // Positions of each token, then where the next of them goes.
    let mut next = vec![0usize; vocabulary];
    ids.iter().filter_map(|&id| token(id)).for_each(|token| next[token] += 1);
    let (mut first_chunks, mut chunk_starts) = (Vec::with_capacity(vocabulary + 1), Vec::new());
    let mut placed = 0;
    for next in &mut next {
        let count = std::mem::replace(next, placed);
        first_chunks.push(chunk_starts.len() as i32);
        chunk_starts.extend((placed..placed + count).step_by(CHUNK).map(|start| start as i32));
        placed += count;
    }
    let layout = PlacesLayout { vocabulary, chunks: chunk_starts.len(), positions: placed };
    let mut index = first_chunks;
    index.push(layout.chunks as i32);
    index.append(&mut chunk_starts);
    index.push(placed as i32);
    let first = index.len();
    index.resize(layout.len(), 0);
    for (position, &id) in ids.iter().enumerate() {
        if let Some(token) = token(id) {
            index[first + next[token]] = position as i32;
            next[token] += 1;
        }
    }
    (index, layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_lists_its_positions_in_order() {
        let (index, layout) = sorted(&[3, 0, 3, 1, 9, -1], 5);
        assert_eq!(layout, PlacesLayout { vocabulary: 5, chunks: 3, positions: 4 });
        assert_eq!(index, [0, 1, 2, 2, 3, 3, 0, 1, 2, 4, 1, 3, 0, 2]);
    }

    #[test]
    fn long_lists_are_cut_into_chunks() {
        let ids = vec![1; 2 * CHUNK + 1];
        let (index, layout) = sorted(&ids, 3);
        assert_eq!(layout.chunks, 3);
        assert_eq!(index[..4], [0, 0, 3, 3]);
        let chunk = CHUNK as i32;
        assert_eq!(
            index[layout.chunk_starts()..layout.first_position()],
            [0, chunk, 2 * chunk, 2 * chunk + 1]
        );
        assert!(index[layout.first_position()..].iter().copied().eq(0..=2 * chunk));
        assert_eq!(index.len(), layout.len());
    }

    #[test]
    fn nothing_has_no_places() {
        let (index, layout) = sorted(&[], 2);
        assert_eq!((index.as_slice(), layout.is_empty()), ([0, 0, 0, 0].as_slice(), true));
    }
}

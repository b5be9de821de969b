//! A tensor as it lies in a file: decoded only when asked for, so that tensors nobody needs cost nothing.

use std::fmt;

use half::{bf16, f16};

use super::HostTensor;

/// Most dimensions a tensor may have.
pub(super) const MAX_DIMENSIONS: usize = 8;

/// Element type of a stored tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoredType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// Brain floating point.
    Bf16,
    /// IEEE double precision, rounded to single when read.
    F64,
    /// Integers or booleans of so many bytes: buffers such as `position_ids`, never parameters.
    Integer(u8),
}

impl StoredType {
    /// Bytes of one element.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Integer(bytes) => usize::from(bytes),
        }
    }
}

impl fmt::Display for StoredType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => out.write_str("F32"),
            Self::F16 => out.write_str("F16"),
            Self::Bf16 => out.write_str("BF16"),
            Self::F64 => out.write_str("F64"),
            Self::Integer(bytes) => write!(out, "I{}", u32::from(*bytes) * 8),
        }
    }
}

/// A view of little-endian elements in a file, with strides as PyTorch has them. Construction checks every bound, so
/// decoding cannot fail for reasons of layout, and never makes more elements than the storage holds.
#[derive(Clone, Debug)]
pub struct StoredTensor<'a> {
    shape: Vec<usize>,
    /// Distance of neighbours along each dimension, in elements.
    strides: Vec<usize>,
    /// The elements from the tensor's first to its last.
    bytes: &'a [u8],
    dtype: StoredType,
}

impl<'a> StoredTensor<'a> {
    /// A dense row-major tensor that fills `bytes` exactly.
    ///
    /// # Errors
    /// If the shape does not give that many bytes.
    pub fn dense(shape: &[usize], dtype: StoredType, bytes: &'a [u8]) -> Result<Self, String> {
        let strides = row_major(shape).ok_or("has an impossible shape")?;
        let needed = element_count(shape).and_then(|count| count.checked_mul(dtype.size()));
        if needed != Some(bytes.len()) {
            return Err(format!("has shape {shape:?} ({dtype}) but {} bytes", bytes.len()));
        }
        Self::strided(shape.to_vec(), strides, 0, dtype, bytes)
    }

    /// A view of `storage` that starts `offset` elements in.
    ///
    /// # Errors
    /// If shape and strides disagree, reach beyond the storage, or repeat its elements into something larger.
    pub fn strided(
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        dtype: StoredType,
        storage: &'a [u8],
    ) -> Result<Self, String> {
        if shape.len() > MAX_DIMENSIONS || shape.len() != strides.len() {
            return Err(format!("has {} dimensions and {} strides", shape.len(), strides.len()));
        }
        let available = storage.len() / dtype.size();
        let outside = || {
            format!(
                "has shape {shape:?}, strides {strides:?} and offset {offset}, \
                 which do not fit its storage of {available} elements"
            )
        };
        let count = element_count(&shape).ok_or_else(outside)?;
        // The elements from the first to the last that the view touches.
        let mut span = usize::from(count > 0);
        if count > 0 {
            for (&size, &stride) in shape.iter().zip(&strides) {
                let reach = (size - 1).checked_mul(stride);
                span = reach.and_then(|reach| span.checked_add(reach)).ok_or_else(outside)?;
            }
        }
        let end = offset.checked_add(span).filter(|&end| end <= available && count <= available);
        let end = end.ok_or_else(outside)?;
        let bytes = storage.get(offset * dtype.size()..end * dtype.size()).ok_or_else(outside)?;
        Ok(Self { shape, strides, bytes, dtype })
    }

    /// Dimensions, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Element type in the file.
    #[must_use]
    pub fn dtype(&self) -> StoredType {
        self.dtype
    }

    /// Bytes its elements take in the file, counted as often as the tensor repeats them.
    #[must_use]
    pub fn stored_size(&self) -> usize {
        // Construction has bounded the count by the storage's.
        element_count(&self.shape).unwrap_or(0).saturating_mul(self.dtype.size())
    }

    /// The values in row-major order, widened (or, from doubles, rounded) to single precision.
    ///
    /// # Errors
    /// If the elements are integers.
    pub fn to_host(&self) -> Result<HostTensor, String> {
        let values = match self.dtype {
            StoredType::F32 => self.gather(f32::from_le_bytes),
            StoredType::F16 => self.gather(|bytes| f16::from_le_bytes(bytes).to_f32()),
            StoredType::Bf16 => self.gather(|bytes| bf16::from_le_bytes(bytes).to_f32()),
            #[allow(clippy::cast_possible_truncation, reason = "weights are single precision")]
            StoredType::F64 => self.gather(|bytes| f64::from_le_bytes(bytes) as f32),
            StoredType::Integer(_) => {
                return Err(format!("holds integers ({}) where weights are expected", self.dtype));
            }
        };
        Ok(HostTensor { shape: self.shape.clone(), values })
    }

    fn gather<const N: usize>(&self, decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        let (elements, _) = self.bytes.as_chunks::<N>();
        if row_major(&self.shape).as_deref() == Some(&self.strides) {
            return elements.iter().map(|&element| decode(element)).collect();
        }
        let count = element_count(&self.shape).unwrap_or(0);
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; self.shape.len()];
        let mut position = 0;
        for _ in 0..count {
            // In bounds by construction.
            values.extend(elements.get(position).map(|&element| decode(element)));
            // Count up the index like an odometer, innermost dimension first.
            for dimension in (0..index.len()).rev() {
                index[dimension] += 1;
                position += self.strides[dimension];
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                position -= self.strides[dimension] * self.shape[dimension];
                index[dimension] = 0;
            }
        }
        values
    }
}

/// Number of elements, unless that overflows.
fn element_count(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))
}

/// Strides of a dense row-major tensor, unless they overflow.
fn row_major(shape: &[usize]) -> Option<Vec<usize>> {
    let mut strides = vec![1; shape.len()];
    let mut stride = 1usize;
    for (slot, &size) in strides.iter_mut().zip(shape).rev() {
        *slot = stride;
        stride = stride.checked_mul(size.max(1))?;
    }
    Some(strides)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn a_transposed_view_is_read_in_its_own_order() {
        let storage = bytes(&[9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let view = StoredTensor::strided(vec![3, 2], vec![1, 3], 1, StoredType::F32, &storage).unwrap();
        assert_eq!(view.to_host().unwrap().values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn scalars_and_empty_tensors_are_tensors() {
        let storage = bytes(&[7.0]);
        let scalar = StoredTensor::strided(vec![], vec![], 0, StoredType::F32, &storage).unwrap();
        assert_eq!(scalar.to_host().unwrap(), HostTensor { shape: vec![], values: vec![7.0] });
        let empty = StoredTensor::strided(vec![0, 5], vec![5, 1], 0, StoredType::F32, &[]).unwrap();
        assert_eq!(empty.to_host().unwrap().values, [0.0; 0]);
    }

    #[test]
    fn every_width_reads_as_single() {
        for (dtype, bytes) in [
            (StoredType::F16, f16::from_f32(1.5).to_le_bytes().to_vec()),
            (StoredType::Bf16, bf16::from_f32(1.5).to_le_bytes().to_vec()),
            (StoredType::F32, 1.5f32.to_le_bytes().to_vec()),
            (StoredType::F64, 1.5f64.to_le_bytes().to_vec()),
        ] {
            assert_eq!(StoredTensor::dense(&[1], dtype, &bytes).unwrap().to_host().unwrap().values, [1.5]);
        }
        let ids = StoredTensor::dense(&[1], StoredType::Integer(8), &[0; 8]).unwrap();
        assert!(ids.to_host().unwrap_err().contains("I64"));
    }

    #[test]
    fn views_beyond_the_storage_are_refused() {
        let storage = bytes(&[0.0; 6]);
        let view = |shape: &[usize], strides: &[usize], offset| {
            StoredTensor::strided(shape.to_vec(), strides.to_vec(), offset, StoredType::F32, &storage)
        };
        assert!(view(&[2, 3], &[3, 1], 0).is_ok());
        for (shape, strides, offset) in [
            (&[2, 3][..], &[3, 1][..], 1),
            (&[2, 3], &[4, 1], 0),
            (&[7], &[0], 0),
            (&[usize::MAX, 2], &[0, 0], 0),
            (&[2], &[usize::MAX], 0),
            (&[1], &[1], usize::MAX),
            (&[2], &[1, 1], 0),
            (&[1; 9], &[1; 9], 0),
        ] {
            assert!(view(shape, strides, offset).is_err(), "{shape:?} {strides:?} {offset}");
        }
    }
}

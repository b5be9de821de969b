//! A strict reader of NumPy `.npy` files that hold logits: little-endian f32 of shape `[windows, 2, length]`, start
//! logits first.

use crate::advice::Advice;

/// Logits of many windows, as read from a `.npy` file.
#[derive(Clone, Copy, Debug)]
pub struct NpyLogits<'a> {
    windows: usize,
    /// Bytes of one row, start or end logits of one window; at least 4.
    row_bytes: usize,
    /// Row-major `[windows, 2, length]`, four bytes a value.
    values: &'a [u8],
}

/// Why a `.npy` file was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NpyError {
    /// No NumPy magic at the start, or an unknown version.
    #[error("not a NumPy .npy file of version 1, 2 or 3")]
    NotNpy,
    /// The header ends early or is not the dictionary numpy.save writes.
    #[error("the .npy header is damaged: {0}")]
    Header(String),
    /// Another element type or order.
    #[error("the array holds {0}, not little-endian float32 in C order")]
    ElementType(String),
    /// Another shape.
    #[error("the array has shape {0}, not (windows, 2, length)")]
    Shape(String),
    /// Too few or too many bytes.
    #[error("the array needs {expected} bytes of data but the file has {found}")]
    Size {
        /// Bytes the shape asks for.
        expected: usize,
        /// Bytes after the header.
        found: usize,
    },
}

impl Advice for NpyError {
    fn remedy(&self) -> String {
        match self {
            Self::NotNpy | Self::Header(_) | Self::Size { .. } => {
                "write the file again with numpy.save".into()
            }
            Self::ElementType(_) => "save numpy.ascontiguousarray(x, '<f4')".into(),
            Self::Shape(_) => "save start logits before end logits, as (windows, 2, length)".into(),
        }
    }
}

impl<'a> NpyLogits<'a> {
    /// Reads the whole content of a `.npy` file.
    ///
    /// # Errors
    /// If it is anything but little-endian f32 of shape `[windows, 2, length]`, of exactly the right size.
    pub fn parse(file: &'a [u8]) -> Result<Self, NpyError> {
        let rest = file.strip_prefix(b"\x93NUMPY").ok_or(NpyError::NotNpy)?;
        let (version, rest) = rest.split_at_checked(2).ok_or(NpyError::NotNpy)?;
        let damaged = || NpyError::Header("it ends early".to_owned());
        let (header_length, rest) = match version.first() {
            Some(1) => {
                let (bytes, rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
                (usize::from(u16::from_le_bytes(*bytes)), rest)
            }
            Some(2 | 3) => {
                let (bytes, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
                (u32::from_le_bytes(*bytes) as usize, rest)
            }
            _ => return Err(NpyError::NotNpy),
        };
        let (header, values) = rest.split_at_checked(header_length).ok_or_else(damaged)?;
        let header =
            std::str::from_utf8(header).map_err(|_| NpyError::Header("it is not text".to_owned()))?.trim();

        let element_type = field(header, "descr", ',')?;
        let fortran_order = field(header, "fortran_order", ',')?;
        if element_type.trim_matches(['\'', '"']) != "<f4" || fortran_order != "False" {
            return Err(NpyError::ElementType(format!("{element_type} with fortran_order {fortran_order}")));
        }
        let shape = field(header, "shape", ')')?;
        let wrong_shape = || NpyError::Shape(format!("{shape})"));
        let dimensions = shape
            .strip_prefix('(')
            .ok_or_else(wrong_shape)?
            .split(',')
            .map(|dimension| dimension.trim().parse::<usize>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| wrong_shape())?;
        let [windows, 2, length] = *dimensions else { return Err(wrong_shape()) };
        // The row first: an array without windows may announce rows of any length.
        let row_bytes = length.checked_mul(4).filter(|&bytes| bytes > 0).ok_or_else(wrong_shape)?;
        let rows = windows.checked_mul(2).ok_or_else(wrong_shape)?;
        let expected = row_bytes.checked_mul(rows).ok_or_else(wrong_shape)?;
        if values.len() != expected {
            return Err(NpyError::Size { expected, found: values.len() });
        }
        Ok(Self { windows, row_bytes, values })
    }

    /// Number of windows.
    #[must_use]
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// Start and end logits of one window, each of shape `[length]`; `None` beyond the last window.
    #[must_use]
    pub fn window(&self, index: usize) -> Option<(Vec<f32>, Vec<f32>)> {
        let mut rows = self.values.chunks_exact(self.row_bytes).skip(index.checked_mul(2)?);
        Some((decode(rows.next()?), decode(rows.next()?)))
    }
}

/// The value of one key of the header's dictionary, up to `end`.
fn field<'h>(header: &'h str, key: &str, end: char) -> Result<&'h str, NpyError> {
    let quoted = format!("'{key}':");
    header
        .split_once(quoted.as_str())
        .and_then(|(_, rest)| rest.split_once(end))
        .map(|(value, _)| value.trim())
        .ok_or_else(|| NpyError::Header(format!("no {key}")))
}

fn decode(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, values: &[f32]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    const HEADER: &str = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 3), }   \n";

    #[test]
    fn rows_come_back_in_order() {
        let values: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let bytes = file(HEADER, &values);
        let logits = NpyLogits::parse(&bytes).unwrap();
        assert_eq!(logits.windows(), 2);
        assert_eq!(logits.window(1), Some((vec![6.0, 7.0, 8.0], vec![9.0, 10.0, 11.0])));
        assert_eq!(logits.window(2), None);
    }

    #[test]
    fn every_damage_is_named() {
        let values = [0.0; 12];
        let error = |bytes: &[u8]| NpyLogits::parse(bytes).unwrap_err();
        assert_eq!(error(b"PK\x03\x04"), NpyError::NotNpy);
        assert_eq!(error(b""), NpyError::NotNpy);
        let good = file(HEADER, &values);
        for length in 0..good.len() {
            error(&good[..length]);
        }
        assert_eq!(error(&good[..good.len() - 4]), NpyError::Size { expected: 48, found: 44 });
        let with = |from: &str, to: &str| error(&file(&HEADER.replace(from, to), &values));
        assert!(matches!(with("<f4", "<f8"), NpyError::ElementType(_)));
        assert!(matches!(with("False", "True"), NpyError::ElementType(_)));
        assert!(matches!(with("(2, 2, 3)", "(2, 3, 2)"), NpyError::Shape(_)));
        assert!(matches!(with("(2, 2, 3)", "(12,)"), NpyError::Shape(_)));
        assert!(matches!(with("(2, 2, 3)", "(18446744073709551615, 2, 3)"), NpyError::Shape(_)));
        assert!(matches!(with("(2, 2, 3)", "(2, 2, 0)"), NpyError::Shape(_)));
        assert!(matches!(with("(2, 2, 3)", "(0, 2, 4611686018427387904)"), NpyError::Shape(_)));
        assert!(matches!(with("'shape'", "'form'"), NpyError::Header(_)));
    }
}

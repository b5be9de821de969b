//! Tensors in and out of the safetensors format.
//!
//! Files are read as bytes, not mapped: a file that shrinks while mapped would kill the process. They are written by
//! the few lines below instead of the crate's serializer, which orders metadata at random and wants all tensors as
//! bytes at once; ours gives the same bytes for the same weights.

use std::{
    borrow::Borrow,
    collections::BTreeMap,
    io::{self, Write},
};

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use super::{
    HostTensor, Weights,
    stored::{StoredTensor, StoredType},
};

/// The tensors of a safetensors file, not yet decoded, and its metadata.
#[derive(Debug)]
pub struct SafetensorsFile<'a> {
    /// Tensors by the names they have in the file.
    pub tensors: BTreeMap<String, StoredTensor<'a>>,
    /// Tensors of types that are neither floats nor integers this crate knows, with the type.
    pub unsupported: BTreeMap<String, String>,
    /// The file's own notes (`format` is `pt` for Hugging Face models).
    pub metadata: BTreeMap<String, String>,
}

/// Reads the header of a safetensors file.
///
/// # Errors
/// If the header is damaged or does not fit the file's length.
pub fn read(bytes: &[u8]) -> Result<SafetensorsFile<'_>, String> {
    let file =
        SafeTensors::deserialize(bytes).map_err(|error| format!("not readable as safetensors ({error})"))?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let mut tensors = BTreeMap::new();
    let mut unsupported = BTreeMap::new();
    for (name, view) in file.tensors() {
        let dtype = match view.dtype() {
            Dtype::F32 => StoredType::F32,
            Dtype::F16 => StoredType::F16,
            Dtype::BF16 => StoredType::Bf16,
            Dtype::F64 => StoredType::F64,
            Dtype::I64 | Dtype::U64 => StoredType::Integer(8),
            Dtype::I32 | Dtype::U32 => StoredType::Integer(4),
            Dtype::I16 | Dtype::U16 => StoredType::Integer(2),
            Dtype::I8 | Dtype::U8 | Dtype::BOOL => StoredType::Integer(1),
            other => {
                unsupported.insert(name, other.to_string());
                continue;
            }
        };
        let tensor = StoredTensor::dense(view.shape(), dtype, view.data());
        tensors.insert(name.clone(), tensor.map_err(|what| format!("tensor {name:?} {what}"))?);
    }
    Ok(SafetensorsFile { tensors, unsupported, metadata })
}

/// Reads all tensors of a safetensors file as single precision, with its metadata.
///
/// # Errors
/// If the file is damaged or a tensor is not of floats.
pub fn from_safetensors_bytes(bytes: &[u8]) -> Result<(Weights, BTreeMap<String, String>), String> {
    let file = read(bytes)?;
    if let Some((name, dtype)) = file.unsupported.first_key_value() {
        return Err(format!("tensor {name:?} is of type {dtype}, which is not supported"));
    }
    let mut weights = Weights::new();
    for (name, tensor) in &file.tensors {
        let tensor = tensor.to_host().map_err(|what| format!("tensor {name:?} {what}"))?;
        weights.insert(name.clone(), tensor);
    }
    Ok((weights, file.metadata))
}

/// The bytes of a safetensors file of single precision tensors; equal weights give equal bytes.
///
/// # Errors
/// If a tensor's shape does not give its number of values.
pub fn to_safetensors(weights: &Weights, metadata: &BTreeMap<String, String>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(&mut bytes, weights, metadata)?;
    Ok(bytes)
}

/// Writes a safetensors file of single precision tensors.
///
/// # Errors
/// If `out` fails, or a tensor's shape does not give its number of values.
pub fn write(out: &mut impl Write, weights: &Weights, metadata: &BTreeMap<String, String>) -> io::Result<()> {
    write_as(out, weights, metadata, FloatType::F32)
}

/// The types in which weights are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatType {
    /// Single precision.
    F32,
    /// IEEE half precision: 10 bits of significand, at most 65,504.
    F16,
    /// The upper half of single precision: 7 bits of significand.
    Bf16,
}

impl FloatType {
    /// Its name in the format.
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    /// Its name in PyTorch, for `config.json`.
    #[must_use]
    pub fn torch_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    fn bytes(self) -> usize {
        if self == Self::F32 { 4 } else { 2 }
    }

    fn encode(self, values: &[f32], out: &mut Vec<u8>) {
        match self {
            Self::F32 => out.extend(values.iter().flat_map(|value| value.to_le_bytes())),
            Self::F16 => out.extend(values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes())),
            Self::Bf16 => out.extend(values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes())),
        }
    }
}

/// Writes a safetensors file of tensors of a type, each value rounded to the nearest.
///
/// # Errors
/// If `out` fails, a tensor's shape does not give its number of values, or a value is too large for the type.
pub fn write_as<T: Borrow<HostTensor>>(
    out: &mut impl Write,
    weights: &BTreeMap<String, T>,
    metadata: &BTreeMap<String, String>,
    float: FloatType,
) -> io::Result<()> {
    let header = header(weights, metadata, float)?;
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)?;
    let mut buffer = Vec::with_capacity(1 << 16);
    for (name, tensor) in weights {
        for values in tensor.borrow().values.chunks(1 << 14) {
            let overflows = |value: &&f32| value.is_finite() && f16::from_f32(**value).is_infinite();
            if let (FloatType::F16, Some(value)) = (float, values.iter().find(overflows)) {
                let message =
                    format!("tensor {name:?} has the value {value}, which fp16 cannot hold; bf16 can");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            buffer.clear();
            float.encode(values, &mut buffer);
            out.write_all(&buffer)?;
        }
    }
    Ok(())
}

fn header<T: Borrow<HostTensor>>(
    weights: &BTreeMap<String, T>,
    metadata: &BTreeMap<String, String>,
    float: FloatType,
) -> io::Result<Vec<u8>> {
    let mut entries = Map::new();
    if !metadata.is_empty() {
        entries.insert("__metadata__".into(), json!(metadata));
    }
    let mut start = 0;
    for (name, tensor) in weights {
        let HostTensor { shape, values } = tensor.borrow();
        if shape.iter().product::<usize>() != values.len() {
            let message = format!("tensor {name:?} has shape {shape:?} but {} values", values.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let end = start + float.bytes() * values.len();
        let dtype = float.name();
        entries.insert(name.clone(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]}));
        start = end;
    }
    let mut header = Value::Object(entries).to_string().into_bytes();
    // Padding with spaces aligns the first tensor.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_survive_the_round_trip_bit_by_bit() {
        let mut weights = Weights::new();
        weights.insert(
            "b".into(),
            HostTensor { shape: vec![2, 2], values: vec![1.0, -0.0, f32::MIN_POSITIVE, 3e38] },
        );
        weights.insert("a".into(), HostTensor { shape: vec![], values: vec![0.1] });
        weights.insert("empty".into(), HostTensor { shape: vec![0, 3], values: vec![] });
        let metadata =
            BTreeMap::from([("format".to_owned(), "pt".to_owned()), ("x".to_owned(), "y".to_owned())]);
        let bytes = to_safetensors(&weights, &metadata).unwrap();
        assert_eq!(from_safetensors_bytes(&bytes).unwrap(), (weights.clone(), metadata.clone()));
        assert_eq!(bytes, to_safetensors(&weights, &metadata).unwrap());
        for cut in 0..bytes.len() {
            assert!(from_safetensors_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn half_types_round_to_the_nearest_and_refuse_what_they_cannot_hold() {
        let weights = |values: Vec<f32>| {
            Weights::from([("w".to_owned(), HostTensor { shape: vec![values.len()], values })])
        };
        let written = |values: Vec<f32>, float| {
            let mut bytes = Vec::new();
            write_as(&mut bytes, &weights(values), &BTreeMap::new(), float).map(|()| bytes)
        };
        for (float, rounded) in [(FloatType::F16, 0.099_975_586), (FloatType::Bf16, 0.100_097_656)] {
            let bytes = written(vec![1.0, 0.1, -2.5], float).unwrap();
            assert_eq!(from_safetensors_bytes(&bytes).unwrap().0, weights(vec![1.0, rounded, -2.5]));
        }
        let error = written(vec![7e4], FloatType::F16).unwrap_err().to_string();
        assert!(error.contains("\"w\"") && error.contains("70000") && error.contains("bf16"), "{error}");
        assert!(written(vec![7e4], FloatType::Bf16).is_ok());
    }

    #[test]
    fn a_shape_that_does_not_fit_is_an_error() {
        let tensor = HostTensor { shape: vec![3], values: vec![1.0] };
        let error = to_safetensors(&Weights::from([("w".to_owned(), tensor)]), &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("\"w\""), "{error}");
    }
}

//! Packs the weights of the demonstration's two models, so that a page with the program in it is downloaded sooner.
//!
//! Web hosts compress bytes, and those of bfloat16 numbers hardly repeat. So signs and exponents, which do, are kept apart from
//! the fractions, and the fine-tuned model as its difference from the pre-trained one. What only pre-training needs is left out.
//! `src/demo/weights.rs` has the way back, and a test that nothing is lost.

use std::{env, error::Error, fs, path::Path};

use serde_json::{Map, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../assets/demo");
    let out = Path::new(&env::var("OUT_DIR")?).to_owned();
    println!("cargo::rerun-if-changed=build.rs");
    let read = |name: &str| {
        let path = folder.join(name).join("model.safetensors");
        println!("cargo::rerun-if-changed={}", path.display());
        fs::read(path)
    };
    let pretrained = encoder_alone(&read("pretrained")?)?;
    let model = read("model")?;
    let (header, start) = parts(&pretrained)?;
    write(&out.join("pretrained.packed"), header, &start)?;
    let (header, values) = parts(&model)?;
    let from = start.iter().copied().chain(std::iter::repeat(0));
    let differences: Vec<u16> =
        values.iter().zip(from).map(|(value, from)| difference(*value, from)).collect();
    write(&out.join("model.packed"), header, &differences)
}

/// Header and values of a file.
type Parts<'a> = (&'a [u8], Vec<u16>);

/// A file of safetensors as its header, length included, and the bits of its bfloat16 values.
fn parts(file: &[u8]) -> Result<Parts<'_>, Box<dyn Error>> {
    let (length, rest) = file.split_first_chunk::<8>().ok_or("no safetensors")?;
    let length = usize::try_from(u64::from_le_bytes(*length))?;
    let values = rest.get(length..).ok_or("a cut header")?;
    let values = values.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Ok((&file[..8 + length], values))
}

/// The file without the heads of pre-training.
fn encoder_alone(file: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let (header, _) = parts(file)?;
    let data = &file[header.len()..];
    let tensors: Map<String, Value> = serde_json::from_slice(&header[8..])?;
    let (mut kept, mut out) = (Map::new(), Vec::new());
    for (name, mut tensor) in tensors {
        if name == "__metadata__" || !name.starts_with("bert.") {
            continue;
        }
        let [start, end] = serde_json::from_value::<[usize; 2]>(tensor["data_offsets"].take())?;
        let begin = out.len();
        out.extend_from_slice(data.get(start..end).ok_or("a tensor beyond the file")?);
        tensor["data_offsets"] = vec![begin, out.len()].into();
        kept.insert(name, tensor);
    }
    let mut header = serde_json::to_vec(&kept)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes()[..], &header, &out].concat())
}

/// How far a value is from another among all bfloat16 numbers in order; small numbers, whether it is above or below.
fn difference(value: u16, from: u16) -> u16 {
    let place = |bits: u16| if bits & 0x8000 == 0 { bits | 0x8000 } else { !bits };
    let steps = place(value).wrapping_sub(place(from));
    steps << 1 ^ if steps & 0x8000 == 0 { 0 } else { u16::MAX }
}

/// The header, then the lower byte of every value, then the upper one.
fn write(path: &Path, header: &[u8], values: &[u16]) -> Result<(), Box<dyn Error>> {
    let lower = values.iter().map(|value| value.to_le_bytes()[0]);
    let upper = values.iter().map(|value| value.to_le_bytes()[1]);
    let bytes: Vec<u8> = header.iter().copied().chain(lower).chain(upper).collect();
    Ok(fs::write(path, bytes)?)
}

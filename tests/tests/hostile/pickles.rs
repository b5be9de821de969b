//! PyTorch files assembled by hand: honest ones of a whole model, and hostile ones.

use spanbert_core::checkpoint::Weights;

/// The first three pickles of a legacy file: magic number, protocol, platform.
const LEGACY_START: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.";

/// Text as the pickle instruction BINUNICODE.
pub fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A number as the pickle instruction BININT.
fn number(value: usize) -> Vec<u8> {
    [b"J".as_slice(), &(value as i32).to_le_bytes()].concat()
}

fn tuple(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<Vec<u8>> = items.into_iter().collect();
    [b"(".as_slice(), &items.concat(), b"t"].concat()
}

/// A call of PyTorch's constructor of tensors on floats of storage `key`.
pub fn tensor(key: &str, elements: &[u8], shape: &[usize]) -> Vec<u8> {
    let mut strides = vec![1; shape.len()];
    for dimension in (1..shape.len()).rev() {
        strides[dimension - 1] = strides[dimension] * shape[dimension];
    }
    let storage = tuple([
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text(key),
        text("cpu"),
        elements.to_vec(),
    ]);
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n(".as_slice(),
        &storage,
        b"QK\x00",
        &tuple(shape.iter().map(|&size| number(size))),
        &tuple(strides.iter().map(|&stride| number(stride))),
        b"\x89ccollections\nOrderedDict\n)RtR",
    ]
    .concat()
}

/// The pickle of a state dict, from names and tensors.
pub fn dictionary(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> =
        entries.iter().flat_map(|(name, tensor)| [text(name), tensor.clone()].concat()).collect();
    [b"\x80\x02ccollections\nOrderedDict\n)R(".as_slice(), &items, b"u."].concat()
}

fn state_dict(weights: &Weights) -> Vec<u8> {
    let entry = |(index, (name, host)): (usize, (&String, &spanbert_core::checkpoint::HostTensor))| {
        (name.clone(), tensor(&index.to_string(), &number(host.values.len()), &host.shape))
    };
    dictionary(&weights.iter().enumerate().map(entry).collect::<Vec<_>>())
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A whole model as PyTorch saved it before 1.6.
pub fn legacy_model(weights: &Weights) -> Vec<u8> {
    let keys: Vec<Vec<u8>> = (0..weights.len()).map(|index| text(&index.to_string())).collect();
    let storages = weights.values().flat_map(|tensor| {
        [(tensor.values.len() as i64).to_le_bytes().to_vec(), bytes(&tensor.values)].concat()
    });
    let mut file = legacy(&state_dict(weights), &keys);
    file.extend(storages);
    file
}

/// A legacy file of a state dict's pickle and storage keys, up to the storages.
pub fn legacy(pickle: &[u8], keys: &[Vec<u8>]) -> Vec<u8> {
    [LEGACY_START, pickle, b"\x80\x02](", &keys.concat(), b"e."].concat()
}

/// A whole model as PyTorch saves it since 1.6.
pub fn zip_model(weights: &Weights) -> Vec<u8> {
    let mut entries =
        vec![("a/data.pkl".to_owned(), state_dict(weights)), ("a/byteorder".into(), b"little".into())];
    let storages = weights.values().enumerate();
    entries.extend(storages.map(|(index, tensor)| (format!("a/data/{index}"), bytes(&tensor.values))));
    zip(&entries)
}

/// A zip archive without compression.
pub fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in entries {
        let start = (file.len() as u32).to_le_bytes();
        let size = (contents.len() as u32).to_le_bytes();
        let lengths = [&(name.len() as u16).to_le_bytes()[..], &[0, 0]].concat();
        let common =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &crc32(contents).to_le_bytes(), &size, &size, &lengths]
                .concat();
        file.extend([b"PK\x03\x04", &common[..], name.as_bytes(), contents].concat());
        directory.extend([b"PK\x01\x02\x14\0", &common[..], &[0; 10], &start, name.as_bytes()].concat());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let (size, start) = ((directory.len() as u32).to_le_bytes(), (file.len() as u32).to_le_bytes());
    [&file[..], &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &size, &start, &[0, 0]].concat()
}

/// The archive with every entry's checksum made right again where its contents are found: a fuzzer cannot guess them,
/// and nothing behind them would be tried.
pub fn with_checksums_repaired(mut file: Vec<u8>) -> Vec<u8> {
    let number = |file: &[u8], at: usize, size: usize| {
        file.get(at..at + size)
            .map(|bytes| bytes.iter().rev().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte)))
    };
    let headers: Vec<usize> =
        file.windows(4).enumerate().filter(|(_, four)| four == b"PK\x01\x02").map(|(at, _)| at).collect();
    for at in headers.into_iter().take(64) {
        let checksum = (|| {
            let (size, header) = (number(&file, at + 24, 4)?, number(&file, at + 42, 4)?);
            let start = header + 30 + number(&file, header + 26, 2)? + number(&file, header + 28, 2)?;
            file.get(start..start.checked_add(size)?).map(crc32)
        })();
        if let (Some(checksum), Some(place)) = (checksum, file.get_mut(at + 16..at + 20)) {
            place.copy_from_slice(&checksum.to_le_bytes());
        }
    }
    file
}

/// The checksum of zip archives.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

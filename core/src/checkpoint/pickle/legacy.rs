//! The container before PyTorch 1.6: four pickles (magic number, protocol, platform, state dict), a pickled list of
//! storage keys, then for each key in order an element count and the elements.

use std::collections::BTreeMap;

use super::{
    Container, PickleError, StateDict,
    machine::{self, Outcome},
    state_dict,
    value::{Object, StorageRef, Value},
};

const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
const PROTOCOL: i128 = 1001;

/// Reads a state dict of the old container.
///
/// # Errors
/// As [`super::read_state_dict`].
pub fn read(bytes: &[u8]) -> Result<StateDict<'_>, PickleError> {
    if bytes.get(257..262) == Some(b"ustar") {
        return Err(PickleError::TooOld);
    }
    if bytes.first() != Some(&0x80) {
        return Err(PickleError::WrongMagic);
    }
    let mut position = 0;
    let mut next = || -> Result<Outcome<'_>, PickleError> {
        let outcome = machine::run(bytes.get(position..).unwrap_or_default())?;
        position += outcome.length;
        Ok(outcome)
    };
    let first = next()?;
    if first.value != Value::Integer(MAGIC) {
        return Err(match first.value {
            Value::Object(_) => PickleError::NotAStateDict { what: "a bare pickle" },
            _ => PickleError::WrongMagic,
        });
    }
    if next()?.value != Value::Integer(PROTOCOL) {
        return Err(PickleError::Malformed { what: "unknown version of the legacy format", offset: 0 });
    }
    let platform = next()?;
    if is_big_endian(&platform) {
        return Err(PickleError::BigEndian);
    }
    let dict = next()?;
    let keys = next()?;
    let storages = storages(&keys, &dict.storages, bytes.get(position..).unwrap_or_default())?;
    state_dict::collect(&dict, Container::Legacy, |storage| match storages.get(storage.key) {
        Some(Part::Whole(bytes)) => Ok(*bytes),
        Some(Part::Short) => Err("is cut short".into()),
        None => Err(format!("refers to storage {:?}, which the file does not list", storage.key)),
    })
}

/// Bytes of a storage, as far as the file has them.
enum Part<'a> {
    Whole(&'a [u8]),
    Short,
}

fn storages<'a>(
    keys: &Outcome<'a>,
    known: &BTreeMap<&'a str, StorageRef<'a>>,
    mut rest: &'a [u8],
) -> Result<BTreeMap<&'a str, Part<'a>>, PickleError> {
    let list = match keys.value {
        Value::Object(index) => keys.objects.get(index),
        _ => None,
    };
    let malformed = |what| PickleError::Malformed { what, offset: 0 };
    let Some(Object::List(list)) = list else { return Err(malformed("no list of storages")) };
    let mut parts = BTreeMap::new();
    for &key in list {
        let Value::Text(key) = key else { return Err(malformed("a storage key that is no string")) };
        let storage = known.get(key).ok_or_else(|| malformed("a storage that no tensor uses"))?;
        let Some((count, data)) = rest.split_first_chunk::<8>() else {
            rest = &[];
            parts.insert(key, Part::Short);
            continue;
        };
        if usize::try_from(i64::from_le_bytes(*count)).ok() != Some(storage.elements) {
            return Err(malformed("a storage whose size differs from the one its tensors expect"));
        }
        let length = storage.elements.checked_mul(storage.dtype.size());
        match length.and_then(|length| data.split_at_checked(length)) {
            Some((elements, after)) => {
                parts.insert(key, Part::Whole(elements));
                rest = after;
            }
            None => {
                parts.insert(key, Part::Short);
                rest = &[];
            }
        }
    }
    Ok(parts)
}

fn is_big_endian(platform: &Outcome<'_>) -> bool {
    let Value::Object(index) = platform.value else { return false };
    let Some(Object::Dict(entries)) = platform.objects.get(index) else { return false };
    entries.contains(&(Value::Text("little_endian"), Value::Bool(false)))
}

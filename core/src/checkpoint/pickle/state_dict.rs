//! From the result of a pickle to tensors by name.

use std::collections::{BTreeMap, HashSet};

use super::{
    Container, PickleError, StateDict,
    machine::Outcome,
    value::{Object, StorageRef, Value},
};
use crate::checkpoint::stored::StoredTensor;

/// Keys under which training scripts wrap the state dict, the likeliest first; `module` is DeepSpeed's.
const WRAPPERS: [&str; 6] = ["state_dict", "model_state_dict", "model", "module", "net", "model_state"];

/// Most dictionaries around the state dict.
const MAX_DEPTH: usize = 4;

/// Most tensors that are read; a state dict of BERT-large has 400.
const MAX_TENSORS: usize = 1 << 16;

/// Names the tensors of the pickle's dictionary; `storage` finds a storage's bytes.
///
/// # Errors
/// If the result is no dictionary, or a tensor does not fit its storage.
pub fn collect<'a>(
    outcome: &Outcome<'a>,
    container: Container,
    mut storage: impl FnMut(StorageRef<'a>) -> Result<&'a [u8], String>,
) -> Result<StateDict<'a>, PickleError> {
    let entries = dictionary(outcome)?;
    let mut tensors = BTreeMap::new();
    // Borrowed until the end: a pickle of two megabytes can name one long key half a million times.
    let (mut ignored, mut seen) = (Vec::new(), HashSet::new());
    for &(key, value) in entries {
        let Value::Text(name) = key else { continue };
        let object = match value {
            Value::Object(index) => outcome.objects.get(index),
            _ => None,
        };
        let Some(Object::Tensor { storage: whole, offset, shape, strides }) = object else {
            if seen.insert(name) {
                ignored.push(name.to_owned());
            }
            continue;
        };
        if tensors.len() >= MAX_TENSORS {
            return Err(PickleError::TooLarge { what: "tensors", limit: MAX_TENSORS });
        }
        let wrong = |what| PickleError::Tensor { name: name.to_owned(), what };
        let bytes = storage(*whole).map_err(wrong)?;
        let tensor = StoredTensor::strided(shape.clone(), strides.clone(), *offset, whole.dtype, bytes);
        tensors.insert(name.to_owned(), tensor.map_err(wrong)?);
    }
    if tensors.is_empty() {
        return Err(PickleError::NotAStateDict { what: "no tensors" });
    }
    Ok(StateDict { container, tensors, ignored })
}

/// The dictionary of tensors: the result itself, or what a training script put it under.
fn dictionary<'o, 'a>(outcome: &'o Outcome<'a>) -> Result<&'o [(Value<'a>, Value<'a>)], PickleError> {
    let entries = |value| match value {
        Value::Object(index) => match outcome.objects.get(index) {
            Some(Object::Dict(entries)) => Ok(entries.as_slice()),
            Some(Object::Tensor { .. }) => Err(PickleError::NotAStateDict { what: "a single tensor" }),
            _ => Err(PickleError::NotAStateDict { what: "a list or tuple" }),
        },
        _ => Err(PickleError::NotAStateDict { what: "a plain value" }),
    };
    let is_tensor = |value: &Value<'a>| match value {
        Value::Object(index) => matches!(outcome.objects.get(*index), Some(Object::Tensor { .. })),
        _ => false,
    };
    let mut dict = entries(outcome.value)?;
    for _ in 0..MAX_DEPTH {
        let wrapped = |wrapper: &&str| {
            let entry = dict.iter().find(|(key, _)| *key == Value::Text(wrapper))?;
            entries(entry.1).ok().filter(|inner| !inner.is_empty())
        };
        if let Some(inner) = WRAPPERS.iter().find_map(wrapped) {
            dict = inner;
            continue;
        }
        if dict.iter().any(|(_, value)| is_tensor(value)) {
            break;
        }
        // Under a key of the script's own: unmistakable if it is the only dictionary of tensors.
        let mut inner = dict.iter().filter_map(|&(key, value)| match key {
            Value::Text(key) => Some((key, entries(value).ok()?)),
            _ => None,
        });
        let of_tensors = |(_, inner): &(&str, &[(Value<'a>, Value<'a>)])| {
            inner.iter().any(|(key, value)| matches!(key, Value::Text(_)) && is_tensor(value))
        };
        let Some((first, found)) = inner.find(of_tensors) else { break };
        if let Some((second, _)) = inner.find(of_tensors) {
            return Err(PickleError::Several { first: first.to_owned(), second: second.to_owned() });
        }
        dict = found;
    }
    Ok(dict)
}

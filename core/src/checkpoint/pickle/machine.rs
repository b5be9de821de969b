//! The pickle stack machine, reduced to what a state dict needs.
//!
//! Objects live in one flat arena and refer to each other by index: cycles are harmless, nothing recurses, and
//! dropping is flat. Strings stay slices of the file.

use std::collections::{BTreeMap, HashMap};

use super::{
    cursor::Cursor,
    error::PickleError,
    value::{Global, Object, StorageRef, Value},
};
use crate::checkpoint::stored::MAX_DIMENSIONS;

const MAX_OBJECTS: usize = 1 << 18;
const MAX_STACK: usize = 1 << 16;

/// What a pickle left: its result and the arena the result refers to.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The top of the stack at the end.
    pub value: Value<'a>,
    /// Compound values by index.
    pub objects: Vec<Object<'a>>,
    /// Every storage referred to, by key.
    pub storages: BTreeMap<&'a str, StorageRef<'a>>,
    /// Bytes of the pickle.
    pub length: usize,
}

/// Runs the pickle at the start of `bytes` up to its STOP.
///
/// # Errors
/// If it is cut short, malformed, beyond the limits, or uses an instruction or global outside the whitelist.
pub fn run(bytes: &[u8]) -> Result<Outcome<'_>, PickleError> {
    let mut machine = Machine { cursor: Cursor::new(bytes), ..Machine::default() };
    while !machine.step()? {}
    let value = machine.pop()?;
    Ok(Outcome {
        value,
        objects: machine.objects,
        storages: machine.storages,
        length: machine.cursor.position(),
    })
}

#[derive(Default)]
struct Machine<'a> {
    cursor: Cursor<'a>,
    stack: Vec<Value<'a>>,
    /// Stack heights at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    objects: Vec<Object<'a>>,
    storages: BTreeMap<&'a str, StorageRef<'a>>,
}

impl<'a> Machine<'a> {
    /// Runs one instruction; true after STOP. Opcode values are those of CPython's `pickle.py`.
    fn step(&mut self) -> Result<bool, PickleError> {
        let offset = self.cursor.position();
        let opcode = self.cursor.byte()?;
        match opcode {
            // PROTO: text protocols 0 and 1 have none.
            0x80 => {
                if self.cursor.byte()? > 5 {
                    return Err(self.malformed("unknown pickle protocol"));
                }
            }
            // FRAME: its length is of no use here.
            0x95 => drop(self.cursor.take(8)?),
            b'.' => return Ok(true),
            b'(' => {
                if self.marks.len() >= MAX_STACK {
                    return Err(PickleError::TooLarge { what: "open marks in the pickle", limit: MAX_STACK });
                }
                self.marks.push(self.stack.len());
            }
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'K' => {
                let value = self.cursor.byte()?;
                self.push(Value::Integer(value.into()))?;
            }
            b'M' => {
                let value = u16::from_le_bytes(self.cursor.array()?);
                self.push(Value::Integer(value.into()))?;
            }
            b'J' => {
                let value = i32::from_le_bytes(self.cursor.array()?);
                self.push(Value::Integer(value.into()))?;
            }
            0x8a => {
                let value = self.cursor.long()?;
                self.push(Value::Integer(value))?;
            }
            b'G' => {
                self.cursor.take(8)?;
                self.push(Value::Float)?;
            }
            b'X' => {
                let length = u32::from_le_bytes(self.cursor.array()?);
                let text = self.cursor.text(length as usize)?;
                self.push(Value::Text(text))?;
            }
            // BINSTRING and SHORT_BINSTRING: what Python 2 wrote.
            b'T' => {
                let length = u32::from_le_bytes(self.cursor.array()?);
                let text = self.cursor.text(length as usize)?;
                self.push(Value::Text(text))?;
            }
            0x8c | b'U' => {
                let length = self.cursor.byte()?;
                let text = self.cursor.text(length.into())?;
                self.push(Value::Text(text))?;
            }
            b')' => self.push_object(Object::Tuple(Vec::new()))?,
            b't' => {
                let items = self.pop_mark()?;
                self.push_object(Object::Tuple(items))?;
            }
            0x85..=0x87 => {
                let items = self.pop_many(usize::from(opcode - 0x84))?;
                self.push_object(Object::Tuple(items))?;
            }
            b']' => self.push_object(Object::List(Vec::new()))?,
            b'a' => {
                let items = self.pop_many(1)?;
                self.append(items)?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(items)?;
            }
            b'}' => self.push_object(Object::Dict(Vec::new()))?,
            b's' => {
                let items = self.pop_many(2)?;
                self.set_items(&items)?;
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set_items(&items)?;
            }
            b'c' => {
                let module = self.cursor.line()?;
                let name = self.cursor.line()?;
                self.global(module, name, offset)?;
            }
            0x93 => {
                let [Value::Text(module), Value::Text(name)] = self.pop_many(2)?[..] else {
                    return Err(self.malformed("a global without a name"));
                };
                self.global(module, name, offset)?;
            }
            b'R' => self.reduce()?,
            // BUILD sets attributes: `_metadata` of an ordered dictionary, which nothing here uses.
            b'b' => {
                self.pop()?;
                let target = self.last()?;
                let Some(Object::Dict(_)) = self.object(target) else {
                    return Err(self.malformed("attributes set on something else than a dictionary"));
                };
            }
            b'q' => {
                let slot = self.cursor.byte()?;
                self.remember(slot.into())?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.cursor.array()?);
                self.remember(slot)?;
            }
            0x94 => self.remember(u32::try_from(self.memo.len()).unwrap_or(u32::MAX))?,
            b'h' => {
                let slot = self.cursor.byte()?;
                self.recall(slot.into())?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.cursor.array()?);
                self.recall(slot)?;
            }
            b'Q' => self.persistent_id()?,
            _ => return Err(PickleError::Opcode { opcode, offset }),
        }
        Ok(false)
    }

    fn reduce(&mut self) -> Result<(), PickleError> {
        let arguments = self.pop()?;
        let Value::Global(function) = self.pop()? else {
            return Err(self.malformed("a call of something that is no function"));
        };
        let wrong = "a constructor called with the wrong arguments";
        let arguments = match self.object(arguments) {
            Some(Object::Tuple(arguments)) if arguments.len() <= MAX_DIMENSIONS => arguments.clone(),
            _ => return Err(self.malformed(wrong)),
        };
        match (function, arguments.as_slice()) {
            (Global::OrderedDict, []) => self.push_object(Object::Dict(Vec::new())),
            // Python 2 passes the items as a list of pairs.
            (Global::OrderedDict, &[pairs]) => {
                let items = self.take_pairs(pairs).ok_or_else(|| self.malformed(wrong))?;
                self.push_object(Object::Dict(items))
            }
            (Global::Size, &[sizes]) => {
                let sizes = self.sizes(sizes).ok_or_else(|| self.malformed(wrong))?;
                let sizes = sizes.into_iter().map(|size| Value::Integer(size as i128)).collect();
                self.push_object(Object::Tuple(sizes))
            }
            (Global::RebuildTensor, &[storage, offset, shape, strides, ..]) => {
                let tensor = self.tensor(storage, offset, shape, strides);
                let tensor = tensor.ok_or_else(|| self.malformed(wrong))?;
                self.push_object(tensor)
            }
            (Global::RebuildParameter, &[tensor, ..]) => match self.object(tensor) {
                Some(Object::Tensor { .. }) => self.push(tensor),
                _ => Err(self.malformed(wrong)),
            },
            _ => Err(self.malformed(wrong)),
        }
    }

    fn tensor(
        &self,
        storage: Value<'a>,
        offset: Value<'a>,
        shape: Value<'a>,
        strides: Value<'a>,
    ) -> Option<Object<'a>> {
        let Some(&Object::Storage(storage)) = self.object(storage) else { return None };
        let offset = offset.size()?;
        Some(Object::Tensor { storage, offset, shape: self.sizes(shape)?, strides: self.sizes(strides)? })
    }

    /// A tensor's storage: `("storage", type, key, device, elements[, view])`.
    fn persistent_id(&mut self) -> Result<(), PickleError> {
        let id = self.pop()?;
        let wrong = "a reference to something else than a storage";
        let Some(Object::Tuple(id)) = self.object(id) else { return Err(self.malformed(wrong)) };
        let (Value::Text("storage"), Value::Global(Global::Storage(dtype)), Value::Text(key), elements) =
            (match id.as_slice() {
                // The view of a part of another storage stopped being written before PyTorch 0.4.
                &[kind, dtype, key, _, elements] | &[kind, dtype, key, _, elements, Value::None] => {
                    (kind, dtype, key, elements)
                }
                _ => return Err(self.malformed(wrong)),
            })
        else {
            return Err(self.malformed(wrong));
        };
        let elements = elements.size().ok_or_else(|| self.malformed(wrong))?;
        let storage = StorageRef { key, dtype, elements };
        // One storage may be referred to once per tensor, always alike.
        if *self.storages.entry(key).or_insert(storage) != storage {
            return Err(self.malformed("a storage with two types or sizes"));
        }
        self.push_object(Object::Storage(storage))
    }

    fn global(&mut self, module: &str, name: &str, offset: usize) -> Result<(), PickleError> {
        match Global::from_name(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => {
                let global: String = format!("{module}.{name}").chars().take(100).collect();
                Err(PickleError::Refused { global: global.escape_debug().to_string(), offset })
            }
        }
    }

    fn set_items(&mut self, items: &[Value<'a>]) -> Result<(), PickleError> {
        let (pairs, rest) = items.as_chunks::<2>();
        let (target, complete) = (self.last()?, rest.is_empty());
        match self.object_mut(target) {
            Some(Object::Dict(entries)) if complete => {
                entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err(self.malformed("items set on something else than a dictionary")),
        }
    }

    fn append(&mut self, mut items: Vec<Value<'a>>) -> Result<(), PickleError> {
        let target = self.last()?;
        match self.object_mut(target) {
            Some(Object::List(list)) => {
                list.append(&mut items);
                Ok(())
            }
            _ => Err(self.malformed("items appended to something else than a list")),
        }
    }

    /// Takes the pairs out of a list; a copy could be asked for again and again.
    fn take_pairs(&mut self, list: Value<'a>) -> Option<Vec<(Value<'a>, Value<'a>)>> {
        let Some(Object::List(list)) = self.object_mut(list) else { return None };
        let list = std::mem::take(list);
        list.iter()
            .map(|&pair| match self.object(pair) {
                Some(Object::List(pair) | Object::Tuple(pair)) => match pair[..] {
                    [key, value] => Some((key, value)),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    fn sizes(&self, tuple: Value<'a>) -> Option<Vec<usize>> {
        let Some(Object::Tuple(items)) = self.object(tuple) else { return None };
        // A tensor of more dimensions is refused later; here a long tuple must not be copied again and again.
        if items.len() > MAX_DIMENSIONS {
            return None;
        }
        items.iter().map(|&item| item.size()).collect()
    }

    fn object(&self, value: Value<'a>) -> Option<&Object<'a>> {
        match value {
            Value::Object(index) => self.objects.get(index),
            _ => None,
        }
    }

    fn object_mut(&mut self, value: Value<'a>) -> Option<&mut Object<'a>> {
        match value {
            Value::Object(index) => self.objects.get_mut(index),
            _ => None,
        }
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), PickleError> {
        if self.stack.len() >= MAX_STACK {
            return Err(PickleError::TooLarge { what: "values on the pickle's stack", limit: MAX_STACK });
        }
        self.stack.push(value);
        Ok(())
    }

    fn push_object(&mut self, object: Object<'a>) -> Result<(), PickleError> {
        if self.objects.len() >= MAX_OBJECTS {
            return Err(PickleError::TooLarge { what: "objects in the pickle", limit: MAX_OBJECTS });
        }
        self.objects.push(object);
        self.push(Value::Object(self.objects.len() - 1))
    }

    /// Height below which an instruction may not reach: the innermost mark's.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Value<'a>, PickleError> {
        match self.stack.pop() {
            Some(value) if self.stack.len() >= self.floor() => Ok(value),
            _ => Err(self.malformed("the stack is empty")),
        }
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Value<'a>>, PickleError> {
        match self.stack.len().checked_sub(count) {
            Some(rest) if rest >= self.floor() => Ok(self.stack.split_off(rest)),
            _ => Err(self.malformed("the stack is empty")),
        }
    }

    fn pop_mark(&mut self) -> Result<Vec<Value<'a>>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.malformed("no mark to go back to"))?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn last(&self) -> Result<Value<'a>, PickleError> {
        self.stack.last().copied().ok_or_else(|| self.malformed("the stack is empty"))
    }

    fn remember(&mut self, slot: u32) -> Result<(), PickleError> {
        if self.memo.len() >= MAX_OBJECTS {
            return Err(PickleError::TooLarge { what: "memo entries in the pickle", limit: MAX_OBJECTS });
        }
        let value = self.last()?;
        self.memo.insert(slot, value);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), PickleError> {
        let value = self.memo.get(&slot).copied();
        self.push(value.ok_or_else(|| self.malformed("a memo entry that was never made"))?)
    }

    fn malformed(&self, what: &'static str) -> PickleError {
        self.cursor.malformed(what)
    }
}

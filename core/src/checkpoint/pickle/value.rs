//! What a pickle can hold: the values, the compound objects and the few names it may refer to.

use crate::checkpoint::stored::StoredType;

/// A value on the stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer; the widest in use is the legacy magic number's 10 bytes.
    Integer(i128),
    /// A float, never needed.
    Float,
    /// Text.
    Text(&'a str),
    /// A constructor of the whitelist.
    Global(Global),
    /// Anything compound: an index into the arena.
    Object(usize),
}

/// What a pickle may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_rebuild_tensor_v2`.
    RebuildTensor,
    /// `torch._utils._rebuild_parameter`.
    RebuildParameter,
    /// `torch.Size`.
    Size,
    /// `torch.FloatStorage` and its siblings.
    Storage(StoredType),
}

impl Global {
    /// The constructor of this name, if it is on the whitelist.
    pub fn from_name(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", "Size") => Some(Self::Size),
            ("torch" | "torch.cuda", _) => {
                let dtype = match name.strip_suffix("Storage")? {
                    "Float" => StoredType::F32,
                    "Half" => StoredType::F16,
                    "BFloat16" => StoredType::Bf16,
                    "Double" => StoredType::F64,
                    "Long" => StoredType::Integer(8),
                    "Int" => StoredType::Integer(4),
                    "Short" => StoredType::Integer(2),
                    "Char" | "Byte" | "Bool" => StoredType::Integer(1),
                    _ => return None,
                };
                Some(Self::Storage(dtype))
            }
            _ => None,
        }
    }
}

/// Elements outside the pickle that tensors are views of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageRef<'a> {
    /// Name of the storage: `data/KEY` in a zip archive, an old memory address in a legacy file.
    pub key: &'a str,
    /// Type of its elements.
    pub dtype: StoredType,
    /// Number of its elements.
    pub elements: usize,
}

/// A compound value.
#[derive(Clone, Debug)]
pub enum Object<'a> {
    /// Tuple, or `torch.Size`.
    Tuple(Vec<Value<'a>>),
    /// List.
    List(Vec<Value<'a>>),
    /// Dictionary in the order of insertion; a key may occur again, the last one counts.
    Dict(Vec<(Value<'a>, Value<'a>)>),
    /// Storage.
    Storage(StorageRef<'a>),
    /// View of a storage.
    Tensor {
        /// What it is a view of.
        storage: StorageRef<'a>,
        /// First element.
        offset: usize,
        /// Dimensions, outermost first.
        shape: Vec<usize>,
        /// Strides in elements.
        strides: Vec<usize>,
    },
}

impl Value<'_> {
    /// A size, count or offset; `None` for anything else, negative numbers included.
    pub fn size(self) -> Option<usize> {
        match self {
            Value::Integer(value) => usize::try_from(value).ok(),
            _ => None,
        }
    }
}

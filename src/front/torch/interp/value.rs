//! Lua values: the type that everything evaluates to, and strings.

use super::function::{Closure, Native};
use super::heap::Heap;
use super::number;
use super::object::Object;
use super::table::Table;
use std::borrow::Cow;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::OnceLock;

/// A value. Cloning copies a number or a reference.
#[derive(Clone, Default)]
pub enum Value {
    /// `nil`.
    #[default]
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// A double; Lua 5.1 has no other numbers.
    Number(f64),
    /// Immutable bytes.
    String(LuaStr),
    /// A table, compared by identity.
    Table(Table),
    /// A function written in Lua.
    Function(Rc<Closure>),
    /// A function written in Rust.
    Native(Rc<Native>),
    /// A value whose behaviour is Rust's, such as a tensor or a layer.
    Object(Rc<dyn Object>),
}

impl Value {
    /// Whether something that may own further values is freed with this one.
    pub(super) fn is_last_owner(&self) -> bool {
        match self {
            Value::Nil | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            Value::Table(table) => table.owners() == 1,
            Value::Function(closure) => Rc::strong_count(closure) == 1,
            Value::Native(native) => Rc::strong_count(native) == 1,
            Value::Object(object) => Rc::strong_count(object) == 1,
        }
    }

    /// What `type()` says.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Table(_) => "table",
            Value::Function(_) | Value::Native(_) => "function",
            Value::Object(object) => object.lua_type(),
        }
    }

    /// The type for a complaint that another was expected.
    pub fn described_type(&self) -> &'static str {
        match self {
            Value::Object(object) => object.described_type(),
            other => other.type_name(),
        }
    }

    /// Everything is true except nil and false.
    #[inline]
    pub fn is_truthy(&self) -> bool {
        !matches!(self, Value::Nil | Value::Bool(false))
    }

    /// True for nil.
    #[inline]
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// Whether it is a function, of Lua or of Rust.
    pub fn is_function(&self) -> bool {
        matches!(self, Value::Function(_) | Value::Native(_))
    }

    /// The table that it is.
    pub fn into_table(self) -> Option<Table> {
        if let Value::Table(table) = self { Some(table) } else { None }
    }

    /// The number of a number or of a numeral in a string.
    pub fn to_number(&self) -> Option<f64> {
        match self {
            Value::Number(n) => Some(*n),
            Value::String(s) => number::parse(s),
            _ => None,
        }
    }

    /// The text of a string or a number.
    pub fn to_text(&self) -> Option<LuaStr> {
        match self {
            Value::String(s) => Some(s.clone()),
            Value::Number(n) => Some(LuaStr::from(number::format(*n).as_str())),
            _ => None,
        }
    }

    /// Equality without metamethods.
    pub fn raw_equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Table(a), Value::Table(b)) => a == b,
            (Value::Function(a), Value::Function(b)) => Rc::ptr_eq(a, b),
            (Value::Native(a), Value::Native(b)) => Rc::ptr_eq(a, b),
            (Value::Object(a), Value::Object(b)) => std::ptr::addr_eq(Rc::as_ptr(a), Rc::as_ptr(b)),
            _ => false,
        }
    }

    /// The object behind the value if it is of this Rust type.
    pub fn object<T: Object>(&self) -> Option<&T> {
        match self {
            Value::Object(object) => {
                let any: &dyn std::any::Any = &**object;
                any.downcast_ref()
            }
            _ => None,
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Nil => write!(f, "nil"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Number(n) => write!(f, "{}", number::format(*n)),
            Value::String(s) => write!(f, "{:?}", s.to_str()),
            other => write!(f, "<{}>", other.type_name()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Number(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value::Number(value as f64)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::String(value.into())
    }
}

impl From<LuaStr> for Value {
    fn from(value: LuaStr) -> Self {
        Value::String(value)
    }
}

impl From<Table> for Value {
    fn from(value: Table) -> Self {
        Value::Table(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Nil, Into::into)
    }
}

/// A string of bytes, shared. Its hash is computed once.
#[derive(Clone)]
pub struct LuaStr(Rc<Text>);

struct Text {
    bytes: Box<[u8]>,
    hash: Cell<Option<u64>>,
    heap: Option<Heap>,
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Some(heap) = &self.heap {
            heap.subtract(STRING_COST + self.bytes.len());
        }
    }
}

const STRING_COST: usize = 56;

impl LuaStr {
    pub(crate) fn counted(heap: &Heap, bytes: Box<[u8]>) -> Self {
        heap.add(STRING_COST + bytes.len());
        LuaStr(Rc::new(Text { bytes, hash: Cell::new(None), heap: Some(heap.clone()) }))
    }

    /// The text; bytes that are no UTF-8 are replaced.
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self)
    }

    pub(super) fn hash_value(&self) -> u64 {
        static STATE: OnceLock<RandomState> = OnceLock::new();
        self.0.hash.get().unwrap_or_else(|| {
            let hash = STATE.get_or_init(RandomState::new).hash_one(&self.0.bytes);
            self.0.hash.set(Some(hash));
            hash
        })
    }
}

impl std::ops::Deref for LuaStr {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl PartialEq for LuaStr {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || self.0.bytes == other.0.bytes
    }
}

impl From<&str> for LuaStr {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<&[u8]> for LuaStr {
    fn from(bytes: &[u8]) -> Self {
        LuaStr(Rc::new(Text { bytes: bytes.into(), hash: Cell::new(None), heap: None }))
    }
}

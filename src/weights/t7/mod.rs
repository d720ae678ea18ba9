//! Reads what Torch7 saves, `.t7` in its binary and ascii encodings, and finds the parameters of a network in it.
//!
//! A file is a graph of [`Object`]s that refer to each other by their places; sharing and cycles stay as they are. Every
//! length is compared with what the file holds before anything is allocated for it, and nesting is bounded. Functions
//! are passed over.

mod cursor;
mod model;
mod read;
mod tables;
mod tensor;
mod write;

pub use model::{Buffers, Parameter};
pub use tensor::{Numbers, Tensor};
pub use write::write_flat;

use std::path::{Path, PathBuf};

use super::Blob;
use crate::{Error, Result, file};

/// A value of Lua.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// nil
    Nil,
    /// true, false
    Bool(bool),
    /// A number.
    Number(f64),
    /// A string of bytes.
    Text(Vec<u8>),
    /// A thing that may be referred to more than once, by its place in the file's list.
    Object(usize),
}

/// A thing that may be referred to more than once.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A table: keys and values in the order of the file.
    Table(Vec<(Value, Value)>),
    /// An object of a class of Lua, such as a module of nn.
    Torch {
        /// `nn.Linear`
        class: String,
        /// The version of the class's format.
        version: u32,
        /// A table, as a rule.
        fields: Value,
    },
    /// A tensor.
    Tensor {
        /// `torch.FloatTensor`
        class: String,
        /// The window of a storage.
        tensor: Tensor,
    },
    /// A storage.
    Storage {
        /// `torch.FloatStorage`
        class: String,
        /// What it holds.
        numbers: Numbers,
    },
    /// A function, of which nothing is kept.
    Function,
}

/// A file that has been read.
#[derive(Clone, Debug)]
pub struct T7 {
    path: PathBuf,
    /// Bytes of the file.
    size: usize,
    /// The object that was saved.
    pub root: Value,
    objects: Vec<Object>,
}

impl T7 {
    /// Reads a file of either encoding.
    ///
    /// # Errors
    /// The file is no `.t7` file, is cut, or claims more than it holds; with the byte at which that is noticed.
    pub fn read(path: &Path) -> Result<T7> {
        T7::parse(path, &file::read(path)?)
    }

    /// Reads a file that is in memory; `path` is for errors only.
    ///
    /// # Errors
    /// As [`T7::read`].
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<T7> {
        read::parse(path, bytes)
    }

    /// The object of a value that is one.
    pub fn object(&self, value: &Value) -> Option<&Object> {
        match value {
            Value::Object(place) => self.objects.get(*place),
            _ => None,
        }
    }

    /// The field of a table, or of an object of a class.
    pub fn field(&self, value: &Value, key: &str) -> Option<&Value> {
        let is_key = |k: &Value| matches!(k, Value::Text(text) if text == key.as_bytes());
        self.entries(value)?.iter().find(|(k, _)| is_key(k)).map(|(_, v)| v)
    }

    /// The elements 1, 2, ... of a table, up to the first that is missing.
    pub fn list(&self, value: &Value) -> Vec<&Value> {
        let Some(entries) = self.entries(value) else { return vec![] };
        let mut numbered: Vec<(f64, &Value)> = vec![];
        for (key, value) in entries {
            if let Value::Number(n) = key {
                numbered.push((*n, value));
            }
        }
        numbered.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut list = vec![];
        for (n, value) in numbered {
            if n == (list.len() + 1) as f64 && *value != Value::Nil {
                list.push(value);
            }
        }
        list
    }

    fn entries(&self, value: &Value) -> Option<&[(Value, Value)]> {
        match self.object(value)? {
            Object::Table(entries) => Some(entries),
            Object::Torch { fields: Value::Object(place), .. } => match &self.objects[*place] {
                Object::Table(entries) => Some(entries),
                _ => None,
            },
            _ => None,
        }
    }

    /// The class of a torch object.
    pub fn class(&self, value: &Value) -> Option<&str> {
        match self.object(value)? {
            Object::Torch { class, .. }
            | Object::Tensor { class, .. }
            | Object::Storage { class, .. } => Some(class),
            _ => None,
        }
    }

    /// Whether so many elements are more than an honest file of this size means: an expanded tensor is larger than its
    /// storage, but not by so much.
    fn is_exceeded_by(&self, elements: usize) -> bool {
        self.size.saturating_mul(64) < elements
    }

    /// A tensor's values as f32.
    ///
    /// # Errors
    /// The tensor repeats its storage beyond measure.
    pub fn blob(&self, tensor: &Tensor) -> Result<Blob> {
        if self.is_exceeded_by(tensor.count()) {
            let message =
                format!("a tensor of {} numbers in a file of {} bytes", tensor.count(), self.size);
            return Err(Error::format(&self.path, message));
        }
        let none = Numbers::Byte(vec![]);
        let numbers = match tensor.storage.map(|place| &self.objects[place]) {
            Some(Object::Storage { numbers, .. }) => numbers,
            _ => &none,
        };
        Ok(tensor.blob(numbers))
    }
}

#[cfg(test)]
mod tests;

//! From the bytes of a `.t7` file to its graph of objects.
//!
//! A file is one object: a type, and what that type needs. Tables, torch's objects and functions have numbers; the
//! second time that a number occurs, nothing follows it, so a graph may have cycles.

use std::collections::HashMap;
use std::path::Path;

use super::cursor::{Cursor, Element};
use super::{Numbers, Object, T7, Tensor, Value};
use crate::Result;

/// Objects within objects, at most.
const DEEPEST: usize = 200;

/// Axes of a tensor, at most.
const MOST_AXES: usize = 64;

// The types of objects.
const NIL: i32 = 0;
const NUMBER: i32 = 1;
const STRING: i32 = 2;
const TABLE: i32 = 3;
const TORCH: i32 = 4;
const BOOLEAN: i32 = 5;
const OLD_FUNCTION: i32 = 6;
const OLD_RECURSIVE_FUNCTION: i32 = 7;
const FUNCTION: i32 = 8;

/// Reads a file that is in memory; `path` is for errors only.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<T7> {
    let cursor = Cursor::new(path, bytes);
    let mut reader = Reader { cursor, objects: vec![], by_number: HashMap::new() };
    let root = reader.value(0)?;
    Ok(T7 { path: path.to_owned(), size: bytes.len(), root, objects: reader.objects })
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    objects: Vec<Object>,
    by_number: HashMap<i32, usize>,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value> {
        if DEEPEST < depth {
            return Err(self.cursor.error(format!("more than {DEEPEST} objects within objects")));
        }
        let kind = self.cursor.int("the type of an object")?;
        Ok(match kind {
            NIL => Value::Nil,
            NUMBER => Value::Number(self.cursor.double("a number")?),
            STRING => Value::Text(self.cursor.text("a string")?.to_vec()),
            BOOLEAN => Value::Bool(self.cursor.int("a boolean")? == 1),
            OLD_FUNCTION => {
                let place = self.add(Object::Function);
                self.function(depth)?;
                Value::Object(place)
            }
            TABLE | TORCH | FUNCTION | OLD_RECURSIVE_FUNCTION => {
                let number = self.cursor.int("the number of an object")?;
                if let Some(&place) = self.by_number.get(&number) {
                    return Ok(Value::Object(place));
                }
                // What is inside may refer to this object, so it has its place first.
                let place = self.add(Object::Function);
                self.by_number.insert(number, place);
                match kind {
                    TABLE => self.objects[place] = Object::Table(self.table(depth)?),
                    TORCH => self.torch(place, depth)?,
                    _ => self.function(depth)?,
                }
                Value::Object(place)
            }
            other => {
                let message = format!("{other} is no type of an object; is this a .t7 file?");
                return Err(self.cursor.error(message));
            }
        })
    }

    fn add(&mut self, object: Object) -> usize {
        self.objects.push(object);
        self.objects.len() - 1
    }

    /// Passes over a function: its code, and what it holds from outside.
    fn function(&mut self, depth: usize) -> Result<()> {
        self.cursor.text("a function")?;
        self.value(depth + 1)?;
        Ok(())
    }

    fn table(&mut self, depth: usize) -> Result<Vec<(Value, Value)>> {
        let count = self.cursor.count("the size of a table")?;
        let mut entries = vec![];
        for _ in 0..count {
            let key = self.value(depth + 1)?;
            entries.push((key, self.value(depth + 1)?));
        }
        Ok(entries)
    }

    fn torch(&mut self, place: usize, depth: usize) -> Result<()> {
        let first = self.name("the version of a class")?;
        // Before there were versions, the name of the class came at once.
        let (class, version) = match first.strip_prefix("V ") {
            Some(version) => {
                let version = version.parse().map_err(|_| {
                    self.cursor.error(format!("`{version}` is no version of a class"))
                })?;
                (self.name("the name of a class")?, version)
            }
            None => (first, 0),
        };
        self.objects[place] = if let Some(element) = Element::of_class(&class, "Storage") {
            Object::Storage { numbers: self.storage(element)?, class }
        } else if Element::of_class(&class, "Tensor").is_some() {
            Object::Tensor { tensor: self.tensor(depth)?, class }
        } else if class.starts_with("tds.") {
            return Err(self.cursor.error(format!("objects of class {class} are not read")));
        } else {
            Object::Torch { fields: self.value(depth + 1)?, class, version }
        };
        Ok(())
    }

    fn name(&mut self, what: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(self.cursor.text(what)?).into_owned())
    }

    fn storage(&mut self, element: Element) -> Result<Numbers> {
        let len = self.cursor.long("the size of a storage")?;
        let len = usize::try_from(len)
            .map_err(|_| self.cursor.error(format!("a storage of {len} numbers")))?;
        self.cursor.numbers(element, len, "a storage")
    }

    fn tensor(&mut self, depth: usize) -> Result<Tensor> {
        let axes = self.cursor.count("the number of axes")?;
        if MOST_AXES < axes {
            return Err(self.cursor.error(format!("a tensor of {axes} axes")));
        }
        let sizes = self.cursor.longs(axes, "the sizes of a tensor")?;
        let strides = self.cursor.longs(axes, "the strides of a tensor")?;
        let offset = self.cursor.long("the offset of a tensor")?;
        let storage = match self.value(depth + 1)? {
            Value::Object(place) => Some(place),
            _ => None,
        };
        let numbers = match storage.map(|place| &self.objects[place]) {
            None => 0,
            Some(Object::Storage { numbers, .. }) => numbers.count(),
            Some(_) => return Err(self.cursor.error("a tensor on something that is no storage")),
        };
        let natural = |values: &[i64]| -> Option<Vec<usize>> {
            values.iter().map(|&n| usize::try_from(n).ok()).collect()
        };
        let tensor = natural(&sizes).zip(natural(&strides)).and_then(|(shape, strides)| {
            // Offsets are counted from 1.
            let offset = usize::try_from(offset).ok()?.checked_sub(1)?;
            let tensor = Tensor { shape, strides, offset, storage };
            let (count, last) = tensor.extent()?;
            (count == 0 || last < numbers).then_some(tensor)
        });
        tensor.ok_or_else(|| {
            self.cursor.error(format!(
                "a tensor of sizes {sizes:?}, strides {strides:?} and offset {offset} does not fit its storage of \
                 {numbers} numbers"
            ))
        })
    }
}

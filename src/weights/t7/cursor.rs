//! From the bytes of a `.t7` file to its numbers and texts, in both encodings, never past the end.

use std::path::Path;
use std::str::FromStr;

use half::f16;

use super::Numbers;
use crate::{Error, Result};

/// The numbers that a storage can hold, as they lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Byte,
    Char,
    Short,
    Int,
    Long,
    Half,
    Float,
    Double,
}

impl Element {
    /// The element of a class name such as `torch.FloatTensor`, whose last part is `Tensor` or `Storage`. Storages of
    /// the GPU lie in files like those of the CPU; `CudaTensor` holds floats.
    pub fn of_class(class: &str, last_part: &str) -> Option<Element> {
        let name = class.strip_prefix("torch.")?.strip_suffix(last_part)?;
        Some(match name.strip_prefix("Cuda").unwrap_or(name) {
            "Byte" => Element::Byte,
            "Char" => Element::Char,
            "Short" => Element::Short,
            "Int" => Element::Int,
            "Long" => Element::Long,
            "Half" => Element::Half,
            "Float" => Element::Float,
            "Double" => Element::Double,
            "" if name == "Cuda" => Element::Float,
            _ => return None,
        })
    }
}

/// A place in a file.
pub(super) struct Cursor<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
    ascii: bool,
}

impl<'a> Cursor<'a> {
    /// The start of a file. The first thing in it is a small number: in the binary encoding four bytes of which the
    /// last three are 0, else digits.
    pub fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        let ascii = !matches!(bytes, [_, 0, 0, 0, ..]);
        Cursor { path, bytes, at: 0, ascii }
    }

    pub fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::format(self.path, format!("at byte {}: {message}", self.at))
    }

    /// Number of bytes that are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, n: usize, what: &str) -> Result<&'a [u8]> {
        if self.left() < n {
            let left = self.left();
            return Err(self.error(format!("{what} of {n} bytes, but {left} are left")));
        }
        let bytes = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(bytes)
    }

    fn word<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let bytes = self.take(N, what)?;
        Ok(bytes.try_into().expect("as many bytes as were taken"))
    }

    /// The line break after a value or a row of values in the ascii encoding.
    fn end_of_row(&mut self) {
        if self.ascii && self.bytes.get(self.at) == Some(&b'\n') {
            self.at += 1;
        }
    }

    /// One number of the ascii encoding.
    fn token<T: FromStr>(&mut self, what: &str) -> Result<T> {
        let rest = &self.bytes[self.at..];
        let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let len = rest[blank..].iter().take_while(|b| !b.is_ascii_whitespace()).count();
        let text = std::str::from_utf8(&rest[blank..blank + len]).unwrap_or("");
        // A blank follows every number, so one that ends with the file may be cut.
        if 0 < len && blank + len == rest.len() {
            return Err(self.error(format!("the file ends within {what}")));
        }
        match text.parse() {
            Ok(value) => {
                self.at += blank + len;
                Ok(value)
            }
            Err(_) if text.is_empty() => Err(self.error(format!("expected {what}"))),
            Err(_) => {
                let shown: String = text.chars().take(20).collect();
                Err(self.error(format!("expected {what}, found `{shown}`")))
            }
        }
    }

    pub fn int(&mut self, what: &str) -> Result<i32> {
        if !self.ascii {
            return Ok(i32::from_le_bytes(self.word(what)?));
        }
        let value = self.token(what)?;
        self.end_of_row();
        Ok(value)
    }

    /// A number that counts something.
    pub fn count(&mut self, what: &str) -> Result<usize> {
        let n = self.int(what)?;
        usize::try_from(n).map_err(|_| self.error(format!("{what} is {n}")))
    }

    pub fn long(&mut self, what: &str) -> Result<i64> {
        Ok(self.longs(1, what)?[0])
    }

    pub fn longs(&mut self, n: usize, what: &str) -> Result<Vec<i64>> {
        match self.numbers(Element::Long, n, what)? {
            Numbers::Whole(values) => Ok(values),
            _ => unreachable!("long numbers are whole"),
        }
    }

    pub fn double(&mut self, what: &str) -> Result<f64> {
        if !self.ascii {
            return Ok(f64::from_le_bytes(self.word(what)?));
        }
        let value = self.token(what)?;
        self.end_of_row();
        Ok(value)
    }

    /// A text with its length before it.
    pub fn text(&mut self, what: &str) -> Result<&'a [u8]> {
        let len = self.count(what)?;
        let text = self.take(len, what)?;
        if 0 < len {
            self.end_of_row();
        }
        Ok(text)
    }

    /// A row of numbers. Single bytes are the same in both encodings.
    pub fn numbers(&mut self, element: Element, n: usize, what: &str) -> Result<Numbers> {
        let numbers = match element {
            Element::Byte => Numbers::Byte(self.take(n, what)?.to_vec()),
            Element::Char => {
                let bytes = self.take(n, what)?;
                Numbers::Whole(bytes.iter().map(|&b| i64::from(b as i8)).collect())
            }
            Element::Short => {
                Numbers::Whole(self.row(n, what, |b| i16::from_le_bytes(b).into(), |x| x)?)
            }
            Element::Int => {
                Numbers::Whole(self.row(n, what, |b| i32::from_le_bytes(b).into(), |x| x)?)
            }
            Element::Long => Numbers::Whole(self.row(n, what, i64::from_le_bytes, |x| x)?),
            Element::Half => {
                let of_text = |x: f32| f16::from_f32(x).to_f32();
                Numbers::Float(self.row(n, what, |b| f16::from_le_bytes(b).to_f32(), of_text)?)
            }
            Element::Float => Numbers::Float(self.row(n, what, f32::from_le_bytes, |x| x)?),
            Element::Double => Numbers::Double(self.row(n, what, f64::from_le_bytes, |x| x)?),
        };
        if 0 < n {
            self.end_of_row();
        }
        Ok(numbers)
    }

    fn row<const N: usize, T: FromStr>(
        &mut self,
        n: usize,
        what: &str,
        of_bytes: impl Fn([u8; N]) -> T,
        of_text: impl Fn(T) -> T,
    ) -> Result<Vec<T>> {
        if self.ascii {
            // Every number has at least one digit, and a blank before the next.
            if self.left() / 2 + 1 < n {
                let left = self.left();
                return Err(self.error(format!("{what} of {n} numbers, but {left} bytes are left")));
            }
            return (0..n).map(|_| Ok(of_text(self.token("a number")?))).collect();
        }
        let len = n.checked_mul(N).ok_or_else(|| self.error(format!("{what} of {n} numbers")))?;
        let (words, _) = self.take(len, what)?.as_chunks();
        Ok(words.iter().map(|&word| of_bytes(word)).collect())
    }
}

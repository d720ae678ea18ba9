//! The memory of a device beyond the arena: the numbers of a run, and tables that are known beforehand.

use crate::plan::ALIGN;

/// Hands out places behind the arena, in elements, and keeps what is to be written there.
#[derive(Clone, Debug)]
pub(super) struct Space {
    /// Bytes of an element.
    size: usize,
    end: usize,
    tables: Vec<(usize, Vec<u8>)>,
}

impl Space {
    /// Places from element `start` on.
    pub(super) fn new(start: usize, size: usize) -> Self {
        Space { size, end: start.next_multiple_of(ALIGN), tables: vec![] }
    }

    /// Elements in all.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// A place for so many elements.
    pub(super) fn reserve(&mut self, elements: usize) -> usize {
        let start = self.end;
        self.end = (start + elements).next_multiple_of(ALIGN);
        start
    }

    /// A place that holds these numbers, as elements.
    pub(super) fn reals(&mut self, values: &[f64]) -> usize {
        let bytes = if self.size == 4 {
            values.iter().flat_map(|&x| (x as f32).to_ne_bytes()).collect()
        } else {
            values.iter().flat_map(|x| x.to_ne_bytes()).collect()
        };
        self.table(bytes)
    }

    /// A place that holds these numbers, as integers of 64 bits.
    pub(super) fn wholes(&mut self, values: &[i64]) -> usize {
        self.table(values.iter().flat_map(|x| x.to_ne_bytes()).collect())
    }

    fn table(&mut self, bytes: Vec<u8>) -> usize {
        if let Some((at, _)) = self.tables.iter().find(|(_, known)| *known == bytes) {
            return *at;
        }
        let at = self.reserve(bytes.len().div_ceil(self.size));
        self.tables.push((at, bytes));
        at
    }

    /// What is to be written, by element.
    pub(super) fn tables(&self) -> &[(usize, Vec<u8>)] {
        &self.tables
    }
}

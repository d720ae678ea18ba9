//! Tables: an array part for 1..n, and a hash part that keeps the order of insertion.
//!
//! `pairs` therefore visits a table in the same order in every run.

use super::heap::Heap;
use super::value::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::rc::Rc;
use std::sync::OnceLock;

/// A reference to a table.
#[derive(Clone)]
pub struct Table(Rc<TableCell>);

pub(crate) struct TableCell {
    data: RefCell<Data>,
    heap: Heap,
    serial: u64,
}

#[derive(Default)]
struct Data {
    array: Vec<Value>,
    /// Entries in the order of insertion; a removed one keeps its key with a nil value, so that `next` goes on.
    entries: Vec<(Value, Value)>,
    index: HashMap<Value, usize, Mixing>,
    removed: usize,
    metatable: Option<Table>,
    charged: usize,
    /// How far the array part reaches in Lua, which fills it up to a power of two.
    span: usize,
    /// How many entries there may be until what is in the array part is chosen anew.
    room: usize,
}

/// With what the allocator and the list of all tables take for it.
const TABLE_COST: usize = 224;
const SLOT_COST: usize = size_of::<Value>();
const ENTRY_COST: usize = 4 * SLOT_COST;

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Table {
    pub(crate) fn new(heap: &Heap) -> Self {
        heap.add(TABLE_COST);
        let data = RefCell::new(Data { charged: TABLE_COST, ..Data::default() });
        let cell = Rc::new(TableCell { data, heap: heap.clone(), serial: heap.next_serial() });
        heap.register_table(&cell);
        Table(cell)
    }

    /// How many hold it.
    pub(super) fn owners(&self) -> usize {
        Rc::strong_count(&self.0)
    }

    /// A number that identifies the table in `tostring`.
    pub fn serial(&self) -> u64 {
        self.0.serial
    }

    /// The value under a key, without metamethods; nil if there is none.
    pub fn get(&self, key: &Value) -> Value {
        self.0.data.borrow().get(key)
    }

    /// The value under a name.
    pub fn field(&self, name: &str) -> Value {
        self.get(&name.into())
    }

    /// The value at an index that counts from 1.
    pub fn item(&self, index: usize) -> Value {
        let data = self.0.data.borrow();
        match index.checked_sub(1).and_then(|i| data.array.get(i)) {
            Some(value) => value.clone(),
            None => data.get(&index.into()),
        }
    }

    /// Stores a value without metamethods; nil removes. A key that is nil or NaN is ignored: callers refuse it before.
    pub fn set(&self, key: Value, value: Value) {
        // What was there is freed after the borrow has ended, since freeing may reach this table.
        let _old = {
            let mut data = self.0.data.borrow_mut();
            let old = data.set(key, value);
            data.charge(&self.0.heap);
            old
        };
    }

    /// Stores under a name.
    pub fn set_field(&self, name: &str, value: impl Into<Value>) {
        self.set(name.into(), value.into());
    }

    /// Stores an item of a constructor, whatever a key of the same constructor has put there; nil keeps its place.
    pub(crate) fn set_item(&self, index: usize, value: Value) {
        let _old = {
            let mut data = self.0.data.borrow_mut();
            if data.array.len() + 1 == index {
                let old = data.take_entry(&index.into());
                data.array.push(value);
                data.span = data.array.len();
                data.charge(&self.0.heap);
                old
            } else {
                data.set(index.into(), value)
            }
        };
    }

    /// A border: an index whose value is not nil while the next one is (`#t`).
    pub fn length(&self) -> usize {
        self.0.data.borrow().length()
    }

    /// The values at 1, 2 and so on up to the length.
    pub fn items(&self) -> impl Iterator<Item = Value> + '_ {
        (1..=self.length()).map(|at| self.item(at))
    }

    /// All keys and values in the order of `pairs`.
    pub fn entries(&self) -> impl Iterator<Item = (Value, Value)> + '_ {
        let after = |key: &Value| self.next(key).flatten();
        std::iter::successors(after(&Value::Nil), move |(key, _)| after(key))
    }

    /// The entry after a key in the order of `pairs`; from nil, the first. `None` if the key is not in the
    /// table.
    pub fn next(&self, key: &Value) -> Option<Option<(Value, Value)>> {
        self.next_and_skipped(key).0
    }

    /// [`Table::next`], with the number of removed entries on the way.
    pub(super) fn next_and_skipped(&self, key: &Value) -> (Option<Option<(Value, Value)>>, usize) {
        let data = self.0.data.borrow();
        let mut skipped = 0;
        (data.next(key, &mut skipped), skipped)
    }

    /// The metatable.
    pub fn metatable(&self) -> Option<Table> {
        self.0.data.borrow().metatable.clone()
    }

    /// Sets or removes the metatable.
    pub fn set_metatable(&self, metatable: Option<Table>) {
        let _old = std::mem::replace(&mut self.0.data.borrow_mut().metatable, metatable);
    }

    /// A metamethod by name, nil if absent.
    pub(crate) fn metamethod(&self, name: &str) -> Value {
        match &self.0.data.borrow().metatable {
            Some(metatable) => metatable.field(name),
            None => Value::Nil,
        }
    }

    /// Whether there is a metatable at all.
    #[inline]
    pub(crate) fn has_metatable(&self) -> bool {
        self.0.data.borrow().metatable.is_some()
    }

    /// The largest positive numeric key (`table.maxn`).
    pub(crate) fn largest_index(&self) -> f64 {
        let data = self.0.data.borrow();
        let array = data.array.iter().rposition(|v| !v.is_nil()).map_or(0.0, |i| i as f64 + 1.0);
        let live = data.entries.iter().filter(|(_, value)| !value.is_nil());
        live.fold(array, |max, (key, _)| match key {
            Value::Number(n) if max < *n => *n,
            _ => max,
        })
    }

    /// Inserts before an index of the array part, if the whole sequence lies there.
    pub(crate) fn insert_shifting(&self, at: usize, length: usize, value: Value) -> bool {
        let mut data = self.0.data.borrow_mut();
        if data.array.len() != length || at == 0 || length < at || !data.index.is_empty() {
            return false;
        }
        data.array.insert(at - 1, value);
        data.charge(&self.0.heap);
        true
    }

    /// Removes an index of the array part, if the whole sequence lies there.
    pub(crate) fn remove_shifting(&self, at: usize, length: usize) -> Option<Value> {
        let mut data = self.0.data.borrow_mut();
        let fits = data.array.len() == length && 0 < at && at <= length;
        fits.then(|| data.array.remove(at - 1))
    }
}

impl TableCell {
    /// Whether keys and whether values are held weakly, by `__mode` of the metatable; `None` if neither are.
    pub(super) fn weakness(&self) -> Option<(bool, bool)> {
        let mode = self.data.borrow().metatable.as_ref()?.field("__mode");
        let Value::String(mode) = mode else { return None };
        let (keys, values) = (mode.contains(&b'k'), mode.contains(&b'v'));
        (keys || values).then_some((keys, values))
    }

    /// Removes what only this table holds, as far as it is weak; how many entries.
    pub(super) fn forget_weak(&self) -> usize {
        let Some((keys, values)) = self.weakness() else { return 0 };
        let removed = self.data.borrow_mut().take_weak(keys, values);
        let count = removed.len();
        self.heap.bury(removed.into_iter());
        count
    }

    pub(super) fn clear(&self) {
        let data = std::mem::take(&mut *self.data.borrow_mut());
        self.heap.subtract(data.charged);
        self.heap.bury(data.into_values());
    }
}

impl Drop for TableCell {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Data {
    fn into_values(self) -> impl Iterator<Item = Value> {
        let entries = self.entries.into_iter().flat_map(|(key, value)| [key, value]);
        let metatable = self.metatable.into_iter().map(Value::Table);
        self.array.into_iter().chain(entries).chain(metatable)
    }

    fn charge(&mut self, heap: &Heap) {
        let slots = self.array.capacity() * SLOT_COST + self.entries.capacity() * ENTRY_COST;
        let now = TABLE_COST + slots;
        if self.charged < now {
            heap.add(now - self.charged);
        } else {
            heap.subtract(self.charged - now);
        }
        self.charged = now;
    }

    #[inline]
    fn array_place(&self, key: &Value) -> Option<usize> {
        match key {
            Value::Number(n) => {
                let place = *n as usize;
                (place as f64 == *n && 0 < place).then(|| place - 1)
            }
            _ => None,
        }
    }

    fn get(&self, key: &Value) -> Value {
        if let Some(place) = self.array_place(key)
            && let Some(value) = self.array.get(place)
        {
            return value.clone();
        }
        if self.index.is_empty() {
            return Value::Nil;
        }
        match self.index.get(key) {
            Some(&at) => self.entries[at].1.clone(),
            None => Value::Nil,
        }
    }

    /// Returns what was there.
    fn set(&mut self, key: Value, value: Value) -> Value {
        if let Some(place) = self.array_place(&key) {
            if let Some(slot) = self.array.get_mut(place) {
                return std::mem::replace(slot, value);
            }
            if place == self.array.len() && !value.is_nil() {
                let old = self.take_entry(&key);
                if self.span <= place && self.is_full() {
                    self.resettle(place);
                }
                match self.array.get_mut(place) {
                    Some(slot) => *slot = value,
                    None => self.array.push(value),
                }
                self.migrate();
                return old;
            }
        }
        if let Some(&at) = self.index.get(&key) {
            let slot = &mut self.entries[at].1;
            self.removed += usize::from(value.is_nil() && !slot.is_nil());
            self.removed -= usize::from(!value.is_nil() && slot.is_nil());
            return std::mem::replace(slot, value);
        }
        let is_nan = matches!(key, Value::Number(n) if n.is_nan());
        if value.is_nil() || key.is_nil() || is_nan {
            return Value::Nil;
        }
        if let Some(place) = self.array_place(&key)
            && self.is_full()
        {
            self.resettle(place);
            if let Some(slot) = self.array.get_mut(place) {
                return std::mem::replace(slot, value);
            }
        }
        if self.entries.len() == self.entries.capacity() && self.entries.len() / 2 < self.removed {
            self.compact();
        }
        self.index.insert(key.clone(), self.entries.len());
        self.entries.push((key, value));
        Value::Nil
    }

    fn take_entry(&mut self, key: &Value) -> Value {
        match self.index.get(key) {
            Some(&at) => {
                let value = std::mem::take(&mut self.entries[at].1);
                self.removed += usize::from(!value.is_nil());
                value
            }
            None => Value::Nil,
        }
    }

    /// Moves what follows the array part from the hash part.
    fn migrate(&mut self) {
        while self.removed < self.entries.len() {
            let value = self.take_entry(&(self.array.len() + 1).into());
            if value.is_nil() {
                return;
            }
            self.array.push(value);
        }
    }

    /// Whether Lua's hash part would have no room for one entry more; what follows the array part lies there.
    fn is_full(&self) -> bool {
        self.room <= self.entries.len() + self.array.len().saturating_sub(self.span)
    }

    /// Chooses anew what lies in the array part, as Lua does where the other part is full: the most slots, a power of two, of
    /// which more than half are in use. That decides what `#t` is where there are holes. A value will be stored at `place`.
    fn resettle(&mut self, place: usize) {
        let in_array = self.array.iter().enumerate().filter(|(_, value)| !value.is_nil());
        let in_entries = self.entries.iter().filter(|(_, value)| !value.is_nil());
        let in_entries = in_entries.filter_map(|(key, _)| self.array_place(key));
        let places = in_array.map(|(place, _)| place).chain(in_entries).chain([place]);
        // How many there are up to each power of two, beyond the one before.
        let mut counts = [0usize; usize::BITS as usize + 1];
        let mut total = 0;
        for place in places {
            counts[(usize::BITS - place.leading_zeros()) as usize] += 1;
            total += 1;
        }
        let (mut sum, mut span) = (0, 0);
        for (power, count) in counts.iter().enumerate().take(usize::BITS as usize) {
            sum += count;
            if 2 * total <= 1 << power && power != 0 {
                break;
            }
            if (1 << power) / 2 < sum {
                span = 1 << power;
            }
        }
        if self.array.len() <= span {
            self.span = span;
            for at in self.array.len()..span {
                let value = self.take_entry(&(at + 1).into());
                self.array.push(value);
            }
            self.compact();
        }
        let used = self.entries.len()
            + self.array.len().saturating_sub(self.span)
            + usize::from(self.array.len() <= place);
        self.room = if used == 0 { 0 } else { used.next_power_of_two() };
    }

    fn compact(&mut self) {
        self.entries.retain(|(_, value)| !value.is_nil());
        let keys = self.entries.iter().enumerate();
        self.index = keys.map(|(at, (key, _))| (key.clone(), at)).collect();
        self.removed = 0;
    }

    /// Values whose only owner is this table, or whose key is owned by nothing else, taken out.
    fn take_weak(&mut self, keys: bool, values: bool) -> Vec<Value> {
        let mut taken = vec![];
        for slot in &mut self.array {
            if values && slot.owners() == Some(1) {
                taken.push(std::mem::take(slot));
            }
        }
        for (key, value) in &mut self.entries {
            // A key stands in the list and in the index.
            let dead_key = keys && key.owners() == Some(2);
            if !value.is_nil() && (dead_key || values && value.owners() == Some(1)) {
                taken.push(std::mem::take(value));
                self.removed += 1;
            }
        }
        if !taken.is_empty() {
            self.compact();
        }
        taken
    }

    fn length(&self) -> usize {
        let nil_at = |i: usize| self.array.get(i).is_none_or(Value::is_nil);
        let mut high = self.span.max(self.array.len());
        if 0 < high && nil_at(high - 1) {
            let mut low = 0;
            while 1 < high - low {
                let middle = (low + high) / 2;
                if nil_at(middle - 1) {
                    high = middle;
                } else {
                    low = middle;
                }
            }
            return low;
        }
        while self.removed < self.entries.len() && !self.get(&(high + 1).into()).is_nil() {
            high += 1;
        }
        high
    }

    fn next(&self, key: &Value, skipped: &mut usize) -> Option<Option<(Value, Value)>> {
        let place = self.array_place(key).filter(|&place| place < self.array.len());
        let (from_array, from_entries) = match (key, place) {
            (Value::Nil, _) => (0, 0),
            (_, Some(place)) => (place + 1, 0),
            _ => (self.array.len(), self.index.get(key)? + 1),
        };
        for at in from_array..self.array.len() {
            if !self.array[at].is_nil() {
                return Some(Some(((at + 1).into(), self.array[at].clone())));
            }
            *skipped += 1;
        }
        for entry in &self.entries[from_entries..] {
            if !entry.1.is_nil() {
                return Some(Some(entry.clone()));
            }
            *skipped += 1;
        }
        Some(None)
    }
}

impl Value {
    /// How many references there are to what can be collected; `None` for other values.
    fn owners(&self) -> Option<usize> {
        match self {
            Value::Table(table) => Some(Rc::strong_count(&table.0)),
            Value::Function(closure) => Some(Rc::strong_count(closure)),
            Value::Object(object) => Some(Rc::strong_count(object)),
            Value::Nil
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Native(_) => None,
        }
    }
}

/// Equal as `rawequal`; NaN is never a key.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.raw_equals(other)
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let address = |pointer: *const ()| pointer as u64;
        state.write_u64(match self {
            Value::Nil => 0,
            Value::Bool(b) => 1 + u64::from(*b),
            Value::Number(n) => (n + 0.0).to_bits(),
            Value::String(s) => s.hash_value(),
            Value::Table(t) => address(Rc::as_ptr(&t.0).cast()),
            Value::Function(f) => address(Rc::as_ptr(f).cast()),
            Value::Native(f) => address(Rc::as_ptr(f).cast()),
            Value::Object(o) => address(Rc::as_ptr(o).cast()),
        });
    }
}

/// Mixes one word with a secret of the process, so that no script can choose keys that collide.
#[derive(Clone, Copy, Default)]
struct Mixing;

impl BuildHasher for Mixing {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        static SECRET: OnceLock<u64> = OnceLock::new();
        Mixer(*SECRET.get_or_init(|| RandomState::new().hash_one(0u8)))
    }
}

struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(word ^ self.0) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

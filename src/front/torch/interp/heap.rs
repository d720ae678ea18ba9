//! Accounts for the memory of values, frees deep structures without recursion, and breaks cycles at the end.

use super::coroutine::Thread;
use super::function::Closure;
use super::table::TableCell;
use super::value::Value;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// Shared by every value of one interpreter.
#[derive(Clone, Default)]
pub(crate) struct Heap(Rc<Inner>);

#[derive(Default)]
struct Inner {
    used: Cell<usize>,
    serial: Cell<u64>,
    /// Containers whose owner is being freed, waiting for their turn.
    graveyard: RefCell<Vec<Value>>,
    burying: Cell<bool>,
    tables: RefCell<Registry<TableCell>>,
    closures: RefCell<Registry<Closure>>,
    threads: RefCell<Registry<Thread>>,
}

/// Everything of a kind that may take part in a cycle.
struct Registry<T> {
    list: Vec<Weak<T>>,
    prune_at: usize,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Registry { list: vec![], prune_at: 1024 }
    }
}

impl<T> Registry<T> {
    fn add(&mut self, item: &Rc<T>) {
        if self.prune_at <= self.list.len() {
            self.list.retain(|weak| 0 < weak.strong_count());
            self.prune_at = 2 * self.list.len() + 1024;
        }
        self.list.push(Rc::downgrade(item));
    }
}

impl Heap {
    /// Estimated bytes alive.
    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.0.used.get()
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.0.used.set(self.0.used.get().saturating_add(bytes));
    }

    pub(crate) fn subtract(&self, bytes: usize) {
        self.0.used.set(self.0.used.get().saturating_sub(bytes));
    }

    /// A number for `tostring`, the same in every run of the same definition.
    pub(crate) fn next_serial(&self) -> u64 {
        self.0.serial.set(self.0.serial.get() + 1);
        self.0.serial.get()
    }

    pub(crate) fn register_table(&self, table: &Rc<TableCell>) {
        self.0.tables.borrow_mut().add(table);
    }

    pub(crate) fn register_closure(&self, closure: &Rc<Closure>) {
        self.0.closures.borrow_mut().add(closure);
    }

    pub(crate) fn register_thread(&self, thread: &Rc<Thread>) {
        self.0.threads.borrow_mut().add(thread);
    }

    /// How many tables [`Heap::forget_weak`] looks at.
    pub(crate) fn tables(&self) -> usize {
        self.0.tables.borrow().list.len()
    }

    /// Removes from weak tables what nothing else holds; how many entries there were.
    pub(crate) fn forget_weak(&self) -> usize {
        let weak = |table: &Rc<TableCell>| table.weakness().is_some();
        let known = self.0.tables.borrow();
        let tables = known.list.iter().filter(|table| table.upgrade().is_some_and(|t| weak(&t)));
        let tables: Vec<Weak<TableCell>> = tables.cloned().collect();
        drop(known);
        // One at a time, so that none is held by this list.
        let forget = |table: &Weak<TableCell>| table.upgrade().map_or(0, |t| t.forget_weak());
        tables.iter().map(forget).sum()
    }

    /// Frees values without recursion, however deep the structures that hang on them.
    pub(crate) fn bury(&self, values: impl Iterator<Item = Value>) {
        // Nothing hangs on a value that has another owner: it is dropped here, and the list of those that wait stays short.
        self.0.graveyard.borrow_mut().extend(values.filter(Value::is_last_owner));
        if self.0.burying.replace(true) {
            return;
        }
        loop {
            let next = self.0.graveyard.borrow_mut().pop();
            let Some(value) = next else { break };
            drop(value);
        }
        self.0.burying.set(false);
    }

    /// Ends every coroutine and empties every table and closure that is still alive, so that cycles are freed.
    pub(crate) fn break_cycles(&self) {
        let threads = std::mem::take(&mut self.0.threads.borrow_mut().list);
        for thread in threads.iter().filter_map(Weak::upgrade) {
            thread.end();
        }
        let tables = std::mem::take(&mut self.0.tables.borrow_mut().list);
        for table in tables.iter().filter_map(Weak::upgrade) {
            table.clear();
        }
        let closures = std::mem::take(&mut self.0.closures.borrow_mut().list);
        for closure in closures.iter().filter_map(Weak::upgrade) {
            closure.clear();
        }
    }
}

//! Functions: closures over resolved Lua code, and functions written in Rust with their arguments.

use super::Lua;
use super::code::{Proto, Statement, StatementKind};
use super::error::LuaError;
use super::heap::Heap;
use super::number;
use super::table::Table;
use super::value::{LuaStr, Value};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// What an operation gives, or the error that it raises.
pub type LuaResult<T> = Result<T, LuaError>;

/// What a call gives back.
pub type Results = LuaResult<Vec<Value>>;

/// A local variable that a function inside captured.
pub(crate) type Captured = Rc<RefCell<Value>>;

/// A Lua function with the variables and the globals it sees.
pub struct Closure {
    pub(crate) proto: Rc<Proto>,
    pub(crate) upvalues: RefCell<Rc<[Captured]>>,
    pub(crate) environment: RefCell<Table>,
    pub(crate) serial: u64,
    heap: Heap,
}

/// With what the allocator and the list of all closures take for it; for each variable the place that it lies in.
const CLOSURE_COST: usize = 144;
const UPVALUE_COST: usize = 72;

impl Closure {
    pub(crate) fn new(
        heap: &Heap,
        proto: Rc<Proto>,
        upvalues: Rc<[Captured]>,
        environment: Table,
    ) -> Rc<Self> {
        heap.add(CLOSURE_COST + UPVALUE_COST * upvalues.len());
        let (upvalues, environment) = (RefCell::new(upvalues), RefCell::new(environment));
        let serial = heap.next_serial();
        let closure = Rc::new(Closure { proto, upvalues, environment, serial, heap: heap.clone() });
        heap.register_closure(&closure);
        closure
    }

    /// Whether a call has no effect.
    pub fn does_nothing(&self) -> bool {
        let returns = |s: &Statement| matches!(s.kind, StatementKind::Return(_));
        self.proto.body.statements.iter().all(returns)
    }

    /// How many arguments it takes, `self` among them; none if it takes any number.
    pub fn arity(&self) -> Option<usize> {
        (!self.proto.is_vararg).then_some(self.proto.parameters.len())
    }

    /// Whether its last statement gives something back.
    pub fn ends_with_return(&self) -> bool {
        let last = self.proto.body.statements.last().map(|statement| &statement.kind);
        matches!(last, Some(StatementKind::Return(_) | StatementKind::TailCall(_)))
    }

    pub(super) fn clear(&self) {
        for captured in self.upvalues.borrow().iter() {
            self.heap.bury(std::iter::once(captured.take()));
        }
    }
}

impl Drop for Closure {
    fn drop(&mut self) {
        let upvalues = std::mem::replace(self.upvalues.get_mut(), Rc::new([]));
        self.heap.subtract(CLOSURE_COST + UPVALUE_COST * upvalues.len());
        // Only the last owner empties a variable.
        if Rc::strong_count(&upvalues) == 1 {
            let last = upvalues.iter().filter(|captured| Rc::strong_count(captured) == 1);
            self.heap.bury(last.map(|captured| captured.take()));
        }
    }
}

/// A function written in Rust.
pub struct Native {
    /// The name in traces.
    pub name: Cow<'static, str>,
    pub(crate) run: Box<NativeBody>,
}

pub(crate) type NativeBody = dyn Fn(&mut Lua, &Args) -> Results;

impl Native {
    /// Wraps a function or a closure.
    pub fn value(
        name: impl Into<Cow<'static, str>>,
        run: impl Fn(&mut Lua, &Args) -> Results + 'static,
    ) -> Value {
        Value::Native(Rc::new(Native { name: name.into(), run: Box::new(run) }))
    }
}

/// The arguments of a native function, with Lua's own complaints about them. Positions count from 0 here and from 1
/// in messages.
pub struct Args(pub Vec<Value>);

impl Args {
    /// How many were given.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No argument at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An argument; nil if it was not given.
    pub fn get(&self, at: usize) -> Value {
        self.0.get(at).cloned().unwrap_or_default()
    }

    /// An argument that must be given, though it may be nil.
    pub fn any(&self, lua: &Lua, at: usize) -> LuaResult<Value> {
        match self.0.get(at) {
            Some(value) => Ok(value.clone()),
            None => Err(lua.bad_argument(at, "value expected")),
        }
    }

    /// Whether an argument is absent or nil.
    pub fn is_none(&self, at: usize) -> bool {
        self.0.get(at).is_none_or(Value::is_nil)
    }

    /// A number, or a string that spells one.
    pub fn number(&self, lua: &Lua, at: usize) -> LuaResult<f64> {
        let number = self.0.get(at).and_then(Value::to_number);
        number.ok_or_else(|| self.wrong_type(lua, at, "number"))
    }

    /// A number cut to a whole one.
    pub fn integer(&self, lua: &Lua, at: usize) -> LuaResult<i64> {
        Ok(number::cut(self.number(lua, at)?))
    }

    /// A whole number, or a default if absent or nil.
    pub fn integer_or(&self, lua: &Lua, at: usize, default: i64) -> LuaResult<i64> {
        if self.is_none(at) { Ok(default) } else { self.integer(lua, at) }
    }

    /// A string, or the text of a number.
    pub fn string(&self, lua: &Lua, at: usize) -> LuaResult<LuaStr> {
        let text = self.0.get(at).and_then(Value::to_text);
        text.ok_or_else(|| self.wrong_type(lua, at, "string"))
    }

    /// A table.
    pub fn table(&self, lua: &Lua, at: usize) -> LuaResult<Table> {
        match self.0.get(at) {
            Some(Value::Table(table)) => Ok(table.clone()),
            _ => Err(self.wrong_type(lua, at, "table")),
        }
    }

    /// A function.
    pub fn function(&self, lua: &Lua, at: usize) -> LuaResult<Value> {
        match self.0.get(at) {
            Some(value @ (Value::Function(_) | Value::Native(_))) => Ok(value.clone()),
            _ => Err(self.wrong_type(lua, at, "function")),
        }
    }

    /// The complaint that an argument has another type than expected.
    pub fn wrong_type(&self, lua: &Lua, at: usize, expected: &str) -> LuaError {
        let got = self.0.get(at).map_or("no value", Value::described_type);
        lua.bad_argument(at, &format!("{expected} expected, got {got}"))
    }

    /// All arguments from a position on.
    pub fn rest(&self, from: usize) -> &[Value] {
        self.0.get(from..).unwrap_or(&[])
    }
}

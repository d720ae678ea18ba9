//! Coroutines: functions on stacks of their own, to which the interpreter itself is handed, and which hand it back.
//!
//! Whoever runs holds the one [`Lua`] by value; those that wait hold an empty one in its place. So the limits hold over
//! all of them together: steps and memory are counted where they always are, calls of those that wait for another are
//! added up, and a stack is paid for as it grows. A coroutine that nobody can resume any more is ended by an error that
//! nothing catches, so that what it holds is freed.

use super::calls::Active;
use super::error::LuaError;
use super::function::{LuaResult, Results};
use super::heap::Heap;
use super::object::Object;
use super::value::{LuaStr, Value};
use super::{Level, Lua};
use crate::front::cage::{COROUTINE_STACK, RESERVE, Stack};
use corosensei::stack::{DefaultStack, Stack as _};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// Bytes that a coroutine costs that has begun: the first pages of its stack.
const BEGUN: usize = 64 << 10;
/// Bytes by which a stack is paid for as it grows.
const GROWTH: usize = 64 << 10;
/// Steps that a coroutine and its stack cost, and changing to another one.
const CREATE: usize = 300;
const CHANGE: usize = 40;

type Routine = Coroutine<Given, (Lua, Vec<Value>), (Lua, Results)>;

/// What a coroutine is resumed with: the interpreter, and values or the wish that it ends.
type Given = (Lua, Option<Vec<Value>>);

type Hand = Yielder<Given, (Lua, Vec<Value>)>;

/// A coroutine as a value.
pub struct Thread {
    state: RefCell<State>,
    serial: u64,
    heap: Heap,
    charged: Cell<usize>,
    /// Its calls, while it is suspended in one.
    pub(super) waiting: RefCell<Vec<Active>>,
}

enum State {
    Fresh(Value),
    Suspended(Box<Routine>),
    /// It runs, or it waits for one that it has resumed.
    Busy,
    Dead,
}

/// A coroutine that runs, or waits for one that it has resumed.
pub(super) struct Running {
    thread: Rc<Thread>,
    /// The other end of the coroutine, while it runs.
    hand: *const Hand,
    frames: Vec<Active>,
    protected: usize,
    handler: Option<Value>,
    boundaries: usize,
    stack: Stack,
}

impl Thread {
    /// The coroutine of a value.
    pub fn of(value: &Value) -> Option<Rc<Thread>> {
        let Value::Object(object) = value else { return None };
        let any: Rc<dyn std::any::Any> = object.clone();
        any.downcast().ok()
    }

    /// Ends a coroutine that waits: its calls return, and what they hold is freed.
    pub(super) fn end(&self) {
        let state = std::mem::replace(&mut *self.state.borrow_mut(), State::Dead);
        match state {
            State::Suspended(mut routine) => {
                let lua = Lua::absent(self.heap.clone());
                drop(routine.resume((lua, None)));
                drop(routine);
                self.heap.subtract(self.charged.take());
            }
            State::Busy => *self.state.borrow_mut() = State::Busy,
            State::Fresh(_) | State::Dead => {}
        }
    }

    fn charge(&self, bytes: usize) {
        self.charged.set(self.charged.get() + bytes);
        self.heap.add(bytes);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.end();
    }
}

impl Object for Thread {
    fn lua_type(&self) -> &'static str {
        "thread"
    }

    fn type_name(&self) -> String {
        "thread".to_owned()
    }

    fn to_text(self: Rc<Self>, lua: &mut Lua) -> LuaResult<LuaStr> {
        Ok(lua.string(format!("thread: 0x{:08x}", self.serial).into_bytes()))
    }
}

impl Lua {
    /// A coroutine that has not begun.
    pub fn coroutine(&mut self, function: Value) -> LuaResult<Value> {
        self.work(CREATE)?;
        let thread = Rc::new(Thread {
            state: RefCell::new(State::Fresh(function)),
            serial: self.heap.next_serial(),
            heap: self.heap.clone(),
            charged: Cell::new(0),
            waiting: RefCell::default(),
        });
        self.heap.register_thread(&thread);
        Ok(Value::Object(thread))
    }

    /// Runs a coroutine until it yields or ends; its error, or that it cannot be resumed.
    pub fn resume(&mut self, thread: &Rc<Thread>, values: Vec<Value>) -> Results {
        self.work(CHANGE + values.len() / 4)?;
        let state = std::mem::replace(&mut *thread.state.borrow_mut(), State::Busy);
        let mut routine = match state {
            State::Suspended(routine) => routine,
            State::Fresh(function) => {
                self.reserve_here(BEGUN)?;
                let Ok(stack) = DefaultStack::new(COROUTINE_STACK + RESERVE) else {
                    return Err(self.limit("there is no memory for another stack".into(), None));
                };
                thread.charge(BEGUN);
                Box::new(routine(stack, function))
            }
            State::Busy => {
                return Err(self.error_without_place("cannot resume running coroutine".into()));
            }
            State::Dead => {
                *thread.state.borrow_mut() = State::Dead;
                return Err(self.error_without_place("cannot resume dead coroutine".into()));
            }
        };
        // The calls of the one that waits go on counting.
        self.calls_outside += self.frames.len();
        self.running.push(Running {
            thread: thread.clone(),
            hand: std::ptr::null(),
            frames: std::mem::take(&mut self.frames),
            protected: std::mem::take(&mut self.protected),
            handler: self.handler.take(),
            boundaries: std::mem::take(&mut self.boundaries),
            stack: self.stack,
        });
        let lua = std::mem::replace(self, Lua::absent(Heap::default()));
        let (lua, results) = match routine.resume((lua, Some(values))) {
            CoroutineResult::Yield((lua, values)) => {
                *thread.state.borrow_mut() = State::Suspended(routine);
                (lua, Ok(values))
            }
            CoroutineResult::Return((lua, results)) => {
                *thread.state.borrow_mut() = State::Dead;
                drop(routine);
                thread.heap.subtract(thread.charged.take());
                (lua, results)
            }
        };
        *self = lua;
        if let Some(before) = self.running.pop() {
            self.calls_outside -= before.frames.len();
            self.frames = before.frames;
            self.protected = before.protected;
            self.handler = before.handler;
            self.boundaries = before.boundaries;
            self.stack = before.stack;
        }
        results
    }

    /// Gives values to whoever resumed the running coroutine, and waits to be resumed.
    pub fn suspend(&mut self, values: Vec<Value>) -> Results {
        let Some(hand) = self.running.last().map(|running| running.hand) else {
            return Err(self.error("attempt to yield across C-call boundary"));
        };
        if 0 < self.boundaries {
            return Err(self.error("attempt to yield across C-call boundary"));
        }
        let (frames, stack) = (std::mem::take(&mut self.frames), self.stack);
        let (protected, handler) = (std::mem::take(&mut self.protected), self.handler.take());
        // What waits on its own stack must not keep it alive.
        let thread = self.running().map_or_else(Weak::new, |thread| {
            thread.waiting.replace(frames);
            Rc::downgrade(&thread)
        });
        let lua = std::mem::replace(self, Lua::absent(Heap::default()));
        // SAFETY: this runs on the stack of the innermost coroutine, whose yielder lives at its bottom until it returns.
        let (lua, given) = unsafe { &*hand }.suspend((lua, values));
        *self = lua;
        (self.stack, self.protected, self.handler) = (stack, protected, handler);
        let frames = thread.upgrade().map(|thread| thread.waiting.take());
        let Some(given) = given else {
            // There are no sources to point into, so the calls are forgotten: they return, and do nothing else.
            return Err(LuaError::ended());
        };
        if let Some(running) = self.running.last_mut() {
            running.hand = hand;
        }
        self.frames = frames.unwrap_or_default();
        Ok(given)
    }

    /// How many calls are in progress, here or in a coroutine that is suspended.
    pub(in crate::front::torch) fn levels(&self, thread: Option<&Thread>) -> usize {
        thread.map_or(self.frames.len(), |thread| thread.waiting.borrow().len())
    }

    /// What runs at a level of a coroutine that is suspended, as [`Lua::level`] says it; 0 is what has yielded.
    pub(in crate::front::torch) fn level_of(&self, thread: &Thread, level: usize) -> Option<Level> {
        self.level_among(&thread.waiting.borrow(), level)
    }

    /// What Lua calls the state of a coroutine.
    pub fn status(&self, thread: &Rc<Thread>) -> &'static str {
        match &*thread.state.borrow() {
            State::Fresh(_) | State::Suspended(_) => "suspended",
            State::Dead => "dead",
            State::Busy if self.running().is_some_and(|it| Rc::ptr_eq(&it, thread)) => "running",
            State::Busy => "normal",
        }
    }

    /// The coroutine that runs.
    pub fn running(&self) -> Option<Rc<Thread>> {
        self.running.last().map(|running| running.thread.clone())
    }

    /// Whether the running function may yield.
    pub fn may_yield(&self) -> bool {
        !self.running.is_empty() && self.boundaries == 0
    }

    /// Whether a call may be made as far as the stack is concerned; that of a coroutine is paid for as it grows.
    #[inline]
    pub(super) fn has_stack(&mut self) -> bool {
        self.stack.has_paid_room() || self.pay_for_stack()
    }

    #[cold]
    fn pay_for_stack(&mut self) -> bool {
        let Some(running) = self.running.last() else { return false };
        while !self.stack.has_paid_room() {
            if !self.stack.deepen(GROWTH) {
                return false;
            }
            running.thread.charge(GROWTH);
        }
        true
    }
}

fn routine(stack: DefaultStack, function: Value) -> Routine {
    let (top, bottom) = (stack.base().get(), stack.limit().get());
    Coroutine::with_stack(stack, move |hand: &Hand, (mut lua, given): Given| {
        let Some(values) = given else { return (lua, Ok(vec![])) };
        lua.stack = Stack::of_coroutine(top - GROWTH / 2, bottom + RESERVE);
        if let Some(running) = lua.running.last_mut() {
            running.hand = hand;
        }
        let results = lua.call_from(function, values, None);
        (lua, results)
    })
}

//! The limits within which a definition runs: work, memory, calls, output, and the stack of the thread.

use std::cell::Cell;

/// What a definition may use. No limit can be caught with `pcall` or `except` except [`Limits::calls`], which is the
/// language's own.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Statements, operations, calls and rounds of loops; library functions pay for long work.
    pub steps: u64,
    /// Bytes of strings, containers and functions (an estimate): of those alive at one time for Lua, of all that were
    /// made for Python.
    pub memory: usize,
    /// Calls within calls.
    pub calls: usize,
    /// Bytes printed.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { steps: 20_000_000, memory: 256 << 20, calls: 16_000, output: 1 << 20 }
    }
}

/// Brackets and blocks within each other that a text may have: the limit of LuaJIT, and that of CPython's tokenizer.
pub const SYNTAX_LEVELS: usize = 200;

/// Links of a chain such as `a + b + c` or `f():g():h()` that one expression may have.
pub const CHAIN_LINKS: usize = 2000;

const LARGE_STACK: usize = 256 << 20;
/// What calls may use of the stack of a coroutine; it is paid for as it grows.
pub(in crate::front) const COROUTINE_STACK: usize = 16 << 20;
/// What parsing, one expression of [`CHAIN_LINKS`] and library functions may use beyond the last check.
pub(in crate::front) const RESERVE: usize = 64 << 20;
/// What is assumed to be left on a thread that this module did not start.
const SMALL_STACK: usize = 384 << 10;

thread_local! {
    static LOWEST: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs `work` on a thread whose stack is large enough for deep recursion of a definition; at once if this is one.
///
/// Evaluation outside of it is safe as well, but overflows (with an error) at a few dozen calls within calls.
pub fn on_large_stack<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if LOWEST.get().is_some() {
        return work();
    }
    let on_thread = || {
        LOWEST.set(Some(address_here().saturating_sub(LARGE_STACK - RESERVE)));
        work()
    };
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("definition".into()).stack_size(LARGE_STACK);
        let thread = builder.spawn_scoped(scope, on_thread);
        let result = thread.expect("the system starts threads").join();
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// How far down the stack may grow.
#[derive(Clone, Copy, Debug)]
pub(in crate::front) struct Stack {
    /// Down to where it is paid for.
    paid: usize,
    lowest: usize,
}

impl Stack {
    /// The bound of the current thread.
    pub(in crate::front) fn here() -> Self {
        let lowest = LOWEST.get().unwrap_or_else(|| address_here().saturating_sub(SMALL_STACK));
        Stack { paid: lowest, lowest }
    }

    /// That of a coroutine, paid for down to some place.
    pub(in crate::front) fn of_coroutine(paid: usize, lowest: usize) -> Self {
        Stack { paid, lowest }
    }

    /// Whether another call may be made without paying for more of the stack.
    #[inline]
    pub(in crate::front) fn has_paid_room(self) -> bool {
        self.paid < address_here()
    }

    /// Lets the stack grow by so many bytes; whether it may.
    pub(in crate::front) fn deepen(&mut self, bytes: usize) -> bool {
        let may = self.lowest + bytes <= self.paid;
        if may {
            self.paid -= bytes;
        }
        may
    }

    /// Whether another call may be made.
    #[inline]
    pub(in crate::front) fn has_room(self) -> bool {
        self.lowest < address_here()
    }
}

#[inline(always)]
fn address_here() -> usize {
    let marker = 0u8;
    std::hint::black_box(&raw const marker) as usize
}

//! The interpreter: resolved Lua to values, inside the cage.
//!
//! [`Lua`] is made from a map of sources and limits, loads chunks and calls functions. Native functions
//! ([`Native::value`]) and values ([`Object`]) extend it; `require` finds modules by [`Lua::set_module`] and by the
//! resolver of [`Lua::set_resolver`].
//!
//! Invariants: values never cross threads; a native function never keeps a borrow of a table while it calls back;
//! every loop whose length a script can choose pays for its rounds with [`Lua::step`] or [`Lua::work`].

mod calls;
mod code;
mod coroutine;
mod error;
mod eval;
mod exec;
mod function;
mod heap;
pub(crate) mod number;
mod object;
mod operators;
mod resolve;
mod table;
#[cfg(test)]
mod tests;
mod userdata;
mod value;

pub(super) use code::Proto;
pub use coroutine::Thread;
pub use error::LuaError;
pub use function::{Args, Closure, LuaResult, Native, Results};
pub(super) use heap::Heap;
pub use object::Object;
pub use operators::Arithmetic;
pub(super) use operators::compare_message;
pub use table::Table;
pub use userdata::Userdata;
pub use value::{LuaStr, Value};

use super::ast::Block;
use super::stdlib;
use super::syntax::{self, SyntaxError};
use crate::diag::{Diagnostic, Label};
use crate::front::cage::{Limits, Stack};
use crate::source::{FileId, SourceMap, Span};
use calls::Active;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Finds another Lua file by the name given to `require`: its path and text.
pub type Resolver = dyn Fn(&str, Option<&Path>) -> Option<(PathBuf, String)>;

/// A call in progress, as `debug` shows it.
pub(super) struct Level {
    /// The function that runs; nil for a native one.
    pub function: Value,
    /// The line where it stands.
    pub line: Option<usize>,
    /// The kind of variable through which it was called, and its name.
    pub name: Option<(String, String)>,
}

/// An interpreter with its globals, its limits and what it printed.
pub struct Lua {
    /// Every text that was loaded; give it back to the renderer of diagnostics when done.
    pub sources: SourceMap,
    pub(super) limits: Limits,
    pub(super) heap: Heap,
    pub(super) globals: Table,
    pub(super) string_metatable: Table,
    pub(super) resolver: Option<Rc<Resolver>>,
    pub(super) optional: HashMap<String, Value>,
    /// How many `pcall`s the running code stands in.
    pub(super) protected: usize,
    /// The handler of the innermost of them, if it is an `xpcall`.
    pub(super) handler: Option<Value>,
    pub(super) output: Vec<u8>,
    pub(super) random: u64,
    states: HashMap<TypeId, Rc<dyn Any>>,
    /// Where texts, but for the library's, read global variables.
    globals_read: Vec<(LuaStr, Span)>,
    /// The text whose outermost local variables are kept when it has run, and where.
    kept: Option<(FileId, Table)>,
    steps: u64,
    frames: Vec<Active>,
    /// The last statement that was begun.
    at: Option<Span>,
    stack: Stack,
    /// The coroutines that run, each resumed by the one before.
    running: Vec<coroutine::Running>,
    /// Calls in progress of those that wait for a coroutine.
    calls_outside: usize,
    /// Calls of native functions of the running coroutine that cannot be left and entered again.
    boundaries: usize,
    /// Whether another holds what this interpreter held.
    is_absent: bool,
}

impl Lua {
    /// An interpreter with the standard library. Run it under
    /// [`on_large_stack`](crate::front::cage::on_large_stack) if the definition may recurse.
    pub fn new(sources: SourceMap, limits: Limits) -> Self {
        let heap = Heap::default();
        let mut lua = Lua::bare(sources, limits, heap.clone(), &heap);
        stdlib::install(&mut lua);
        lua
    }

    /// What stands where an interpreter was that a coroutine holds now.
    fn absent(heap: Heap) -> Self {
        let nothing = Heap::default();
        let mut lua = Lua::bare(SourceMap::default(), Limits::default(), heap, &nothing);
        lua.is_absent = true;
        lua
    }

    /// An interpreter without a library, whose own tables are counted by `tables`.
    fn bare(sources: SourceMap, limits: Limits, heap: Heap, tables: &Heap) -> Self {
        Lua {
            sources,
            limits,
            globals: Table::new(tables),
            string_metatable: Table::new(tables),
            heap,
            resolver: None,
            optional: HashMap::new(),
            protected: 0,
            handler: None,
            output: vec![],
            random: 0,
            states: HashMap::new(),
            globals_read: vec![],
            kept: None,
            steps: 0,
            frames: vec![],
            at: None,
            stack: Stack::here(),
            running: vec![],
            calls_outside: 0,
            boundaries: 0,
            is_absent: false,
        }
    }

    /// The table of global variables.
    pub fn globals(&self) -> &Table {
        &self.globals
    }

    /// What was printed so far.
    pub fn output(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.output)
    }

    /// Takes back what was printed beyond so many bytes, by an attempt that is made again.
    pub(super) fn forget_output(&mut self, bytes: usize) {
        self.output.truncate(bytes);
    }

    /// Steps used so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Estimated bytes of the values alive.
    pub fn memory_used(&self) -> usize {
        self.heap.used()
    }

    /// A new table.
    pub fn table(&self) -> Table {
        Table::new(&self.heap)
    }

    /// A new string whose memory is accounted for.
    pub fn string(&self, bytes: impl Into<Box<[u8]>>) -> LuaStr {
        LuaStr::counted(&self.heap, bytes.into())
    }

    /// What an extension keeps in this interpreter, one value of each type; made by `new` when first asked for.
    pub fn state<T: 'static>(&mut self, new: impl FnOnce(&mut Lua) -> T) -> Rc<T> {
        let known = self.states.get(&TypeId::of::<T>()).cloned();
        if let Some(state) = known.and_then(|state| state.downcast().ok()) {
            return state;
        }
        let state = Rc::new(new(self));
        self.states.insert(TypeId::of::<T>(), state.clone());
        state
    }

    /// Makes `require(name)` return a value.
    pub fn set_module(&mut self, name: &str, module: impl Into<Value>) {
        if let Value::Table(package) = self.globals.field("package")
            && let Value::Table(loaded) = package.field("loaded")
        {
            loaded.set_field(name, module);
        }
    }

    /// Makes `require(name)` run a function for its value, but not inside of `pcall`: definitions try so whether a
    /// library for GPUs is there, and go on without it.
    pub fn set_optional_module(&mut self, name: &str, loader: Value) {
        self.optional.insert(name.to_owned(), loader);
    }

    /// Lets `require` look for other Lua files, by a name and the file that asks for it.
    pub fn set_resolver(
        &mut self,
        resolver: impl Fn(&str, Option<&Path>) -> Option<(PathBuf, String)> + 'static,
    ) {
        self.resolver = Some(Rc::new(resolver));
    }

    /// The path and text of another Lua file that the running function asks for.
    pub fn find_file(&self, name: &str) -> Option<(PathBuf, String)> {
        let asking = self.call_span().filter(|span| *span != Span::nowhere());
        let asking = asking.map(|span| self.sources.path(span.file));
        // Texts that are no files have names such as `<nn>` and `--call`.
        let asking = asking.filter(|path| !path.to_string_lossy().starts_with(['<', '-']));
        self.resolver.as_ref().and_then(|resolver| resolver(name, asking))
    }

    /// Where the texts that were loaded read global variables.
    pub fn globals_read(&self) -> impl Iterator<Item = &(LuaStr, Span)> {
        self.globals_read.iter()
    }

    /// A table that gets what the outermost local variables of a text hold when it has run, or has failed.
    pub fn keep_locals(&mut self, file: FileId) -> Table {
        let kept = self.table();
        self.kept = Some((file, kept.clone()));
        kept
    }

    /// Compiles a chunk to a function; the text joins [`Lua::sources`] under this path.
    pub fn load(
        &mut self,
        path: impl Into<PathBuf>,
        text: &str,
    ) -> Result<Value, Vec<SyntaxError>> {
        let file = self.sources.add(path, text);
        let (tree, errors) = syntax::parse(file, text);
        if !errors.is_empty() {
            return Err(errors);
        }
        self.compile(file, text, &tree)
    }

    /// The same for a text of the library, whose tree is made once for all interpreters.
    pub fn load_own(&mut self, name: &str, text: &'static str) -> Result<Value, Vec<SyntaxError>> {
        let file = self.sources.add_once(name, text);
        let tree = syntax::parse_once(file, text)?;
        self.compile(file, text, &tree)
    }

    fn compile(
        &mut self,
        file: FileId,
        text: &str,
        tree: &Block,
    ) -> Result<Value, Vec<SyntaxError>> {
        let whole = Span { file, start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) };
        let (proto, globals) = resolve::resolve(tree, whole, &self.sources)?;
        if !self.is_internal(whole) {
            self.globals_read.extend(globals);
        }
        // The tree of a text is several times as large as the text.
        self.heap.add(16 * text.len());
        let environment = self.globals.clone();
        Ok(Value::Function(Closure::new(&self.heap, proto, Rc::new([]), environment)))
    }

    /// Loads a chunk and runs it; complaints of the parser or the error that stopped it.
    pub fn run(
        &mut self,
        path: impl Into<PathBuf>,
        text: &str,
    ) -> Result<Vec<Value>, Vec<Diagnostic>> {
        let chunk = match self.load(path, text) {
            Ok(chunk) => chunk,
            Err(errors) => return Err(errors.iter().map(SyntaxError::diagnostic).collect()),
        };
        self.call(&chunk, vec![]).map_err(|error| vec![error.diagnostic()])
    }

    /// Pays for one operation; fails when the definition has used up its steps or its memory.
    #[inline]
    pub fn step(&mut self, span: Span) -> LuaResult<()> {
        self.step_at(Some(span))
    }

    #[inline]
    fn step_at(&mut self, span: Option<Span>) -> LuaResult<()> {
        self.steps += 1;
        if self.is_over() { Err(self.limit_reached(span)) } else { Ok(()) }
    }

    #[inline]
    fn is_over(&self) -> bool {
        self.limits.steps < self.steps || self.limits.memory < self.heap.used()
    }

    /// Pays for work inside a native function: about one step for each element or few bytes touched.
    pub fn work(&mut self, steps: usize) -> LuaResult<()> {
        self.count(steps + 1);
        // Whose call it is, is sought only for a complaint: there may be many calls.
        if self.is_over() { Err(self.limit_reached(self.call_span())) } else { Ok(()) }
    }

    /// The entry of a table after a key, as [`Table::next`], paid for as far as removed entries lie on the way.
    pub(crate) fn next_entry(
        &mut self,
        table: &Table,
        key: &Value,
    ) -> LuaResult<Option<Option<(Value, Value)>>> {
        let (found, skipped) = table.next_and_skipped(key);
        self.work(skipped / 4)?;
        Ok(found)
    }

    /// Pays for work that a place of the definition asks for.
    pub fn work_at(&mut self, steps: usize, span: Span) -> LuaResult<()> {
        self.count(steps);
        self.step_at(Some(span))
    }

    /// Whether the stack of this thread has room for further recursion.
    pub fn has_room(&self) -> bool {
        self.stack.has_room()
    }

    /// Counts steps that the next [`Lua::step`] checks.
    #[inline]
    fn count(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(steps as u64);
    }

    /// The place of the definition to blame for what happens at a place, perhaps in a text of the library.
    fn blamed(&self, span: Option<Span>) -> Option<Span> {
        let outside = |span: &Span| !self.is_internal(*span);
        span.filter(outside).or_else(|| self.call_span()).or(self.at.filter(outside))
    }

    #[cold]
    fn limit_reached(&self, span: Option<Span>) -> LuaError {
        let message = if self.limits.steps < self.steps {
            format!("the definition does not end: it ran for {} steps", self.limits.steps)
        } else {
            self.memory_message()
        };
        self.limit(message, span)
    }

    fn memory_message(&self) -> String {
        format!("the definition needs more than {} MiB of memory", self.limits.memory >> 20)
    }

    /// An error that no `pcall` stops.
    pub(super) fn limit(&self, message: String, span: Option<Span>) -> LuaError {
        let span = self.blamed(span);
        LuaError::limit(message.as_str().into(), span, self.trace())
    }

    /// Fails if so many more bytes are not to be had.
    pub(super) fn reserve(&mut self, bytes: usize, span: Option<Span>) -> LuaResult<()> {
        if self.limits.memory < self.heap.used().saturating_add(bytes) {
            return Err(self.limit(self.memory_message(), span));
        }
        Ok(())
    }

    /// As [`Lua::reserve`], at the call of the running native function.
    pub fn reserve_here(&mut self, bytes: usize) -> LuaResult<()> {
        self.reserve(bytes, self.call_span())
    }

    /// `path:line:` of a place, as Lua puts it before messages.
    pub(super) fn position(&self, span: Span) -> String {
        let file = self.sources.file(span.file);
        format!("{}:{}:", file.path.display(), file.line_column(span.start as usize).0)
    }

    /// An error of an operation written at a place.
    pub fn error_at(&self, span: Span, message: String) -> LuaError {
        let span = if self.is_internal(span) { self.call_span().unwrap_or(span) } else { span };
        let position = self.position(span) + " ";
        let text = self.string((position.clone() + &message).into_bytes());
        LuaError::operation(text.into(), span, position.len(), self.shown_trace())
    }

    /// An error raised by the running native function, at the place of its call.
    pub fn error(&self, message: &str) -> LuaError {
        self.error_of_level(message.into(), 1)
    }

    /// An error without a position, as library functions raise that call back without Lua code between.
    pub(super) fn error_without_place(&self, message: String) -> LuaError {
        LuaError::raised(message.as_str().into(), self.call_span(), 0, self.shown_trace())
    }

    /// What `error(value, level)` raises: a string gets the position of that level.
    pub(super) fn error_of_level(&self, value: Value, level: usize) -> LuaError {
        let place = if level == 0 { None } else { self.place_of_level(level) };
        let span = if level == 1 { self.call_span() } else { place.or_else(|| self.call_span()) };
        let span = span.or_else(|| self.blamed(None));
        match (place, value.to_text()) {
            (Some(place), Some(text)) => {
                let position = self.position(place) + " ";
                let whole = [position.as_bytes(), &text].concat();
                LuaError::raised(
                    self.string(whole).into(),
                    span,
                    position.len(),
                    self.shown_trace(),
                )
            }
            // Where no Lua function called it there is no position, but a number becomes a text all the same.
            (None, Some(text)) if 0 < level => {
                LuaError::raised(Value::String(text), span, 0, self.shown_trace())
            }
            _ => LuaError::raised(value, span, 0, self.shown_trace()),
        }
    }

    /// The calls in progress, for an error that somebody will see: what `pcall` catches is a value.
    fn shown_trace(&self) -> Vec<Label> {
        if 0 < self.protected { vec![] } else { self.trace() }
    }

    /// An error that becomes exactly this complaint if nothing catches it.
    pub fn complaint(&self, diagnostic: Diagnostic) -> LuaError {
        let position = diagnostic.span().map_or(String::new(), |span| self.position(span) + " ");
        let message = self.string((position + &diagnostic.message).into_bytes());
        LuaError::worded(diagnostic, message.into(), self.trace())
    }

    /// As [`Lua::error`], which becomes this complaint if nothing catches it.
    pub fn error_as(&self, message: &str, diagnostic: Diagnostic) -> LuaError {
        LuaError::worded(diagnostic, self.error(message).into_value(), self.trace())
    }

    /// `bad argument #1 to 'f' (…)`; `at` counts from 0.
    pub fn bad_argument(&self, at: usize, problem: &str) -> LuaError {
        let described = self.called_name();
        let is_method = described.as_ref().is_some_and(|described| described.kind == "method");
        let name = described.map_or("?".into(), |described| described.name);
        self.error(&match (is_method, at) {
            (true, 0) => format!("calling '{name}' on bad self ({problem})"),
            (true, _) => format!("bad argument #{at} to '{name}' ({problem})"),
            (false, _) => format!("bad argument #{} to '{name}' ({problem})", at + 1),
        })
    }

    pub(super) fn print(&mut self, bytes: &[u8]) -> LuaResult<()> {
        if self.limits.output < self.output.len() + bytes.len() {
            let message = format!("the definition prints more than {} bytes", self.limits.output);
            return Err(self.limit(message, None));
        }
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    /// What runs at a level of `debug.getinfo`: 0 is the running native function, 1 its caller.
    pub(super) fn level(&self, level: usize) -> Option<Level> {
        self.level_among(&self.frames, level)
    }

    fn level_among(&self, frames: &[Active], level: usize) -> Option<Level> {
        let at = frames.len().checked_sub(level.checked_add(1)?)?;
        let frame = &frames[at];
        let function = match &frame.closure {
            Some(closure) => Value::Function(closure.clone()),
            None => Value::Nil,
        };
        let above = frames.get(at + 1).and_then(|above| above.site.as_ref());
        let line = above
            .map(|site| self.sources.file(site.span.file).line_column(site.span.start as usize).0);
        let name = frame.site.as_ref().and_then(|site| site.name.as_ref());
        let name = name.map(|name| (name.kind.to_owned(), name.name.to_string()));
        Some(Level { function, line, name })
    }

    /// The closure that runs at a level of `getfenv`: 1 is the caller of the running native function.
    pub(super) fn closure_at_level(&self, level: usize) -> Option<Rc<Closure>> {
        let at = self.frames.len().checked_sub(level + 1)?;
        self.frames[at].closure.clone()
    }
}

impl Drop for Lua {
    fn drop(&mut self) {
        if !self.is_absent {
            self.heap.break_cycles();
        }
    }
}

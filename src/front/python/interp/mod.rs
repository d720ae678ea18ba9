//! The interpreter: resolved Python to values, inside the cage.
//!
//! [`Python`] is made from a map of sources and limits, runs files and calls functions. Native functions
//! ([`Value::function`]), classes ([`Class::native`]) and values ([`Native`]) extend it; `import` finds modules by
//! [`Python::add_module`], [`Python::add_text`] and the resolver of [`Python::set_resolver`].
//!
//! Invariants: values never cross threads; nothing keeps a borrow of a container while it calls back; every loop whose
//! length a definition can choose pays for its rounds with [`Python::work`], and everything it can make large pays for
//! its bytes with [`Python::allocate`] before it is made.

mod assign;
mod attributes;
mod calls;
mod class;
mod compare;
mod dict;
mod error;
mod eval;
mod exec;
mod function;
mod generator;
mod import;
mod items;
mod iterate;
mod iterator;
mod module;
mod native;
mod operators;
mod raise;
mod resolve;
mod show;
mod types;
mod value;

pub use class::{Class, ClassCell, Construct, Instance, linearize};
pub use dict::{Dict, DictKind, Entries, Key, Set};
pub use error::{Maybe, Outcome, PyError};
pub use function::{Args, Bound, Function, Keyword, Method, NativeFunction, Property, Scope};
pub use iterator::{Iter, Step};
pub use module::{Module, Names};
pub use native::Native;
pub(super) use show::float_repr;
pub use types::Types;
pub use value::{List, Range, Slice, Tuple, Value, bury};

use super::ast::{File, Version};
use super::stdlib;
use super::syntax;
use crate::diag::{Diagnostic, Diagnostics};
use crate::front::cage::{Limits, Stack};
use crate::source::{FileId, SourceMap, Span};
use calls::Active;
use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

/// Finds another file of the project by the dotted name of its module and the file that asks: its path and text.
pub type Resolver = dyn Fn(&str, usize, Option<&Path>) -> Option<(PathBuf, String)>;

/// What to do instead of importing the module of a name.
pub type Advice = fn(&str) -> Option<&'static str>;

/// An interpreter with its modules, its limits and what it printed.
pub struct Python {
    /// Every text that was loaded; give it back to the renderer of diagnostics when done.
    pub sources: SourceMap,
    /// Warnings of the interpreter and of natives.
    pub warnings: Diagnostics,
    /// What texts are taken for that do not show which Python they are written for.
    pub version: Version,
    /// The built-in classes.
    pub types: Rc<Types>,
    pub(super) builtins: Rc<Module>,
    pub(super) limits: Limits,
    resolver: Option<Rc<Resolver>>,
    modules: HashMap<String, Value>,
    /// The modules that are files of the project, by their paths: two folders may each have a file of the same name.
    files: HashMap<PathBuf, Value>,
    texts: HashMap<String, &'static str>,
    /// Further names of modules.
    copies: HashMap<String, String>,
    /// Texts of the library, which traces do not show.
    internal: HashSet<FileId>,
    /// The Python that each text is written for.
    versions: HashMap<FileId, Version>,
    states: HashMap<TypeId, Rc<dyn Any>>,
    steps: u64,
    allocated: usize,
    output: String,
    frames: Vec<Active>,
    /// The exceptions that are being handled, innermost last.
    handling: Vec<PyError>,
    stack: Stack,
    /// The generators that run, innermost last.
    generators: Vec<generator::Active>,
    stacks: Rc<generator::Stacks>,
    /// What the generator that ended last has returned.
    pub(super) returned: Value,
    owners: Owners,
    /// Divisions that were warned of.
    divisions: HashSet<Span>,
    /// Whether `/` of the text that is run keeps the remainder whatever the text says.
    true_division: bool,
    /// What to do instead of importing a module that is not there.
    module_advice: Advice,
    /// Whether dicts remember where their entries are written.
    pub(super) keeps_places: bool,
    /// Whether the text that is run is the program itself, and not a module of one.
    is_program: bool,
}

/// What may be part of a cycle, to be emptied at the end.
#[derive(Default)]
struct Owners {
    scopes: Vec<Weak<Scope>>,
    instances: Vec<Weak<Instance>>,
    classes: Vec<Weak<Class>>,
    modules: Vec<Weak<Module>>,
    prune_at: usize,
}

impl Owners {
    /// Forgets what is gone, now and then.
    fn prune(&mut self) {
        let count = self.scopes.len() + self.instances.len();
        if self.prune_at.max(1024) < count {
            self.scopes.retain(|weak| 0 < weak.strong_count());
            self.instances.retain(|weak| 0 < weak.strong_count());
            self.prune_at = 2 * (self.scopes.len() + self.instances.len());
        }
    }
}

impl Python {
    /// An interpreter with the standard library. Run it under
    /// [`on_large_stack`](crate::front::cage::on_large_stack) if the definition may recurse.
    pub fn new(sources: SourceMap, limits: Limits) -> Self {
        let mut py = Self::bare(Rc::new(Types::new()), Module::new("builtins"));
        (py.sources, py.limits) = (sources, limits);
        stdlib::install(&mut py);
        py
    }

    fn bare(types: Rc<Types>, builtins: Rc<Module>) -> Self {
        Python {
            sources: SourceMap::default(),
            warnings: Diagnostics::default(),
            version: Version::Unknown,
            types,
            builtins,
            limits: Limits::default(),
            resolver: None,
            modules: HashMap::new(),
            files: HashMap::new(),
            copies: HashMap::new(),
            texts: HashMap::new(),
            internal: HashSet::new(),
            versions: HashMap::new(),
            states: HashMap::new(),
            steps: 0,
            allocated: 0,
            output: String::new(),
            frames: vec![],
            handling: vec![],
            stack: Stack::here(),
            generators: vec![],
            stacks: Rc::default(),
            returned: Value::None,
            owners: Owners::default(),
            divisions: HashSet::new(),
            true_division: false,
            module_advice: |_| None,
            keeps_places: false,
            is_program: false,
        }
    }

    /// Takes the interpreter away; what stays in its place must not be used until it is back.
    fn leave_empty(&mut self) -> Self {
        let empty = Self::bare(self.types.clone(), self.builtins.clone());
        std::mem::replace(self, empty)
    }

    /// What an extension keeps in this interpreter, one value of each type; made by `new` when first asked for.
    pub fn state<T: 'static>(&mut self, new: impl FnOnce(&mut Python) -> T) -> Rc<T> {
        let known = self.states.get(&TypeId::of::<T>()).cloned();
        if let Some(state) = known.and_then(|state| state.downcast().ok()) {
            return state;
        }
        let state = Rc::new(new(self));
        self.states.insert(TypeId::of::<T>(), state.clone());
        state
    }

    /// What was printed so far.
    pub fn output(&self) -> &str {
        &self.output
    }

    /// Steps used so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Makes `import name` (dotted) give a value: a module, or a native with attributes.
    pub fn add_module(&mut self, name: &str, module: impl Into<Value>) {
        let module = module.into();
        self.own(&module);
        self.modules.insert(name.to_owned(), module);
    }

    fn own(&mut self, module: &Value) {
        if let Value::Module(module) = module {
            self.owners.modules.push(Rc::downgrade(module));
        }
    }

    /// Makes `import name` run this text once, which is part of the library; traces do not show it.
    pub fn add_text(&mut self, name: &str, text: &'static str) {
        self.texts.insert(name.to_owned(), text);
    }

    /// Makes `import name` give the module of another name.
    pub fn add_copy(&mut self, name: &str, of: &str) {
        self.copies.insert(name.to_owned(), of.to_owned());
    }

    /// Makes a name a builtin: DIGITS puts `tf`, `slim`, `digits`, `Tower` and `model_property` there.
    pub fn add_builtin(&mut self, name: &str, value: Value) {
        self.builtins.set(name, value);
    }

    /// Lets `import` look for other files of the project.
    pub fn set_resolver(
        &mut self,
        resolver: impl Fn(&str, usize, Option<&Path>) -> Option<(PathBuf, String)> + 'static,
    ) {
        self.resolver = Some(Rc::new(resolver));
    }

    /// Lets dicts remember where the entries that have names are written.
    pub fn keep_places(&mut self) {
        self.keeps_places = true;
    }

    /// Runs texts as programs that are started themselves: what is run has the name `__main__`.
    pub fn run_as_program(&mut self) {
        self.is_program = true;
    }

    /// Says what to do instead of importing a module that is not there.
    pub fn set_module_advice(&mut self, advice: Advice) {
        self.module_advice = advice;
    }

    /// Makes `/` of two integers keep the remainder in what is run, as in a text that another one with
    /// `from __future__ import division` gives to `exec`. Files that it imports are read as they are.
    pub fn divide_truly(&mut self) {
        self.true_division = true;
    }

    /// Runs a file as the module `__main__`; the complaints of the reader, or the error that stopped it.
    pub fn run(
        &mut self,
        path: impl Into<PathBuf>,
        text: &str,
    ) -> Result<Rc<Module>, Vec<Diagnostic>> {
        let module = Module::new("__main__");
        if self.is_program {
            module.set("__name__", "__main__");
        }
        self.add_module("__main__", Value::Module(module.clone()));
        let file = self.read(path, text, false, self.true_division)?;
        self.run_in(&module, &file).map_err(|error| vec![error.diagnostic()])?;
        Ok(module)
    }

    /// Evaluates one expression with the names of a module, such as one given on the command line.
    pub fn evaluate(
        &mut self,
        path: impl Into<PathBuf>,
        text: &str,
        module: &Rc<Module>,
    ) -> Result<Value, Vec<Diagnostic>> {
        let file = self.read(path, text, true, self.true_division)?;
        self.run_in(module, &file).map_err(|error| vec![error.diagnostic()])
    }

    /// Reads and resolves a text, which joins [`Python::sources`].
    fn read(
        &mut self,
        path: impl Into<PathBuf>,
        text: &str,
        is_expression: bool,
        true_division: bool,
    ) -> Result<File, Vec<Diagnostic>> {
        let id = self.sources.add_once(path, text);
        let (mut file, problems) = match is_expression {
            true => syntax::parse_expression(id, text),
            false => syntax::parse(id, text),
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let version = if file.version == Version::Unknown { self.version } else { file.version };
        let old_division =
            !true_division && version != Version::Three && !resolve::has_true_division(&file);
        let problems = resolve::resolve(&mut file, old_division, is_expression);
        self.versions.insert(id, version);
        if problems.is_empty() { Ok(file) } else { Err(problems) }
    }

    /// Whether the text at a place is read as Python 3.
    pub fn is_three(&self, at: Span) -> bool {
        self.versions.get(&at.file) == Some(&Version::Three)
    }

    /// Pays for work: about one step for each element or few bytes touched.
    #[inline]
    pub fn work(&mut self, steps: usize, at: Span) -> Outcome<()> {
        self.steps = self.steps.saturating_add(steps as u64);
        if self.limits.steps < self.steps {
            let message =
                format!("the definition does not end: it ran for {} steps", self.limits.steps);
            return Err(self.limit(message, at));
        }
        Ok(())
    }

    /// Pays for bytes that are about to be made.
    #[inline]
    pub fn allocate(&mut self, bytes: usize, at: Span) -> Outcome<()> {
        let allocated = self.allocated.saturating_add(bytes);
        if self.limits.memory < allocated {
            let message = format!(
                "the definition makes more than {} MiB of values",
                self.limits.memory >> 20
            );
            return Err(self.limit(message, at));
        }
        self.allocated = allocated;
        Ok(())
    }

    /// Pays for a container of so many values, and for filling it.
    pub(super) fn room(&mut self, items: usize, at: Span) -> Outcome<()> {
        self.allocate(items.saturating_mul(size_of::<Value>()).saturating_add(64), at)?;
        self.work(items / 4, at)
    }

    /// A list whose memory is paid for.
    pub fn new_list(&mut self, items: Vec<Value>, at: Span) -> Outcome {
        self.room(items.len(), at)?;
        Ok(Value::List(Rc::new(List(RefCell::new(items)))))
    }

    /// A tuple whose memory is paid for.
    pub fn new_tuple(&mut self, items: Vec<Value>, at: Span) -> Outcome {
        self.room(items.len(), at)?;
        Ok(Value::tuple(items))
    }

    /// A text whose memory is paid for.
    pub fn new_str(&mut self, text: impl Into<Rc<str>>, at: Span) -> Outcome {
        let text = text.into();
        self.allocate(text.len() + 32, at)?;
        self.work(text.len() / 64, at)?;
        Ok(Value::Str(text))
    }

    /// An object whose memory is paid for.
    pub fn new_instance(
        &mut self,
        class: &Rc<Class>,
        payload: Option<Value>,
        at: Span,
    ) -> Outcome<Rc<Instance>> {
        self.allocate(size_of::<Instance>() + 64, at)?;
        let (class, names) = (class.clone(), RefCell::default());
        let instance = Rc::new(Instance { class, names, dict: RefCell::default(), payload });
        self.owners.instances.push(Rc::downgrade(&instance));
        self.owners.prune();
        Ok(instance)
    }

    /// Remembers a scope that outlives its call.
    pub(super) fn keep_scope(&mut self, scope: &Rc<Scope>, at: Span) -> Outcome<()> {
        let values = scope.slots.borrow().len();
        self.allocate(size_of::<Function>() + 64 + values * size_of::<Value>(), at)?;
        self.owners.scopes.push(Rc::downgrade(scope));
        self.owners.prune();
        Ok(())
    }

    pub(super) fn keep_class(&mut self, class: &Rc<Class>) {
        self.owners.classes.push(Rc::downgrade(class));
    }

    /// Adds to what was printed.
    pub fn print(&mut self, text: &str, at: Span) -> Outcome<()> {
        if self.limits.output < self.output.len() + text.len() {
            let message = format!("the definition prints more than {} bytes", self.limits.output);
            return Err(self.limit(message, at));
        }
        self.output.push_str(text);
        Ok(())
    }

    /// Prints to a stream: to what has a `write`, or to what the definition prints.
    pub(super) fn print_to(&mut self, stream: &Value, text: String, at: Span) -> Outcome<()> {
        let is_outside = matches!(stream, Value::Native(native) if native.is_outside());
        if !stream.is_none()
            && !is_outside
            && let Some(write) = self.find_attribute(stream, "write", at)?
        {
            let text = self.new_str(text, at)?;
            self.call(&write, Args::new([text], at))?;
            return Ok(());
        }
        self.print(&text, at)
    }

    /// Whether a place lies in a text of the library.
    pub(super) fn is_internal(&self, at: Span) -> bool {
        self.internal.contains(&at.file)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let owners = std::mem::take(&mut self.owners);
        for scope in owners.scopes.iter().filter_map(Weak::upgrade) {
            bury(scope.slots.take().into_iter().flatten());
        }
        for instance in owners.instances.iter().filter_map(Weak::upgrade) {
            bury(instance.names.take().into_values());
            bury(instance.dict.take().map(Value::Dict));
        }
        for class in owners.classes.iter().filter_map(Weak::upgrade) {
            bury(class.names.take().into_values());
        }
        for module in owners.modules.iter().filter_map(Weak::upgrade) {
            bury(module.names.take().into_values());
        }
    }
}

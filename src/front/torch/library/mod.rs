//! Torch's library as definitions see it: the class system, `nn` with a class for every spelling of the layers, and the
//! modules that `require` finds.
//!
//! Modules are Lua tables whose metatable is their class, as in Torch, so that definitions may read and change any field
//! and extend any class. What Rust must know of a module beyond its fields, the place where it was made and where it was
//! added, is kept in a [`Library`].

mod arguments;
mod copying;
mod files;
mod pointer;
mod sharing;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::interp::{Args, Lua, LuaError, LuaResult, Native, Results, Table, Value};
use super::syntax::SyntaxError;
use super::tensor::{self, First, LateNumber, Tensor, UnreadFile};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic};
use crate::front::{Trial, Tried};
use crate::layers::Layer;
use crate::source::Span;
use crate::spec::{Dialect, Filler, Spelling};

/// A field that a module was told to share with another one.
#[derive(Clone)]
pub struct Sharing {
    /// The module.
    pub module: Table,
    /// The other one.
    pub other: Table,
    /// The field.
    pub field: String,
    /// Where that was told.
    pub place: Span,
}

/// Places of the definition by the serial numbers of modules.
type Places = RefCell<HashMap<u64, Span>>;

/// What is known of the modules of one interpreter.
#[derive(Default)]
pub struct Library {
    constructed: Places,
    added: Places,
    /// Names of classes that were asked for and do not exist.
    missing: RefCell<HashSet<String>>,
    /// Files that were loaded, with the places of the calls.
    unread: RefCell<Vec<(String, Option<Span>)>>,
    /// Lua functions that the lowering calls.
    natives: RefCell<Option<Table>>,
    /// Warnings of the Lua side.
    warnings: RefCell<Vec<Diagnostic>>,
    /// Modules that were told to share fields.
    shared: RefCell<Vec<Sharing>>,
    /// What computes nets that the definition tries.
    trial: Cell<Option<fn(Trial) -> Option<Tried>>>,
}

/// Spaces of names whose classes stand for those of `nn` with the same name.
const ALIASES: [&str; 5] = ["cudnn", "inn", "ccn2", "fbnn", "dpnn"];

/// Packages that are run when they are first required.
const PACKAGES: [(&str, &str); 5] = [
    ("argcheck", include_str!("argcheck.lua")),
    ("nnx", include_str!("nnx.lua")),
    ("dpnn", include_str!("dpnn.lua")),
    ("rnn", include_str!("rnn.lua")),
    ("stn", include_str!("stn.lua")),
];

/// Classes that people know from programs of others, and what does the same here.
const ELSEWHERE: [(&str, &str); 7] = [
    (
        "nn.CTCCriterion",
        "no source of labels here gives lists of several lengths: check the model without it",
    ),
    (
        "nn.InstanceNormalization",
        "`require` the file of texture_nets or fast-neural-style that defines it",
    ),
    ("nn.L2Norm", "`nn.Normalize(2)` does this"),
    ("nn.L2Normalize", "`nn.Normalize(2)` does this"),
    ("nn.LinearNB", "`nn.Linear(inputs, outputs, false)` has no bias"),
    ("nn.NoBackprop", "`nn.ZeroGrad()` gives its input and no gradient"),
    ("nn.SpatialConvolutionNoBias", "`nn.SpatialConvolution(...):noBias()` has no bias"),
];

/// The version that `cudnn.version` says: one whose batch normalisation definitions rely on.
const CUDNN: f64 = 5105.0;

impl Library {
    /// Puts the library into an interpreter.
    ///
    /// # Errors
    /// The limits are too small for it.
    pub fn install(lua: &mut Lua) -> LuaResult<Rc<Library>> {
        let library = Rc::new(Library::default());
        let torch = tensor::install(lua);
        let (globals, nn, natives) = (lua.globals().clone(), lua.table(), lua.table());
        globals.set_field("torch", torch.clone());
        globals.set_field("nn", nn.clone());
        library.fill(&natives);
        arguments::fill(lua, &library, &natives);
        let kinds = lua.table();
        for kind in tensor::Kind::all() {
            kinds.set_field(&kind.tensor_name(), kind.method());
        }
        natives.set_field("kinds", kinds);
        *library.natives.borrow_mut() = Some(natives.clone());
        let arguments = [torch.clone(), nn.clone(), natives.clone()].map(Value::Table);
        let [torch_value, _, natives_value] = arguments.clone();
        run(lua, "<torch.class>", include_str!("class.lua"), vec![torch_value, natives_value])?;
        torch.set_field("pointer", Native::value("pointer", pointer::pointer));
        for name in ["dofile", "loadfile"] {
            globals.set_field(name, natives.field(name));
        }
        library.lazy(lua, "nn", &nn);
        run(lua, "<nn.Module>", include_str!("module.lua"), arguments.to_vec())?;
        natives.set_field("tensor_methods", tensor::methods(lua));
        run(lua, "<tensors>", include_str!("tensors.lua"), arguments.to_vec())?;
        run(lua, "<nngraph>", include_str!("graph.lua"), arguments.to_vec())?;
        run(lua, "<packages>", include_str!("companions.lua"), arguments.to_vec())?;
        run(lua, "<pl>", include_str!("penlight.lua"), arguments.to_vec())?;
        run(lua, "<torch.MemoryFile>", include_str!("memory.lua"), arguments.to_vec())?;
        run(lua, "<nn.Maxout>", include_str!("composed.lua"), arguments[..2].to_vec())?;
        run(lua, "<follow>", include_str!("follow.lua"), arguments.to_vec())?;
        run(lua, "<orders>", include_str!("orders.lua"), arguments.to_vec())?;
        run(lua, "<labels>", include_str!("labels.lua"), arguments.to_vec())?;
        run(lua, "<THNN>", include_str!("functions.lua"), arguments.to_vec())?;
        lua.set_module("torch", torch);
        lua.set_module("nn", nn);
        // Modules are copied with this line, whether they call the functions of C behind it or not.
        let functions = lua.table();
        let same = |_: &mut Lua, args: &Args| Ok(vec![args.get(0)]);
        functions.set_field("optionalTensor", Native::value("optionalTensor", same));
        lua.set_module("nn.THNN", functions);
        for space in ALIASES {
            let table = lua.table();
            if space == "cudnn" {
                table.set_field("version", CUDNN);
                table.set_field("benchmark", false);
                table.set_field("fastest", false);
                let same = |_: &mut Lua, args: &Args| Ok(vec![args.get(0)]);
                table.set_field("convert", Native::value("convert", same));
            }
            library.lazy(lua, space, &table);
            let own = match space {
                "ccn2" => Some(("<ccn2>", include_str!("ccn2.lua"))),
                "inn" => Some(("<inn>", include_str!("inn.lua"))),
                "cudnn" => Some(("<cudnn>", include_str!("cudnn.lua"))),
                _ => None,
            };
            if let Some((name, text)) = own {
                let [_, nn, natives] = arguments.clone();
                run(lua, name, text, vec![Value::Table(table.clone()), nn, natives])?;
            }
            match space {
                "cudnn" | "ccn2" => {
                    let loader = Native::value("require", move |lua, _| {
                        lua.globals().set_field(space, table.clone());
                        Ok(vec![Value::Table(table.clone())])
                    });
                    lua.set_optional_module(space, loader);
                }
                "dpnn" => globals.set_field(space, table),
                _ => {
                    globals.set_field(space, table.clone());
                    lua.set_module(space, table);
                }
            }
        }
        if let Value::Table(package) = globals.field("package")
            && let Value::Table(preload) = package.field("preload")
        {
            for (name, text) in PACKAGES {
                let own = arguments.clone();
                let loader = Native::value("require", move |lua, _| {
                    run(lua, &format!("<{name}>"), text, own.to_vec())
                });
                preload.set_field(name, loader);
            }
        }
        for absent in ["cunn", "cutorch", "clnn", "cltorch", "fbcunn", "nccl"] {
            let known = natives.field(absent);
            let loader = Native::value("require", move |lua, _| {
                let table = match &known {
                    Value::Table(table) => table.clone(),
                    _ => lua.table(),
                };
                lua.globals().set_field(absent, table.clone());
                Ok(vec![Value::Table(table)])
            });
            lua.set_optional_module(absent, loader);
        }
        natives.set_field("loading", Value::Nil);
        Ok(library)
    }

    /// Lets nets that the definition tries be computed.
    pub fn allow_trials(&self, run: Option<fn(Trial) -> Option<Tried>>) {
        self.trial.set(run);
    }

    /// What computes nets that the definition tries.
    pub fn trial(&self) -> Option<fn(Trial) -> Option<Tried>> {
        self.trial.get()
    }

    /// Where a module was made.
    pub fn constructed(&self, module: &Table) -> Option<Span> {
        self.constructed.borrow().get(&module.serial()).copied()
    }

    /// Where a module was last added to a container.
    pub fn added(&self, module: &Table) -> Option<Span> {
        self.added.borrow().get(&module.serial()).copied()
    }

    /// Files that the definition has loaded and that were not read, with the places of the calls.
    pub fn unread(&self) -> Vec<(String, Option<Span>)> {
        self.unread.borrow().clone()
    }

    /// Calls a function that the Lua side of the library offers to this one.
    pub fn call(&self, lua: &mut Lua, name: &str, args: Vec<Value>) -> Results {
        let function = self.natives.borrow().as_ref().map(|table| table.field(name));
        lua.call(&function.unwrap_or_default(), args)
    }

    /// Whether the Lua side of the library has said something: `decided` that the last module that was followed was asked
    /// about numbers of its parameters, `modes` that a class asks whether it trains.
    pub fn is_set(&self, name: &str) -> bool {
        self.natives.borrow().as_ref().is_some_and(|table| table.field(name).is_truthy())
    }

    /// What the Lua side of the library warns of.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.warnings.borrow().clone()
    }

    /// What helps where a class was asked for in vain: the known one whose name is nearest, if any is near.
    pub fn suggestion(&self, name: &str) -> Option<String> {
        let missing = self.missing.borrow();
        let wanted = missing.iter().find(|full| full.rsplit('.').next() == Some(name))?;
        let known = Layer::spellings(Dialect::Torch).map(|spelling| spelling.name);
        let structural = super::lower::STRUCTURAL.iter().copied();
        if let Some((_, help)) = ELSEWHERE.iter().find(|(class, _)| class == wanted) {
            return Some((*help).to_owned());
        }
        Some(match nearest(wanted, known.chain(structural)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "`{wanted}` is no class that cortado knows: `require` the file that defines it, from the folder of this one"
            ),
        })
    }

    fn fill(self: &Rc<Self>, natives: &Table) {
        let places: [(_, fn(&Self) -> &Places); 2] =
            [("place", |library| &library.constructed), ("added", |library| &library.added)];
        for (name, places) in places {
            let this = self.clone();
            add(natives, name, move |lua, args| {
                let module = args.table(lua, 0)?;
                if let Some(span) = lua.call_span() {
                    places(&this).borrow_mut().insert(module.serial(), span);
                }
                Ok(vec![])
            });
        }
        let this = self.clone();
        add(natives, "place_like", move |lua, args| {
            let (copy, original) = (args.table(lua, 0)?, args.table(lua, 1)?);
            for places in [&this.constructed, &this.added] {
                let place = places.borrow().get(&original.serial()).copied();
                if let Some(place) = place {
                    places.borrow_mut().insert(copy.serial(), place);
                }
            }
            Ok(vec![])
        });
        let this = self.clone();
        add(natives, "find", move |lua, args| {
            let name = args.string(lua, 0)?.to_str().into_owned();
            Ok(vec![this.class(lua, &name)?])
        });
        let this = self.clone();
        add(natives, "forward", move |lua, args| {
            let (module, input) = (args.table(lua, 0)?, args.get(1));
            let own = !args.get(2).is_truthy();
            Ok(vec![super::lower::forward(lua, this.clone(), &module, &input, own)?])
        });
        let this = self.clone();
        add(natives, "loss", move |lua, args| {
            let (criterion, both) = (args.table(lua, 0)?, (&args.get(1), &args.get(2)));
            Ok(vec![super::lower::loss(lua, this.clone(), &criterion, both)?])
        });
        add(natives, "forget", |lua, args| {
            let value = args.get(0);
            if let Some(tensor) = value.object::<Tensor>() {
                tensor.forget(lua)?;
            }
            Ok(vec![value])
        });
        let this = self.clone();
        add(natives, "follow_operators", move |lua, args| {
            let natives = this.natives.borrow().clone();
            let names = ["follow_operator", "follow_assignment", "follow_call"];
            let on = natives.filter(|_| args.get(0).is_truthy());
            let followers = on.map(|natives| names.map(|name| natives.field(name)));
            tensor::follow_operators(lua, followers);
            Ok(vec![])
        });
        add(natives, "is_random", |lua, args| {
            let value = args.get(0);
            let random = match value.object::<Tensor>().map(|t| t.first(lua)).transpose()? {
                Some(First::Filler(filler)) => !matches!(filler, Filler::Constant(_)),
                _ => false,
            };
            Ok(vec![Value::Bool(random)])
        });
        add(natives, "unknown", |lua, args| {
            let given = args.get(0);
            let (kind, sizes) = match given.object::<Tensor>() {
                Some(tensor) => (tensor.kind(), tensor.sizes()),
                None => (tensor::Kind::Float, vec![1]),
            };
            Ok(vec![Tensor::unknown(lua, kind, &sizes)?.into_value()])
        });
        let this = self.clone();
        add(natives, "forgetful", move |lua, args| {
            let message = args.string(lua, 0)?.to_str().into_owned();
            if let Some(span) = lua.call_span() {
                let d = Diagnostic::new(&diag::W0630, span, message)
                    .help("give the states as inputs of the net, where they matter");
                let mut warnings = this.warnings.borrow_mut();
                if warnings.iter().all(|known| *known != d) {
                    warnings.push(d);
                }
            }
            Ok(vec![])
        });
        sharing::fill(self, natives);
        add(natives, "late", |_, args| Ok(vec![LateNumber::of(args.get(0)).unwrap_or_default()]));
        add(natives, "late_tensor", |_, args| {
            let value = args.get(0);
            Ok(vec![value.object().map(|late: &LateNumber| late.tensor.clone()).into()])
        });
        let this = self.clone();
        add(natives, "load", move |lua, args| {
            let (name, span) = (args.string(lua, 0)?.to_str().into_owned(), lua.call_span());
            lua.work(1000)?;
            this.unread.borrow_mut().push((name, span));
            Ok(vec![UnreadFile::value()])
        });
        add(natives, "dofile", files::run_file);
        add(natives, "loadfile", files::load_file);
        add(natives, "is_file", files::is_file);
        add(natives, "typename", |_, args| Ok(vec![typename(&args.get(0))]));
        add(natives, "is_tensor", |_, args| {
            Ok(vec![Value::Bool(args.get(0).object::<Tensor>().is_some())])
        });
        for name in ["copy", "recast"] {
            add(natives, name, copying::copied);
        }
        add(natives, "check_kind", |lua, args| kind_of(lua, args).map(|_| vec![]));
        add(natives, "is_real", |lua, args| Ok(vec![kind_of(lua, args)?.is_real().into()]));
        add(natives, "flatten", |lua, args| {
            let list = args.table(lua, 0)?;
            let tensors: Vec<Value> = list.items().collect();
            Ok(vec![copying::flatten(lua, &tensors)?])
        });
    }

    /// Lets a table of names make its classes when they are first named.
    fn lazy(self: &Rc<Self>, lua: &Lua, space: &'static str, table: &Table) {
        let (this, meta) = (self.clone(), lua.table());
        let index = Native::value("__index", move |lua, args| {
            let Value::String(key) = args.get(1) else { return Ok(vec![Value::Nil]) };
            let class = this.class(lua, &format!("{space}.{}", key.to_str()))?;
            if !class.is_nil() {
                args.table(lua, 0)?.set(args.get(1), class.clone());
            }
            Ok(vec![class])
        });
        meta.set_field("__index", index);
        table.set_metatable(Some(meta));
    }

    /// The class of a full name, made if a layer spells it so; else nil.
    ///
    /// # Errors
    /// The limits are reached.
    pub fn class(&self, lua: &mut Lua, name: &str) -> LuaResult<Value> {
        let Some((space, short)) = name.split_once('.') else { return Ok(Value::Nil) };
        if let Value::Table(table) = lua.globals().field(space)
            && let class @ Value::Table(_) = table.field(short)
        {
            return Ok(class);
        }
        if let Some(spelling) = Layer::resolve(Dialect::Torch, name) {
            let parent = self.class(lua, spelling.class.parent)?;
            let class = self.define(lua, name, parent.clone())?;
            self.dress(lua, spelling, &class, parent)?;
            return Ok(class);
        }
        if ALIASES.contains(&space) {
            let parent = self.class(lua, &format!("nn.{short}"))?;
            return if parent.is_nil() { Ok(parent) } else { self.define(lua, name, parent) };
        }
        if let Some(class) = self.packaged(lua, name)? {
            return Ok(class);
        }
        self.missing.borrow_mut().insert(name.to_owned());
        Ok(Value::Nil)
    }

    /// A class of a package that the program around a definition has loaded, if there is one of this name.
    fn packaged(&self, lua: &mut Lua, name: &str) -> LuaResult<Option<Value>> {
        let Some(short) = name.strip_prefix("nn.") else { return Ok(None) };
        if self.is_set("loading") || self.missing.borrow().contains(name) {
            return Ok(None);
        }
        let made = format!("class('{short}'");
        let Some((package, _)) = PACKAGES.iter().find(|(_, text)| text.contains(&made)) else {
            return Ok(None);
        };
        let require = lua.globals().field("require");
        lua.call(&require, vec![(*package).into()])?;
        let Value::Table(nn) = lua.globals().field("nn") else { return Ok(None) };
        Ok(Some(nn.field(short)).filter(|class| !class.is_nil()))
    }

    fn define(&self, lua: &mut Lua, name: &str, parent: Value) -> LuaResult<Value> {
        let defined = self.call(lua, "define", vec![name.into(), parent])?;
        let class = defined.into_iter().next().unwrap_or_default();
        if let Some((space, short)) = name.split_once('.')
            && let Value::Table(table) = lua.globals().field(space)
        {
            table.set_field(short, class.clone());
        }
        Ok(class)
    }

    /// Gives a class its constructor and methods.
    fn dress(
        &self,
        lua: &mut Lua,
        spelling: &'static Spelling,
        class: &Value,
        parent: Value,
    ) -> LuaResult<()> {
        let Value::Table(table) = class else { return Ok(()) };
        if !spelling.class.script.is_empty() {
            let text = format!("local Class, Parent = ...\n{}", spelling.class.script);
            let chunk = lua.load(format!("<{}>", spelling.name), &text);
            called(lua, chunk, vec![class.clone(), parent.clone()])?;
        }
        let init = table.field("__init");
        let taken = |init: &Value, most: Option<usize>| {
            let natives = self.natives.borrow();
            let arities = natives.as_ref().map(|natives| natives.field("arities"));
            if let (Some(Value::Table(arities)), Some(most)) = (arities, most) {
                arities.set(init.clone(), (most as f64).into());
            }
        };
        if !init.is_nil() {
            let most = arguments::arity_of(&init);
            let checked = Native::value("__init", move |lua, args| {
                lua.call(&init, args.0.clone())
                    .map_err(|error| explained(lua, error, spelling, args))
            });
            taken(&checked, most);
            table.set_field("__init", checked);
        }
        let plain = ["nn.Module", "nn.Criterion"].contains(&spelling.class.parent);
        if table.field("__init").is_nil() && plain && !spelling.positional.is_empty() {
            let init = Native::value("__init", move |lua, args| {
                let own = args.table(lua, 0)?;
                let base = match &parent {
                    Value::Table(parent) => lua_field(parent, "__init"),
                    _ => Value::Nil,
                };
                if !base.is_nil() {
                    lua.call(&base, vec![args.get(0)])?;
                }
                for (i, name) in spelling.positional.iter().enumerate() {
                    own.set_field(name, args.get(i + 1));
                }
                Ok(vec![])
            });
            taken(&init, Some(spelling.positional.len()));
            table.set_field("__init", init);
        }
        Ok(())
    }
}

/// An error inside of a constructor of the library, in the words of its caller.
fn explained(lua: &Lua, error: LuaError, spelling: &Spelling, args: &Args) -> LuaError {
    let message = error.message();
    let inside = ["bad argument", "calling '", "attempt to", "table index is"];
    let Some(at) = inside.iter().find_map(|start| message.find(start)) else { return error };
    let Some(span) = lua.call_span().filter(|_| error.is_catchable()) else { return error };
    let (name, reason) = (spelling.name, &message[at..]);
    let arguments = spelling.positional.join(", ");
    // An argument that is left out is to blame only where those before it can be counts.
    let counts = args.rest(1).iter().take_while(|v| matches!(v, Value::Number(n) if 0.0 < *n));
    let missing = Some(counts.count()).filter(|&given| args.is_none(given + 1));
    let missing = missing.and_then(|given| spelling.positional.get(given));
    let text = match missing {
        Some(argument) => format!("{name} needs its `{argument}`"),
        None => format!("{name} cannot be made of these arguments: {reason}"),
    };
    let help = format!("it is made by {name}({arguments})");
    lua.complaint(Diagnostic::new(&diag::E0701, span, text).here(reason).help(help))
}

/// A class and those it extends, nearest first, as far as there are no more than a program would write.
pub fn ancestors(class: Option<Table>) -> impl Iterator<Item = Table> {
    std::iter::successors(class, parent_of).take(MOST_ANCESTORS)
}

/// A chain of more classes goes round in circles.
const MOST_ANCESTORS: usize = 100;

/// Whether a module is a criterion.
pub fn is_criterion(module: &Table) -> bool {
    let is_base = |class: Table| class_name(&class).is_some_and(|name| name == "nn.Criterion");
    ancestors(module.metatable()).any(is_base)
}

/// A field of a class or of the classes it extends.
pub fn lua_field(class: &Table, name: &str) -> Value {
    let fields = ancestors(Some(class.clone())).map(|class| class.field(name));
    fields.into_iter().find(|value| !value.is_nil()).unwrap_or_default()
}

/// Calls a method of a module without arguments.
pub fn method(lua: &mut Lua, module: &Table, name: &str) -> Results {
    let own = module.field(name);
    let class = module.metatable();
    let inherited = || class.map_or(Value::Nil, |class| lua_field(&class, name));
    let method = if own.is_nil() { inherited() } else { own };
    lua.call(&method, vec![Value::Table(module.clone())])
}

/// Adds a function for the Lua side of the library.
fn add(natives: &Table, name: &'static str, run: impl Fn(&mut Lua, &Args) -> Results + 'static) {
    natives.set_field(name, Native::value(name, run));
}

/// The class that a class extends.
fn parent_of(class: &Table) -> Option<Table> {
    class.metatable()?.field("__index").into_table()
}

/// The name of a class, or of the class of a module.
pub fn class_name(class: &Table) -> Option<String> {
    match class.field("__typename") {
        Value::String(name) => Some(name.to_str().into_owned()),
        _ => None,
    }
}

fn typename(value: &Value) -> Value {
    match value {
        Value::Object(_) if value.object::<LateNumber>().is_some() => Value::Nil,
        Value::Object(object) => object.type_name().as_str().into(),
        _ => Value::Nil,
    }
}

/// The kind of tensors that an argument names.
fn kind_of(lua: &Lua, args: &Args) -> LuaResult<tensor::Kind> {
    let name = args.string(lua, 0)?;
    tensor::Kind::of_tensor(&name.to_str())
        .ok_or_else(|| lua.bad_argument(0, &format!("'{}' is no type of tensors", name.to_str())))
}

/// Runs a text of the library.
fn run(lua: &mut Lua, name: &str, text: &'static str, args: Vec<Value>) -> Results {
    let chunk = lua.load_own(name, text);
    called(lua, chunk, args)
}

fn called(lua: &mut Lua, chunk: Result<Value, Vec<SyntaxError>>, args: Vec<Value>) -> Results {
    match chunk {
        Ok(chunk) => lua.call(&chunk, args),
        Err(errors) => match errors.first() {
            Some(error) => Err(lua.complaint(error.diagnostic())),
            None => Ok(vec![]),
        },
    }
}

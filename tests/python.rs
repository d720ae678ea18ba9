//! Python snippets through the interpreter, against what CPython prints; Python 2 by hand; the cage; mutated texts.
//!
//! A file of `tests/python` holds cases that begin with `# @case name`; the file beside it holds their output under the
//! same marks, an uncaught exception as `error: class: text`. `tests/python/bless.sh` writes it with the real
//! interpreter. `python2.txt` holds cases of Python 2 with what it prints, behind a line of dashes.

use cortado::diag::{Diagnostic, E0804};
use cortado::front::cage::{Limits, on_large_stack};
use cortado::front::tensorflow::ast::{Binary, Version};
use cortado::front::tensorflow::interp::{Args, Class, Module, Native, Outcome, Python, Value};
use cortado::source::{SourceMap, Span};
use libtest_mimic::{Arguments, Failed, Trial};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

mod snippets;

use snippets::{Snippets, check, read};

const PYTHON: Snippets = Snippets { folder: "python", ending: "py", mark: "# @case " };

fn main() {
    let mut trials = PYTHON.trials(|text| output(text, limits(), Version::Three));
    trials.extend(python2());
    trials.extend(complaints());
    trials.extend(cage());
    trials.push(Trial::test("natives", natives));
    trials.push(Trial::test("modules_of_the_project", modules_of_the_project));
    trials.push(Trial::test("divisions_with_a_remainder", divisions_with_a_remainder));
    trials.push(Trial::test("mutated_texts_end", mutated_texts_end));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python")
}

/// Python's own bound of recursion.
fn limits() -> Limits {
    Limits { calls: 1000, ..Limits::default() }
}

/// What a text prints, and the complaint that stopped it.
fn run(text: &str, limits: Limits, version: Version) -> (String, Option<(Diagnostic, String)>) {
    on_large_stack(|| {
        let mut py = Python::new(SourceMap::default(), limits);
        py.version = version;
        let stopped = py.run("case", text).err().and_then(|list| list.into_iter().next());
        let line = |diagnostic: &Diagnostic| {
            let place = diagnostic.span().map_or(String::new(), |span| py.sources.place(span));
            place.split(':').nth(1).unwrap_or("").to_owned()
        };
        let stopped = stopped.map(|diagnostic| {
            let line = line(&diagnostic);
            (diagnostic, line)
        });
        (py.output().to_owned(), stopped)
    })
}

/// The same as one text, with the message after `error: `.
fn output(text: &str, limits: Limits, version: Version) -> String {
    let (printed, stopped) = run(text, limits, version);
    let stopped = stopped.map_or(String::new(), |(error, _)| format!("error: {}\n", error.message));
    printed + &stopped
}

/// Cases that run as files do that say nothing of their Python.
fn python2() -> Vec<Trial> {
    let trial = |(name, case): (String, String)| {
        Trial::test(format!("python2::{name}"), move || {
            let (text, expected) = case.split_once("\n----\n").ok_or("no line of dashes")?;
            check(&output(text, limits(), Version::Unknown), expected)
        })
    };
    PYTHON.cases(&read(&folder().join("python2.txt"))).into_iter().map(trial).collect()
}

/// Texts with the line and a part of the message of their complaint: `line: message`.
fn complaints() -> Vec<Trial> {
    let trial = |(name, case): (String, String)| {
        Trial::test(format!("complaints::{name}"), move || {
            let (text, expected) = case.split_once("\n----\n").ok_or("no line of dashes")?;
            let Some((error, line)) = run(text, limits(), Version::Unknown).1 else {
                return Err("nothing was complained about".into());
            };
            let got = format!("{line}: {}", error.message);
            let lines = error.trace.iter().map(|label| label.text.clone());
            let got = std::iter::once(got).chain(lines).collect::<Vec<_>>().join("\n");
            check(&got, expected)
        })
    };
    PYTHON.cases(&read(&folder().join("complaints.txt"))).into_iter().map(trial).collect()
}

/// Smaller than the defaults, so that unoptimised builds reach them soon.
const CAGE: Limits = Limits { steps: 4_000_000, memory: 64 << 20, calls: 1000, output: 1 << 16 };

/// Scripts that try to break out, with a part of the error that stops each and its line; none may be caught.
fn cage() -> Vec<Trial> {
    let scripts: &[(&str, &str, &str)] = &[
        ("endless_while", "x = 1\nwhile True: pass", "2: the definition does not end"),
        (
            "endless_for",
            "import itertools\nfor i in itertools.count(): pass",
            "2: the definition does not end",
        ),
        ("endless_range", "for i in range(10**12): pass", "1: the definition"),
        ("endless_xrange", "for i in xrange(10**12): pass", "1: the definition does not end"),
        (
            "endless_try",
            "while True:\n    try:\n        while True: pass\n    except: pass",
            "3: the definition does not end",
        ),
        ("endless_iter", "for x in iter(lambda: 1, 2): pass", "1: the definition does not end"),
        (
            "endless_comprehension",
            "[1 for a in range(10**4) for b in range(10**4)]",
            "1: the definition",
        ),
        ("endless_generator", "sum(1 for x in iter(int, 1))", "1: the definition does not end"),
        ("endless_yield", "def f():\n    while True: yield 1\nlist(f())", "the definition"),
        (
            "endless_finally",
            "while True:\n    try: 1 / 0\n    except: pass\n    finally: continue",
            "the definition",
        ),
        (
            "endless_sort",
            "l = list(range(10**4))\nwhile True: l.sort(key=lambda x: -x)",
            "2: the definition",
        ),
        (
            "endless_recursion_caught",
            "def f():\n    try: f()\n    except: pass\n    f()\nf()",
            "the definition does not end",
        ),
        ("string_bomb", "x = 'a' * 10**9", "1: the definition makes more than"),
        ("string_doubling", "x = 'a'\nwhile True: x += x", "2: the definition makes more than"),
        (
            "string_join",
            "x = 'x' * 10**6\n','.join([x] * 1000)",
            "2: the definition makes more than",
        ),
        (
            "string_replace",
            "x = 'a' * 10**5\nx.replace('a', 'b' * 10**5)",
            "2: the definition makes more than",
        ),
        (
            "string_format",
            "'%1000000d' % 1 + '{:>1000000}'.format(1) * 50",
            "1: the definition makes more than",
        ),
        ("string_width", "'%99999999999d' % 1", "1: ValueError: width or precision too big"),
        ("string_center", "'x'.center(10**12)", "1: the definition makes more than"),
        ("string_zfill", "'x'.zfill(10**12)", "1: the definition makes more than"),
        ("string_tabs", "'\\t'.expandtabs(10**12)", "1: the definition makes more than"),
        ("list_bomb", "x = [0] * 10**9", "1: the definition makes more than"),
        ("list_doubling", "x = [0]\nwhile True: x += x", "2: the definition makes more than"),
        ("list_append", "x = []\nwhile True: x.append(x)", "2: the definition"),
        (
            "list_slice",
            "x = [0] * 1000\nwhile True: x[0:0] = x",
            "2: the definition makes more than",
        ),
        ("tuple_bomb", "x = (0,) * 10**9", "1: the definition makes more than"),
        ("range_list", "list(range(10**12))", "1: the definition makes more than"),
        ("range_len_huge", "list(range(-2**62, 2**62))", "1: the definition makes more than"),
        (
            "dict_bomb",
            "d = {}\nfor i in range(10**5):\n    d[i] = {j: j for j in range(1000)}",
            "3: the definition",
        ),
        ("set_bomb", "s = set()\nwhile True: s.add((len(s),))", "2: the definition"),
        ("power_tower", "10**10**10", "1: OverflowError"),
        ("power", "2**64", "1: OverflowError"),
        ("shift", "1 << 10**9", "1: OverflowError"),
        ("factorial", "import math\nmath.factorial(10**9)", "2: OverflowError"),
        (
            "closures",
            "l = []\nwhile True:\n    def f(a=1): return lambda: a\n    l.append(f())",
            "the definition",
        ),
        (
            "classes",
            "l = []\nwhile True:\n    class A(object): x = 1\n    l.append(A)",
            "the definition",
        ),
        (
            "objects",
            "class A(object): pass\nl = []\nwhile True: l.append(A())",
            "3: the definition",
        ),
        (
            "attributes",
            "class A(object): pass\na = A()\nfor i in xrange(10**9): setattr(a, 'x%d' % i, i)",
            "3: the definition",
        ),
        ("nested_tuples", "t = ()\nwhile True: t = (t,)", "2: the definition"),
        ("nested_lists", "t = []\nfor i in xrange(10**6): t = [t]", "2: the definition"),
        ("nested_dicts", "t = {}\nwhile True: t = {1: t}", "2: the definition"),
        (
            "nested_maps",
            "t = [1]\nfor i in xrange(3 * 10**4): t = (x for x in t)\nlist(t)",
            "RecursionError",
        ),
        ("nested_repr", "t = []\nfor i in range(5000): t = [t]\nrepr(t)", "3: RecursionError"),
        (
            "nested_equal",
            "a, b = [], []\nfor i in xrange(2000): a, b = [a], [b]\na == b",
            "3: RecursionError",
        ),
        ("nested_key", "t = ()\nfor i in range(1000): t = (t,)\n{t: 1}", "3: RecursionError"),
        ("wide_repr", "t = (1,)\nfor i in range(100): t = (t, t)\nrepr(t)", "3: the definition"),
        ("wide_key", "t = (1,)\nfor i in range(90): t = (t, t)\n{t: 1}", "3: the definition"),
        (
            "wide_equal",
            "a, b = (1,), (1,)\nfor i in range(90): a, b = (a, a), (b, b)\na == b",
            "3: the definition",
        ),
        (
            "recursion",
            "def f(): return 1 + f()\nf()",
            "1: RecursionError: maximum recursion depth exceeded",
        ),
        (
            "recursion_init",
            "class A(object):\n    def __init__(self): A()\nA()",
            "2: RecursionError",
        ),
        (
            "recursion_getattr",
            "class A(object):\n    def __getattr__(self, n): return getattr(self, n)\nA().x",
            "2: RecursionError",
        ),
        (
            "recursion_repr",
            "class A(object):\n    def __repr__(self): return repr(self)\nrepr(A())",
            "2: RecursionError",
        ),
        (
            "recursion_add",
            "class A(object):\n    def __add__(self, o): return self + o\nA() + 1",
            "2: RecursionError",
        ),
        ("recursion_lambda", "f = lambda: f()\nf()", "1: RecursionError"),
        ("recursion_sort", "def f(x): return sorted([1, 2], key=f)\nf(1)", "1: RecursionError"),
        (
            "recursion_property",
            "class A(object):\n    @property\n    def x(self): return self.x\nA().x",
            "RecursionError",
        ),
        ("recursion_generator", "def f():\n    for x in f(): yield x\nlist(f())", "RecursionError"),
        (
            "recursion_within_generators",
            "def f(n): return f(n + 1)\ndef g():\n    yield 1\n    f(0)\nlist(g())",
            "RecursionError",
        ),
        (
            "waiting_generators",
            "def g():\n    yield 1\nkept = []\nwhile True:\n    kept.append(g())\n    next(kept[-1])",
            "the definition makes more than 64 MiB of values",
        ),
        (
            "chain_of_waiting_generators",
            "def g(other):\n    yield other\nwaiting = None\nwhile True:\n    waiting = g(waiting)\n    next(waiting)",
            "the definition makes more than 64 MiB of values",
        ),
        (
            "deep_waiting_generators",
            "def f(n): return n and f(n - 1)\ndef g():\n    f(300)\n    yield 1\nkept = []\nwhile True:\n    kept.append(g())\n    next(kept[-1])",
            "the definition makes more than 64 MiB of values",
        ),
        ("print_bomb", "while True: print('x' * 1000)", "1: the definition prints more than"),
        ("open", "f = open('x')", "1: 'open' is not available"),
        ("eval", "x = 1\neval('x')", "2: 'eval' is not available"),
        ("exec", "exec('x = 1')", "1: 'exec' is not available"),
        ("exec_statement", "exec 'x = 1'", "1: 'exec' is not available"),
        ("dunder_import", "__import__('os')", "1: '__import__' is not available"),
        ("os_system", "import os\nos.system('ls')", "2: 'os.system' is not available"),
        ("sys_exit", "import sys\nsys.exit(1)", "2: 'sys.exit' is not available"),
        ("exit", "exit()", "1: 'exit' is not available"),
        ("subprocess", "from subprocess import call\ncall('ls')", "2: 'subprocess.call' is not"),
        ("time", "import time\ntime.sleep(1)", "2: 'time.sleep' is not available"),
        ("random", "import random\nrandom.random()", "2: 'random.random' is not available"),
        ("input", "input()", "1: 'input' is not available"),
        ("globals", "def f(): pass\nf.__globals__", "2: '__globals__' is not available"),
        ("globals_function", "globals()", "1: 'globals' is not available"),
        ("mro", "''.__class__.__mro__", "1: '__mro__' is not available"),
        ("bases", "object.__subclasses__()", "1: '__subclasses__' is not available"),
        ("code", "def f(): pass\nf.__code__ = 1", "2: assignment to '__code__' is not available"),
        ("builtins", "__builtins__", "1: '__builtins__' is not available"),
        (
            "getattr_globals",
            "def f(): pass\ngetattr(f, '__glo' + 'bals__')",
            "2: '__globals__' is not available",
        ),
        (
            "set_class",
            "class A(object): pass\nA().__class__ = int",
            "2: assignment to '__class__' is not available",
        ),
        ("patch_builtin", "int.x = 1", "1: TypeError"),
        ("relative_import", "from ..secret import x", "1: ModuleNotFoundError"),
        ("numpy_bomb", "import numpy as np\nnp.zeros(10**9)", "2: the definition makes more than"),
        (
            "numpy_ones",
            "import numpy as np\nnp.ones((10**3, 10**3, 10**3))",
            "2: the definition makes more than",
        ),
        (
            "product_bomb",
            "import itertools\nlist(itertools.product(range(100), repeat=9))",
            "2: the definition",
        ),
        (
            "long_equal",
            "a, b = 'x' * 10**7, 'x' * 10**7\nfor i in range(10**3): a == b",
            "2: the definition does not end",
        ),
        (
            "long_order",
            "a, b = 'x' * 10**7, 'x' * 10**7\nfor i in range(10**3): a < b",
            "2: the definition does not end",
        ),
        (
            "long_key",
            "a = 'x' * 10**7\nfor i in range(10**3): hash(a)",
            "2: the definition does not end",
        ),
        (
            "lists_equal",
            "a, b = [0] * 10**5, [1] * 10**5\nfor i in range(10**4): a == b",
            "2: the definition does not end",
        ),
        (
            "lists_order",
            "a, b = [0] * 10**5, [1] * 10**5\nfor i in range(10**4): a < b",
            "2: the definition does not end",
        ),
        (
            "tuples_equal",
            "a, b = (0,) * 10**5, (0,) * 10**5\nfor i in range(10**4): a == b",
            "2: the definition does not end",
        ),
        (
            "dicts_equal",
            "a = {i: 0 for i in range(10**5)}\nb = {i: 1 for i in range(10**5)}\nwhile True: a == b",
            "3: the definition does not end",
        ),
        (
            "sets_as_keys",
            "a = frozenset(range(10**5))\nfor i in range(10**4): hash(a)",
            "2: the definition does not end",
        ),
    ];
    let trial = |&(name, script, expected): &(&'static str, &'static str, &'static str)| {
        Trial::test(format!("cage::{name}"), move || {
            let Some((error, line)) = run(script, CAGE, Version::Unknown).1 else {
                return Err("nothing stopped it".into());
            };
            let got = format!("{line}: {}", error.message);
            match got.contains(expected) {
                true => Ok(()),
                false => {
                    Err(format!("expected an error with `{expected}`, got `{got:.300}`").into())
                }
            }
        })
    };
    let mut trials: Vec<_> = scripts.iter().map(trial).collect();
    let deep: [(&str, String); 12] = [
        ("parentheses", format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000))),
        ("lists", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
        ("calls", format!("{}1{}", "f(".repeat(100_000), ")".repeat(100_000))),
        ("lambdas", format!("f = {}1", "lambda: ".repeat(50_000))),
        ("conditions", format!("{}1", "1 if 1 else ".repeat(50_000))),
        ("not", format!("{}1", "not ".repeat(100_000))),
        ("minus", format!("{}1", "- ".repeat(100_000))),
        ("powers", format!("{}1", "2**".repeat(100_000))),
        ("sums", format!("{}1", "1+".repeat(100_000))),
        ("chain", format!("x{}", ".f()".repeat(100_000))),
        ("indices", format!("x{}", "[0]".repeat(100_000))),
        ("blocks", (0..5000).map(|i| format!("{}if 1:\n", " ".repeat(i))).collect()),
    ];
    for (name, text) in deep {
        trials.push(Trial::test(format!("cage::nested_{name}"), move || {
            let got = output(&text, limits(), Version::Unknown);
            let words = ["too many", "too long"];
            match words.iter().any(|word| got.starts_with("error: ") && got.contains(word)) {
                true => Ok(()),
                false => {
                    Err(format!("expected a complaint about the depth, got `{got:.300}`").into())
                }
            }
        }));
    }
    trials
}

/// A value as the library of TensorFlow makes them: what is done with it is written down.
struct Symbol {
    text: String,
    log: Rc<RefCell<Vec<String>>>,
}

impl Symbol {
    fn with(&self, text: String) -> Value {
        Value::native(Symbol { text, log: self.log.clone() })
    }
}

impl Native for Symbol {
    fn type_name(&self) -> String {
        "Symbol".into()
    }

    fn get_attribute(
        self: Rc<Self>,
        _: &mut Python,
        name: &str,
        _: Span,
    ) -> Outcome<Option<Value>> {
        Ok((name == "name").then(|| Value::str(&self.text)))
    }

    fn call(self: Rc<Self>, py: &mut Python, args: Args, _: Span) -> Outcome {
        let args = args.bind(py, &self.text, &["x", "size?", "*scope?"])?;
        let size = args.int_or(py, "size", 7)?;
        let scope = args.text(py, "scope")?.unwrap_or("none".into());
        Ok(self.with(format!("{}({size}, {scope})", self.text)))
    }

    fn binary(
        self: Rc<Self>,
        py: &mut Python,
        operator: Binary,
        other: &Value,
        reflected: bool,
        at: Span,
    ) -> Outcome<Option<Value>> {
        let (own, other) = (self.text.clone(), py.str(other, at)?);
        let (left, right) = if reflected { (other, own) } else { (own, other) };
        Ok(Some(self.with(format!("({left} {} {right})", operator.symbol()))))
    }

    fn get_item(self: Rc<Self>, py: &mut Python, key: &Value, at: Span) -> Outcome {
        let key = py.repr(key, at)?;
        Ok(self.with(format!("{}[{key}]", self.text)))
    }

    fn truth(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<bool> {
        Err(py.type_error(at, "a symbol has no truth"))
    }

    fn repr(self: Rc<Self>, _: &mut Python) -> Outcome<String> {
        Ok(self.text.clone())
    }

    fn enter(self: Rc<Self>, _: &mut Python, _: Span) -> Outcome {
        self.log.borrow_mut().push(format!("enter {}", self.text));
        Ok(Value::Native(self))
    }

    fn exit(self: Rc<Self>) {
        self.log.borrow_mut().push(format!("exit {}", self.text));
    }
}

/// Values, functions, classes and modules of Rust, and what the definition does with them.
fn natives() -> Result<(), Failed> {
    let text = "\
import lib.ops as ops
from lib.ops import relu, Base
from form import Tower

x = source
print(x + 1, 2 * x, x / 2, 2 - x, x[1:, ..., None], x.name, [x])
print(ops.relu(x), relu(x, size=3, scope='s'), x(1), x(1, scope='q'))
with x as y:
    print(y is x)
try:
    with x:
        raise ValueError('inside')
except ValueError as e:
    print('caught', e)
try:
    if x: pass
except TypeError as e:
    print(e)
try:
    relu(x, sise=3)
except TypeError as e:
    print(e)
try:
    x.missing
except AttributeError as e:
    print(e)

class UserModel(Tower, Base):
    def inference(self):
        return relu(self.x) + self.kind

print(hasattr(x, 'name'), hasattr(x, 'nme'), isinstance(UserModel(x), Base))
";
    let expected = "\
(x + 1) (2 * x) (x / 2) (2 - x) x[(slice(1, None, None), Ellipsis, None)] x [x]
relu relu3 x(7, none) x(7, q)
True
caught inside
a symbol has no truth
relu() got an unexpected keyword argument 'sise'
'Symbol' object has no attribute 'missing'
True False True
";
    on_large_stack(|| {
        let log = Rc::new(RefCell::new(vec![]));
        let mut py = Python::new(SourceMap::default(), limits());
        py.add_builtin("source", Value::native(Symbol { text: "x".into(), log: log.clone() }));
        let (lib, ops) = (Module::new("lib"), Module::new("lib.ops"));
        let relu = Value::function("relu", |py: &mut Python, args: Args| {
            let args = args.bind(py, "relu", &["x", "size?", "scope?"])?;
            let size = args.some("size").map(|size| py.str(&size, args.span_of("size")));
            Ok(format!("relu{}", size.transpose()?.unwrap_or_default()).into())
        });
        ops.set("relu", relu);
        let base = Class::native("Base", &[&py.types.object.clone()], |_, _, _| Ok(Value::None));
        ops.set(
            "Base",
            Value::Class(Rc::new(Class {
                name: "Base".into(),
                bases: base.bases.clone(),
                ancestors: base.ancestors.clone(),
                names: RefCell::default(),
                construct: None,
                module: "lib.ops".into(),
            })),
        );
        py.add_module("lib", Value::Module(lib));
        py.add_module("lib.ops", Value::Module(ops));
        let form = "class Tower(object):\n    kind = '!'\n    def __init__(self, x):\n        self.x = x\n";
        py.add_text("form", form);
        let module = py.run("case", text).map_err(|list| format!("{list:?}"))?;
        check(py.output(), expected)?;
        let logged = log.borrow().join(", ");
        check(&logged, "enter x, exit x, enter x, exit x")?;
        let class = module.get("UserModel").ok_or("no class")?;
        let at = Span::nowhere();
        let model =
            py.call(&class, Args::new([Value::Int(1)], at)).map_err(|e| format!("{e:?}"))?;
        let out = py.call_method(&model, "inference", Args::new([], at));
        let out = out.map_err(|e| format!("{e:?}"))?;
        check(out.as_str().map_or("", |text| text), "relu!")?;
        let value = py.evaluate("--call", "UserModel(2).x + 1", &module);
        let value = value.map_err(|list| format!("{list:?}"))?;
        check(&format!("{:?}", value.as_int()), "Some(3)")?;
        let wrong = py.evaluate("--call", "UserModel(", &module).err().ok_or("no complaint")?;
        check(&wrong[0].message, "'(' was never closed")
    })
}

/// Files beside the definition, found by a resolver; complaints name them.
fn modules_of_the_project() -> Result<(), Failed> {
    on_large_stack(|| {
        let mut py = Python::new(SourceMap::default(), limits());
        py.set_resolver(|name, _, _| {
            let text = match name {
                "layers" => "from shared import width\ndef conv():\n    return width / 0\n",
                "shared" => "width = 5\nimport layers\n",
                "broken" => "x = (1\ny = 2\n",
                _ => return None,
            };
            Some((format!("{name}.py").into(), text.to_owned()))
        });
        let complain = |py: &mut Python, text: &str| -> Result<String, Failed> {
            let list = py.run("net.py", text).err().ok_or("no complaint")?;
            let place = list[0].span().map_or(String::new(), |span| py.sources.place(span));
            Ok(format!("{place}: {}", list[0].message))
        };
        let got = complain(&mut py, "import layers\nprint(layers.width)\nlayers.conv()\n")?;
        let expected = "layers.py:3:12: ZeroDivisionError: integer division or modulo by zero";
        check(&got, expected)?;
        check(py.output(), "5")?;
        check(&complain(&mut py, "\nimport broken\n")?, "broken.py:1:5: '(' was never closed")?;
        let got = complain(&mut py, "import os.path\nos.path.exists('a')\n")?;
        check(&got, "net.py:2:1: 'os.path.exists' is not available to a definition")?;
        let list = py.run("net.py", "eval('1')").err().ok_or("no complaint")?;
        check(list[0].code.id, E0804.id)
    })
}

/// What Python 2 and 3 divide differently is said where it is written.
fn divisions_with_a_remainder() -> Result<(), Failed> {
    on_large_stack(|| {
        let mut py = Python::new(SourceMap::default(), limits());
        let text = "a = 6 / 3\nb = 7 / 2.0\nfor i in [7, 7]:\n    c = 1 + i / 2\n";
        py.run("case", text).map_err(|list| format!("{list:?}"))?;
        let warnings: Vec<&Diagnostic> = py.warnings.iter().collect();
        let [warning] = warnings[..] else {
            return Err(format!("one warning, not {warnings:?}").into());
        };
        let place = warning.span().map_or(String::new(), |span| py.sources.place(span));
        let got = format!("{} {place} {}", warning.code.id, warning.message);
        check(&got, "W0805 case:4:13 `7 / 2` is 3 in Python 2 and 3.5 in Python 3")
    })
}

/// Damaged texts neither panic nor run for ever.
fn mutated_texts_end() -> Result<(), Failed> {
    let limits = Limits { steps: 20_000, memory: 4 << 20, calls: 200, output: 1 << 16 };
    PYTHON.damage(b" ()[]{}\"'=.,:;+-*/%^#@<>\\0\ta\nf\x01\x02\x03", |text, random| {
        let version = if random(2) == 0 { Version::Three } else { Version::Unknown };
        output(text, limits, version);
    });
    Ok(())
}

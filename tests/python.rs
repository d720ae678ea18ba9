//! Python snippets through the interpreter, against what CPython prints; Python 2 by hand; the cage; mutated texts.
//!
//! A file of `tests/python` holds cases that begin with `# @case name`; the file beside it holds their output under the
//! same marks, an uncaught exception as `error: class: text`. `tests/python/bless.sh` writes it with the real
//! interpreter. Other cases have what is expected behind a line of dashes: `python2.txt` what Python 2 prints, `complaints.txt`
//! the complaint, and `cage.txt`, of scripts that try to break out, words of the complaint that stops each with its line.

use cortado::diag::{Diagnostic, E0804};
use cortado::front::cage::{Limits, on_large_stack};
use cortado::front::python::ast::{Binary, Version};
use cortado::front::python::interp::{Args, Class, Module, Native, Outcome, Python, Value};
use cortado::source::{SourceMap, Span};
use libtest_mimic::{Arguments, Failed, Trial};
use std::cell::RefCell;
use std::rc::Rc;

mod snippets;

use snippets::{Snippets, check};

const PYTHON: Snippets = Snippets { folder: "python", ending: "py", mark: "# @case " };

fn main() {
    let mut trials = PYTHON.trials(|text| output(text, limits(), Version::Three));
    trials.extend(PYTHON.expectations("python2", prints));
    trials.extend(PYTHON.expectations("complaints", complains));
    trials.extend(PYTHON.expectations("cage", is_stopped));
    trials.extend(nested());
    trials.push(Trial::test("natives", natives));
    trials.push(Trial::test("modules_of_the_project", modules_of_the_project));
    trials.push(Trial::test("divisions_with_a_remainder", divisions_with_a_remainder));
    trials.push(Trial::test("mutated_texts_end", mutated_texts_end));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
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

/// Python 2 by hand, run as files are that say nothing of their Python.
fn prints(text: &str, expected: &str) -> Result<(), Failed> {
    check(&output(text, limits(), Version::Unknown), expected)
}

/// What a text is complained about, `line: message`, and the calls that led there, a line each.
fn complains(text: &str, expected: &str) -> Result<(), Failed> {
    let (error, line) =
        run(text, limits(), Version::Unknown).1.ok_or("nothing was complained about")?;
    let calls = error.trace.iter().map(|label| label.text.clone());
    let got = std::iter::once(format!("{line}: {}", error.message)).chain(calls);
    check(&got.collect::<Vec<_>>().join("\n"), expected)
}

/// Smaller than the defaults, so that unoptimised builds reach them soon.
const CAGE: Limits = Limits { steps: 4_000_000, memory: 64 << 20, calls: 1000, output: 1 << 16 };

/// A script that tries to break out is complained about with these words and does not catch it.
fn is_stopped(script: &str, expected: &str) -> Result<(), Failed> {
    let (error, line) = run(script, CAGE, Version::Unknown).1.ok_or("nothing stopped it")?;
    let got = format!("{line}: {}", error.message);
    match got.contains(expected) {
        true => Ok(()),
        false => Err(format!("expected an error with `{expected}`, got `{got:.300}`").into()),
    }
}

/// Texts that are nested too deep to be read.
fn nested() -> Vec<Trial> {
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
    let trial = |(name, text): (&str, String)| {
        Trial::test(format!("cage::nested_{name}"), move || {
            let got = output(&text, limits(), Version::Unknown);
            let is_too_deep = ["too many", "too long"].iter().any(|word| got.contains(word));
            match got.starts_with("error: ") && is_too_deep {
                true => Ok(()),
                false => {
                    Err(format!("expected a complaint about the depth, got `{got:.300}`").into())
                }
            }
        })
    };
    deep.into_iter().map(trial).collect()
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

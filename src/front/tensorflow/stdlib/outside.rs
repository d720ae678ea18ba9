//! Modules that reach outside of the definition: they can be imported, as files do that also train, but not used, except
//! for what only computes.

use crate::front::tensorflow::interp::{Args, Native, Outcome, Python, Value};
use crate::source::Span;
use std::rc::Rc;

const MODULES: [&str; 31] = [
    "os",
    "os.path",
    "sys",
    "io",
    "subprocess",
    "socket",
    "shutil",
    "pathlib",
    "glob",
    "pickle",
    "cPickle",
    "json",
    "ctypes",
    "importlib",
    "inspect",
    "threading",
    "multiprocessing",
    "tempfile",
    "urllib",
    "urllib2",
    "requests",
    "time",
    "datetime",
    "random",
    "gc",
    "builtins",
    "__builtin__",
    "argparse",
    "struct",
    "traceback",
    "pdb",
];

pub(super) fn install(py: &mut Python) {
    for name in MODULES {
        let path = Value::list([]);
        py.add_module(name, Value::native(Outside { name, path }));
    }
}

struct Outside {
    name: &'static str,
    /// The list `sys.path`.
    path: Value,
}

impl Native for Outside {
    fn type_name(&self) -> String {
        "module".into()
    }

    fn get_attribute(
        self: Rc<Self>,
        py: &mut Python,
        name: &str,
        at: Span,
    ) -> Outcome<Option<Value>> {
        let is_three = py.is_three(at);
        Ok(Some(match (self.name, name) {
            (_, "__name__") => self.name.into(),
            ("os", "path") => Value::native(Outside { name: "os.path", path: Value::None }),
            ("os.path", "join" | "dirname" | "basename" | "splitext") => path_function(name),
            ("os", "sep") => "/".into(),
            ("sys", "path") => self.path.clone(),
            ("sys", "maxsize" | "maxint") => Value::Int(i64::MAX),
            ("sys", "version_info") => {
                let version = if is_three { [3, 6, 0] } else { [2, 7, 0] };
                Value::tuple(version.map(Value::Int))
            }
            ("sys", "stdout" | "stderr") => Value::None,
            _ => return Err(py.not_available(&format!("'{}.{name}'", self.name), at)),
        }))
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(format!("<module '{}'>", self.name))
    }
}

/// What definitions do with the names of variables, which look like paths; no file is asked for.
fn path_function(name: &str) -> Value {
    let whole = name.to_owned();
    Value::function(whole.clone(), move |py: &mut Python, args: Args| {
        let mut parts = vec![];
        for (value, span) in &args.positional {
            match Python::inner(value) {
                Value::Str(text) => parts.push(text.clone()),
                other => {
                    let got = py.type_name(other);
                    let message = format!("{whole}() argument must be str, not '{got}'");
                    return Err(py.type_error(*span, message));
                }
            }
        }
        let Some(first) = parts.first().cloned() else {
            let message = format!("{whole}() missing required argument: 'path'");
            return Err(py.type_error(args.span, message));
        };
        py.allocate(parts.iter().map(|part| part.len() + 1).sum(), args.span)?;
        let (folder, file) = first.rsplit_once('/').unwrap_or(("", &first));
        Ok(match &*whole {
            "dirname" if folder.is_empty() && first.starts_with('/') => "/".into(),
            "dirname" => folder.trim_end_matches('/').into(),
            "basename" => file.into(),
            "splitext" => {
                let name = file.trim_start_matches('.');
                let dot = name.rfind('.').map(|at| first.len() - name.len() + at);
                let (stem, extension) = first.split_at(dot.unwrap_or(first.len()));
                Value::tuple([stem, extension].map(Value::from))
            }
            _ => {
                let mut joined = String::new();
                for part in parts {
                    if part.starts_with('/') {
                        joined.clear();
                    } else if !joined.is_empty() && !joined.ends_with('/') {
                        joined.push('/');
                    }
                    joined.push_str(&part);
                }
                joined.into()
            }
        })
    })
}

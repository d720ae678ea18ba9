//! Modules that reach outside of the definition, and packages that show, load and store: they can be imported, as files do
//! that also train, and so can what is in them, but not be used, except for what only computes.

use crate::front::python::ast::Binary;
use crate::front::python::interp::{Args, Dict, Maybe, Native, Outcome, Python, Value};
use crate::source::Span;
use std::rc::Rc;

/// Modules of Python itself, which no file of the project stands before.
const MODULES: [&str; 30] = [
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
    "struct",
    "traceback",
    "pdb",
];

/// What else is imported beside a net, by the first part of its name.
const PACKAGES: &str = "
    ConfigParser IPython PIL Queue SharedArray SimpleITK StringIO Tkinter array ast asyncio atexit base64 binascii bisect blinker bz2 cPickle
    cProfile cStringIO click cloudpickle cmath codecs colorama colorsys concurrent configparser csv ctypes cupy cv2 cython
    dataclasses decimal dill distutils dlib docker docopt email errno fnmatch fire fractions ftplib future gensim getopt getpass
    gflags gin google grpc gym gzip h5py hashlib heapq hickle horovod html http httplib imageio imgaug itk jieba joblib keras keyword
    librosa linecache lmdb locale lxml magic marshal matplotlib mock mpi4py mpl_toolkits msgpack multiprocessing networkx
    nibabel nltk nose numba optparse packaging pandas past pickle pickle5 pkg_resources pkgutil platform plotly plyfile
    prettytable profile progressbar protobuf psutil pycocotools pydicom pydoc pydot pyglet pylab pynvml pytest pywt pyximport
    queue ray redis runpy sacred scipy seaborn secrets select selectors setuptools shelve shlex signal simplejson six skimage
    sklearn skvideo smtplib sonnet soundfile sqlite3 ssl stat statistics sysconfig tables tabulate tarfile telegram tensorboard
    tensorboardX tensorboard_logger tensorflow_datasets tensorflow_hub tensorlayer termcolor textwrap tflearn tifffile timeit tkinter tqdm
    trimesh types ujson unicodedata unittest urllib3 urlparse uuid visdom wandb weakref wget wx xlrd xml xmltodict yaml zipfile
    zlib zmq
";

/// Parts of TensorFlow that load, run and serve.
const OF_TENSORFLOW: [&str; 20] = [
    "tensorflow.contrib.cluster_resolver",
    "tensorflow.contrib.data",
    "tensorflow.contrib.session_bundle",
    "tensorflow.contrib.tensorboard",
    "tensorflow.contrib.tpu",
    "tensorflow.core",
    "tensorflow.examples",
    "tensorflow.keras",
    "tensorflow.python.client",
    "tensorflow.python.data",
    "tensorflow.python.debug",
    "tensorflow.python.keras",
    "tensorflow.python.lib",
    "tensorflow.python.ops.distributions",
    "tensorflow.python.platform",
    "tensorflow.python.pywrap_tensorflow",
    "tensorflow.python.saved_model",
    "tensorflow.python.summary",
    "tensorflow.python.tools",
    "tensorflow.python.util",
];

/// What is set at the head of many files, and changes no net.
const SETTINGS: [&str; 12] = [
    "IPython.magic",
    "IPython.run_line_magic",
    "IPython.system",
    "cv2.setNumThreads",
    "locale.setlocale",
    "matplotlib.pyplot.switch_backend",
    "matplotlib.use",
    "random.seed",
    "signal.signal",
    "sys.setdefaultencoding",
    "sys.setrecursionlimit",
    "yaml.warnings",
];

pub(super) fn install(py: &mut Python) {
    for name in MODULES {
        py.add_module(name, outside(name));
    }
}

/// A package or part of TensorFlow that is known to have no place in a net.
pub(super) fn package(name: &str) -> Option<Value> {
    let first = name.split('.').next().unwrap_or(name);
    let within = |part: &str| {
        name.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let known = MODULES.contains(&first)
        || PACKAGES.split_whitespace().any(|package| package == first)
        || OF_TENSORFLOW.iter().any(|part| within(part));
    known.then(|| outside(name))
}

fn outside(name: &str) -> Value {
    let kept = match name {
        "os" => Value::Dict(Dict::new()),
        "sys" => Value::list([]),
        _ => Value::None,
    };
    Value::native(Outside { name: name.into(), kept })
}

/// A module, or something in one, of which only the name is there.
struct Outside {
    /// `os.path.exists`.
    name: Rc<str>,
    /// The list `sys.path`; the environment `os.environ`, which is empty.
    kept: Value,
}

impl Outside {
    fn refuse<T>(&self, py: &mut Python, at: Span) -> Outcome<T> {
        Err(py.not_available(&format!("'{}'", self.name), at))
    }
}

impl Python {
    /// A module, or what is in one, that may be named and not used.
    pub fn outside_module(&mut self, name: &str) -> Value {
        outside(name)
    }
}

impl Native for Outside {
    fn type_name(&self) -> String {
        "module".into()
    }

    fn is_outside(&self) -> bool {
        true
    }

    fn get_attribute(self: Rc<Self>, py: &mut Python, name: &str, at: Span) -> Maybe {
        let is_three = py.is_three(at);
        Ok(Some(match (&*self.name, name) {
            (_, "__name__") => (&*self.name).into(),
            (_, "__version__") => "0".into(),
            (
                "os.path",
                "join" | "dirname" | "basename" | "splitext" | "abspath" | "realpath" | "normpath"
                | "expanduser",
            ) => path_function(name),
            ("os", "getcwd") => Value::function("getcwd", |_, _| Ok(".".into())),
            ("os", "environ") => self.kept.clone(),
            ("os", "getenv") => getenv(self.kept.clone()),
            ("importlib", "import_module") => Value::function(name.to_owned(), import_module),
            ("os" | "os.path", "sep") => "/".into(),
            ("os", "pardir") => "..".into(),
            ("os", "curdir") => ".".into(),
            ("os", "name") => "posix".into(),
            ("sys", "path") => self.kept.clone(),
            ("sys", "argv") => Value::list(["definition.py".into()]),
            ("sys", "platform") => "linux".into(),
            ("sys", "byteorder") => "little".into(),
            ("sys", "maxsize" | "maxint") => Value::Int(i64::MAX),
            ("sys", "version_info") => {
                let version = if is_three { [3, 6, 0] } else { [2, 7, 0] };
                Value::tuple(version.map(Value::Int))
            }
            ("sys", "version") => if is_three { "3.6.0" } else { "2.7.0" }.into(),
            ("sys", "stdout" | "stderr") => Value::None,
            // The clock stands still.
            ("time", "time" | "clock" | "perf_counter") => {
                Value::function(name.to_owned(), |_, _| Ok(Value::Float(0.0)))
            }
            (module, name) => {
                let name = format!("{module}.{name}");
                match SETTINGS.contains(&&*name) {
                    true => Value::function(name, |_, _| Ok(Value::None)),
                    false => outside(&name),
                }
            }
        }))
    }

    fn set_attribute(
        self: Rc<Self>,
        _py: &mut Python,
        _name: &str,
        _value: Value,
        _at: Span,
    ) -> Outcome<bool> {
        // As in `sys.dont_write_bytecode = True`: nobody here reads it.
        Ok(true)
    }

    fn call(self: Rc<Self>, py: &mut Python, _args: Args, at: Span) -> Outcome {
        self.refuse(py, at)
    }

    fn get_item(self: Rc<Self>, py: &mut Python, _key: &Value, at: Span) -> Outcome {
        self.refuse(py, at)
    }

    fn iterate(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<Vec<Value>> {
        self.refuse(py, at)
    }

    fn enter(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome {
        self.refuse(py, at)
    }

    fn truth(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<bool> {
        self.refuse(py, at)
    }

    fn binary(
        self: Rc<Self>,
        py: &mut Python,
        _operator: Binary,
        _other: &Value,
        _reflected: bool,
        at: Span,
    ) -> Maybe {
        self.refuse(py, at)
    }

    fn repr(self: Rc<Self>, _py: &mut Python) -> Outcome<String> {
        Ok(format!("<module '{}'>", self.name))
    }
}

/// `os.getenv`, of an environment in which only what the definition has set is.
fn getenv(environment: Value) -> Value {
    Value::function("getenv", move |py: &mut Python, args: Args| {
        let at = args.span;
        py.call_method(&environment, "get", args)
            .map_err(|_| py.type_error(at, "getenv() takes a name and a default"))
    })
}

/// `importlib.import_module`: what `import` with this name gives.
fn import_module(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    let name = args.bind(py, "import_module", &["name", "package?"])?.get("name");
    match name.as_str() {
        Some(name) if !name.starts_with('.') => py.import(&name.clone(), at),
        _ => Err(py.not_available("an import relative to a package by 'import_module'", at)),
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
            "abspath" | "realpath" | "normpath" | "expanduser" => first.into(),
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

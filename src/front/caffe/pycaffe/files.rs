//! The files of a program: what it writes stays in memory, what it reads is that or lies beside the definition.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use indexmap::IndexMap;

use crate::front::project;
use crate::front::python::interp::{Args, Maybe, Native, Outcome, Python, Value};
use crate::source::Span;

/// What was written.
#[derive(Default)]
pub struct Files {
    written: RefCell<IndexMap<String, Text>>,
    /// Texts that were read from the project, with their paths.
    read: RefCell<Vec<(Rc<str>, PathBuf)>>,
    temporary: Cell<usize>,
    folder: RefCell<PathBuf>,
}

/// A text that was written, and where that was first done.
#[derive(Clone)]
pub struct Text {
    /// All of it.
    pub text: String,
    /// Where the program writes it.
    pub place: Span,
}

impl Files {
    /// No file.
    pub fn new(_py: &mut Python) -> Self {
        Files::default()
    }

    /// What was written, by the names of the files, in their order.
    pub fn written(&self) -> Vec<(String, Text)> {
        self.written.borrow().iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    }

    /// The file of the project that has this text.
    pub fn name_of(&self, text: &str) -> Option<PathBuf> {
        let read = self.read.borrow();
        read.iter().find(|(known, _)| **known == *text).map(|(_, path)| path.clone())
    }

    /// The text of a file: as it was written, or as it lies in the project.
    fn text(&self, name: &str) -> Option<Rc<str>> {
        if let Some(written) = self.written.borrow().get(name) {
            return Some(written.text.as_str().into());
        }
        let folder = self.folder.borrow();
        let above = folder.join("..");
        let own = Path::new(name);
        if own.is_absolute() {
            return None;
        }
        let (path, text) = project::read(&folder, &[&folder, &above], &[own.to_owned()])?;
        let text: Rc<str> = text.into();
        self.read.borrow_mut().push((text.clone(), path));
        Some(text)
    }
}

/// An open file.
struct File {
    name: String,
    /// Whether it is read.
    reads: bool,
    closed: Cell<bool>,
    /// How far it was read.
    at: Cell<usize>,
}

const METHODS: [&str; 9] =
    ["write", "writelines", "close", "flush", "read", "readline", "readlines", "seek", "fileno"];

impl Native for File {
    fn type_name(&self) -> String {
        "file".to_owned()
    }

    fn names(&self) -> Vec<String> {
        METHODS.map(str::to_owned).to_vec()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        if name == "name" {
            return Ok(Some(self.name.as_str().into()));
        }
        if name == "closed" {
            return Ok(Some(self.closed.get().into()));
        }
        let Some(name) = METHODS.into_iter().find(|known| *known == name) else { return Ok(None) };
        let run = move |py: &mut Python, args: Args| method(py, &self, name, args);
        Ok(Some(Value::function(name, run)))
    }

    fn iterate(self: Rc<Self>, py: &mut Python, at: Span) -> Outcome<Vec<Value>> {
        lines(py, &self, at)
    }

    fn enter(self: Rc<Self>, _py: &mut Python, _at: Span) -> Outcome {
        Ok(Value::Native(self))
    }

    fn exit(self: Rc<Self>) {
        self.closed.set(true);
    }
}

fn method(py: &mut Python, file: &Rc<File>, name: &str, args: Args) -> Outcome {
    let at = args.span;
    if file.closed.get() && !matches!(name, "close" | "flush") {
        return Err(py.value_error(at, "I/O operation on closed file."));
    }
    match name {
        "write" | "writelines" => {
            let args = args.bind(py, name, &["text"])?;
            let value = args.get("text");
            let texts = if name == "write" { vec![value] } else { py.iterate(&value, at)? };
            for text in texts {
                let Value::Str(text) = Python::inner(&text) else {
                    let got = py.type_name(&text);
                    let message = format!("{name}() argument must be str, not {got}");
                    let error = py.type_error(args.span_of("text"), message);
                    return Err(error.help("write its text: `f.write(str(net))`"));
                };
                let text = text.clone();
                append(py, file, &text, at)?;
            }
            Ok(Value::None)
        }
        "close" => {
            file.closed.set(true);
            Ok(Value::None)
        }
        "read" => {
            let text = rest(py, file, at)?;
            py.new_str(text, at)
        }
        "readline" => {
            let text = rest(py, file, at)?;
            let line = text.split_inclusive('\n').next().unwrap_or_default();
            let after = file.at.get() - (text.len() - line.len());
            file.at.set(after);
            py.new_str(line, at)
        }
        "readlines" => {
            let lines = lines(py, file, at)?;
            py.new_list(lines, at)
        }
        "seek" => {
            let to = args.bind(py, name, &["offset", "whence?"])?.int_or(py, "offset", 0)?;
            file.at.set(usize::try_from(to).unwrap_or(0));
            Ok(Value::None)
        }
        "fileno" => Ok(Value::Int(3)),
        _ => Ok(Value::None),
    }
}

fn append(py: &mut Python, file: &File, text: &str, at: Span) -> Outcome<()> {
    if file.reads {
        return Err(py.error("OSError", at, "File not open for writing"));
    }
    py.allocate(2 * text.len(), at)?;
    py.work(text.len() / 32, at)?;
    let files = py.state(Files::new);
    let mut written = files.written.borrow_mut();
    if let Some(own) = written.get_mut(&file.name) {
        if own.text.is_empty() {
            own.place = py.outside(at);
        }
        own.text.push_str(text);
    }
    Ok(())
}

/// What was not read yet.
fn rest(py: &mut Python, file: &File, at: Span) -> Outcome<String> {
    let files = py.state(Files::new);
    let text = files.text(&file.name).unwrap_or_default();
    py.allocate(text.len(), at)?;
    let from = file.at.replace(text.len()).min(text.len());
    Ok(text.get(from..).unwrap_or_default().to_owned())
}

fn lines(py: &mut Python, file: &File, at: Span) -> Outcome<Vec<Value>> {
    let text = rest(py, file, at)?;
    py.allocate(48 * text.lines().count(), at)?;
    Ok(text.split_inclusive('\n').map(Value::from).collect())
}

/// `open(name, mode)`.
fn open(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    let parameters = ["name", "mode?", "buffering?", "encoding?", "errors?", "newline?"];
    let args = args.bind(py, "open", &parameters)?;
    let value = args.get("name");
    let Value::Str(name) = Python::inner(&value).clone() else {
        let got = py.type_name(&value);
        let message = format!("expected str, bytes or os.PathLike object, not {got}");
        return Err(py.type_error(args.span_of("name"), message));
    };
    let mode = args.text(py, "mode")?.unwrap_or_else(|| "r".into());
    opened(py, &name, &mode, at)
}

fn opened(py: &mut Python, name: &str, mode: &str, at: Span) -> Outcome {
    py.allocate(256 + name.len(), at)?;
    let files = py.state(Files::new);
    let reads = !mode.contains(['w', 'a', 'x', '+']);
    if reads && files.text(name).is_none() {
        let message = format!("[Errno 2] No such file or directory: '{name}'");
        let error = py.error("OSError", at, message);
        return Err(error.help(
            "a program reads what it has written itself, and texts that lie beside the definition",
        ));
    }
    if !reads {
        let mut written = files.written.borrow_mut();
        let place = py.outside(at);
        let own =
            written.entry(name.to_owned()).or_insert_with(|| Text { text: String::new(), place });
        if mode.contains('w') {
            *own = Text { text: String::new(), place };
        }
    }
    let (closed, at) = (Cell::default(), Cell::default());
    Ok(Value::native(File { name: name.to_owned(), reads, closed, at }))
}

/// What is printed, as a stream.
struct Printing;

impl Native for Printing {
    fn type_name(&self) -> String {
        "file".to_owned()
    }

    fn get_attribute(self: Rc<Self>, _py: &mut Python, name: &str, _at: Span) -> Maybe {
        Ok(match name {
            "write" => Some(Value::function("write", |py: &mut Python, args: Args| {
                let at = args.span;
                let args = args.bind(py, "write", &["text"])?;
                let text = args.text(py, "text")?.unwrap_or_default();
                py.print(&text, at)?;
                Ok(Value::None)
            })),
            "flush" => Some(Value::function("flush", |_, _| Ok(Value::None))),
            _ => None,
        })
    }
}

/// Makes a module of some names over what that module is otherwise.
type Space = fn(&mut Python, &'static str, BTreeMap<&'static str, Value>) -> Value;

/// Puts `open` and what programs do with files and folders into an interpreter.
pub fn install(py: &mut Python, folder: &Path, space: Space) {
    let files = py.state(Files::new);
    folder.clone_into(&mut files.folder.borrow_mut());
    let open = Value::function("open", open);
    py.add_builtin("open", open.clone());
    py.add_builtin("file", open.clone());
    let nothing = |name: &'static str| {
        (name, Value::function(name, |_: &mut Python, _: Args| Ok(Value::None)))
    };
    // What a program asks for before it uses it is there; what it uses nevertheless is refused.
    let yes = |name: &'static str| {
        (name, Value::function(name, |_: &mut Python, _: Args| Ok(true.into())))
    };
    let path = BTreeMap::from(["exists", "isfile", "isdir"].map(yes));
    let path = space(py, "os.path", path);
    let mut os = BTreeMap::from(
        ["makedirs", "mkdir", "remove", "unlink", "rmdir", "chmod", "chdir"].map(nothing),
    );
    os.insert("path", path.clone());
    os.insert("listdir", Value::function("listdir", |_, _| Ok(Value::list([]))));
    os.insert("rename", Value::function("rename", copy));
    let os = space(py, "os", os);
    let mut shutil = BTreeMap::from([nothing("rmtree")]);
    for name in ["copy", "copyfile", "copy2", "move"] {
        shutil.insert(name, Value::function(name, copy));
    }
    let shutil = space(py, "shutil", shutil);
    let temporary = Value::function("NamedTemporaryFile", |py: &mut Python, args: Args| {
        let files = py.state(Files::new);
        let number = files.temporary.get() + 1;
        files.temporary.set(number);
        opened(py, &format!("/tmp/tmp{number}"), "w", args.span)
    });
    let tempfile = space(py, "tempfile", BTreeMap::from([("NamedTemporaryFile", temporary)]));
    let printing = Value::native(Printing);
    let sys = BTreeMap::from([
        ("stdout", printing.clone()),
        ("stderr", printing),
        // What a file that trains is told by; without anything a program takes what it has itself.
        ("argv", Value::list(["definition.py".into()])),
    ]);
    let sys = space(py, "sys", sys);
    let io = space(py, "io", BTreeMap::from([("open", open.clone())]));
    let codecs = space(py, "codecs", BTreeMap::from([("open", open)]));
    for (name, module) in [
        ("os", os),
        ("os.path", path),
        ("shutil", shutil),
        ("tempfile", tempfile),
        ("sys", sys),
        ("io", io),
        ("codecs", codecs),
    ] {
        py.add_module(name, module);
    }
}

/// `shutil.copy(from, to)`, of a file that the program has written; into a folder it keeps its name.
fn copy(py: &mut Python, args: Args) -> Outcome {
    let at = args.span;
    let args = args.bind(py, "copy", &["from", "to"])?;
    let (from, to) = (args.text(py, "from")?, args.text(py, "to")?);
    let files = py.state(Files::new);
    let (Some(from), Some(to)) = (from, to) else { return Ok(Value::None) };
    let written = files.written.borrow().get(&*from).cloned();
    if let Some(text) = written {
        py.allocate(text.text.len() + 256, at)?;
        let name = from.rsplit('/').next().unwrap_or(&from);
        let is_file = to.rsplit('/').next().is_some_and(|last| last.contains('.'));
        let to =
            if is_file { to.to_string() } else { format!("{}/{name}", to.trim_end_matches('/')) };
        files.written.borrow_mut().insert(to, text);
    }
    Ok(Value::None)
}

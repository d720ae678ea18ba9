//! Caffe nets that a Python program makes: with pycaffe's NetSpec, with the messages of `caffe_pb2`, or as text.
//!
//! The program is run as it stands, in the interpreter of [`python`](crate::front::python); what it writes stays in memory.
//! Then the net is taken that it has made ([`choose`]): what `--call` gives, else what was written, printed, or is left in a
//! variable. A net of messages becomes a syntax tree whose places are those of the program; a net of text becomes one whose
//! places are those of that text, except for layers that were printed into it, which keep theirs.

mod choose;
mod files;
mod join;
mod library;
mod message;
mod names;
mod printed;
mod repeated;
mod rest;
mod spec;
mod value;

pub use choose::Net;
pub(crate) use printed::Printed;

use std::path::Path;

use super::legacy::upgrade_net;
use super::tree::Message;
use super::{definition, record};
use crate::diag::Diagnostics;
use crate::front::Request;
use crate::front::cage::{Limits, on_large_stack};
use crate::front::python::find::find;
use crate::front::python::interp::{Python, Value};
use crate::ir::Definition;
use crate::source::{FileId, SourceMap, Span};
use crate::spec::Dialect;

/// Whether a Python text makes nets of Caffe, and not of TensorFlow: by what it imports, or by the prototxt in it.
pub fn is_program(text: &str) -> bool {
    let mut caffe = false;
    for line in text.lines().map(str::trim) {
        let Some(import) = line.strip_prefix("import ").or_else(|| line.strip_prefix("from "))
        else {
            if line.starts_with("class UserModel") || line.starts_with("def build_model") {
                return false;
            }
            continue;
        };
        let words = import.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for word in words {
            match word {
                "tensorflow" | "tf_slim" => return false,
                "caffe" | "caffe_pb2" | "model_libs" => caffe = true,
                _ => {}
            }
        }
    }
    caffe || ["layer {", "layers {", "layer{", "NetSpec("].iter().any(|word| text.contains(word))
}

/// What a program leaves: its nets and solvers, in the order in which it made them.
#[derive(Debug)]
pub struct Made {
    /// The nets, whole and different from each other.
    pub nets: Vec<Net>,
    /// The solvers that it wrote, by the names of their files, with their texts.
    pub solvers: Vec<Net>,
    /// The whole text of the program.
    pub whole: Span,
}

/// Runs a program. Whatever goes wrong is among the diagnostics; there is nothing then.
pub fn made(
    sources: &mut SourceMap,
    path: &Path,
    text: &str,
    call: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Option<Made> {
    on_large_stack(|| {
        let limits = Limits { calls: 1000, ..Limits::default() };
        let mut py = Python::new(std::mem::take(sources), limits);
        let made = run(&mut py, path, text, call, diagnostics);
        *sources = std::mem::take(&mut py.sources);
        made
    })
}

fn run(
    py: &mut Python,
    path: &Path,
    text: &str,
    call: Option<&str>,
    diagnostics: &mut Diagnostics,
) -> Option<Made> {
    py.keep_places();
    py.run_as_program();
    let whole = Span::new(py.sources.add_once(path, text), 0, 0);
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    library::install(py, &folder);
    py.set_resolver(move |name, level, asking| find(&folder, name, level, asking));
    let result = py.run(path, text);
    let module = match py.import("__main__", whole) {
        Ok(Value::Module(module)) => Some(module),
        _ => None,
    };
    let printed = py.state(Printed::new);
    let mut stopped = false;
    if let Err(errors) = result {
        let makes = call.is_some() || printed.has_nets() || choose::has_written(py);
        match rest::ended(&py.sources, &errors, whole).filter(|_| makes) {
            Some(warning) => _ = diagnostics.report(warning),
            None => {
                stopped = true;
                for error in errors {
                    diagnostics.report(error);
                }
            }
        }
    }
    let made = match (stopped, module) {
        (false, Some(module)) => match choose::all(py, &module, call, whole) {
            Ok(made) => Some(made),
            Err(stop) => {
                diagnostics.report(*stop);
                None
            }
        },
        _ => None,
    };
    diagnostics.extend(std::mem::take(&mut py.warnings));
    diagnostics.say(&printed.without_nets(py.output()));
    made
}

/// Reads the net that a program makes.
pub fn read(
    sources: &mut SourceMap,
    path: &Path,
    text: &str,
    request: &Request,
    diagnostics: &mut Diagnostics,
) -> Definition {
    let whole = Span::new(sources.add_once(path, text), 0, 0);
    let tree = made(sources, path, text, request.call.as_deref(), diagnostics)
        .and_then(|made| made.net(request.written.as_deref(), true, sources, diagnostics));
    mark(sources, whole);
    let mut read = match tree {
        Some(tree) => definition(&record(&upgrade_net(tree, diagnostics)), diagnostics),
        None => Definition::empty(Dialect::Caffe, String::new(), whole),
    };
    read.is_made = true;
    read
}

/// Complaints about the net are none about the texts of the program.
fn mark(sources: &mut SourceMap, whole: Span) {
    let last = sources.last_file().map_or(0, |last| last.0);
    (whole.file.0..=last).for_each(|id| sources.mark_made(FileId(id)));
}

/// The net or, where that is asked for by its name, the solver that a program writes, as its text would be read.
pub fn tree(
    sources: &mut SourceMap,
    path: &Path,
    text: &str,
    request: &Request,
    diagnostics: &mut Diagnostics,
) -> Option<Message> {
    let whole = Span::new(sources.add_once(path, text), 0, 0);
    let made = made(sources, path, text, request.call.as_deref(), diagnostics)?;
    mark(sources, whole);
    made.net(request.written.as_deref(), false, sources, diagnostics)
}

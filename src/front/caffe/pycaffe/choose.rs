//! Which of the nets that a program makes is meant.

use std::path::Path;
use std::rc::Rc;

use super::files::Files;
use super::join;
use super::message::Message;
use super::spec::{NetSpec, Top, to_proto};
use super::{Made, Printed};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::front::caffe::{is_solver_message, parse, print, tree};
use crate::front::python::interp::{Args, Module, Python, Value};
use crate::source::{FileId, SourceMap, Span};

/// A net or a solver that a program has made.
#[derive(Clone, Debug)]
pub struct Net {
    /// The name of its file, of its variable, or how it was called for.
    pub name: String,
    /// Where it is written or made.
    pub place: Span,
    /// What it is, and how it was told.
    how: How,
    tree: tree::Message,
}

/// How a net came out of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
enum How {
    /// As a file, with this text.
    Written(String),
    /// Printed.
    Printed,
    /// Left in a variable, or given by a call.
    Given,
}

/// More nets and functions are not listed.
const MOST_LISTED: usize = 8;

/// Why there is no net.
pub(super) type Stop = Box<Diagnostic>;

/// Whether a net was written to a file.
pub(super) fn has_written(py: &mut Python) -> bool {
    let files = py.state(Files::new);
    files.written().iter().any(|(_, file)| has_layers(&scanned(&file.text)))
}

/// The file of what has no place yet.
const NOWHERE: FileId = FileId(u32::MAX);

fn scanned(text: &str) -> tree::Message {
    parse(NOWHERE, text, &mut Diagnostics::default())
}

fn has_layers(tree: &tree::Message) -> bool {
    tree.fields.iter().any(|field| ["layer", "layers"].contains(&field.name.value.as_str()))
}

/// The nets and solvers of a program that was run.
pub(super) fn all(
    py: &mut Python,
    module: &Rc<Module>,
    call: Option<&str>,
    whole: Span,
) -> Result<Made, Stop> {
    let mut made = Made { nets: vec![], solvers: vec![], whole };
    let files = py.state(Files::new);
    let before = files.written();
    if let Some(call) = call {
        let value = py.evaluate(Path::new("--call"), call, module);
        let value = value.map_err(|mut errors| Box::new(errors.swap_remove(0)))?;
        given(py, &value, call, whole, &mut made)?;
        // A function that writes its net instead of giving it.
        if made.nets.is_empty() {
            let is_new = |(name, file): &(String, super::files::Text)| {
                !before.iter().any(|(known, old)| known == name && old.text == file.text)
            };
            let written: Vec<_> = files.written().into_iter().filter(is_new).collect();
            read_files(py, written, &mut made);
        }
        if made.nets.is_empty() {
            let kind = py.type_name(&value);
            let message = format!("`--call {call}` gives '{kind}', no net");
            let d = Diagnostic::new(&diag::E0820, whole, message);
            return Err(Box::new(d.help(
                "what it calls returns `n.to_proto()`, a NetSpec or tops, or writes a net into a file",
            )));
        }
        return Ok(made);
    }
    read_files(py, before, &mut made);
    if made.nets.is_empty() {
        let printed = py.state(Printed::new);
        for (i, text) in printed.nets_in(py.output()).into_iter().enumerate() {
            let mut tree = scanned(&text);
            printed.place(&mut tree);
            tree.span = whole;
            let name = format!("printed {}", i + 1);
            made.add(Net { name, place: whole, how: How::Printed, tree });
        }
    }
    if made.nets.is_empty() {
        let variables: Vec<(Rc<str>, Value)> = module
            .names
            .borrow()
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for (name, value) in &variables {
            if matches!(value, Value::Native(_)) && value.as_native::<Top>().is_none() {
                // What is half made is no net of anybody.
                let mut found = Made { nets: vec![], solvers: vec![], whole };
                given(py, value, name, whole, &mut found)?;
                found.nets.into_iter().for_each(|net| made.add(net));
            }
        }
        if made.nets.is_empty() && made.solvers.is_empty() {
            return Err(none(&variables, whole));
        }
    }
    Ok(made)
}

/// Adds the nets that a value is or holds.
fn given(
    py: &mut Python,
    value: &Value,
    name: &str,
    whole: Span,
    made: &mut Made,
) -> Result<(), Stop> {
    let stop = |error: crate::front::python::interp::PyError| Box::new(error.diagnostic());
    let net = |message: Rc<Message>| {
        let tree = tree::Message { span: whole, ..message.tree() };
        Net { name: name.to_owned(), place: message.place, how: How::Given, tree }
    };
    if let Some(spec) = value.as_native::<NetSpec>() {
        let value = spec.to_proto(py, whole).map_err(stop)?;
        if let Some(message) = value.as_native::<Message>().filter(|message| !message.is_empty()) {
            made.add(net(message));
        }
    } else if let Some(message) = value.as_native::<Message>() {
        if !message.is_empty() && &*message.kind == "net" {
            made.add(net(message));
        }
    } else if value.as_native::<Top>().is_some() {
        let value = to_proto(py, Args::new([value.clone()], whole)).map_err(stop)?;
        made.nets.extend(value.as_native::<Message>().map(net));
    } else if let Value::Str(text) = value {
        let printed = py.state(Printed::new);
        let mut tree = scanned(text);
        if has_layers(&tree) {
            printed.place(&mut tree);
            let how = How::Written(text.to_string());
            made.add(Net { name: name.to_owned(), place: whole, how, tree });
        }
    } else if let Some(items) = value.as_items() {
        if !items.is_empty() && items.iter().all(|item| item.as_native::<Top>().is_some()) {
            let value = to_proto(py, Args::new(items, whole)).map_err(stop)?;
            made.nets.extend(value.as_native::<Message>().map(net));
            return Ok(());
        }
        for (i, item) in items.iter().enumerate().take(MOST_LISTED) {
            if item.as_items().is_none() {
                given(py, item, &format!("({name})[{i}]"), whole, made)?;
            }
        }
    }
    Ok(())
}

/// Adds what files hold that were written.
fn read_files(py: &mut Python, files: Vec<(String, super::files::Text)>, made: &mut Made) {
    let printed = py.state(Printed::new);
    for (name, file) in files {
        let mut tree = scanned(&file.text);
        let is_solver = is_solver_message(&tree);
        if !is_solver && !has_layers(&tree) {
            continue;
        }
        printed.place(&mut tree);
        let how = How::Written(file.text);
        let net = Net { name, place: file.place, how, tree };
        match is_solver {
            true => made.solvers.push(net),
            false => made.add(net),
        }
    }
}

/// A program that makes no net, but functions that may.
fn none(variables: &[(Rc<str>, Value)], whole: Span) -> Stop {
    let d = Diagnostic::new(&diag::E0820, whole, "the program makes no net");
    let functions = variables.iter().filter_map(|(_, value)| match value {
        Value::Function(function) if function.code.span.file == whole.file => Some(function),
        _ => None,
    });
    let listed: Vec<String> = functions
        .map(|function| {
            let parameters = function.code.parameters.iter().map(|p| p.name.value.to_string());
            format!("`{}({})`", function.name(), parameters.collect::<Vec<_>>().join(", "))
        })
        .take(MOST_LISTED)
        .collect();
    Box::new(match listed.first() {
        Some(first) => {
            let first = first.trim_matches('`');
            d.note(format!("it defines {}", listed.join(", "))).help(format!(
                "say what gives the net, with values in the places of the names: --call '{first}'"
            ))
        }
        None => {
            d.help("write it to a file, print it, or leave it in a variable: `net = n.to_proto()`")
        }
    })
}

impl Made {
    /// Adds a net, if it is another one than those that are there.
    fn add(&mut self, net: Net) {
        let text = print(&net.tree);
        if !self.nets.iter().any(|known| print(&known.tree) == text) {
            self.nets.push(net);
        }
    }

    /// The net or solver whose file has this name; the end of its path is enough.
    fn named(&self, name: &str) -> Vec<&Net> {
        let all = || self.nets.iter().chain(&self.solvers);
        let exact: Vec<&Net> = all().filter(|net| net.name == name).collect();
        if !exact.is_empty() {
            return exact;
        }
        all()
            .filter(|net| net.name.strip_suffix(name).is_some_and(|rest| rest.ends_with('/')))
            .collect()
    }

    /// The net that a solver of this program names, by its file.
    pub fn of_file(&self, name: &str) -> Option<&Net> {
        let last = name.rsplit('/').next().unwrap_or(name);
        let exact = self.nets.iter().find(|net| net.name == name);
        exact.or_else(|| self.nets.iter().find(|net| net.name.rsplit('/').next() == Some(last)))
    }

    /// The solver that the program writes.
    pub fn solver(&self, diagnostics: &mut Diagnostics) -> Option<&Net> {
        match &self.solvers[..] {
            [one] => Some(one),
            several => {
                let count = several.len();
                let message = format!("the program writes {count} solvers");
                let names: Vec<&str> = several.iter().map(|net| net.name.as_str()).collect();
                let d = Diagnostic::new(&diag::E0821, self.whole, message);
                diagnostics.report(d.note(format!("they are {}", names.join(", "))).help(
                    "write the one that is meant: cortado convert net.py solver.prototxt --written FILE, and train that",
                ));
                None
            }
        }
    }

    /// A solver that holds the nets of this program that it names, so that it can be read without the program.
    pub fn whole_solver(&self, text: &str) -> String {
        let mut solver = scanned(text);
        for field in &mut solver.fields {
            let within = match field.name.value.as_str() {
                "net" => "net_param",
                "train_net" => "train_net_param",
                "test_net" => "test_net_param",
                _ => continue,
            };
            if let tree::ValueKind::Str(name) = &field.value.kind
                && let Some(net) = self.of_file(name)
            {
                field.name.value = within.to_owned();
                field.value.kind = tree::ValueKind::Message(net.tree.clone());
            }
        }
        print(&solver)
    }

    /// The syntax tree of the net that is meant: of the file `written`, of several of them joined by commas, or the only one
    /// there is. A net for training and one for tests are one net of two phases where `joined`.
    pub fn net(
        &self,
        written: Option<&str>,
        joined: bool,
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Option<tree::Message> {
        let mut chosen: Vec<&Net> = vec![];
        for name in written.iter().flat_map(|names| names.split(',')).map(str::trim) {
            match self.named(name)[..] {
                [one] => chosen.push(one),
                [] => {
                    let d = self.not_named(name);
                    diagnostics.report(d);
                    return None;
                }
                _ => {
                    let d = Diagnostic::new(
                        &diag::E0821,
                        self.whole,
                        format!("the program writes several files `{name}`"),
                    );
                    diagnostics.report(self.listed(d));
                    return None;
                }
            }
        }
        if chosen.is_empty() {
            chosen = self.nets.iter().collect();
            if joined && let Some(pair) = join::pair(&self.nets) {
                chosen = pair.to_vec();
            }
        }
        match chosen[..] {
            [one] => Some(one.read(sources, self.whole, diagnostics)),
            [train, test] if joined && (written.is_some() || join::pair(&self.nets).is_some()) => {
                let [train_tree, test_tree] =
                    [train, test].map(|net| net.read(sources, self.whole, diagnostics));
                let tree = join::joined(train_tree, test_tree);
                if tree.is_none() {
                    let message = format!(
                        "`{}` and `{}` have rules that a net of both cannot have",
                        train.name, test.name
                    );
                    let d = Diagnostic::new(&diag::E0821, self.whole, message);
                    diagnostics.report(d.help(format!("choose one: --written {}", train.name)));
                }
                tree
            }
            [] => {
                let d = Diagnostic::new(&diag::E0820, self.whole, "the program makes no net");
                let names: Vec<&str> = self.solvers.iter().map(|s| s.name.as_str()).collect();
                diagnostics
                    .report(d.help(format!("it writes a solver only, {}", names.join(", "))));
                None
            }
            _ => {
                let count = chosen.len();
                let d = Diagnostic::new(
                    &diag::E0821,
                    self.whole,
                    format!("the program makes {count} nets"),
                );
                diagnostics.report(self.listed(d));
                None
            }
        }
    }

    fn not_named(&self, name: &str) -> Diagnostic {
        let message = format!("the program writes no net `{name}`");
        let d = Diagnostic::new(&diag::E0820, self.whole, message);
        let names = self.nets.iter().chain(&self.solvers).map(|net| net.name.as_str());
        match nearest(name, names.clone()) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => {
                let names: Vec<&str> = names.take(MOST_LISTED).collect();
                d.help(format!("it writes {}", names.join(", ")))
            }
        }
    }

    /// A complaint with the nets that there are.
    fn listed(&self, mut d: Diagnostic) -> Diagnostic {
        for net in self.nets.iter().take(MOST_LISTED) {
            let what = match net.how {
                How::Written(_) => "written here",
                How::Printed => continue,
                How::Given => "made here",
            };
            if net.place.file == self.whole.file {
                d = d.label(net.place, format!("`{}` is {what}", net.name));
            }
        }
        let names: Vec<&str> =
            self.nets.iter().map(|net| net.name.as_str()).take(MOST_LISTED).collect();
        d = d.note(format!("they are {}", names.join(", ")));
        let first = names.first().copied().unwrap_or_default();
        match self.nets.first().map(|net| &net.how) {
            Some(How::Written(_)) => d.help(format!(
                "say which: --written {first}; or both a net for training and one for tests: --written TRAIN,TEST"
            )),
            Some(How::Given) => d.help(format!("say which: --call '{first}'")),
            _ => d.help("say what gives the one that is meant: --call 'EXPRESSION'"),
        }
    }
}

impl Net {
    /// The syntax tree. Text that the program has put together itself joins the sources under the name of its file, and is
    /// complained about there.
    pub fn read(
        &self,
        sources: &mut SourceMap,
        whole: Span,
        diagnostics: &mut Diagnostics,
    ) -> tree::Message {
        let How::Written(text) = &self.how else { return self.tree.clone() };
        let is_placed = |field: &tree::Field| field.span.file != NOWHERE;
        if self.tree.fields.iter().all(is_placed) {
            return tree::Message { span: whole, ..self.tree.clone() };
        }
        let mut complaints = Diagnostics::default();
        let file = sources.add_once(&self.name, text);
        sources.mark_made(file);
        let read = parse(file, text, &mut complaints);
        let writer = sources.place(self.place);
        for complaint in complaints.iter() {
            diagnostics.report(complaint.clone().note(format!("written at {writer}")));
        }
        // What was printed into the text stands where it does in the program.
        let fields = self.tree.fields.iter().zip(read.fields);
        let fields = fields.map(|(own, field)| if is_placed(own) { own.clone() } else { field });
        tree::Message { fields: fields.collect(), span: read.span }
    }

    /// The text, of what was written to a file.
    pub fn text(&self) -> &str {
        if let How::Written(text) = &self.how { text } else { "" }
    }
}

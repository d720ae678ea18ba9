//! What the targets do alike: inputs as files, errors that must name them, and definitions through all stages.
//!
//! A panic ends a target wherever it is, also one that the library would catch.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use cortado::diag::Diagnostics;
use cortado::error::Result;
use cortado::exec::{Device, SessionOptions};
use cortado::file::read_definition;
use cortado::front::Request;
use cortado::front::caffe::legacy::{check_types, order, upgrade_net};
use cortado::front::caffe::tree::{Field, Message, Value, ValueKind};
use cortado::front::caffe::{parse, print};
use cortado::ir::TypedNet;
use cortado::job;
use cortado::job::trial::trial;
use cortado::passes::backward::BackwardPass;
use cortado::pipeline::{self, Checked, Options};
use cortado::plan::Plan;
use cortado::program::{Cost, cost};
use cortado::report::backward::picture_backward;
use cortado::report::dot::render_dot;
use cortado::report::fold::{Fold, folded};
use cortado::report::picture::picture;
use cortado::report::summary::{Summary, summarise, to_json};
use cortado::report::svg::{self, render_svg};
use cortado::report::table::{self, Form};
use cortado::source::SourceMap;
use cortado::ty::Shape;
use cortado::weights::{CaffeModel, Stored, read_stored};
use tempfile::TempDir;

/// Elements of the memory of a net that is run.
const SMALL: usize = 1 << 18;
/// Operations of a step that is made.
const QUICK: u64 = 1 << 24;

static FOLDER: LazyLock<TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder for the inputs"));

/// The last input, whose words may be in complaints about it.
static INPUT: Mutex<Vec<u8>> = Mutex::new(vec![]);

/// The input as a file of this name.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.path().join(name);
    fs::write(&path, bytes).expect("the input as a file");
    *INPUT.lock().expect("one thread at a time") = bytes.to_owned();
    path
}

/// What was read of a file; an error must name it.
pub fn of_file<T>(path: &Path, result: Result<T>) -> Option<T> {
    result
        .inspect_err(|error| {
            let text = error.to_string();
            assert!(text.contains(path.to_str().expect("a plain name")), "names no file: {text}");
            readable(&text);
        })
        .ok()
}

/// A message is for people: no words of programmers but those of the input.
fn readable(text: &str) {
    let input = INPUT.lock().expect("one thread at a time");
    let is_given = |word: &str| input.windows(word.len()).any(|part| part == word.as_bytes());
    for word in ["internal error", "unwrap", "panicked", "Some(", "None)", "Ok(", "Err("] {
        assert!(!text.contains(word) || is_given(word), "is no message for people: {text}");
    }
}

/// A definition through everything that `check`, `check --step`, `visualize` and `convert` do.
pub fn definition(name: &str, bytes: &[u8]) {
    let path = file(name, bytes);
    let Some(text) = of_file(&path, read_definition(&path)) else { return };
    let is_program = !name.ends_with(".prototxt");
    let shape = |dims: &[usize]| Shape(dims.to_vec());
    let mut options = Options::default();
    if name.ends_with(".lua") {
        options.shapes.insert("input".into(), shape(&[2, 3, 12, 12]));
        options.request = Request { input_shape: Some(vec![3, 12, 12]), ..Request::default() };
    }
    if name.ends_with(".py") {
        options.request = Request { input_shape: Some(vec![12, 12, 3]), ..Request::default() };
    }
    options.request.classes = is_program.then_some(4);
    let checked = pipeline::check(&path, text.clone(), &options);
    through(checked, &options);
    if !is_program {
        reprint(&text);
        options.shapes.insert("data".into(), shape(&[2, 3, 12, 12]));
        options.training = true;
        through(pipeline::check(&path, text, &options), &options);
    }
}

/// What the verbs make of a checked definition.
fn through(checked: Checked, options: &Options) {
    complaints(&checked.diagnostics, &checked.sources);
    let env = pipeline::environment(options, &|_| None);
    let summaries: Vec<Summary> =
        checked.stages.iter().map(|typed| summarise(typed, &env)).collect();
    for form in [Form::Short, Form::Full] {
        table::stages(&checked.definition.name, &summaries, form, Some(100));
    }
    summaries.iter().for_each(|summary| drop(to_json(summary)));
    for typed in &checked.stages {
        let diagram = picture(typed, &checked.diagnostics, &checked.sources);
        render_svg(&diagram, &svg::Options::default());
        render_dot(&folded(&diagram, Fold::Auto));
        if checked.diagnostics.has_errors() {
            continue;
        }
        if let Ok(pass) = BackwardPass::of(typed, &env) {
            let diagram = picture_backward(typed, &pass, &checked.diagnostics, &checked.sources);
            render_svg(&diagram, &svg::Options::default());
        }
    }
    if checked.diagnostics.has_errors() {
        return;
    }
    for typed in checked.stages {
        step(typed, &env);
    }
}

/// The plan of a training iteration and, where that is soon done, one step.
fn step(typed: TypedNet, env: &cortado::spec::Environment) {
    let Ok(plan) = pipeline::training_plan(&typed, env, 1, (Device::Cpu, 1)) else { return };
    if SMALL < plan.arena || QUICK < total(&plan).flops() {
        return;
    }
    let session = SessionOptions { threads: 1, ..SessionOptions::default() };
    let _ = trial(typed, env, &session);
}

fn total(plan: &Plan) -> Cost {
    let mut total = Cost::default();
    plan.program.steps.iter().for_each(|step| total += cost(&plan.program, step));
    total
}

/// All complaints as text and as JSON.
pub fn complaints(diagnostics: &Diagnostics, sources: &SourceMap) {
    for colours in [false, true] {
        cortado::diag::render::render(diagnostics, sources, colours);
    }
    cortado::diag::json::to_json(diagnostics, sources);
    diagnostics.iter().for_each(|complaint| readable(&complaint.message));
}

/// A prototxt without complaints is the same after it is printed and read again, also in the modern form, and that is
/// modern.
fn reprint(text: &str) {
    let Some(tree) = whole(text) else { return };
    let printed = print(&tree);
    let again = whole(&printed).unwrap_or_else(|| panic!("is not read again: {printed}"));
    assert_eq!(meaning(&tree), meaning(&again), "{printed}");
    let mut diagnostics = Diagnostics::default();
    check_types(&tree, &mut diagnostics);
    if diagnostics.has_errors() {
        return;
    }
    let mut modern = upgrade_net(tree, &mut diagnostics);
    if diagnostics.has_errors() {
        return;
    }
    order::sort(&mut modern, "net");
    let printed = print(&modern);
    let again = whole(&printed).unwrap_or_else(|| panic!("is not read again: {printed}"));
    let mut twice = upgrade_net(again, &mut Diagnostics::default());
    order::sort(&mut twice, "net");
    assert_eq!(printed, print(&twice));
}

/// The tree of a text without mistakes of syntax.
fn whole(text: &str) -> Option<Message> {
    let mut diagnostics = Diagnostics::default();
    let file = SourceMap::default().add("net.prototxt", text);
    let tree = parse(file, text, &mut diagnostics);
    (!diagnostics.has_errors()).then_some(tree)
}

/// A tree without its places: lists as repeated fields, and numbers by their values.
fn meaning(message: &Message) -> Vec<(String, String)> {
    let mut all = vec![];
    for field in &message.fields {
        meanings(field, &field.value, &mut all);
    }
    all
}

fn meanings(field: &Field, value: &Value, all: &mut Vec<(String, String)>) {
    let text = match &value.kind {
        ValueKind::List(values) => {
            return values.iter().for_each(|value| meanings(field, value, all));
        }
        ValueKind::Message(message) => format!("{:?}", meaning(message)),
        ValueKind::Integer(n) => format!("{:?}", *n as f64),
        ValueKind::Float(x) if x.is_nan() => "NaN".into(),
        // A zero with a sign is printed as an integer, too.
        ValueKind::Float(x) => format!("{:?}", x + 0.0),
        ValueKind::Str(text) => format!("{text:?}"),
        ValueKind::Ident(word) => match word.to_ascii_lowercase().as_str() {
            "inf" | "infinity" | "infinityf" | "inff" => "inf".into(),
            "nan" | "nanf" => "NaN".into(),
            _ => word.clone(),
        },
    };
    all.push((field.name.value.clone(), text));
}

/// Checks a run file or a solver; the nets that it may name are there.
pub fn job_file(name: &str, bytes: &[u8]) {
    static NETS: LazyLock<()> = LazyLock::new(|| {
        file("net.prototxt", include_bytes!("../../networks/siamese/caffe.prototxt"));
        file("net.lua", include_bytes!("../../networks/siamese/torch.lua"));
        file("net.py", include_bytes!("../../networks/siamese/tensorflow.py"));
        file("images", &[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7]);
        file("labels", &[0, 0, 8, 1, 0, 0, 0, 1, 7]);
    });
    LazyLock::force(&NETS);
    let path = file(name, bytes);
    match job::check_file(&path, &Options::default()) {
        Ok(checked) => complaints(&checked.diagnostics, &checked.sources),
        Err(error) => readable(&error.to_string()),
    }
}

/// A file of weights: what is read of it is the same in every format.
pub fn weights(name: &str, bytes: &[u8]) {
    let path = file(name, bytes);
    let Some(stored) = of_file(&path, read_stored(&path)) else { return };
    let Stored::Caffe(model) = stored else { return };
    let again = FOLDER.path().join("again.caffemodel");
    model.write(&again).expect("weights are written");
    let read = CaffeModel::read(&again).expect("what was written is read");
    assert_eq!(format!("{:?}", model.layers), format!("{:?}", read.layers));
}

//! From the syntax tree of a solver.prototxt to how and what to train.

use super::tree::Message;
use super::{parse, record};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::StateWords;
use crate::source::{FileId, Spanned};
use crate::spec::solver::Solver;
use crate::spec::{Args, Dialect, Reading, Record};

/// A solver.prototxt.
#[derive(Clone, Debug)]
pub struct SolverFile {
    /// How to train.
    pub solver: Solver,
    /// The training net.
    pub train_net: NetSource,
    /// What the training net's state is set to, over TRAIN and what the net itself says.
    pub train_state: StateWords,
    /// The test nets, in Caffe's order, with what their states are set to, over TEST and what the nets say.
    pub test_nets: Vec<(NetSource, StateWords)>,
    /// Weights to start from.
    pub weights: Vec<String>,
}

/// Where a net of a solver is written.
#[derive(Clone, Debug)]
pub enum NetSource {
    /// In a file, named relative to where cortado is started.
    File(Spanned<String>),
    /// In the solver itself.
    Inline(Record),
}

/// Fields that a solver has and a net has not.
const OWN_FIELDS: [&str; 11] = [
    "base_lr",
    "lr_policy",
    "max_iter",
    "momentum",
    "snapshot_prefix",
    "solver_mode",
    "solver_type",
    "test_iter",
    "test_interval",
    "train_net",
    "train_net_param",
];

/// Whether a prototxt is a solver rather than a net.
pub fn is_solver(text: &str) -> bool {
    if !OWN_FIELDS.iter().any(|name| text.contains(name)) {
        return false;
    }
    is_solver_message(&parse(FileId(0), text, &mut Diagnostics::default()))
}

/// The same of what was read.
pub fn is_solver_message(message: &Message) -> bool {
    let has =
        |names: &[&str]| message.fields.iter().any(|f| names.contains(&f.name.value.as_str()));
    has(&OWN_FIELDS) && !has(&["layer", "layers"])
}

/// Whether a text of Caffe has layers of its own, as a net has and no solver.
pub fn has_layers(text: &str) -> bool {
    let message = parse(FileId(0), text, &mut Diagnostics::default());
    message.fields.iter().any(|f| ["layer", "layers"].contains(&f.name.value.as_str()))
}

/// Whether a solver says that it computes on a GPU.
pub fn asks_for_gpu(text: &str) -> bool {
    let message = parse(FileId(0), text, &mut Diagnostics::default());
    let fields = record(&message);
    let reading = Reading::new(Dialect::Caffe);
    let a = Args::new(&reading, &fields, message.span);
    a.choice("solver_mode", &[("CPU", false), ("GPU", true)]) == Some(true)
}

/// The text of a solver in which some fields have other values: those that were there give way to blanks, so that all else
/// stays where it is, and the new ones stand at the end. Texts need no quotes; as in a run file, a field may be called
/// `train.max_iter` or `train.solver.max_iter`.
pub fn with_fields(text: &str, fields: &[(String, String)]) -> String {
    if fields.is_empty() {
        return text.to_owned();
    }
    let message = parse(FileId(0), text, &mut Diagnostics::default());
    let mut bytes = text.as_bytes().to_vec();
    let mut more = String::new();
    for (key, value) in fields {
        let name = key.strip_prefix("train.").unwrap_or(key);
        let name = name.strip_prefix("solver.").unwrap_or(name);
        for field in message.fields.iter().filter(|field| field.name.value == *name) {
            let old = bytes[field.span.start as usize..field.span.end as usize].iter_mut();
            old.filter(|byte| !b"\r\n".contains(byte)).for_each(|byte| *byte = b' ');
        }
        let quoted = value.starts_with(['"', '\'']);
        let value = match super::schema::is_text("solver", name) && !quoted {
            true => format!("{value:?}"),
            false => value.clone(),
        };
        more.push_str(&format!("\n{name}: {value}"));
    }
    // Whole fields were replaced by blanks, so what is left is text.
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    text.push_str(&more);
    text.push('\n');
    text
}

/// What other programs call a field of the solver, or what is no affair of it, with what to write.
const OTHER_NAMES: [(&[&str], &str); 6] = [
    (&["lr", "learning_rate", "learningRate"], "it is `base_lr`"),
    (
        &["epochs", "epoch", "max_epoch", "num_epochs"],
        "it is `max_iter`, in batches: as many as the images of an epoch make, times the epochs",
    ),
    (
        &["batch_size", "batchsize"],
        "it belongs into the net's data layer: `data_param { batch_size: 64 ... }`; `iter_size` here is how many batches \
         make a step",
    ),
    (&["decay", "l2", "weightDecay"], "it is `weight_decay`"),
    (&["optimizer", "method", "solver"], "it is `type`, such as `type: \"Adam\"`"),
    (&["step", "step_size"], "it is `stepsize`"),
];

/// Whether a field stands there by another name, about which there is a complaint.
fn is_misnamed(fields: &Record, wanted: &str) -> bool {
    let told = format!("it is `{wanted}`");
    fields.fields.iter().map(|field| field.key.value.as_str()).any(|key| {
        let other = OTHER_NAMES.iter().find(|(names, _)| names.contains(&key));
        nearest(key, [wanted]).is_some() || other.is_some_and(|(_, help)| help.starts_with(&told))
    })
}

/// Complains about fields that other programs have.
fn other_names(fields: &Record, reading: &Reading) {
    for key in fields.fields.iter().map(|field| &field.key) {
        // The form of 2014 is replaced where it can be read; what is wrong with its value is said elsewhere.
        if key.value == "solver_type" {
            reading.accept(key.span);
        }
        let known = OTHER_NAMES.iter().find(|(names, _)| names.contains(&key.value.as_str()));
        let Some((_, help)) = known else { continue };
        reading.accept(key.span);
        let message = format!("`SolverParameter` has no field named `{}`", key.value);
        let d = Diagnostic::new(&diag::E0301, key.span, message).here("unknown field");
        reading.report(d.help(*help));
    }
}

/// Reads a solver. Complaints are among the diagnostics; there is no result without a net to train.
pub fn read_solver(file: FileId, text: &str, diagnostics: &mut Diagnostics) -> Option<SolverFile> {
    let message = super::legacy::upgrade_solver(parse(file, text, diagnostics), diagnostics);
    let fields = record(&message);
    let reading = Reading::new(Dialect::Caffe);
    let a = Args::new(&reading, &fields, message.span);
    let mut solver = Solver::read(&a);
    if !a.has("base_lr") {
        solver.base_lr = 0.0;
    }
    if !a.has("base_lr") && !is_misnamed(&fields, "base_lr") {
        let d = Diagnostic::new(&diag::W0617, a.start(), "the solver has no `base_lr`");
        reading.report(d.help("Caffe takes it for 0, and nothing is learned"));
    }
    if !a.has("max_iter") && !is_misnamed(&fields, "max_iter") {
        let d = Diagnostic::new(&diag::W0617, a.start(), "the solver has no `max_iter`");
        reading.report(
            d.help("Caffe takes it for 0, and does not train at all; write `max_iter: 10000`"),
        );
    }
    if a.has("test_interval") && solver.test_iter.is_empty() {
        let d = Diagnostic::new(
            &diag::W0617,
            a.place("test_interval"),
            "`test_interval` without `test_iter`",
        );
        reading.report(
            d.here("nothing is tested").help("say how many batches a test has: `test_iter: 100`"),
        );
    }
    a.ignore(&["solver_mode", "device_id", "layer_wise_reduce"]);
    other_names(&fields, &reading);

    let named = |key: &'static str| -> Vec<NetSource> {
        let places = fields.fields.iter().filter(|f| f.key.value == key).map(|f| f.value.span);
        let texts = a.texts(key).into_iter();
        texts.zip(places).map(|(t, span)| NetSource::File(Spanned::new(t, span))).collect()
    };
    let inline = |key: &'static str| -> Vec<NetSource> {
        let records = a.sections(key);
        records.iter().filter_map(|r| r.record().cloned().map(NetSource::Inline)).collect()
    };
    let both: Vec<NetSource> = inline("net_param").into_iter().chain(named("net")).collect();
    let train: Vec<NetSource> = inline("train_net_param")
        .into_iter()
        .chain(named("train_net"))
        .chain(both.iter().cloned())
        .collect();
    let mut tests: Vec<NetSource> = inline("test_net_param");
    tests.extend(named("test_net"));
    // The remaining test_iter entries are for the net that train and test share.
    if let Some(shared) = both.first() {
        while tests.len() < solver.test_iter.len() {
            tests.push(shared.clone());
        }
    }
    let train_state = super::state(&a.section("train_state"));
    let mut states: Vec<StateWords> = a.sections("test_state").iter().map(super::state).collect();
    if !states.is_empty() && states.len() != tests.len() {
        let message = format!("{} `test_state` for {} test nets", states.len(), tests.len());
        let d = Diagnostic::new(&diag::E0306, a.place("test_state"), message);
        reading.report(d.help("give one for each test net, or none"));
    }
    states.resize(tests.len(), StateWords::default());
    // One field may hold several files, as on the command line.
    let weights = a.texts("weights");
    let weights =
        weights.iter().flat_map(|list| list.split(',')).map(|name| name.trim().to_owned());

    let start = crate::source::Span { end: message.span.start, ..message.span };
    if train.len() != 1 {
        let message = match train.len() {
            0 => "the solver names no net to train".to_string(),
            n => format!("the solver names {n} nets to train"),
        };
        let d = Diagnostic::new(&diag::E0305, start, message);
        reading.report(d.help("give one of `net`, `train_net`, `net_param`, `train_net_param`"));
    }
    if tests.len() != solver.test_iter.len() && !train.is_empty() {
        let (nets, iters) = (tests.len(), solver.test_iter.len());
        let message = format!("{iters} `test_iter` for {nets} test nets; each needs one");
        reading.report(Diagnostic::new(&diag::E0306, a.place("test_iter"), message));
    }
    super::schema::check_solver(&fields, &reading);
    super::forks::report(&fields, "SolverParameter", &reading);
    let (complaints, usable) = reading.finish(&fields, "SolverParameter");
    let unreadable = diagnostics.has_errors();
    for complaint in complaints.iter() {
        // What is odd about a value that could not be read is no further complaint.
        if !(unreadable && *complaint.code == diag::W0617) {
            diagnostics.report(complaint.clone());
        }
    }
    let train_net = train.into_iter().next()?;
    usable.then_some(SolverFile {
        solver,
        train_net,
        train_state,
        test_nets: tests.into_iter().zip(states).collect(),
        weights: weights.filter(|name| !name.is_empty()).collect(),
    })
}

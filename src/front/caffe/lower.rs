//! From the syntax tree of a net to `ir::Definition`: the structure of NetParameter, and each layer's own
//! arguments through the registry.

use super::fork_types::MESSAGES;
use super::forks;
use super::legacy::v1::PARAMS;
use super::repeated::{self, Complaint};
use super::schema;
use super::strangers::{self, Stranger};
use super::tree::{Message, Value as Written, ValueKind};
use crate::diag::nearest::nearest;
use crate::diag::{self, Diagnostic, Diagnostics};
use crate::ir::{Definition, Node, ParamSpec, Rule, ShareMode, StateWords};
use crate::layers::{Layer, fork_data::ForkData, unknown::Unknown};
use crate::source::{Span, Spanned};
use crate::spec::{Args, Dialect, Field, Phase, Reading, Record, Value};
use std::collections::{HashMap, HashSet};

/// The definition that a modern (upgraded) NetParameter holds. Layers that cannot be read become
/// [`Unknown`], so that everything else can still be checked.
pub fn definition(record: &Record, diagnostics: &mut Diagnostics) -> Definition {
    let reading = Reading::new(Dialect::Caffe);
    let args = Args::new(&reading, record, record.span);
    let mut definition = Definition {
        state: state(&args.section("state")),
        force_backward: args.bool("force_backward").unwrap_or(false),
        ..Definition::empty(
            Dialect::Caffe,
            args.text("name").unwrap_or_default(),
            Span { end: record.span.start, ..record.span },
        )
    };
    args.ignore(&["debug_info", "layer"]);
    label_map(record, &args);
    let (mut strangers, mut complaints) = (vec![], vec![]);
    for field in record.fields.iter().filter(|f| f.key.value == "layer") {
        for value in one_or_list(&field.value) {
            match &value.value {
                Value::Record(layer) => {
                    let node =
                        node(layer, field.key.span, &mut strangers, &mut complaints, diagnostics);
                    definition.nodes.push(node);
                }
                _ => {
                    let message = "`layer` must be a message in braces";
                    diagnostics.report(Diagnostic::new(&diag::E0303, value.span, message));
                }
            }
        }
    }
    repeated::report(complaints, diagnostics);
    forks::report(record, "NetParameter", &reading);
    solver_fields(record, &reading);
    strangers::report(&strangers, diagnostics);
    diagnostics.extend(reading.finish(record, "NetParameter").0);
    name_automatic_tops(&mut definition);
    definition
}

/// Says of a text of items that it is a list of names, once for all of them.
fn label_map(record: &Record, args: &Args) {
    let Some(first) = record.fields.iter().find(|field| field.key.value == "item") else { return };
    args.ignore(&["item"]);
    let message = "this is a label map of SSD's fork of Caffe, no net";
    let d = Diagnostic::new(&diag::E0301, first.key.span, message).here("names a class");
    args.report(d.help("the net that it belongs to names it in `label_map_file`"));
}

/// Fields that belong into the solver's file.
fn solver_fields(record: &Record, reading: &Reading) {
    let of = |message: &str, key: &str| schema::names(message).any(|name| name == key);
    for Field { key, .. } in &record.fields {
        let name = key.value.as_str();
        if of("solver", name) && !of("net", name) && !reading.was_used(key.span) {
            reading.accept(key.span);
            let message = format!("`{name}` is a field of the solver, not of the net");
            let d = Diagnostic::new(&diag::E0301, key.span, message).here("unknown field");
            reading
                .report(d.help("write it into the solver's file, which names this one as `net`"));
        }
    }
}

fn one_or_list(value: &Spanned<Value>) -> &[Spanned<Value>] {
    match &value.value {
        Value::List(list) => list,
        _ => std::slice::from_ref(value),
    }
}

/// A message as neutral arguments.
pub(crate) fn record(message: &Message) -> Record {
    let fields = message
        .fields
        .iter()
        .map(|field| Field { key: field.name.clone(), value: value(&field.value) });
    Record { fields: fields.collect(), span: message.span }
}

fn value(written: &Written) -> Spanned<Value> {
    let value = match &written.kind {
        ValueKind::Integer(n) => i64::try_from(*n).map_or(Value::Float(*n as f64), Value::Int),
        ValueKind::Float(x) => Value::Float(*x),
        ValueKind::Str(s) => Value::Str(s.clone()),
        ValueKind::Ident(w) => Value::Word(w.clone()),
        ValueKind::Message(m) => Value::Record(record(m)),
        ValueKind::List(list) => Value::List(list.iter().map(value).collect()),
    };
    Spanned::new(value, written.span)
}

const PHASES: [(&str, Phase); 2] = [("TRAIN", Phase::Train), ("TEST", Phase::Test)];

/// Reads a NetState message.
pub(crate) fn state(a: &Args) -> StateWords {
    StateWords {
        phase: a.choice("phase", &PHASES),
        level: a.int("level"),
        stages: a.texts("stage"),
    }
}

/// Reads NetStateRules. One whose phase is none is left out, so that its layer is checked with the others; one whose phase
/// is misspelt is complained about, and goes on as what was meant.
fn rules(a: &[Args]) -> Vec<Rule> {
    let meant = |a: &Args| {
        let word = word(a.record()?, "phase")?;
        let near = nearest(&word, PHASES.map(|(name, _)| name))?;
        PHASES.iter().find(|(name, _)| *name == near).map(|&(_, phase)| phase)
    };
    let rule = |a: &Args| {
        let phase = a.choice("phase", &PHASES).or_else(|| meant(a));
        (phase.is_some() || !a.has("phase")).then_some(Rule {
            phase,
            min_level: a.int("min_level"),
            max_level: a.int("max_level"),
            stages: a.texts("stage"),
            not_stages: a.texts("not_stage"),
            span: a.anchor(),
        })
    };
    a.iter().filter_map(rule).collect()
}

fn param(a: &Args) -> ParamSpec {
    let modes = [("STRICT", ShareMode::Strict), ("PERMISSIVE", ShareMode::Permissive)];
    let name = a.text("name").filter(|name| !name.is_empty());
    ParamSpec {
        name: name.zip(a.record()).map(|(name, r)| Spanned::new(name, value_place(r, "name"))),
        share: a.choice("share_mode", &modes).unwrap_or(ShareMode::Strict),
        lr_mult: a.float("lr_mult").map(|x| x as f32),
        decay_mult: a.float("decay_mult").map(|x| x as f32),
        ..ParamSpec::new(a.anchor())
    }
}

/// The texts of a repeated field, each with its place.
fn places(record: &Record, key: &str) -> Vec<Span> {
    let fields = record.fields.iter().filter(|f| f.key.value == key);
    fields.flat_map(|f| one_or_list(&f.value)).map(|v| v.span).collect()
}

fn named(record: &Record, args: &Args, key: &'static str) -> Vec<Spanned<String>> {
    let texts = args.texts(key);
    texts.into_iter().zip(places(record, key)).map(|(t, span)| Spanned::new(t, span)).collect()
}

fn node(
    record: &Record,
    keyword: Span,
    strangers: &mut Vec<Stranger>,
    complaints: &mut Vec<Complaint>,
    before: &Diagnostics,
) -> Node {
    let reading = Reading::new(Dialect::Caffe);
    let args = Args::new(&reading, record, keyword);
    let name = args.text("name").unwrap_or_default();
    let written = unquoted_type(record, &reading)
        .or_else(|| args.text("type"))
        .or_else(|| word(record, "type"));
    let type_span = if written.is_some() { value_place(record, "type") } else { keyword };
    let loss_weights = args.floats("loss_weight").into_iter().map(|w| w as f32);
    let mut node = Node {
        name: Spanned::new(
            name,
            if args.has("name") { value_place(record, "name") } else { keyword },
        ),
        layer: Unknown { type_name: written.clone().unwrap_or_default() }.into(),
        type_name: Spanned::new(written.clone().unwrap_or_default(), type_span),
        bottoms: named(record, &args, "bottom"),
        tops: named(record, &args, "top"),
        loss_weights: loss_weights
            .zip(places(record, "loss_weight"))
            .map(|(w, span)| Spanned::new(w, span))
            .collect(),
        params: args.sections("param").iter().map(param).collect(),
        include: rules(&args.sections("include")),
        exclude: rules(&args.sections("exclude")),
        propagate_down: args.bools("propagate_down"),
        channels_last: false,
        phase: args.choice("phase", &PHASES),
        args: record.clone(),
        span: keyword.to(record.span),
        added: vec![],
    };
    super::first_values::read(&args, &mut node.params);
    check_counts(&node, &reading);
    match written {
        Some(written) => match Layer::resolve(Dialect::Caffe, &written) {
            Some(spelling) => {
                node.layer = (spelling.read)(&args);
                check_loss_weights(&node, &reading);
                let misnamed = misnamed_message(record, &written, &reading);
                idle_messages(&args, record, &written, &reading);
                schema::check(record, misnamed, &reading);
            }
            None if node.bottoms.is_empty()
                && !node.tops.is_empty()
                && let Some(fork) = strangers::origin(&written) =>
            {
                let batch = whole(record, "batch_size").unwrap_or(0);
                node.layer = ForkData { fork, batch }.into();
                args.ignore_where(strangers::may_have);
            }
            None => {
                let layer = node.name.value.clone();
                strangers.push(Stranger { type_name: written, span: type_span, layer });
                args.ignore_where(strangers::may_have);
            }
        },
        // What stands there instead may be no value at all.
        None if before.unreadable_within(record.span) => {
            args.ignore_where(|_| true);
        }
        None => {
            let message = match node.name.value.as_str() {
                "" => "this layer has no type".to_owned(),
                name => format!("layer `{name}` has no type"),
            };
            let d = Diagnostic::new(&diag::E0305, keyword, message);
            reading.report(
                d.help("such as `type: \"Convolution\"`; `cortado layers` lists all types"),
            );
        }
    }
    forks::report(record, "LayerParameter", &reading);
    outdated_fields(record, &reading);
    reading.leave_out_unreadable(before);
    let (found, usable) = reading.finish(record, "LayerParameter");
    complaints.extend(found.iter().map(|one| (node.name.value.clone(), one.clone())));
    // Of a layer with a value that cannot be read nobody knows what it would be.
    if !usable || before.unreadable_within(record.span) {
        node.layer = Unknown { type_name: node.type_name.value.clone() }.into();
    }
    node
}

/// The type of a layer that stands without quotes, after a complaint: as it is called today.
fn unquoted_type(record: &Record, reading: &Reading) -> Option<String> {
    let mut types = record.fields.iter().filter(|f| f.key.value == "type");
    let (Some(Field { key, value }), None) = (types.next(), types.next()) else { return None };
    let Value::Word(written) = &value.value else { return None };
    let known = Layer::resolve(Dialect::Caffe, written).map(|_| written.as_str());
    let meant = known.or_else(|| strangers::mistyped(written)).unwrap_or(written);
    reading.accept(key.span);
    let message = format!("`type` must be text in quotes, not `{written}`");
    let d = Diagnostic::new(&diag::E0303, value.span, message);
    let help =
        if meant == written { "put it in quotes" } else { "as it is called today, in quotes" };
    reading.report(d.edit(help, value.span, format!("\"{meant}\"")));
    Some(meant.to_owned())
}

/// The word that stands where a text or another word belongs.
fn word(record: &Record, key: &str) -> Option<String> {
    let field = record.fields.iter().find(|f| f.key.value == key)?;
    match &field.value.value {
        Value::Word(word) | Value::Str(word) => Some(word.clone()),
        _ => None,
    }
}

/// The first whole number that a message of a layer gives for a field.
fn whole(record: &Record, key: &str) -> Option<usize> {
    record.fields.iter().find_map(|field| match &field.value.value {
        Value::Int(n) if field.key.value == key => usize::try_from(*n).ok(),
        Value::Record(message) => whole(message, key),
        _ => None,
    })
}

/// The place of the first value of a field.
fn value_place(record: &Record, key: &str) -> Span {
    let field = record.fields.iter().find(|f| f.key.value == key);
    field.map_or(record.span, |f| f.value.span)
}

fn check_counts(node: &Node, reading: &Reading) {
    if let (Some(include), Some(exclude)) = (node.include.first(), node.exclude.first()) {
        let message = format!("layer `{}` has both include and exclude rules", node.name.value);
        let d = Diagnostic::new(&diag::E0206, exclude.span, message)
            .here("exclude")
            .label(include.span, "include")
            .help("keep one kind: a layer exists where an include rule matches, or where no exclude rule does");
        reading.report(d);
    }
    if !node.propagate_down.is_empty() && node.propagate_down.len() != node.bottoms.len() {
        let (given, bottoms) = (node.propagate_down.len(), node.bottoms.len());
        let message = format!("{given} propagate_down for {bottoms} bottoms");
        let span = node.args.find(&["propagate_down"]).unwrap_or(node.span);
        let d = Diagnostic::new(&diag::E0207, span, message);
        reading.report(d.help("give one for each bottom, or none"));
    }
}

/// A loss whose weights are not written has the weight 1, which is too few for several tops.
fn check_loss_weights(node: &Node, reading: &Reading) {
    let tops = node.tops.len();
    if node.layer.spec().loss && 1 < tops && node.loss_weights.is_empty() {
        let message = format!("no loss weights for {tops} tops");
        let d = Diagnostic::new(&diag::E0207, node.tops[1].span, message);
        reading.report(
            d.here("the second top")
                .help("give one loss_weight for each top, 0 for those that are not minimised"),
        );
    }
}

/// Complains about fields that only `layers` of 2014 have.
fn outdated_fields(record: &Record, reading: &Reading) {
    let modern = |key: &str| PARAMS.iter().find(|(old, _)| *old == key).map(|(_, new)| *new);
    // A `param` may have several of them, which no edit of a single one makes.
    let count = |name: &str| record.fields.iter().filter(|f| f.key.value == name).count();
    let mixed = 0 < count("param") || 1 < PARAMS.iter().filter(|(old, _)| 0 < count(old)).count();
    for Field { key, value } in &record.fields {
        let Some(new) = modern(&key.value).filter(|_| !reading.was_used(key.span)) else {
            continue;
        };
        reading.accept(key.span);
        let message = format!("`LayerParameter` has no field named `{}`", key.value);
        let d = Diagnostic::new(&diag::E0301, key.span, message).here("a field of 2014");
        let text = match &value.value {
            Value::Int(n) => Some(n.to_string()),
            Value::Float(x) => Some(x.to_string()),
            Value::Word(w) => Some(w.clone()),
            _ => None,
        };
        let help = "today there is a `param` for each parameter";
        reading.report(match text {
            Some(text) if !mixed => {
                let new = format!("param {{ {new}: {text} }}");
                d.edit(help, key.span.to(value.span), new)
            }
            _ => d.help(format!("{help}: `param {{ {new}: ... }}`")),
        });
    }
}

/// Where the message that a type must have is not there, and one of another type is: its place, after a complaint.
fn misnamed_message(record: &Record, written: &str, reading: &Reading) -> Option<Span> {
    let is_idle = |name: &str| {
        schema::parameter_messages().any(|known| known == name) && !reading.was_asked(name)
    };
    let other = &record.fields.iter().find(|field| is_idle(&field.key.value))?.key;
    let wanted = reading.absent_message(record)?;
    let message = format!("a {written} layer reads `{wanted}`; this is `{}`", other.value);
    reading.accept(other.span);
    let d = Diagnostic::new(&diag::E0305, other.span, message).here("of another type of layer");
    reading.report(d.edit(format!("write `{wanted}`"), other.span, wanted));
    Some(other.span)
}

/// Messages that Caffe knows and this type does not read are accepted with a warning.
fn idle_messages(args: &Args, record: &Record, written: &str, reading: &Reading) {
    for field in &record.fields {
        let mut messages = schema::parameter_messages().chain(MESSAGES.iter().copied());
        if let Some(known) = messages.find(|name| *name == field.key.value)
            && !reading.was_asked(known)
            && !reading.was_used(field.key.span)
        {
            args.ignore(&[known]);
            let message = format!("a {written} layer does not read `{known}`");
            let d = Diagnostic::new(&diag::W0604, field.key.span, message);
            reading.report(d.here("has no effect"));
        }
    }
}

/// The complaint about a type that is not in the vocabulary.
pub(super) fn unknown_type(written: &str, span: Span) -> Diagnostic {
    if let Some(complaint) = strangers::complaint(written, span) {
        return complaint;
    }
    let message = format!("unknown layer type `{written}`");
    let d = Diagnostic::new(&diag::E0201, span, message).here("not a layer that cortado knows");
    if let Some((spec, dialect)) = Layer::elsewhere(Dialect::Caffe, written) {
        let own = spec.spellings.iter().find(|s| s.dialect == Dialect::Caffe);
        let here = own.map_or(spec.name, |s| s.name);
        return d.help(format!("`{written}` is {dialect}'s name; here it is `{here}`"));
    }
    if let Some(help) = strangers::of_others(written) {
        return d.help(help);
    }
    match strangers::mistyped(written) {
        Some(near) => d.edit(format!("did you mean `{near}`?"), span, format!("\"{near}\"")),
        None => d.help("`cortado layers` lists all of them"),
    }
}

/// Losses that name no top get one, which Caffe calls `(automatic)`; here it has the layer's name, with `_top` and a number
/// where others have that.
fn name_automatic_tops(definition: &mut Definition) {
    let mut taken: HashSet<String> =
        definition.nodes.iter().flat_map(|n| &n.tops).map(|t| t.value.clone()).collect();
    let mut last: HashMap<String, usize> = HashMap::new();
    for node in &mut definition.nodes {
        let spec = node.layer.spec();
        while spec.loss && node.tops.len() < spec.tops.min {
            let name = &node.name.value;
            let number = last.entry(name.clone()).or_insert(0);
            let top = loop {
                let top = match *number {
                    0 => name.clone(),
                    1 => format!("{name}_top"),
                    n => format!("{name}_top_{n}"),
                };
                *number += 1;
                if !top.is_empty() && taken.insert(top.clone()) {
                    break top;
                }
            };
            node.tops.push(Spanned::new(top, node.type_name.span));
        }
    }
}

//! Finds the first differences in meaning between two typed nets: layers, shapes, parameters and sharing.

mod pairs;

use petgraph::graph::NodeIndex;

use crate::ir::{Node, Port, TypedNet};
use crate::passes::lower;
use crate::spec::{Category, Environment, words};
use pairs::Pairs;

/// The first `limit` differences as lines; none if the nets mean the same. Names of layers and blobs, the order of
/// independent layers and the dialect do not count; kinds, arguments, wiring, shapes and sharing do.
pub fn differences(a: &TypedNet, b: &TypedNet, limit: usize) -> Vec<String> {
    let pairs = Pairs::of(&a.net, &b.net);
    let mut found = vec![];
    for (i, left) in a.net.nodes() {
        match pairs.right(i) {
            Some(j) => between((a, i), (b, j), &pairs, &mut found),
            None => found.push(alone("first", left)),
        }
    }
    let missed = b.net.nodes().filter(|&(j, _)| pairs.left(j).is_none());
    found.extend(missed.map(|(_, right)| alone("second", right)));
    found.truncate(limit);
    found
}

/// A layer of one net alone.
fn alone(which: &str, node: &Node) -> String {
    format!("only the {which} has the layer `{}` ({})", node.name.value, node.type_name.value)
}

fn between(
    (a, i): (&TypedNet, NodeIndex),
    (b, j): (&TypedNet, NodeIndex),
    pairs: &Pairs,
    found: &mut Vec<String>,
) {
    let (left, right) = (&a.net.graph[i], &b.net.graph[j]);
    let at = label(left, right);
    if left.layer.spec().name != right.layer.spec().name {
        let (kind, other) = (left.layer.spec().name, right.layer.spec().name);
        found.push(format!("{at}: {kind} against {other}"));
        return;
    }
    let alike = left.layer == right.layer || same_meaning((a, i), (b, j));
    if !alike {
        arguments(left, right, &at, found);
    }
    let there = a.net.bottoms(i).into_iter().map(|port| pairs.port(port?));
    if there.collect::<Vec<_>>() != b.net.bottoms(j) {
        found.push(format!("{at}: reads {} against {}", sources(a, i), sources(b, j)));
    }
    for top in 0..left.tops.len().min(right.tops.len()) {
        let one = a.shape(Port { node: i, top });
        let other = b.shape(Port { node: j, top });
        if let (Some(one), Some(other)) = (one, other)
            && one != other
        {
            found.push(format!("{at}: output {top} is {one} against {other}"));
        }
    }
    let (one, other) = (&a.loss_weights[i.index()], &b.loss_weights[j.index()]);
    let has_any = [one, other].into_iter().flatten().any(|&weight| weight != 0.0);
    if has_any && one != other {
        let list = |weights: &[f32]| match weights {
            [] => "none".to_owned(),
            weights => weights.iter().map(f32::to_string).collect::<Vec<_>>().join(", "),
        };
        found.push(format!("{at}: loss weights {} against {}", list(one), list(other)));
    }
    parameters((a, i), (b, j), pairs, &at, found, alike);
}

/// Whether two layers of one kind compute the same, however their arguments are written. What layers that bring data in read
/// is their meaning, except for inputs, which are shapes.
fn same_meaning((a, i): (&TypedNet, NodeIndex), (b, j): (&TypedNet, NodeIndex)) -> bool {
    let spec = a.net.graph[i].layer.spec();
    if spec.category == Category::Data {
        return spec.name == "Input";
    }
    let runs = |typed: &TypedNet, i: NodeIndex| typed.net.graph[i].layer.ops().obstacle().is_none();
    // Of a file that a layer reads, what it holds is the meaning, and not its name.
    let env = Environment {
        blob: Some(&crate::weights::binaryproto_for_layers),
        ..Environment::default()
    };
    let program =
        |typed: &TypedNet, i| runs(typed, i).then(|| lower::alone(typed, i, &env)).flatten();
    matches!((program(a, i), program(b, j)), (Some(one), Some(other)) if one == other)
}

/// What differs between the arguments of two layers of one kind, in the words of their definitions.
fn arguments(left: &Node, right: &Node, at: &str, found: &mut Vec<String>) {
    let before = found.len();
    // What no definition writes, such as what a type of layer implies, is told where nothing else differs.
    let mut implied = vec![];
    let (ours, theirs) = (left.layer.fields(), right.layer.fields());
    for ((name, one), (_, other)) in ours.iter().zip(&theirs).filter(|(a, b)| a.1 != b.1) {
        let (first, second) = (written(left, name), written(right, name));
        let apart = |these: &[Said], those: &[Said]| -> Vec<Said> {
            these.iter().filter(|said| !those.contains(said)).cloned().collect()
        };
        let (mut first, mut second) = (apart(&first, &second), apart(&second, &first));
        // What only one of them writes is what the other does not say.
        let unsaid = |those: &[Said]| those.iter().map(|(word, _)| (word.clone(), None)).collect();
        match (first.is_empty(), second.is_empty()) {
            (true, true) => {
                let name = name.replace('_', " ");
                implied.push(format!("{at}: {name} {} against {}", plain(one), plain(other)));
                continue;
            }
            (true, false) => first = unsaid(&second),
            (false, true) => second = unsaid(&first),
            (false, false) => {}
        }
        let list = |these: &[Said]| these.iter().map(shown).collect::<Vec<_>>().join(" ");
        found.push(format!("{at}: {} against {}", list(&first), list(&second)));
    }
    if found.len() == before {
        found.append(&mut implied);
    }
    if found.len() == before {
        let (first, second) = (left.layer.ops().detail(), right.layer.ops().detail());
        found.push(format!("{at}: {first} against {second}"));
    }
}

/// A word of a definition and its value, if it is written.
type Said = (String, Option<String>);

fn shown((word, value): &Said) -> String {
    match value {
        Some(value) => format!("`{word}: {value}`"),
        None => format!("no `{word}`"),
    }
}

/// What a definition writes for a parameter of a layer.
fn written(node: &Node, parameter: &str) -> Vec<Said> {
    let spellings = node.layer.spec().spellings.iter();
    let mut spellings = spellings.filter(|spelling| spelling.name == node.type_name.value);
    let Some(spelling) = spellings.next() else { return vec![] };
    let words = words::written(spelling, &node.args, parameter);
    words.into_iter().map(|(word, value)| (word, Some(value))).collect()
}

/// A value as people write it: numbers and words, without names of types.
fn plain(value: &str) -> String {
    let value =
        value.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(value);
    let inner = value.split_once("values: [").and_then(|(_, rest)| rest.split_once(']'));
    match inner.map_or(value, |(inner, _)| inner) {
        "" | "None" | "[]" => "not given".to_owned(),
        text => text.to_lowercase(),
    }
}

fn label(left: &Node, right: &Node) -> String {
    let (a, b) = (&left.name.value, &right.name.value);
    if a == b { format!("layer `{a}`") } else { format!("layers `{a}` and `{b}`") }
}

fn sources(typed: &TypedNet, node: NodeIndex) -> String {
    let ports = typed.net.bottoms(node);
    let names = ports.iter().map(|port| port.map_or("?", |port| typed.net.blob(port)));
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn parameters(
    (a, i): (&TypedNet, NodeIndex),
    (b, j): (&TypedNet, NodeIndex),
    pairs: &Pairs,
    at: &str,
    found: &mut Vec<String>,
    alike: bool,
) {
    let (left, right) = (&a.node_variables[i.index()], &b.node_variables[j.index()]);
    if left.len() != right.len() {
        found.push(format!("{at}: {} parameters against {}", left.len(), right.len()));
        return;
    }
    for (&one, &other) in left.iter().zip(right) {
        let (v, w) = (&a.variables[one.0 as usize], &b.variables[other.0 as usize]);
        let role = v.role;
        let users = v.users.iter().map(|&(node, at)| (pairs.right(node), at));
        let mut users: Vec<_> = users.collect();
        let mut theirs: Vec<_> = w.users.iter().map(|&(node, at)| (Some(node), at)).collect();
        users.sort();
        theirs.sort();
        if users != theirs {
            let (first, second) = (a.variable_label(one), b.variable_label(other));
            found.push(match first == second {
                true => format!("{at}: {first} is shared by other layers"),
                false => format!("{at}: its {role} is {first} against {second}"),
            });
        } else if v.shape != w.shape {
            found.push(format!("{at}: {role} is {} against {}", v.shape, w.shape));
        } else if (v.lr_mult, v.decay_mult) != (w.lr_mult, w.decay_mult) {
            found.push(format!(
                "{at}: {role} has lr_mult {} and decay_mult {} against {} and {}",
                v.lr_mult, v.decay_mult, w.lr_mult, w.decay_mult
            ));
        } else if v.filler != w.filler && alike {
            found.push(format!("{at}: {role} begins as {} against {}", v.filler, w.filler));
        }
    }
}

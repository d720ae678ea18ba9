//! From the parameters of a file, in order, to those of a net: matched where nets correspond, else all differences.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::arrangement::Arrangement;
use super::t7::{Buffers, Parameter};
use super::{Blob, CaffeModel};
use crate::ir::{Definition, NetState, TypedNet};
use crate::ty::Shape;
use crate::{Error, Result};

/// Parameters by layer and position.
pub type Weights = BTreeMap<(String, usize), Blob>;

/// What a variable of a net is to its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The solver changes it.
    Learned,
    /// A mean that the layer keeps.
    Mean,
    /// A variance that it keeps.
    Variance,
    /// What Caffe divides the two by.
    Factor,
}

/// A variable where a layer uses it; a shared one occurs once for each user.
#[derive(Clone, Debug)]
pub struct Place {
    /// The layer.
    pub layer: String,
    /// Its position among the layer's variables.
    pub at: usize,
    /// Extents.
    pub shape: Shape,
    /// The variable: places with one number are one variable.
    pub variable: usize,
    /// What it is.
    pub kind: Kind,
    /// The name of the variable in its dialect, where variables have names: `model/conv1/weights`.
    pub name: Option<String>,
    /// What its dialect numbers it by, where variables have no names: `0`, `buf.0.running_mean`.
    pub number: Option<String>,
    /// How its elements lie.
    pub arrangement: Arrangement,
    /// Its turn in the order of the net's layers, which is not that of a dialect that numbers variables as they are made.
    pub turn: usize,
}

/// Values from a file that wait for their place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How messages call it.
    pub label: String,
    /// The values.
    pub blob: Blob,
    /// Entries with one number are one parameter.
    pub same: usize,
    /// What it is.
    pub kind: Kind,
}

/// The variables of a net in its order: that of its layers, or of the names by which its dialect numbers them, such as
/// `param.0` for `param.conv1.0`.
pub fn places(typed: &TypedNet, names: &[(String, String)]) -> Vec<Place> {
    let named = variable_names(names);
    let mut places = vec![];
    for (index, node) in typed.net.nodes() {
        for (at, var) in typed.node_variables[index.index()].iter().enumerate() {
            let variable = &typed.variables[var.0 as usize];
            let kind = match variable.role {
                _ if variable.private => continue,
                _ if variable.learned => Kind::Learned,
                "factor" => Kind::Factor,
                role if role.contains("mean") => Kind::Mean,
                role if role.contains("var") => Kind::Variance,
                _ => continue,
            };
            let layer = node.name.value.clone();
            let name = named.get(format!("param.{layer}.{at}").as_str());
            places.push(Place {
                at,
                shape: variable.shape.clone(),
                variable: var.0 as usize,
                kind,
                // Where variables have names, they lie as TensorFlow has them.
                arrangement: name.map_or(Arrangement::Plain, |_| Arrangement::of(typed, index, at)),
                name: name.map(|&name| name.to_owned()),
                number: None,
                turn: places.len(),
                layer,
            });
        }
    }
    sort(&mut places, names);
    places
}

/// The same places in the order of the net's layers.
pub fn by_layers(places: &[Place]) -> Vec<Place> {
    let mut places = places.to_vec();
    places.sort_by_key(|place| place.turn);
    places
}

/// The parameters that a definition's own objects hold, whose extents are known whatever the data are, at a state and in the
/// order of its names; `None` for a definition without such objects.
pub fn held(
    definition: &Definition,
    names: &[(String, String)],
    state: &NetState,
) -> Option<Vec<Place>> {
    let public: HashMap<&str, &str> =
        names.iter().map(|(public, own)| (own.as_str(), public.as_str())).collect();
    let (mut places, mut shared) = (vec![], HashMap::new());
    for node in definition.nodes.iter().filter(|node| node.exists(state)) {
        for (at, param) in node.params.iter().enumerate() {
            let layer = node.name.value.clone();
            let name = public.get(format!("param.{layer}.{at}").as_str());
            let kind = match name.map(|name| name.rsplit('.').next().unwrap_or_default()) {
                Some("running_mean") => Kind::Mean,
                Some("running_var") => Kind::Variance,
                Some(_) if name.is_some_and(|name| name.starts_with("buf.")) => continue,
                _ => Kind::Learned,
            };
            let next = shared.len();
            let own = param.name.as_ref().map_or(format!("{layer}.{at}"), |n| n.value.clone());
            let variable = *shared.entry(own).or_insert(next);
            let shape = param.shape.clone()?;
            let (name, number, arrangement) = (None, None, Arrangement::Plain);
            let turn = places.len();
            places.push(Place {
                layer,
                at,
                shape,
                variable,
                kind,
                name,
                number,
                arrangement,
                turn,
            });
        }
    }
    sort(&mut places, names);
    (!places.is_empty()).then_some(places)
}

/// The names that variables have in their dialect, by `param.<layer>.<position>`; none where it only numbers them.
pub fn variable_names(names: &[(String, String)]) -> HashMap<&str, &str> {
    let named = names.iter().filter_map(|(public, own)| {
        let name = public.strip_prefix("param.")?;
        let numbered = name.bytes().all(|b| b.is_ascii_digit());
        (!numbered && own.starts_with("param.")).then_some((own.as_str(), name))
    });
    named.collect()
}

/// Puts places in the order of the names by which a dialect numbers them, and notes these.
fn sort(places: &mut [Place], names: &[(String, String)]) {
    let mut ranks = HashMap::new();
    for (public, own) in names {
        let number = public.strip_prefix("param.").or(public.starts_with("buf.").then_some(public));
        let own = own.strip_prefix("param.").and_then(|own| own.rsplit_once('.'));
        if let (Some(number), Some((layer, at))) = (number, own) {
            let next = ranks.len();
            ranks.entry((layer, at)).or_insert((next, number));
        }
    }
    let known = |p: &Place| ranks.get(&(p.layer.as_str(), p.at.to_string().as_str())).copied();
    for place in places.iter_mut().filter(|place| place.name.is_none()) {
        place.number = known(place).map(|(_, number)| number.to_owned());
    }
    places.sort_by_key(|p| known(p).map_or(usize::MAX, |(rank, _)| rank));
}

/// The entries of a network that Torch saved.
pub fn of_torch(parameters: Vec<Parameter>, buffers: Vec<Buffers>) -> Vec<Entry> {
    let mut numbers = HashMap::new();
    let mut entries = vec![];
    for parameter in parameters {
        let next = numbers.len();
        entries.push(Entry {
            label: format!("{} {}", parameter.class, parameter.role),
            same: *numbers.entry(parameter.place).or_insert(next),
            blob: parameter.blob,
            kind: Kind::Learned,
        });
    }
    for (i, Buffers { mean, variance }) in buffers.into_iter().enumerate() {
        let entry = |name: &str, blob, kind, same| Entry { label: name.into(), blob, same, kind };
        entries.push(entry("running_mean", mean, Kind::Mean, 2 * i));
        entries.push(entry("running_var", variance, Kind::Variance, 2 * i + 1));
    }
    entries
}

/// The entries of a `.caffemodel`: its layers in order, where batch normalisation keeps sums and what to divide them by.
pub fn of_caffe(model: &CaffeModel) -> Vec<Entry> {
    let mut entries = vec![];
    for layer in &model.layers {
        let label = |i| format!("`{}` {i}", layer.name);
        match (layer.kind.as_str(), layer.blobs.as_slice()) {
            ("BatchNorm", [mean, variance, factor]) => {
                let factor = factor.data.first().copied().unwrap_or(0.0);
                let scale = if factor == 0.0 { 0.0 } else { 1.0 / factor };
                for (i, (blob, kind)) in
                    [(mean, Kind::Mean), (variance, Kind::Variance)].into_iter().enumerate()
                {
                    let data = blob.data.iter().map(|x| x * scale).collect();
                    let blob = Blob { shape: blob.shape.clone(), data };
                    entries.push(Entry { label: label(i), blob, same: entries.len(), kind });
                }
            }
            _ => {
                for (i, blob) in layer.blobs.iter().enumerate() {
                    let (blob, kind) = (blob.clone(), Kind::Learned);
                    entries.push(Entry { label: label(i), blob, same: entries.len(), kind });
                }
            }
        }
    }
    entries
}

/// The entries of a file of names, in the order of the net that the names are of.
///
/// # Errors
/// A name is missing.
pub fn of_names(path: &Path, weights: &Weights, places: &[Place]) -> Result<Vec<Entry>> {
    let mut entries = vec![];
    for place in places {
        let users = places.iter().filter(|p| p.variable == place.variable);
        let mut found = users.filter_map(|p| weights.get(&(p.layer.clone(), p.at)));
        let Some(blob) = found.next() else {
            let message = format!("has no `{}.{}`", place.layer, place.at);
            return Err(Error::format(path, message));
        };
        if place.kind == Kind::Factor {
            continue;
        }
        let mut blob = blob.clone();
        let factor = places.iter().find(|p| p.layer == place.layer && p.kind == Kind::Factor);
        if let Some(factor) = factor.filter(|_| place.kind != Kind::Learned)
            && let Some(by) = weights.get(&(factor.layer.clone(), factor.at))
        {
            let by = by.data.first().copied().unwrap_or(0.0);
            blob.data.iter_mut().for_each(|x| *x = if by == 0.0 { 0.0 } else { *x / by });
        }
        entries.push(Entry {
            label: format!("`{}` {}", place.layer, place.at),
            blob: place.arrangement.to_filters(blob),
            same: place.variable,
            kind: place.kind,
        });
    }
    Ok(entries)
}

/// Gives every entry its place. Parameters that are shared may be listed once or for each user, in file and net alike.
///
/// # Errors
/// The nets do not correspond: with all differences.
pub fn assign(path: &Path, entries: &[Entry], places: &[Place]) -> Result<Weights> {
    let mut weights = Weights::new();
    let of = |kind| {
        let entries = entries.iter().filter(move |e| e.kind == kind);
        let places = places.iter().filter(move |p| p.kind == kind);
        (entries.collect::<Vec<_>>(), places.collect::<Vec<_>>())
    };
    for kind in [Kind::Learned, Kind::Mean, Kind::Variance] {
        let (entries, all) = of(kind);
        // A file may come without what a net keeps of its data, which then stays as it is.
        if kind != Kind::Learned && entries.is_empty() {
            continue;
        }
        let once = (first_of(&entries, |e| e.same), first_of(&all, |p| p.variable));
        let each = (entries, all.clone());
        let (entries, chosen) = if corresponds(&each) || !corresponds(&once) { each } else { once };
        let wrong = differences(&entries, &chosen);
        if !wrong.is_empty() {
            let list = wrong.join("\n  ");
            let message = format!("the nets do not correspond:\n  {list}");
            return Err(Error::format(path, message));
        }
        for (entry, place) in entries.iter().zip(chosen) {
            for user in all.iter().filter(|p| p.variable == place.variable) {
                let data = user.arrangement.from_filters(&entry.blob.data, &user.shape);
                let blob = Blob { shape: user.shape.0.clone(), data };
                let at = (user.layer.clone(), user.at);
                let old = weights.insert(at.clone(), blob);
                if old.is_some_and(|old| Some(&old.data) != weights.get(&at).map(|b| &b.data)) {
                    let Place { layer, at, .. } = user;
                    let message =
                        format!("holds two values for `{layer}` {at}, which is shared in the net");
                    return Err(Error::format(path, message));
                }
            }
        }
    }
    if places.iter().any(|p| p.kind == Kind::Mean && weights.contains_key(&(p.layer.clone(), p.at)))
    {
        for factor in places.iter().filter(|p| p.kind == Kind::Factor) {
            let one = Blob { shape: vec![1], data: vec![1.0] };
            weights.insert((factor.layer.clone(), factor.at), one);
        }
    }
    Ok(weights)
}

/// Cuts the vector of all parameters, shared ones once, in the order of a net.
///
/// # Errors
/// It is too long or too short.
pub fn of_flat(path: &Path, flat: &[f32], places: &[Place]) -> Result<Weights> {
    let learned: Vec<&Place> = places.iter().filter(|p| p.kind == Kind::Learned).collect();
    let once = first_of(&learned, |p| p.variable);
    let need: usize = once.iter().map(|p| p.shape.count()).sum();
    if need != flat.len() {
        let message = format!("holds {} numbers, the net has {need} parameters", flat.len());
        return Err(Error::format(path, message));
    }
    let mut weights = Weights::new();
    let mut rest = flat;
    for place in once {
        let (data, after) = rest.split_at(place.shape.count());
        rest = after;
        for user in learned.iter().filter(|p| p.variable == place.variable) {
            let data = user.arrangement.from_filters(data, &user.shape);
            let blob = Blob { shape: user.shape.0.clone(), data };
            weights.insert((user.layer.clone(), user.at), blob);
        }
    }
    Ok(weights)
}

/// The vector of all learned parameters of a net, shared ones once: the reverse of [`of_flat`].
pub fn flat(places: &[Place], mut values: impl FnMut(&Place) -> Option<Blob>) -> Vec<f32> {
    let learned: Vec<&Place> = places.iter().filter(|p| p.kind == Kind::Learned).collect();
    let once = first_of(&learned, |p| p.variable);
    let count = once.iter().map(|p| p.shape.count()).sum();
    let mut flat = Vec::with_capacity(count);
    for place in once {
        flat.extend(
            values(place).into_iter().flat_map(|blob| place.arrangement.to_filters(blob).data),
        );
    }
    flat
}

/// The first of each group.
fn first_of<'a, T>(all: &[&'a T], group: impl Fn(&T) -> usize) -> Vec<&'a T> {
    let mut seen = std::collections::HashSet::new();
    all.iter().copied().filter(|one| seen.insert(group(one))).collect()
}

type Pairing<'a> = (Vec<&'a Entry>, Vec<&'a Place>);

fn corresponds((entries, places): &Pairing) -> bool {
    entries.len() == places.len() && entries.iter().zip(places).all(|(e, p)| fits(e, p))
}

/// Torch's oldest convolutions store matrices, Caffe's oldest files four axes: extents of 1 and the axes after the first
/// may be written together.
fn fits(entry: &Entry, place: &Place) -> bool {
    let wanted = place.arrangement.filters_shape(&place.shape);
    let (have, want) = (entry.blob.shape.as_slice(), wanted.as_slice());
    let plain = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    let matrix = have.len() <= 2 || want.len() <= 2;
    entry.blob.data.len() == place.shape.count()
        && (plain(have) == plain(want) || matrix && have.first() == want.first())
}

fn differences(entries: &[&Entry], places: &[&Place]) -> Vec<String> {
    let mut wrong = vec![];
    for i in 0..entries.len().max(places.len()) {
        let number = i + 1;
        let file = entries.get(i).map(|e| format!("{} {}", e.label, Shape(e.blob.shape.clone())));
        let net = places.get(i).map(|p| format!("`{}` {} {}", p.layer, p.at, p.shape));
        match (file, net) {
            (Some(_), Some(_)) if fits(entries[i], places[i]) => {}
            (Some(file), Some(net)) => wrong.push(format!("{number}: file {file}, net {net}")),
            (Some(file), None) => wrong.push(format!("{number}: file {file}, net nothing")),
            (None, Some(net)) => wrong.push(format!("{number}: file nothing, net {net}")),
            (None, None) => {}
        }
    }
    wrong
}

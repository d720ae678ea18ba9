//! Containers and table modules: which branch sees which tensor, and what becomes of the branches' outputs.

use super::{Flow, Outcome, Stop, Walk, children, stop};
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Table, Value};
use crate::ir::Node;
use crate::layers::Layer;
use crate::source::Span;
use crate::spec::{self, LayerSpec};
use std::collections::HashSet;

/// Whether a module or one within it, however these are nested, has a weight.
fn has_weight(module: &Table) -> bool {
    let (mut known, mut open) = (HashSet::new(), vec![module.clone()]);
    while let Some(module) = open.pop() {
        if !module.field("weight").is_nil() {
            return true;
        }
        if known.insert(module.serial()) {
            open.extend(children(&module));
        }
    }
    false
}

/// Containers of several modules.
const SIDE_BY_SIDE: [&str; 6] = [
    "nn.Sequential",
    "nn.Parallel",
    "nn.ParallelTable",
    "nn.ConcatTable",
    "nn.Concat",
    "nn.DepthConcat",
];

impl Walk<'_> {
    /// Warns of a module with parameters that is twice in a container: Torch's modules keep one output each.
    fn warn_of_repeated(&mut self, kind: &str, modules: &[Table]) {
        let mut seen = HashSet::new();
        let Some(twice) = modules.iter().find(|module| !seen.insert(module.serial())) else {
            return;
        };
        if !has_weight(twice) {
            return;
        }
        let place = self.library.added(twice).unwrap_or_else(|| self.place(twice));
        let message = format!("one module is twice in {kind}");
        let d = Diagnostic::new(&diag::W0644, place, message)
            .here("added once more")
            .note("a module of Torch keeps the output of its last call alone; here both calls have their own")
            .help("add a copy with the same parameters: `:clone('weight', 'bias', 'gradWeight', 'gradBias')`");
        self.diagnostics.report(d);
    }

    /// What a module of a structural class makes of its input; `None` for other classes.
    pub(super) fn arrange(
        &mut self,
        kind: &str,
        module: &Table,
        path: &str,
        input: &Flow,
    ) -> Result<Option<Flow>, Stop> {
        let modules = children(module);
        let span = self.place(module);
        if SIDE_BY_SIDE.contains(&kind) {
            self.warn_of_repeated(kind, &modules);
        }
        Ok(Some(match kind {
            "nn.Identity" => input.clone(),
            // Without letters it turns types only.
            "nn.Convert" if module.field("inputShape").is_nil() => input.clone(),
            "nn.Sequential" => {
                let mut at = input.clone();
                for (i, child) in modules.iter().enumerate() {
                    at = self.module(child, &inside(path, i), &at)?;
                }
                at
            }
            "nn.Decorator" | "nn.DataParallelTable" => match modules.first() {
                Some(inner) => self.module(inner, path, input)?,
                None => input.clone(),
            },
            "nn.CriterionTable" => match module.field("criterion") {
                Value::Table(criterion) => self.number_of(&criterion, path, input)?,
                _ => return Ok(None),
            },
            "nn.ConcatTable" => self.branches(&modules, std::iter::repeat(input), path)?,
            "nn.ParallelTable" => {
                let items = self.table(module, input)?;
                if items.len() < modules.len() {
                    let (n, have) = (modules.len(), items.len());
                    let message = format!("nn.ParallelTable has {n} modules for a table of {have}");
                    return Err(self.complaint(module, message));
                }
                self.branches(&modules, &items, path)?
            }
            "nn.MapTable" => {
                let items = self.table(module, input)?;
                let wanted = vec![Value::Table(module.clone()), (items.len() as f64).into()];
                let library = self.library.clone();
                library.call(self.lua, "copies", wanted).map_err(stop)?;
                self.branches(&children(module), &items, path)?
            }
            "nn.Concat" | "nn.DepthConcat" => {
                let mut outputs = vec![];
                for (i, child) in modules.iter().enumerate() {
                    let output = self.module(child, &inside(path, i), input)?;
                    outputs.push(self.tensor(module, &output)?);
                }
                let dimension = integer(module, "dimension").unwrap_or(1);
                if kind == "nn.DepthConcat" {
                    outputs = self.centred(outputs, dimension, path, span)?;
                }
                self.join(outputs, dimension, path, span)?
            }
            "nn.Parallel" => self.parallel(module, &modules, path, input)?,
            "nn.gModule" => self.graph(module, path, input)?,
            "nn.Bottle" => self.bottle(module, &modules, path, input)?,
            "nn.SelectTable" => {
                let items = self.table(module, input)?;
                let index = integer(module, "index").unwrap_or(1);
                let at = if index < 0 { items.len() as i64 + index } else { index - 1 };
                match usize::try_from(at).ok().and_then(|at| items.get(at)) {
                    Some(item) => item.clone(),
                    None => {
                        let message =
                            format!("nn.SelectTable({index}) of a table of {}", items.len());
                        return Err(self.complaint(module, message));
                    }
                }
            }
            "nn.NarrowTable" => {
                let items = self.table(module, input)?;
                let offset = integer(module, "offset").unwrap_or(1);
                let length = integer(module, "length").unwrap_or(1);
                let first = usize::try_from(offset - 1).ok();
                let range = first.zip(usize::try_from(length).ok()).map(|(a, n)| a..a + n);
                match range.and_then(|range| items.get(range)) {
                    Some(items) => Flow::Table(items.to_vec()),
                    None => {
                        let n = items.len();
                        let message =
                            format!("nn.NarrowTable({offset}, {length}) of a table of {n}");
                        return Err(self.complaint(module, message));
                    }
                }
            }
            // One summand, factor or candidate is the result.
            "nn.CAddTable" | "nn.CMulTable" | "nn.CMaxTable" | "nn.CMinTable" => match input {
                Flow::Table(items) if items.len() == 1 => items[0].clone(),
                _ => return Ok(None),
            },
            "nn.FlattenTable" => {
                Flow::Table(input.leaves().into_iter().map(Flow::Tensor).collect())
            }
            "nn.ZipTable" => {
                let rows: Vec<Vec<Flow>> = self
                    .table(module, input)?
                    .iter()
                    .map(|row| self.table(module, row))
                    .collect::<Result<_, _>>()?;
                let columns = rows.iter().map(Vec::len).min().unwrap_or(0);
                let column = |j: usize| rows.iter().map(|row| row[j].clone()).collect();
                Flow::Table((0..columns).map(|j| Flow::Table(column(j))).collect())
            }
            "nn.ZipTableOneToMany" => {
                let items = self.table(module, input)?;
                let [one, many] = &items[..] else {
                    let message = format!("{kind} needs a table of two, not of {}", items.len());
                    return Err(self.complaint(module, message));
                };
                let many = self.table(module, many)?;
                let pair = |item: Flow| Flow::Table(vec![one.clone(), item]);
                Flow::Table(many.into_iter().map(pair).collect())
            }
            _ => return Ok(None),
        }))
    }

    /// What modules make of an input each.
    fn branches<'f>(
        &mut self,
        modules: &[Table],
        inputs: impl IntoIterator<Item = &'f Flow>,
        path: &str,
    ) -> Outcome {
        let pairs = modules.iter().zip(inputs).enumerate();
        let outputs = pairs.map(|(i, (module, x))| self.module(module, &inside(path, i), x));
        Ok(Flow::Table(outputs.collect::<Result<_, _>>()?))
    }

    /// The items of an input that must be a table.
    pub(super) fn table(&self, module: &Table, input: &Flow) -> Result<Vec<Flow>, Stop> {
        match input {
            Flow::Table(items) => Ok(items.clone()),
            Flow::Tensor(blob) => {
                let name = super::torch_type(module);
                let complaint =
                    self.complaint(module, format!("{name} needs a table, not a tensor"));
                let made = |node: &&Node| node.tops.iter().any(|top| top.value == *blob);
                match self.nodes.iter().find(made) {
                    Some(node) if node.layer.is_input() => Err(several_inputs(complaint)),
                    _ => {
                        let help =
                            "`nn.ConcatTable():add(nn.Identity())` makes a table of a tensor";
                        Err(Box::new(complaint.help(help)))
                    }
                }
            }
        }
    }

    /// Complains about a table for a layer that takes one tensor, and about a tensor for one that takes a table.
    pub(super) fn check_input(
        &self,
        spelling: &'static spec::Spelling,
        module: &Table,
        input: &Flow,
    ) -> Result<(), Stop> {
        if spelling.name == "nn.JoinTable" {
            self.table(module, input)?;
        }
        let leaves = input.leaves();
        let spec = match input {
            Flow::Table(_) if leaves.len() != 1 => Layer::spec_of(spelling),
            _ => None,
        };
        // Caffe's layers with a top for each bottom are Torch's modules of one tensor.
        let is_of_one = |spec: &&LayerSpec| {
            let one = spec.bottoms.max == 1 || spec.tops.max == spec.bottoms.max;
            spec.bottoms.min == 1 && one && !spec.loss
        };
        if spec.filter(is_of_one).is_none() {
            return Ok(());
        }
        let (name, what) = (super::torch_type(module), input.describe());
        let mut complaint =
            self.complaint(module, format!("{name} takes a tensor, and is given {what}"));
        let made = |leaf: &String| {
            let by = self.nodes.iter().find(|n| n.tops.iter().any(|top| top.value == *leaf));
            by.filter(|node| !node.layer.is_input()).map(|node| node.span)
        };
        let mut places: Vec<Span> = leaves.iter().filter_map(made).collect();
        places.dedup();
        places.retain(|&place| Some(place) != complaint.span());
        for place in places.into_iter().take(2) {
            *complaint = complaint.label(place, "gives one of them");
        }
        let help = "nn.JoinTable(1, 3) or nn.CAddTable() makes a tensor of a table, nn.ParallelTable() has a module for each";
        *complaint = complaint.help(help);
        Err(complaint)
    }

    /// The blob of an input that must be a tensor.
    fn tensor(&self, module: &Table, input: &Flow) -> Result<String, Stop> {
        match input {
            Flow::Tensor(name) => Ok(name.clone()),
            table => {
                let (name, what) = (super::torch_type(module), table.describe());
                Err(self.complaint(module, format!("{name} needs tensors, not {what}")))
            }
        }
    }

    fn join(&mut self, parts: Vec<String>, dimension: i64, path: &str, span: Span) -> Outcome {
        let path = if path.is_empty() { "joined" } else { path };
        self.emit("nn.JoinTable", &[("dimension", spec::Value::Int(dimension))], parts, path, span)
    }

    /// `nn.Parallel(i, o)`: one module for each index of dimension `i`; their outputs are joined along `o`.
    fn parallel(&mut self, module: &Table, modules: &[Table], path: &str, input: &Flow) -> Outcome {
        let span = self.place(module);
        let x = self.tensor(module, input)?;
        let dimension = integer(module, "inputDimension").unwrap_or(1);
        let shape = self.current(input).first().and_then(|b| self.shape(b).cloned());
        let mut branches = modules.len();
        if let Some(shape) = &shape {
            let axis = if dimension < 0 { dimension + shape.rank() as i64 } else { dimension - 1 };
            let extent = usize::try_from(axis).ok().and_then(|a| shape.dims().get(a).copied());
            let Some(extent) = extent else {
                let message = format!(
                    "nn.Parallel takes its input apart along dimension {dimension}, but the input is {shape}"
                );
                return Err(self.complaint(module, message));
            };
            if modules.len() < extent {
                let n = modules.len();
                let message = format!(
                    "nn.Parallel has {n} modules, but dimension {dimension} of its input, {shape}, is {extent}"
                );
                let complaint = self.complaint(module, message);
                return Err(match dimension {
                    1 => Box::new(
                        complaint.help("dimension 1 counts the records; channels are dimension 2"),
                    ),
                    _ => complaint,
                });
            }
            branches = extent;
        }
        let mut outputs = vec![];
        for (i, child) in modules[..branches].iter().enumerate() {
            let inner = inside(path, i);
            let fields = [
                ("dimension", spec::Value::Int(dimension)),
                ("index", spec::Value::Int(i as i64 + 1)),
            ];
            let part =
                self.emit("nn.Select", &fields, vec![x.clone()], &format!("{inner}<"), span)?;
            let output = self.module(child, &inner, &part)?;
            outputs.push(self.tensor(module, &output)?);
        }
        let dimension = integer(module, "outputDimension").unwrap_or(1);
        self.join(outputs, dimension, path, span)
    }

    /// `nn.DepthConcat`: zeros around the smaller maps, half of them (rounded down) before.
    fn centred(
        &mut self,
        parts: Vec<String>,
        dimension: i64,
        path: &str,
        span: Span,
    ) -> Result<Vec<String>, Stop> {
        let shapes: Option<Vec<_>> = parts.iter().map(|p| self.shape(p).cloned()).collect();
        let Some(shapes) = shapes else { return Ok(parts) };
        let rank = shapes.iter().map(|s| s.rank()).max().unwrap_or(0);
        if shapes.iter().any(|s| s.rank() != rank) {
            return Ok(parts);
        }
        let most = |axis: usize| shapes.iter().map(|s| s.dims()[axis]).max().unwrap_or(0);
        let mut centred = vec![];
        for (i, (part, shape)) in parts.into_iter().zip(&shapes).enumerate() {
            let mut at = part;
            for axis in (0..rank).filter(|&axis| axis as i64 + 1 != dimension) {
                let missing = most(axis) - shape.dims()[axis];
                for (amount, side) in [(missing / 2, "before"), (missing.div_ceil(2), "after")] {
                    if amount == 0 {
                        continue;
                    }
                    let signed = if side == "before" { -(amount as i64) } else { amount as i64 };
                    let fields = [
                        ("dim", spec::Value::Int(axis as i64 + 1)),
                        ("pad", spec::Value::Int(signed)),
                        ("nInputDim", spec::Value::Int(rank as i64)),
                        ("value", spec::Value::Int(0)),
                    ];
                    let name = format!("{}<{axis}{side}", inside(path, i));
                    let padded = self.emit("nn.Padding", &fields, vec![at], &name, span)?;
                    at = padded.leaves().remove(0);
                }
            }
            centred.push(at);
        }
        Ok(centred)
    }

    /// `nn.Bottle`: the leading dimensions as one, and as they were behind the module.
    fn bottle(&mut self, module: &Table, modules: &[Table], path: &str, input: &Flow) -> Outcome {
        let span = self.place(module);
        let Some(inner) = modules.first() else { return Ok(input.clone()) };
        let inputs = integer(module, "nInputDim").unwrap_or(2);
        let shape = self.current(input).first().and_then(|b| self.shape(b).cloned());
        let Some(shape) = shape.filter(|s| inputs < s.rank() as i64) else {
            return self.module(inner, &inside(path, 0), input);
        };
        let (lead, rest) = shape.dims().split_at(shape.rank() + 1 - inputs.max(1) as usize);
        let size = |dims: &[usize]| {
            let one = |&d: &usize| crate::source::Spanned::new(spec::Value::Int(d as i64), span);
            spec::Value::List(dims.iter().map(one).collect())
        };
        let view = |walk: &mut Self, x: &Flow, dims: Vec<usize>, name: String| {
            let count = spec::Value::Int(dims.iter().product::<usize>() as i64);
            let fields = [("size", size(&dims)), ("numElements", count)];
            walk.emit("nn.View", &fields, x.leaves(), &name, span)
        };
        let flat: Vec<usize> = [&[lead.iter().product()], rest].concat();
        let x = view(self, input, flat, format!("{}<", inside(path, 0)))?;
        let y = self.module(inner, &inside(path, 0), &x)?;
        let y_name = self.tensor(module, &y)?;
        let Some(out) = self.shape(&y_name).cloned() else { return Ok(y) };
        let back: Vec<usize> = [lead, &out.dims()[1..]].concat();
        view(self, &y, back, if path.is_empty() { "bottle".into() } else { path.to_owned() })
    }
}

/// A complaint that ends with how to give a table to the model.
pub(super) fn several_inputs(mut complaint: Stop) -> Stop {
    let help = "tensors of a table are numbered from 0: `--shape 0=16,3,32,32 --shape 1=16,10` tells the shapes of two";
    *complaint = (*complaint).help(help);
    complaint
}

/// The path of a child.
pub(super) fn inside(path: &str, index: usize) -> String {
    match path {
        "" => format!("{}", index + 1),
        path => format!("{path}.{}", index + 1),
    }
}

pub(super) fn integer(module: &Table, field: &str) -> Option<i64> {
    module.field(field).to_number().map(|x| x as i64)
}

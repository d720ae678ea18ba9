//! Runs towers that share parameters as one: from a forward program that does the same for several blobs to one that does
//! it once, for a batch of all of them.
//!
//! Towers are found from the parameters on: convolutions and products that read the same weights and blobs of one shape,
//! then whatever does the same with their results, as long as the images of a batch do not depend on each other (training
//! with the moments of a batch does) and no tower waits for another. The blobs that enter are laid one after the other
//! along the batch, and cut apart again where something else reads them. Gradients need no care: they are those of the
//! program that results.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::once::{Depends, depends};
use super::{Builder, Kernel, Origin, Program, ReduceOp, Source, Step, ValueId, cost};
use crate::ty::Shape;

/// Fewest operations of a tower for each number that is copied where it begins and ends.
const PAYS: u64 = 2000;

/// Steps that do the same for several blobs.
struct Group {
    /// One of each tower, in the order of the towers.
    steps: Vec<usize>,
    /// What the arguments are.
    args: Vec<Arg>,
    /// Groups joined by what they hand on have the same number.
    tower: usize,
}

/// What an argument of the steps of a group is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Arg {
    /// The same value for all.
    Shared(ValueId),
    /// A result of another group.
    Joined { group: usize, out: usize },
    /// A blob of each step's own.
    Own(Shape),
}

/// Rewrites a program without a backward pass, in which [`compute_once`](super::compute_once()) has left every value once.
/// Results are the same but for rounding; values stay where they are. Lists the layers that were joined in
/// [`Program::joined`].
pub fn join_towers(b: &mut Builder) {
    let groups = Search::new(b.program()).run();
    if !groups.is_empty() {
        Writer::new(b.program_mut(), groups).run();
    }
}

/// Sums the gradients of what all towers of a layer add (biases and the like) for each tower by itself, and then these sums,
/// as the original frameworks do. The gradients of towers that are compared with each other often cancel, to the last bit
/// if they are summed alike; methods that divide by the size of a gradient would make much of what is left otherwise.
/// Where a step costs a launch, one step does both.
pub fn sum_by_tower(program: &mut Program, in_one_step: bool) {
    let joined = program.joined.iter().map(|origins| (origins[0], origins.len()));
    let joined: HashMap<Origin, usize> = joined.collect();
    if joined.is_empty() {
        return;
    }
    let mut steps = vec![];
    for mut step in std::mem::take(&mut program.steps) {
        let towers = joined.get(&step.origin).copied().unwrap_or(1);
        let axes = match &step.kernel {
            Kernel::Reduce(ReduceOp::Sum, axes) if axes.first() == Some(&0) => axes.clone(),
            _ => vec![],
        };
        let shape = program.shape(step.args.first().copied().unwrap_or(step.outs[0])).clone();
        if axes.is_empty() || towers < 2 || !shape.0[0].is_multiple_of(towers) {
            steps.push(step);
            continue;
        }
        if in_one_step {
            step.kernel = Kernel::Reduce(ReduceOp::SumByPart(towers), axes);
            steps.push(step);
            continue;
        }
        let mut apart = shape.clone();
        apart.0[0] /= towers;
        apart.0.insert(0, towers);
        let inner: Vec<usize> = axes.iter().map(|axis| axis + 1).collect();
        let mut one = |kernel: Kernel, arg: ValueId, shape: Shape| {
            let out = program.value(shape, Source::Dead);
            steps.push(Step { kernel, args: vec![arg], outs: vec![out], origin: step.origin });
            out
        };
        let view = one(Kernel::View, step.args[0], apart.clone());
        inner.iter().for_each(|&axis| apart.0[axis] = 1);
        let each = one(Kernel::Reduce(ReduceOp::Sum, inner), view, apart.clone());
        apart.0[0] = 1;
        let all = one(Kernel::Reduce(ReduceOp::Sum, vec![0]), each, apart);
        step.kernel = Kernel::View;
        step.args = vec![all];
        steps.push(step);
    }
    program.renumber(steps);
}

/// Finds the groups of a program.
struct Search<'a> {
    program: &'a Program,
    depends: Vec<Depends>,
    groups: Vec<Group>,
    /// The group of a value, which of its results it is, and of which tower.
    of: Vec<Option<(usize, usize, usize)>>,
}

impl<'a> Search<'a> {
    fn new(program: &'a Program) -> Search<'a> {
        let of = vec![None; program.values.len()];
        Search { program, depends: depends(program), groups: vec![], of }
    }

    /// Goes by levels, the number of steps behind parameters: of two steps of one level neither depends on the other, nor
    /// on anything that the other's group computes.
    fn run(mut self) -> Vec<Group> {
        for steps in self.levels() {
            let mut alike: Vec<(Vec<Arg>, Vec<usize>)> = vec![];
            let mut places: HashMap<(Cow<str>, Vec<Arg>), Vec<usize>> = HashMap::new();
            for number in steps {
                let step = &self.program.steps[number];
                let args = self.args(step);
                let known = places.entry((step.kernel.name(), args.clone())).or_default();
                let found = known.iter().copied().find(|&at| self.same(alike[at].1[0], number));
                match found {
                    Some(at) => alike[at].1.push(number),
                    None => {
                        known.push(alike.len());
                        alike.push((args, vec![number]));
                    }
                }
            }
            for (args, steps) in alike {
                self.add(args, steps);
            }
        }
        self.paying()
    }

    /// The steps that depend on data and on parameters, level by level.
    fn levels(&self) -> Vec<Vec<usize>> {
        let mut level = vec![0; self.program.values.len()];
        let mut steps: Vec<Vec<usize>> = vec![];
        for (number, step) in self.program.steps.iter().enumerate() {
            let Some(first) = step.outs.first() else { continue };
            let depends = self.depends[first.0 as usize];
            if !(depends.data && depends.variables) {
                continue;
            }
            let before = step.args.iter().map(|v| level[v.0 as usize]).max().unwrap_or(0);
            step.outs.iter().for_each(|out| level[out.0 as usize] = before + 1);
            steps.resize_with(steps.len().max(before + 1), Vec::new);
            steps[before].push(number);
        }
        steps
    }

    fn args(&self, step: &Step) -> Vec<Arg> {
        let arg = |&v: &ValueId| match self.of[v.0 as usize] {
            _ if !self.depends[v.0 as usize].data => Arg::Shared(v),
            Some((group, out, _)) => Arg::Joined { group, out },
            None => Arg::Own(self.program.shape(v).clone()),
        };
        step.args.iter().map(arg).collect()
    }

    fn same(&self, a: usize, b: usize) -> bool {
        let [a, b] = [a, b].map(|number| &self.program.steps[number]);
        let shapes =
            |step: &Step| step.outs.iter().map(|&v| self.program.shape(v)).collect::<Vec<_>>();
        a.kernel == b.kernel && shapes(a) == shapes(b)
    }

    /// Makes a group of steps with the same kernel and alike arguments, if they may be joined.
    fn add(&mut self, args: Vec<Arg>, mut steps: Vec<usize>) {
        let learned = |arg: &Arg| match arg {
            Arg::Shared(v) => self.depends[v.0 as usize].variables,
            Arg::Joined { .. } | Arg::Own(_) => false,
        };
        let from = args.iter().find_map(|arg| match arg {
            Arg::Joined { group, .. } => Some(*group),
            _ => None,
        });
        let own = args.iter().any(|arg| !matches!(arg, Arg::Shared(_)));
        let shape = self.program.shape(self.program.steps[steps[0]].outs[0]);
        let kernel = &self.program.steps[steps[0]].kernel;
        let fits = own && (from.is_some() || args.iter().any(learned));
        if steps.len() < 2 || !fits || !joins(kernel, &args, shape, &self.groups, self.program) {
            return;
        }
        if let Some(from) = from {
            // Every tower has one such step, whose arguments are all of that tower.
            let towers: Vec<Option<usize>> = steps.iter().map(|&n| self.tower(n)).collect();
            let mut order: Vec<(usize, usize)> =
                towers.iter().zip(&steps).filter_map(|(t, &n)| Some(((*t)?, n))).collect();
            order.sort_unstable();
            let all = order.iter().map(|(tower, _)| *tower).eq(0..self.groups[from].steps.len());
            if !all || order.len() != steps.len() {
                return;
            }
            steps = order.into_iter().map(|(_, number)| number).collect();
        }
        let number = self.groups.len();
        for (tower, &step) in steps.iter().enumerate() {
            for (at, out) in self.program.steps[step].outs.iter().enumerate() {
                self.of[out.0 as usize] = Some((number, at, tower));
            }
        }
        let joined = args.iter().filter_map(|arg| match arg {
            Arg::Joined { group, .. } => Some(self.groups[*group].tower),
            _ => None,
        });
        let joined: Vec<usize> = joined.collect();
        let tower = joined.iter().copied().min().unwrap_or(number);
        for group in &mut self.groups {
            if joined.contains(&group.tower) {
                group.tower = tower;
            }
        }
        self.groups.push(Group { steps, args, tower });
    }

    /// The tower that the arguments of a step belong to, if they are all of one.
    fn tower(&self, step: usize) -> Option<usize> {
        let args = self.program.steps[step].args.iter();
        let mut towers = args.filter_map(|v| self.of[v.0 as usize]).map(|(_, _, tower)| tower);
        let first = towers.next()?;
        towers.all(|tower| tower == first).then_some(first)
    }

    /// The groups of towers that do much for what is copied at their ends.
    fn paying(self) -> Vec<Group> {
        let program = self.program;
        let mut balance: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        let mut cut = vec![false; program.values.len()];
        for (number, step) in program.steps.iter().enumerate() {
            let inside = step.outs.first().and_then(|v| self.of[v.0 as usize]);
            let tower = inside.map(|(group, ..)| self.groups[group].tower);
            for &arg in &step.args {
                let from = self.of[arg.0 as usize].map(|(group, ..)| self.groups[group].tower);
                let at = arg.0 as usize;
                match (from, tower) {
                    (None, Some(tower)) if self.depends[at].data => {
                        balance.entry(tower).or_default().1 += program.shape(arg).count() as u64;
                    }
                    (Some(from), None) if !cut[at] => {
                        cut[at] = true;
                        balance.entry(from).or_default().1 += program.shape(arg).count() as u64;
                    }
                    _ => {}
                }
            }
            if let Some(tower) = tower {
                let flops = cost(program, &program.steps[number]).flops();
                let entry = &mut balance.entry(tower).or_default().0;
                *entry = entry.saturating_add(flops);
            }
        }
        let pays = |group: &Group| {
            let (flops, copied) = balance.get(&group.tower).copied().unwrap_or_default();
            copied.saturating_mul(PAYS) <= flops
        };
        // Groups refer to each other by number, within one tower.
        let mut numbers = vec![0; self.groups.len()];
        let mut kept: Vec<Group> = vec![];
        for (number, group) in self.groups.into_iter().enumerate() {
            numbers[number] = kept.len();
            if pays(&group) {
                kept.push(group);
            }
        }
        for arg in kept.iter_mut().flat_map(|group| &mut group.args) {
            if let Arg::Joined { group, .. } = arg {
                *group = numbers[*group];
            }
        }
        kept
    }
}

/// Whether a kernel with such arguments and such a first result does for each image of a batch what it does for that image
/// alone, if its own blobs lie one after the other along their first axis.
fn joins(kernel: &Kernel, args: &[Arg], out: &Shape, groups: &[Group], program: &Program) -> bool {
    let shared =
        |range: std::ops::Range<usize>| args[range].iter().all(|arg| matches!(arg, Arg::Shared(_)));
    let own = |i: usize| args.get(i).is_some_and(|arg| !matches!(arg, Arg::Shared(_)));
    let shape = |arg: &Arg| match arg {
        Arg::Shared(v) => program.shape(*v).clone(),
        Arg::Joined { group, out } => {
            let first = &program.steps[groups[*group].steps[0]];
            program.shape(first.outs[*out]).clone()
        }
        Arg::Own(shape) => shape.clone(),
    };
    if out.rank() == 0 || args.iter().any(|arg| shape(arg).rank() == 0) {
        return false;
    }
    let first = own(0) && shared(1..args.len());
    match kernel {
        Kernel::Conv(_) | Kernel::ConvInput(_) => first,
        Kernel::FusedConv(fused) => first && !fused.sum && !fused.packed && !fused.tiled,
        Kernel::MatMul { trans_a: false, .. } => first && out.rank() == 2,
        Kernel::View | Kernel::Stop => own(0),
        Kernel::Pointwise(_) => args.iter().all(|arg| {
            let extent = shape(arg).0[0];
            if matches!(arg, Arg::Shared(_)) { extent == 1 } else { extent == out.0[0] }
        }),
        Kernel::Normalize(normalize) => first && !normalize.batch,
        Kernel::MaxPool(_) | Kernel::AvePool(_) | Kernel::Lrn(_) => own(0),
        Kernel::Softmax(axis) | Kernel::LogSoftmax(axis) => 0 < *axis,
        Kernel::Transpose(perm) => perm[0] == 0,
        Kernel::Slice { axis, .. } | Kernel::Pad { axis, .. } => 0 < *axis,
        Kernel::Concat(axis) => 0 < *axis && (0..args.len()).all(own),
        Kernel::Reduce(_, axes) => !axes.contains(&0),
        _ => false,
    }
}

/// Writes the program in which groups are single steps.
struct Writer<'a> {
    program: &'a mut Program,
    groups: Vec<Group>,
    /// The steps of the program before, and the group of each.
    steps: Vec<Step>,
    group: Vec<Option<usize>>,
    /// The step that computed a value.
    source: HashMap<ValueId, usize>,
    /// The results of every group that is written, those of all towers in one.
    joined: Vec<Option<Vec<ValueId>>>,
    written: Vec<bool>,
}

impl Writer<'_> {
    fn new(program: &mut Program, groups: Vec<Group>) -> Writer<'_> {
        let steps = std::mem::take(&mut program.steps);
        let mut group = vec![None; steps.len()];
        for (number, of) in groups.iter().enumerate() {
            of.steps.iter().for_each(|&step| group[step] = Some(number));
        }
        let source = steps.iter().enumerate();
        let source = source.flat_map(|(n, step)| step.outs.iter().map(move |&out| (out, n)));
        let (source, written) = (source.collect(), vec![false; steps.len()]);
        let joined = groups.iter().map(|_| None).collect();
        Writer { program, groups, steps, group, source, joined, written }
    }

    /// Writes the steps in their order, a group where the first of its towers was, after all that it depends on.
    fn run(mut self) {
        for number in 0..self.steps.len() {
            let mut open = vec![number];
            while let Some(&step) = open.last() {
                if self.written[step] {
                    open.pop();
                    continue;
                }
                let alone = [step];
                let together = match self.group[step] {
                    Some(group) => &self.groups[group].steps[..],
                    None => &alone,
                };
                let args = together.iter().flat_map(|&step| &self.steps[step].args);
                let before = args.filter_map(|arg| self.source.get(arg)).copied();
                let missing: Vec<usize> = before.filter(|&step| !self.written[step]).collect();
                match missing.is_empty() {
                    true => {
                        open.pop();
                        self.write(step);
                    }
                    false => open.extend(missing),
                }
            }
        }
        let mut layers: Vec<Vec<Origin>> = vec![];
        for group in &self.groups {
            let origins = group.steps.iter().map(|&step| self.steps[step].origin);
            let origins: Vec<Origin> = origins.collect();
            if !layers.contains(&origins) {
                layers.push(origins);
            }
        }
        self.program.joined.extend(layers);
        let steps = std::mem::take(&mut self.program.steps);
        self.program.renumber(steps);
    }

    fn write(&mut self, number: usize) {
        let Some(group) = self.group[number] else {
            self.written[number] = true;
            self.program.steps.push(self.steps[number].clone());
            return;
        };
        let steps = self.groups[group].steps.clone();
        let (first, towers) = (self.steps[steps[0]].clone(), steps.len());
        let mut args = vec![];
        for (i, arg) in self.groups[group].args.iter().enumerate() {
            args.push(match arg {
                Arg::Shared(v) => *v,
                Arg::Joined { group, out } => {
                    self.joined[*group].as_ref().expect("it was written before")[*out]
                }
                Arg::Own(_) => {
                    let own: Vec<ValueId> = steps.iter().map(|&n| self.steps[n].args[i]).collect();
                    self.program.step(Kernel::Concat(0), &own, None, first.origin)[0]
                }
            });
        }
        let extent = |shape: &Shape| shape.0[0];
        let shape = self.program.shape(first.outs[0]);
        let shape = shape.with(0, towers * extent(shape));
        let outs = self.program.step(first.kernel, &args, Some(shape), first.origin);
        for (tower, &step) in steps.iter().enumerate() {
            self.written[step] = true;
            for (&out, &whole) in self.steps[step].outs.iter().zip(&outs) {
                let start = tower * extent(self.program.shape(out));
                self.program.steps.push(Step {
                    kernel: Kernel::Slice { axis: 0, start, step: 1 },
                    args: vec![whole],
                    outs: vec![out],
                    origin: self.steps[step].origin,
                });
            }
        }
        self.joined[group] = Some(outs);
    }
}

//! A program with a place in memory for every value: what an executor runs.
//!
//! One arena holds everything. Pinned values (inputs, variables, whatever is read after a run) have places of
//! their own; all others share the rest by liveness. A view has the place of what it views, and so, if asked for, have a part
//! of neighbouring elements and the parts of a concatenation; a pointwise step
//! may take over the place of an argument that nobody reads afterwards, and a convolution that of what it adds.
//!
//! Invariants, checked by [`verify`]:
//! - values that are live at the same time have disjoint places, unless one is a view of the other;
//! - a step's results overlap its arguments only where a step takes over an argument's place;
//! - the workspace of a step overlaps nothing that is live.

mod liveness;
mod slots;
mod verify;

pub use verify::verify;

use std::collections::HashSet;

use crate::program::expr::{PointFn, arg};
use crate::program::{Kernel, Origin, Program, Source, Step, ValueId};

/// Places begin at multiples of this many elements, a cache line of `f32`.
pub const ALIGN: usize = 16;

/// A range of the arena, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The first element.
    pub offset: usize,
    /// Number of elements.
    pub len: usize,
}

impl Slot {
    /// The range.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len
    }

    /// Whether two ranges share an element.
    pub fn overlaps(&self, other: &Slot) -> bool {
        0 < self.len
            && 0 < other.len
            && self.offset < other.offset + other.len
            && other.offset < self.offset + self.len
    }
}

/// What the caller keeps beside the values of the program.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Values laid out one after the other at the start of the arena, each aligned: the learned parameters.
    pub parameters: Vec<ValueId>,
    /// Their gradients, laid out in the same way, or a gap where there is none.
    pub gradients: Vec<Option<ValueId>>,
    /// How many further arrays of the same layout the solver keeps: momentum and the like.
    pub histories: usize,
    /// Steps at the start of the program that need not run again while the parameters stay: what later steps read of
    /// their results is kept between runs.
    pub settled: usize,
    /// Whether slices and concatenations of neighbouring elements are done by where values are put, and slices that only
    /// pointwise steps read are read where they are, so that nothing has to be copied.
    pub in_place: bool,
}

/// A program with a place for every value.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program.
    pub program: Program,
    /// The place of every value; `None` for values that are never computed.
    pub slots: Vec<Option<Slot>>,
    /// The workspace of every step.
    pub work: Vec<Slot>,
    /// Which steps have nothing to do, because of where their results are.
    pub idle: Vec<bool>,
    /// Steps at the start that need not run again while the parameters stay.
    pub settled: usize,
    /// Number of elements of the arena: exactly what a session allocates.
    pub arena: usize,
    /// The places of the parameters, relative to the start of any of the flat arrays below.
    pub layout: Vec<Slot>,
    /// All parameters in one range.
    pub parameters: Slot,
    /// All their gradients, in the same layout.
    pub gradients: Slot,
    /// The solver's arrays, in the same layout.
    pub histories: Vec<Slot>,
}

impl Plan {
    /// The slice whose elements are not copied: the value's place is that of the slice's argument, in which they are apart.
    pub fn gathered(&self, v: ValueId) -> Option<&Step> {
        let Source::Step(number) = self.program.source(v) else { return None };
        let step = &self.program.steps[number as usize];
        if is_view(step) {
            return self.gathered(step.args[0]);
        }
        (self.idle[number as usize] && liveness::is_gathered(&self.program, step)).then_some(step)
    }

    /// The place of a value that is computed.
    pub fn slot(&self, v: ValueId) -> Slot {
        self.slots[v.0 as usize].expect("the value is computed")
    }
}

/// Plans a program. `workspace` tells how many elements of scratch a step needs.
pub fn plan(
    program: Program,
    request: &Request,
    workspace: &dyn Fn(&Program, &Step) -> usize,
) -> Plan {
    let (mut program, mut request) = (program, request.clone());
    separate_gradients(&mut program, &mut request);
    let plan = slots::assign(program, &request, workspace);
    debug_assert_eq!(verify(&plan), Ok(()));
    plan
}

/// Makes every gradient the memory of its own step: copies those that are inputs, or the gradient of another
/// parameter as well.
fn separate_gradients(program: &mut Program, request: &mut Request) {
    let idle = liveness::idle(program, false, &[]);
    let roots = liveness::lives(program, &idle, &[]).root;
    let mut seen = HashSet::new();
    for gradient in request.gradients.iter_mut().flatten() {
        let root = roots[gradient.0 as usize];
        if !matches!(program.source(root), Source::Step(_)) || !seen.insert(root) {
            let copy = Kernel::Pointwise(PointFn::new(&arg(0)));
            *gradient = program.step(copy, &[*gradient], None, Origin::default())[0];
        }
    }
}

/// Whether a step's result is the same memory as its argument.
fn is_view(step: &Step) -> bool {
    matches!(step.kernel, Kernel::View | Kernel::Stop)
}

/// The first of the arguments, up to the last, whose places a step's result may take over, because it reads each of their
/// elements just before it writes the result there.
fn taking(step: &Step) -> Option<usize> {
    match step.kernel.plain() {
        Kernel::Pointwise(_) => Some(0),
        Kernel::MatMulAdd { .. } => Some(2),
        Kernel::FusedConv(fused) if fused.sum => Some(step.args.len() - 1),
        Kernel::MaskedConv(_) | Kernel::NormalizeSum(_) => Some(step.args.len() - 1),
        _ => None,
    }
}

fn aligned(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Builder;
    use crate::program::expr::arg;

    /// Two halves of a blob, worked on apart and laid one after the other again.
    fn halves(gradient: bool, extent: usize) -> Plan {
        let mut b = Builder::new();
        let x = b.input("x", [4, extent].into());
        let whole = b.map(&[x], &arg(0).exp());
        let parts = [0, 2].map(|start| b.slice(whole, 0, start, 2));
        let parts = parts.map(|part| b.softmax(part, 1));
        let joined = b.concat(&parts, 0);
        let y = b.map(&[joined], &arg(0).exp());
        b.output("y", y);
        let gradients = vec![gradient.then_some(parts[1])];
        let variable = b.variable(crate::program::VarId(0), &[2, extent].into());
        let request =
            Request { parameters: vec![variable], gradients, in_place: true, ..Request::default() };
        let plan = plan(b.finish(), &request, &|_, _| 3);
        assert_eq!(verify(&plan), Ok(()));
        plan
    }

    #[test]
    fn neighbours_are_cut_apart_and_joined_by_where_they_are() {
        let idle = |plan: &Plan| plan.idle.iter().filter(|idle| **idle).count();
        let plan = halves(false, 32);
        assert_eq!(idle(&plan), 3);
        // The whole, its parts in one piece, and the result: the input's place is the caller's.
        let slots = |name: &str| {
            let steps = plan.program.steps.iter().filter(move |step| step.kernel.name() == name);
            steps.map(|step| plan.slot(step.outs[0])).collect::<Vec<_>>()
        };
        let (whole, joined) = (slots("pointwise")[0], slots("concat")[0]);
        let places = |of: Slot| [0, 64].map(|at| Slot { offset: of.offset + at, len: 64 });
        assert_eq!(slots("slice"), places(whole));
        assert_eq!(slots("softmax"), places(joined));
        assert!(!whole.overlaps(&joined));
    }

    #[test]
    fn what_has_a_place_of_its_own_or_begins_between_two_places_is_copied() {
        let idle = |plan: &Plan| plan.idle.iter().filter(|idle| **idle).count();
        assert_eq!(idle(&halves(true, 32)), 2);
        assert_eq!(idle(&halves(false, 3)), 1);
    }
}

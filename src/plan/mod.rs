//! A program with a place in memory for every value: what an executor runs.
//!
//! One arena holds everything. Pinned values (inputs, variables, whatever is read after a run) have places of
//! their own; all others share the rest by liveness. A view has the place of what it views; a pointwise step
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
    let roots = liveness::lives(program, &[]).root;
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

//! A pointwise expression prepared for shapes: which instructions compute it, and which registers they read and write.
//!
//! What an instruction reads is a block of an argument, where it lies, or a register. Constants and repeated elements of arguments
//! have registers of their own, so that there is one form of each instruction. Storing a register takes longer than most
//! arithmetic: a comparison and the choice that depends on it are one instruction, as are a product and the sum that it goes into.

use crate::program::expr::{Binary, PointFn, PointOp, Unary};
use crate::ty::Shape;

/// Most axes that remain after neighbours with the same pattern of repetition were joined.
pub const AXES: usize = 8;

/// Where numbers are read.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    Register(usize),
    /// An argument that has as many elements as the result.
    Arg(usize),
}

/// What an instruction computes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Unary(Unary),
    Binary(Binary),
    /// 1 / a
    Reciprocal,
    /// The product of the first two operands and the third.
    MulAdd,
    /// The second operand where the first is not 0, else the third.
    Select,
    /// The third operand where the first two compare so, else the fourth.
    Choose(Binary),
}

/// A loop over the elements of a block.
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    pub kind: Kind,
    /// As many as the kind has.
    pub from: [Operand; 4],
    /// A register that it does not read.
    pub to: usize,
}

/// What a register holds from the first block to the last.
#[derive(Clone, Copy, Debug)]
pub enum Fixed {
    Const(f64),
    /// The only element of an argument.
    Only(usize),
}

/// An argument that is written to a register block by block.
#[derive(Clone, Debug)]
pub struct Repeated {
    pub arg: usize,
    /// Over the joined axes; 0 repeats.
    pub strides: [usize; AXES],
    pub to: usize,
}

/// How the elements of an argument are found.
#[derive(Clone, Debug)]
enum Access {
    /// Element by element, as the result.
    Whole,
    /// One element for all.
    Scalar,
    /// By strides over the joined axes; 0 repeats.
    Strided([usize; AXES]),
}

/// A pointwise expression prepared for the shapes of its arguments.
#[derive(Clone, Debug)]
pub struct Tape {
    /// What is the same in all elements, and the registers that hold it.
    pub fixed: Vec<(Fixed, usize)>,
    pub repeated: Vec<Repeated>,
    pub instructions: Vec<Instruction>,
    pub result: Operand,
    pub registers: usize,
    /// Extents of the joined axes.
    pub extents: Vec<usize>,
}

/// The kind of an operation and the operations whose results it reads.
fn parts(ops: &[PointOp], readers: &[usize], at: usize) -> Option<(Kind, Vec<usize>)> {
    let product = |of: usize| match ops[of] {
        PointOp::Binary(Binary::Mul, a, b) if readers[of] == 1 => Some((a, b)),
        _ => None,
    };
    Some(match ops[at] {
        PointOp::Arg(_) | PointOp::Const(_) => return None,
        PointOp::Unary(f, a) => (Kind::Unary(f), vec![a]),
        PointOp::Binary(Binary::Pow, a, b) if ops[b] == PointOp::Const(2.0) => {
            (Kind::Binary(Binary::Mul), vec![a, a])
        }
        PointOp::Binary(Binary::Pow, a, b) if ops[b] == PointOp::Const(0.5) => {
            (Kind::Unary(Unary::Sqrt), vec![a])
        }
        PointOp::Binary(Binary::Pow, a, b) if ops[b] == PointOp::Const(-1.0) => {
            (Kind::Reciprocal, vec![a])
        }
        PointOp::Binary(Binary::Add, a, b) => match (product(a), product(b)) {
            (Some((c, d)), _) => (Kind::MulAdd, vec![c, d, b]),
            (_, Some((c, d))) => (Kind::MulAdd, vec![c, d, a]),
            _ => (Kind::Binary(Binary::Add), vec![a, b]),
        },
        PointOp::Binary(f, a, b) => (Kind::Binary(f), vec![a, b]),
        PointOp::Select(c, a, b) => match ops[c] {
            PointOp::Binary(f @ (Binary::Lt | Binary::Le | Binary::Eq), l, r) => {
                (Kind::Choose(f), vec![l, r, a, b])
            }
            _ => (Kind::Select, vec![c, a, b]),
        },
    })
}

impl Tape {
    /// Prepares `f` for arguments of these shapes and a result of shape `out`.
    pub fn new(f: &PointFn, args: &[&Shape], out: &Shape) -> Self {
        let (extents, access) = join_axes(args, out);
        let mut tape = Tape {
            fixed: vec![],
            repeated: vec![],
            instructions: vec![],
            result: Operand::Register(0),
            registers: 0,
            extents,
        };
        tape.allocate(&f.ops, &access);
        tape
    }

    fn register(&mut self) -> usize {
        self.registers += 1;
        self.registers - 1
    }

    /// Where a number is found that is the same in all elements.
    fn fixed(&mut self, what: Fixed) -> Operand {
        let is_it = |fixed: &Fixed| match (fixed, &what) {
            // 0 and -0 are two.
            (Fixed::Const(a), Fixed::Const(b)) => a.to_bits() == b.to_bits(),
            (Fixed::Only(a), Fixed::Only(b)) => a == b,
            _ => false,
        };
        let known = self.fixed.iter().find(|(fixed, _)| is_it(fixed)).map(|(_, to)| *to);
        Operand::Register(known.unwrap_or_else(|| {
            let to = self.register();
            self.fixed.push((what, to));
            to
        }))
    }

    /// Where an argument is found.
    fn arg(&mut self, arg: usize, access: &Access) -> Operand {
        match *access {
            Access::Whole => Operand::Arg(arg),
            Access::Scalar => self.fixed(Fixed::Only(arg)),
            Access::Strided(strides) => {
                let known = self.repeated.iter().find(|repeated| repeated.arg == arg);
                Operand::Register(known.map(|repeated| repeated.to).unwrap_or_else(|| {
                    let to = self.register();
                    self.repeated.push(Repeated { arg, strides, to });
                    to
                }))
            }
        }
    }

    /// Assigns registers: an instruction's is free again after its last reader, others stay as they are.
    fn allocate(&mut self, ops: &[PointOp], access: &[Access]) {
        let mut readers = vec![0; ops.len()];
        for op in ops {
            let read: &[usize] = match op {
                PointOp::Arg(_) | PointOp::Const(_) => &[],
                PointOp::Unary(_, a) => &[*a],
                PointOp::Binary(_, a, b) => &[*a, *b],
                PointOp::Select(c, a, b) => &[*c, *a, *b],
            };
            read.iter().for_each(|&read| readers[read] += 1);
        }
        let parts: Vec<_> = (0..ops.len()).map(|at| parts(ops, &readers, at)).collect();
        // The last reader of each operation; none of those that became part of others.
        let mut last = vec![None; ops.len()];
        for (at, part) in parts.iter().enumerate().rev() {
            if at + 1 == ops.len() || last[at].is_some() {
                let read = part.iter().flat_map(|(_, read)| read);
                read.for_each(|&read| last[read] = last[read].or(Some(at)));
            }
        }
        let mut operands: Vec<Option<Operand>> = vec![None; ops.len()];
        for (at, op) in ops.iter().enumerate() {
            operands[at] = match *op {
                PointOp::Arg(i) => Some(self.arg(i, &access[i])),
                PointOp::Const(c) => Some(self.fixed(Fixed::Const(c))),
                _ => None,
            };
        }
        let mut free: Vec<usize> = vec![];
        for (at, part) in parts.iter().enumerate() {
            let Some((kind, read)) = part else { continue };
            if at + 1 < ops.len() && last[at].is_none() {
                continue;
            }
            let to = free.pop().unwrap_or_else(|| self.register());
            operands[at] = Some(Operand::Register(to));
            let from = std::array::from_fn(|i| {
                let operand = read.get(i).and_then(|&read| operands[read]);
                operand.unwrap_or(Operand::Register(to))
            });
            self.instructions.push(Instruction { kind: *kind, from, to });
            for (earlier, operand) in operands.iter().enumerate().take(at) {
                if let (Some(Operand::Register(register)), Some(_), true) =
                    (operand, &parts[earlier], last[earlier] == Some(at))
                {
                    free.push(*register);
                }
            }
        }
        if let Some(Some(result)) = operands.pop() {
            self.result = result;
        }
    }
}

/// Joins neighbouring axes along which every argument behaves alike, and finds how each is read.
fn join_axes(args: &[&Shape], out: &Shape) -> (Vec<usize>, Vec<Access>) {
    let mut extents: Vec<usize> = vec![];
    let mut strides: Vec<Vec<usize>> = vec![vec![]; args.len()];
    for axis in 0..out.rank() {
        let extent = out.0[axis];
        if extent == 1 {
            continue;
        }
        let own: Vec<usize> = args
            .iter()
            .map(|a| match a.0[axis] {
                1 => 0,
                _ => a.count_of(axis + 1..a.rank()),
            })
            .collect();
        let joins = !extents.is_empty()
            && strides.iter().zip(&own).all(|(s, &own)| s.last() == Some(&(own * extent)));
        if joins {
            if let Some(last) = extents.last_mut() {
                *last *= extent;
            }
            strides.iter_mut().zip(&own).for_each(|(s, &own)| {
                s.pop();
                s.push(own);
            });
        } else {
            extents.push(extent);
            strides.iter_mut().zip(&own).for_each(|(s, &own)| s.push(own));
        }
    }
    assert!(extents.len() <= AXES, "{out} repeats its arguments along too many axes");
    let access = args.iter().zip(strides).map(|(arg, s)| {
        if arg.count() == out.count() {
            Access::Whole
        } else if arg.count() == 1 {
            Access::Scalar
        } else {
            let mut all = [0; AXES];
            all[..s.len()].copy_from_slice(&s);
            Access::Strided(all)
        }
    });
    let access = access.collect();
    if extents.is_empty() {
        extents.push(1);
    }
    (extents, access)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::expr::{Expr, arg, select};

    fn tape(f: Expr) -> Tape {
        let shape = Shape::from([2, 3]);
        Tape::new(&PointFn::new(&f), &[&shape, &shape], &shape)
    }

    #[test]
    fn a_comparison_with_its_choice_and_a_product_with_its_sum_are_one_instruction() {
        let relu = tape(select(arg(0).gt(0.0), arg(0), 0.0));
        assert!(matches!(
            relu.instructions[..],
            [Instruction { kind: Kind::Choose(Binary::Lt), .. }]
        ));
        let sum = tape(arg(0) + arg(1) * 2.0);
        assert!(matches!(sum.instructions[..], [Instruction { kind: Kind::MulAdd, .. }]));
        // The product is needed by itself as well.
        let product = arg(0) * arg(1);
        assert_eq!(tape((product.clone() + 1.0) * product).instructions.len(), 3);
        // The condition is no comparison.
        let chosen = tape(select(arg(0), arg(1), 0.0));
        assert!(matches!(chosen.instructions[..], [Instruction { kind: Kind::Select, .. }]));
    }

    #[test]
    fn numbers_that_are_the_same_share_a_register_and_both_zeros_do_not() {
        let shared = tape(arg(0).max(2.0) * 2.0);
        assert_eq!((shared.fixed.len(), shared.registers), (1, 3));
        assert_eq!(tape(select(arg(0).gt(0.0), arg(0), -0.0)).fixed.len(), 2);
    }
}

//! Interprets a pointwise expression over blocks of elements: every instruction is one vectorised loop.
//!
//! A [`Tape`] is a [`PointFn`] prepared for shapes: operands are registers (blocks on the stack), arguments
//! read in place where they are contiguous, and constants.

use super::past;
use super::tasks::{CHUNK, for_each_piece};
use super::vecmath::Transcendental;
use crate::program::expr::{Binary, PointFn, PointOp, Unary};
use crate::real::vectorize;
use crate::ty::Shape;

/// Elements of a block: registers of this length stay in the first-level cache.
const BLOCK: usize = 256;

/// Registers of the largest expression that runs without allocating.
const REGISTERS: usize = 16;

/// Most axes that remain after neighbours with the same pattern of repetition were joined.
const AXES: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Operand {
    Register(usize),
    Arg(usize),
    Const(f64),
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Unary(Unary, Operand),
    Binary(Binary, Operand, Operand),
    Select(Operand, Operand, Operand),
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
    ops: Vec<(Op, usize)>,
    result: Operand,
    registers: usize,
    access: Vec<Access>,
    /// Extents of the joined axes.
    extents: Vec<usize>,
}

impl Tape {
    /// Prepares `f` for arguments of these shapes and a result of shape `out`.
    pub fn new(f: &PointFn, args: &[&Shape], out: &Shape) -> Self {
        let (extents, access) = join_axes(args, out);
        let mut tape =
            Tape { ops: vec![], result: Operand::Const(0.0), registers: 0, access, extents };
        tape.allocate(&f.ops);
        tape
    }

    /// Assigns registers: an instruction's register is free again after its last reader.
    fn allocate(&mut self, ops: &[PointOp]) {
        let mut last = vec![0; ops.len()];
        for (at, op) in ops.iter().enumerate() {
            let reads: &[usize] = match op {
                PointOp::Arg(_) | PointOp::Const(_) => &[],
                PointOp::Unary(_, a) => &[*a],
                PointOp::Binary(_, a, b) => &[*a, *b],
                PointOp::Select(c, a, b) => &[*c, *a, *b],
            };
            for &r in reads {
                last[r] = at;
            }
        }
        let mut operands: Vec<Operand> = vec![];
        let mut free: Vec<usize> = vec![];
        for (at, op) in ops.iter().enumerate() {
            let op = match *op {
                PointOp::Arg(i) => {
                    operands.push(Operand::Arg(i));
                    continue;
                }
                PointOp::Const(c) => {
                    operands.push(Operand::Const(c));
                    continue;
                }
                PointOp::Unary(f, a) => Op::Unary(f, operands[a]),
                PointOp::Binary(f, a, b) => Op::Binary(f, operands[a], operands[b]),
                PointOp::Select(c, a, b) => Op::Select(operands[c], operands[a], operands[b]),
            };
            let register = free.pop().unwrap_or_else(|| {
                self.registers += 1;
                self.registers - 1
            });
            self.ops.push((op, register));
            operands.push(Operand::Register(register));
            for (earlier, operand) in operands.iter().enumerate().take(at) {
                if let (true, Operand::Register(r)) = (last[earlier] == at, operand) {
                    free.push(*r);
                }
            }
        }
        self.result = operands.pop().unwrap_or(Operand::Const(0.0));
    }

    /// Computes `out` from the arguments. An argument of `None` is `out` itself, which then holds its elements.
    pub fn run<T: Transcendental>(&self, args: &[Option<&[T]>], out: &mut [T]) {
        let in_place = args.iter().any(Option::is_none);
        let past = !in_place && past::is_large(out);
        for_each_piece(out, CHUNK, |task, piece| {
            let mut registers = [[T::ZERO; BLOCK]; REGISTERS];
            let mut more = vec![];
            let registers = if self.registers < REGISTERS {
                &mut registers[..]
            } else {
                more.resize(self.registers + 1, [T::ZERO; BLOCK]);
                &mut more[..]
            };
            vectorize(
                #[inline(always)]
                || {
                    for (i, block) in piece.chunks_mut(BLOCK).enumerate() {
                        self.run_block(args, task * CHUNK + i * BLOCK, block, registers, past);
                    }
                },
            );
            if past {
                past::fence();
            }
        });
    }

    #[inline(always)]
    fn run_block<T: Transcendental>(
        &self,
        args: &[Option<&[T]>],
        start: usize,
        out: &mut [T],
        registers: &mut [[T; BLOCK]],
        past: bool,
    ) {
        let n = out.len();
        // The register beyond the last one is where an instruction writes, before it takes its place.
        let spare = self.registers;
        let result = |registers: &mut [[T; BLOCK]], op: &Op, out: &[T]| {
            let (head, tail) = registers.split_at_mut(spare);
            let to = &mut tail[0][..n];
            let cx = Reader { tape: self, args, registers: head, out, start };
            match *op {
                Op::Unary(f, a) => cx.unary(f, a, to),
                Op::Binary(f, a, b) => cx.binary(f, a, b, to),
                Op::Select(c, a, b) => cx.select(c, a, b, to),
            }
        };
        for (op, register) in &self.ops {
            result(registers, op, out);
            let (head, tail) = registers.split_at_mut(spare);
            std::mem::swap(&mut head[*register], &mut tail[0]);
        }
        match self.result {
            Operand::Register(r) if past => past::copy(&registers[r][..n], out),
            Operand::Register(r) => out.copy_from_slice(&registers[r][..n]),
            Operand::Const(c) => out.fill(T::from_f64(c)),
            Operand::Arg(_) => {
                let (head, tail) = registers.split_at_mut(spare);
                let to = &mut tail[0][..n];
                let cx = Reader { tape: self, args, registers: head, out, start };
                cx.copy(self.result, to);
                out.copy_from_slice(to);
            }
        }
    }
}

/// What an instruction may read.
struct Reader<'a, T> {
    tape: &'a Tape,
    args: &'a [Option<&'a [T]>],
    registers: &'a [[T; BLOCK]],
    out: &'a [T],
    start: usize,
}

/// A block of operand elements, or one for all.
enum Block<'a, T> {
    Slice(&'a [T]),
    One(T),
    Gather(usize),
}

impl<T: Transcendental> Reader<'_, T> {
    #[inline(always)]
    fn block(&self, operand: Operand, n: usize) -> Block<'_, T> {
        match operand {
            Operand::Register(r) => Block::Slice(&self.registers[r][..n]),
            Operand::Const(c) => Block::One(T::from_f64(c)),
            Operand::Arg(i) => match (&self.tape.access[i], self.args[i]) {
                (Access::Whole, Some(arg)) => Block::Slice(&arg[self.start..self.start + n]),
                (Access::Whole, None) => Block::Slice(&self.out[..n]),
                (Access::Scalar, Some(arg)) => Block::One(arg[0]),
                _ => Block::Gather(i),
            },
        }
    }

    /// Writes the elements of a repeated argument.
    fn gather(&self, i: usize, to: &mut [T]) {
        let (Access::Strided(strides), Some(arg)) = (&self.tape.access[i], self.args[i]) else {
            return;
        };
        let extents = &self.tape.extents;
        let inner = extents.len() - 1;
        let mut position = [0; AXES];
        let mut rest = self.start;
        for axis in (0..extents.len()).rev() {
            position[axis] = rest % extents[axis];
            rest /= extents[axis];
        }
        let mut done = 0;
        while done < to.len() {
            let from: usize = position.iter().zip(strides).map(|(p, s)| p * s).sum();
            let run = (extents[inner] - position[inner]).min(to.len() - done);
            match strides[inner] {
                0 => to[done..done + run].fill(arg[from]),
                1 => to[done..done + run].copy_from_slice(&arg[from..from + run]),
                stride => {
                    for (k, t) in to[done..done + run].iter_mut().enumerate() {
                        *t = arg[from + k * stride];
                    }
                }
            }
            done += run;
            position[inner] += run;
            for axis in (1..extents.len()).rev() {
                if position[axis] == extents[axis] {
                    position[axis] = 0;
                    position[axis - 1] += 1;
                }
            }
        }
    }

    #[inline(always)]
    fn copy(&self, a: Operand, to: &mut [T]) {
        match self.block(a, to.len()) {
            Block::Slice(a) => to.copy_from_slice(a),
            Block::One(a) => to.fill(a),
            Block::Gather(i) => self.gather(i, to),
        }
    }

    #[inline(always)]
    fn unary(&self, f: Unary, a: Operand, to: &mut [T]) {
        self.copy(a, to);
        match f {
            Unary::Neg => each(to, |a| -a),
            Unary::Exp => each(to, T::fast_exp),
            Unary::Ln => each(to, T::fast_ln),
            Unary::Ln1p => each(to, T::ln_1p),
            Unary::Sqrt => each(to, T::sqrt),
            Unary::Abs => each(to, T::abs),
            Unary::Sign => each(to, |a| {
                let above = if T::ZERO < a { T::ONE } else { T::ZERO };
                let below = if a < T::ZERO { T::ONE } else { T::ZERO };
                above - below
            }),
            Unary::Tanh => each(to, T::fast_tanh),
            Unary::Sigmoid => each(to, T::fast_sigmoid),
            Unary::Trunc => each(to, T::trunc),
            Unary::Floor => each(to, T::floor),
            Unary::Sin => each(to, T::sin),
            Unary::Cos => each(to, T::cos),
        }
    }

    #[inline(always)]
    fn binary(&self, f: Binary, a: Operand, b: Operand, to: &mut [T]) {
        self.copy(a, to);
        let truth = |yes: bool| if yes { T::ONE } else { T::ZERO };
        match f {
            Binary::Add => self.with(b, to, |a, b| a + b),
            Binary::Sub => self.with(b, to, |a, b| a - b),
            Binary::Mul => self.with(b, to, |a, b| a * b),
            Binary::Div => self.with(b, to, |a, b| a / b),
            Binary::Pow => match b {
                Operand::Const(2.0) => each(to, |a| a * a),
                Operand::Const(0.5) => each(to, T::sqrt),
                Operand::Const(-1.0) => each(to, |a| T::ONE / a),
                _ => self.with(b, to, T::powf),
            },
            Binary::Lt => self.with(b, to, |a, b| truth(a < b)),
            Binary::Le => self.with(b, to, |a, b| truth(a <= b)),
            Binary::Eq => self.with(b, to, |a, b| truth(a == b)),
        }
    }

    /// `to = f(to, b)`
    #[inline(always)]
    fn with(&self, b: Operand, to: &mut [T], f: impl Fn(T, T) -> T) {
        match self.block(b, to.len()) {
            Block::Slice(b) => to.iter_mut().zip(b).for_each(|(a, &b)| *a = f(*a, b)),
            Block::One(b) => to.iter_mut().for_each(|a| *a = f(*a, b)),
            Block::Gather(i) => {
                let mut block = [T::ZERO; BLOCK];
                self.gather(i, &mut block[..to.len()]);
                to.iter_mut().zip(&block).for_each(|(a, &b)| *a = f(*a, b));
            }
        }
    }

    #[inline(always)]
    fn select(&self, c: Operand, a: Operand, b: Operand, to: &mut [T]) {
        let mut condition = [T::ZERO; BLOCK];
        let condition = &mut condition[..to.len()];
        self.copy(c, condition);
        self.copy(a, to);
        let choose = |c: T, a: T, b: T| if c != T::ZERO { a } else { b };
        match self.block(b, to.len()) {
            Block::Slice(b) => {
                for ((a, &c), &b) in to.iter_mut().zip(&*condition).zip(b) {
                    *a = choose(c, *a, b);
                }
            }
            Block::One(b) => {
                to.iter_mut().zip(&*condition).for_each(|(a, &c)| *a = choose(c, *a, b));
            }
            Block::Gather(i) => {
                let mut block = [T::ZERO; BLOCK];
                self.gather(i, &mut block[..to.len()]);
                for ((a, &c), &b) in to.iter_mut().zip(&*condition).zip(&block) {
                    *a = choose(c, *a, b);
                }
            }
        }
    }
}

#[inline(always)]
fn each<T: Transcendental>(to: &mut [T], f: impl Fn(T) -> T) {
    to.iter_mut().for_each(|a| *a = f(*a));
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
    use crate::program::expr::{arg, select};

    fn check(f: crate::program::expr::Expr, args: &[(Shape, Vec<f64>)], out: Shape, want: &[f64]) {
        let shapes: Vec<&Shape> = args.iter().map(|(s, _)| s).collect();
        let tape = Tape::new(&PointFn::new(&f), &shapes, &out);
        let data: Vec<Option<&[f64]>> = args.iter().map(|(_, d)| Some(&d[..])).collect();
        let mut got = vec![0.0; out.count()];
        tape.run(&data, &mut got);
        assert_eq!(got, want);
    }

    #[test]
    fn repeats_arguments_along_axes_of_extent_one() {
        let x = (Shape::from([2, 3]), vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let row = (Shape::from([1, 3]), vec![10.0, 20.0, 30.0]);
        let column = (Shape::from([2, 1]), vec![100.0, 200.0]);
        let one = (Shape::from([1, 1]), vec![0.5]);
        check(
            arg(0) + arg(1) + arg(2) * arg(3),
            &[x, row, column, one],
            Shape::from([2, 3]),
            &[61.0, 72.0, 83.0, 114.0, 125.0, 136.0],
        );
    }

    #[test]
    fn selects_and_shares_registers() {
        let x = (Shape::from([4]), vec![-1.0, 0.0, 2.0, 3.0]);
        let y = select(arg(0).gt(0.0), arg(0).squared(), -arg(0) * 2.0) + arg(0);
        check(y, &[x], Shape::from([4]), &[1.0, 0.0, 6.0, 12.0]);
    }

    #[test]
    fn blocks_and_chunks_agree_with_a_loop() {
        let n = 3 * CHUNK + 77;
        let x: Vec<f64> = (0..n).map(|i| (i % 101) as f64 * 0.25 - 3.0).collect();
        let rows = Shape::from([n, 1]);
        let want: Vec<f64> = (0..2 * n).map(|i| x[i / 2] * [3.0, 5.0][i % 2]).collect();
        let pair = (Shape::from([1, 2]), vec![3.0, 5.0]);
        check(arg(0) * arg(1), &[(rows, x), pair], Shape::from([n, 2]), &want);
    }
}

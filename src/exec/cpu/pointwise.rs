//! Interprets a pointwise expression over blocks of elements: every instruction is one vectorised loop.
//!
//! A [`Tape`] is a [`PointFn`] prepared for shapes: operands are registers (blocks on the stack), arguments
//! read in place where they are contiguous, and constants.

use super::past;
use super::tasks::{CHUNK, for_each_piece};
use crate::program::expr::{Binary, PointFn, PointOp, Unary};
use crate::real::{Real, vectorize};
use crate::ty::Shape;

/// Elements of a block: registers of this length stay in the first-level cache.
const BLOCK: usize = 256;

/// Registers of the largest expression that runs without allocating.
const REGISTERS: usize = 16;

/// Registers of an expression for which no more than these are made ready.
const FEW_REGISTERS: usize = 4;

/// Elements of a run of one number below which such runs are written side by side.
const SHORT: usize = 16;

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
    pub fn run<T: Real>(&self, args: &[Option<&[T]>], out: &mut [T]) {
        let in_place = args.iter().any(Option::is_none);
        let past = !in_place && past::is_large(out);
        for_each_piece(out, CHUNK, |task, piece| {
            let start = task * CHUNK;
            if self.registers <= FEW_REGISTERS {
                let mut registers = [[T::ZERO; BLOCK]; FEW_REGISTERS];
                self.run_piece(args, start, piece, &mut registers, in_place, past);
            } else if self.registers <= REGISTERS {
                let mut registers = [[T::ZERO; BLOCK]; REGISTERS];
                self.run_piece(args, start, piece, &mut registers, in_place, past);
            } else {
                let mut registers = vec![[T::ZERO; BLOCK]; self.registers];
                self.run_piece(args, start, piece, &mut registers, in_place, past);
            }
        });
    }

    fn run_piece<T: Real>(
        &self,
        args: &[Option<&[T]>],
        start: usize,
        piece: &mut [T],
        registers: &mut [[T; BLOCK]],
        in_place: bool,
        past: bool,
    ) {
        vectorize(
            #[inline(always)]
            || {
                for (i, block) in piece.chunks_mut(BLOCK).enumerate() {
                    self.run_block(args, start + i * BLOCK, block, registers, in_place, past);
                }
            },
        );
        if past {
            past::fence();
        }
    }

    #[inline(always)]
    fn run_block<T: Real>(
        &self,
        args: &[Option<&[T]>],
        start: usize,
        out: &mut [T],
        registers: &mut [[T; BLOCK]],
        in_place: bool,
        past: bool,
    ) {
        let n = out.len();
        // The last instruction writes to the result itself, unless that is read or passes by the caches.
        let computed = matches!(self.result, Operand::Register(_));
        let direct = computed && !in_place && !past;
        for (at, (op, register)) in self.ops.iter().enumerate() {
            // No instruction reads the register that it writes.
            let (before, rest) = registers.split_at_mut(*register);
            let Some((to, after)) = rest.split_first_mut() else { return };
            let registers = [&*before, &*after];
            let last = at + 1 == self.ops.len();
            let (to, out): (&mut [T], &[T]) = match direct && last {
                true => (&mut *out, &[]),
                false => (&mut to[..n], &*out),
            };
            Reader { tape: self, args, registers, out, start }.apply(op, to);
        }
        match self.result {
            Operand::Register(_) if direct => {}
            Operand::Register(r) if past => past::copy(&registers[r][..n], out),
            Operand::Register(r) => out.copy_from_slice(&registers[r][..n]),
            Operand::Const(c) => out.fill(T::from_f64(c)),
            Operand::Arg(_) => {
                let to = &mut registers[0][..n];
                Reader { tape: self, args, registers: [&[]; 2], out, start }.copy(self.result, to);
                out.copy_from_slice(to);
            }
        }
    }
}

/// What an instruction may read.
struct Reader<'a, T> {
    tape: &'a Tape,
    args: &'a [Option<&'a [T]>],
    /// Those before and behind the one that is written.
    registers: [&'a [[T; BLOCK]]; 2],
    out: &'a [T],
    start: usize,
}

/// A block of operand elements, or one for all.
enum Block<'a, T> {
    Slice(&'a [T]),
    One(T),
    Gather(usize),
}

impl<T: Real> Reader<'_, T> {
    #[inline(always)]
    fn block(&self, operand: Operand, n: usize) -> Block<'_, T> {
        match operand {
            Operand::Register(r) => {
                let [before, after] = self.registers;
                let register = before.get(r).unwrap_or_else(|| &after[r - before.len() - 1]);
                Block::Slice(&register[..n])
            }
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
            let extent = extents[inner];
            let lines = match inner {
                0 => 0,
                _ => ((to.len() - done) / extent).min(extents[inner - 1] - position[inner - 1]),
            };
            if strides[inner] == 0 && extent < SHORT && position[inner] == 0 && 1 < lines {
                let stride = strides[inner - 1];
                let source = arg[from..].iter().step_by(stride.max(1));
                let part = &mut to[done..done + lines * extent];
                match (stride, extent) {
                    (0, _) => part.fill(arg[from]),
                    (_, 2) => repeat::<2, T>(source, part),
                    (_, 4) => repeat::<4, T>(source, part),
                    _ => part.chunks_exact_mut(extent).zip(source).for_each(|(t, x)| t.fill(*x)),
                }
                done += lines * extent;
                position[inner - 1] += lines;
                for axis in (1..inner).rev() {
                    if position[axis] == extents[axis] {
                        position[axis] = 0;
                        position[axis - 1] += 1;
                    }
                }
                continue;
            }
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
    fn apply(&self, op: &Op, to: &mut [T]) {
        match *op {
            Op::Unary(f, a) => self.unary(f, a, to),
            Op::Binary(f, a, b) => self.binary(f, a, b, to),
            Op::Select(c, a, b) => self.select(c, a, b, to),
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
        match f {
            Unary::Neg => self.each(a, to, |a| -a),
            Unary::Exp => self.each(a, to, T::fast_exp),
            Unary::Ln => self.each(a, to, T::fast_ln),
            Unary::Ln1p => self.each(a, to, T::fast_ln_1p),
            Unary::Sqrt => self.each(a, to, T::sqrt),
            Unary::Abs => self.each(a, to, T::abs),
            Unary::Sign => self.each(a, to, |a| {
                let above = if T::ZERO < a { T::ONE } else { T::ZERO };
                let below = if a < T::ZERO { T::ONE } else { T::ZERO };
                above - below
            }),
            Unary::Tanh => self.each(a, to, T::fast_tanh),
            Unary::Sigmoid => self.each(a, to, T::fast_sigmoid),
            Unary::Trunc => self.each(a, to, T::trunc),
            Unary::Floor => self.each(a, to, T::floor),
            Unary::Sin => self.each(a, to, T::sin),
            Unary::Cos => self.each(a, to, T::cos),
        }
    }

    #[inline(always)]
    fn binary(&self, f: Binary, a: Operand, b: Operand, to: &mut [T]) {
        let truth = |yes: bool| if yes { T::ONE } else { T::ZERO };
        match f {
            Binary::Add => self.both(a, b, to, |a, b| a + b),
            Binary::Sub => self.both(a, b, to, |a, b| a - b),
            Binary::Mul => self.both(a, b, to, |a, b| a * b),
            Binary::Div => self.both(a, b, to, |a, b| a / b),
            Binary::Pow => match b {
                Operand::Const(2.0) => self.each(a, to, |a| a * a),
                Operand::Const(0.5) => self.each(a, to, T::sqrt),
                Operand::Const(-1.0) => self.each(a, to, |a| T::ONE / a),
                _ => self.both(a, b, to, T::powf),
            },
            Binary::Lt => self.both(a, b, to, |a, b| truth(a < b)),
            Binary::Le => self.both(a, b, to, |a, b| truth(a <= b)),
            Binary::Eq => self.both(a, b, to, |a, b| truth(a == b)),
        }
    }

    /// `to = f(a)`
    #[inline(always)]
    fn each(&self, a: Operand, to: &mut [T], f: impl Fn(T) -> T) {
        match self.block(a, to.len()) {
            Block::Slice(a) => to.iter_mut().zip(a).for_each(|(t, &a)| *t = f(a)),
            Block::One(a) => to.fill(f(a)),
            Block::Gather(i) => {
                self.gather(i, to);
                to.iter_mut().for_each(|t| *t = f(*t));
            }
        }
    }

    /// `to = f(a, b)`
    #[inline(always)]
    fn both(&self, a: Operand, b: Operand, to: &mut [T], f: impl Fn(T, T) -> T) {
        match (self.block(a, to.len()), self.block(b, to.len())) {
            (Block::Slice(a), Block::Slice(b)) => {
                to.iter_mut().zip(a.iter().zip(b)).for_each(|(t, (&a, &b))| *t = f(a, b));
            }
            (Block::Slice(a), Block::One(b)) => {
                to.iter_mut().zip(a).for_each(|(t, &a)| *t = f(a, b));
            }
            (Block::One(a), Block::Slice(b)) => {
                to.iter_mut().zip(b).for_each(|(t, &b)| *t = f(a, b));
            }
            _ => {
                let mut block = [T::ZERO; BLOCK];
                let block = &mut block[..to.len()];
                self.copy(a, to);
                self.copy(b, block);
                to.iter_mut().zip(&*block).for_each(|(a, &b)| *a = f(*a, b));
            }
        }
    }

    #[inline(always)]
    fn select(&self, c: Operand, a: Operand, b: Operand, to: &mut [T]) {
        let choose = |c: T, a: T, b: T| if c != T::ZERO { a } else { b };
        let n = to.len();
        match (self.block(c, n), self.block(a, n), self.block(b, n)) {
            (Block::Slice(c), Block::Slice(a), Block::Slice(b)) => {
                let read = c.iter().zip(a).zip(b);
                to.iter_mut().zip(read).for_each(|(t, ((&c, &a), &b))| *t = choose(c, a, b));
            }
            (Block::Slice(c), Block::Slice(a), Block::One(b)) => {
                let read = c.iter().zip(a);
                to.iter_mut().zip(read).for_each(|(t, (&c, &a))| *t = choose(c, a, b));
            }
            (Block::Slice(c), Block::One(a), Block::Slice(b)) => {
                let read = c.iter().zip(b);
                to.iter_mut().zip(read).for_each(|(t, (&c, &b))| *t = choose(c, a, b));
            }
            _ => {
                let (mut condition, mut other) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
                let (condition, other) = (&mut condition[..n], &mut other[..n]);
                self.copy(c, condition);
                self.copy(a, to);
                self.copy(b, other);
                let read = condition.iter().zip(&*other);
                to.iter_mut().zip(read).for_each(|(a, (&c, &b))| *a = choose(c, *a, b));
            }
        }
    }
}

/// Writes each number so many times.
#[inline(always)]
fn repeat<'a, const N: usize, T: Real>(numbers: impl Iterator<Item = &'a T>, to: &mut [T]) {
    to.as_chunks_mut::<N>().0.iter_mut().zip(numbers).for_each(|(to, x)| *to = [*x; N]);
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

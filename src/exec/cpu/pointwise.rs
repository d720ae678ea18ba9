//! Interprets a pointwise expression over blocks of elements: every instruction is one vectorised loop.

use pulp::{Simd, WithSimd};

use super::past;
use super::tape::{AXES, Fixed, Instruction, Kind, Operand, Repeated, Tape};
use super::tasks::{CHUNK, for_each_piece};
use crate::program::expr::{Binary, Unary};
use crate::real::{Real, with_simd};

/// Elements of a block: registers of this length stay in the first-level cache.
const BLOCK: usize = 512;

/// Elements of a run of one number below which such runs are written side by side.
const SHORT: usize = 16;

/// Repeated arguments that are known to stay as they are from one block to the next; others are written for each block.
const HELD: usize = 8;

/// A block of numbers. It begins with a cache line, so that no vector lies in two.
#[derive(Clone)]
#[repr(align(64))]
struct Register<T>([T; BLOCK]);

impl Tape {
    /// Computes `out` from the arguments. An argument of `None` is `out` itself, which then holds its elements.
    pub fn run<T: Real>(&self, args: &[Option<&[T]>], out: &mut [T]) {
        let in_place = args.iter().any(Option::is_none);
        let past = !in_place && past::is_large(out);
        for_each_piece(out, CHUNK, |task, out| {
            let start = task * CHUNK;
            let mut run = |registers: &mut [Register<T>]| {
                with_simd(Piece { tape: self, args, start, out, registers, in_place, past });
            };
            match self.registers {
                0..=2 => run(&mut [const { Register([T::ZERO; BLOCK]) }; 2]),
                3..=4 => run(&mut [const { Register([T::ZERO; BLOCK]) }; 4]),
                5..=8 => run(&mut [const { Register([T::ZERO; BLOCK]) }; 8]),
                9..=16 => run(&mut [const { Register([T::ZERO; BLOCK]) }; 16]),
                17..=32 => run(&mut [const { Register([T::ZERO; BLOCK]) }; 32]),
                more => run(&mut vec![Register([T::ZERO; BLOCK]); more]),
            }
        });
    }
}

/// A part of a result that one task computes.
struct Piece<'a, T> {
    tape: &'a Tape,
    args: &'a [Option<&'a [T]>],
    /// The place of its first element.
    start: usize,
    out: &'a mut [T],
    registers: &'a mut [Register<T>],
    /// Whether `out` is an argument as well.
    in_place: bool,
    /// Whether `out` is written past the caches.
    past: bool,
}

impl<T: Real> WithSimd for Piece<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        let tape = self.tape;
        for (fixed, to) in &tape.fixed {
            let to = &mut self.registers[*to].0[..self.out.len().min(BLOCK)];
            to.fill(match *fixed {
                Fixed::Const(c) => T::from_f64(c),
                Fixed::Only(arg) => self.args[arg].map_or(T::ZERO, |arg| arg[0]),
            });
        }
        let mut position = [0; AXES];
        tape.advance(&mut position, self.start);
        let mut held = [None; HELD];
        for block in std::mem::take(&mut self.out).chunks_mut(BLOCK) {
            for (i, repeated) in tape.repeated.iter().enumerate() {
                let Some(arg) = self.args[repeated.arg] else { continue };
                let to = &mut self.registers[repeated.to].0[..block.len()];
                let only = tape.only(repeated, &position, to.len());
                if only.is_none() || held.get(i) != Some(&only) {
                    tape.gather(arg, repeated, position, to);
                }
                held.get_mut(i).into_iter().for_each(|held| *held = only);
            }
            let n = block.len();
            // Loops over all of a block are known to have no remainder.
            match <&mut [T; BLOCK]>::try_from(&mut *block) {
                Ok(block) => self.block::<S>(block),
                Err(_) => self.block::<S>(block),
            }
            self.start += n;
            tape.advance(&mut position, n);
        }
        if self.past {
            past::fence();
        }
    }
}

impl<T: Real> Piece<'_, T> {
    #[inline(always)]
    fn block<S: Simd>(&mut self, out: &mut [T]) {
        let Piece { tape, args, start, ref mut registers, in_place, past, .. } = *self;
        let n = out.len();
        // The last instruction writes to the result itself, unless that is read or passes by the caches.
        let direct = !in_place && !past;
        for (at, Instruction { kind, from, to }) in tape.instructions.iter().enumerate() {
            let (before, rest) = registers.split_at_mut(*to);
            let Some((to, after)) = rest.split_first_mut() else { return };
            let registers = [&*before, &*after];
            let last = at + 1 == tape.instructions.len();
            let (to, out): (&mut [T], &[T]) = match direct && last {
                true => (&mut *out, &[]),
                false => (&mut to.0[..n], &*out),
            };
            Reader { args, registers, out, start }.apply(*kind, from, to);
        }
        match tape.result {
            _ if direct && !tape.instructions.is_empty() => {}
            Operand::Register(r) if past => past::copy::<T, S>(&registers[r].0[..n], out),
            Operand::Register(r) => out.copy_from_slice(&registers[r].0[..n]),
            Operand::Arg(arg) => {
                if let Some(arg) = args[arg] {
                    out.copy_from_slice(&arg[start..start + n]);
                }
            }
        }
    }
}

impl Tape {
    /// Goes on by so many elements.
    #[inline(always)]
    fn advance(&self, position: &mut [usize; AXES], elements: usize) {
        if self.repeated.is_empty() {
            return;
        }
        let mut carry = elements;
        for (position, &extent) in position.iter_mut().zip(&self.extents).rev() {
            *position += carry;
            carry = 0;
            if extent <= *position {
                carry = *position / extent;
                *position %= extent;
            }
        }
    }

    /// The place of the only element of an argument that the next elements see, if it is one.
    #[inline(always)]
    fn only(
        &self,
        repeated: &Repeated,
        position: &[usize; AXES],
        elements: usize,
    ) -> Option<usize> {
        let inner = self.extents.len() - 1;
        let is_one =
            repeated.strides[inner] == 0 && elements <= self.extents[inner] - position[inner];
        is_one.then(|| position.iter().zip(&repeated.strides).map(|(p, s)| p * s).sum())
    }

    /// Writes the elements of a repeated argument from a position on.
    fn gather<T: Real>(
        &self,
        arg: &[T],
        repeated: &Repeated,
        mut position: [usize; AXES],
        to: &mut [T],
    ) {
        let (extents, strides) = (&self.extents, &repeated.strides);
        let inner = extents.len() - 1;
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
}

/// What an instruction may read.
struct Reader<'a, T> {
    args: &'a [Option<&'a [T]>],
    /// Those before and behind the one that is written.
    registers: [&'a [Register<T>]; 2],
    out: &'a [T],
    start: usize,
}

impl<T: Real> Reader<'_, T> {
    #[inline(always)]
    fn read(&self, operand: Operand, n: usize) -> &[T] {
        match operand {
            Operand::Register(r) => {
                let [before, after] = self.registers;
                &before.get(r).unwrap_or_else(|| &after[r - before.len() - 1]).0[..n]
            }
            Operand::Arg(i) => match self.args[i] {
                Some(arg) => &arg[self.start..self.start + n],
                None => &self.out[..n],
            },
        }
    }

    #[inline(always)]
    fn apply(&self, kind: Kind, from: &[Operand; 4], to: &mut [T]) {
        match kind {
            Kind::Unary(f) => self.unary(f, from, to),
            Kind::Binary(f) => self.binary(f, from, to),
            Kind::Reciprocal => self.one(from, to, |a| T::ONE / a),
            Kind::MulAdd => self.three(from, to, |a, b, c| a * b + c),
            Kind::Select => self.three(from, to, |c, a, b| if c != T::ZERO { a } else { b }),
            Kind::Choose(Binary::Lt) => self.choose(from, to, |l, r| l < r),
            Kind::Choose(Binary::Le) => self.choose(from, to, |l, r| l <= r),
            Kind::Choose(_) => self.choose(from, to, |l, r| l == r),
        }
    }

    #[inline(always)]
    fn unary(&self, f: Unary, from: &[Operand; 4], to: &mut [T]) {
        match f {
            Unary::Neg => self.one(from, to, |a| -a),
            Unary::Exp => self.one(from, to, T::fast_exp),
            Unary::Ln => self.one(from, to, T::fast_ln),
            Unary::Ln1p => self.one(from, to, T::fast_ln_1p),
            Unary::Sqrt => self.one(from, to, T::sqrt),
            Unary::Abs => self.one(from, to, T::abs),
            Unary::Sign => self.one(from, to, |a| {
                let above = if T::ZERO < a { T::ONE } else { T::ZERO };
                let below = if a < T::ZERO { T::ONE } else { T::ZERO };
                above - below
            }),
            Unary::Tanh => self.one(from, to, T::fast_tanh),
            Unary::Sigmoid => self.one(from, to, T::fast_sigmoid),
            Unary::Trunc => self.one(from, to, T::trunc),
            Unary::Floor => self.one(from, to, T::floor),
            Unary::Sin => self.one(from, to, T::sin),
            Unary::Cos => self.one(from, to, T::cos),
        }
    }

    #[inline(always)]
    fn binary(&self, f: Binary, from: &[Operand; 4], to: &mut [T]) {
        let truth = |yes: bool| if yes { T::ONE } else { T::ZERO };
        match f {
            Binary::Add => self.two(from, to, |a, b| a + b),
            Binary::Sub => self.two(from, to, |a, b| a - b),
            Binary::Mul => self.two(from, to, |a, b| a * b),
            Binary::Div => self.two(from, to, |a, b| a / b),
            Binary::Pow => self.two(from, to, T::powf),
            Binary::Lt => self.two(from, to, |a, b| truth(a < b)),
            Binary::Le => self.two(from, to, |a, b| truth(a <= b)),
            Binary::Eq => self.two(from, to, |a, b| truth(a == b)),
        }
    }

    #[inline(always)]
    fn one(&self, from: &[Operand; 4], to: &mut [T], f: impl Fn(T) -> T) {
        let a = self.read(from[0], to.len());
        to.iter_mut().zip(a).for_each(|(t, &a)| *t = f(a));
    }

    #[inline(always)]
    fn two(&self, from: &[Operand; 4], to: &mut [T], f: impl Fn(T, T) -> T) {
        let [a, b] = [from[0], from[1]].map(|operand| self.read(operand, to.len()));
        to.iter_mut().zip(a.iter().zip(b)).for_each(|(t, (&a, &b))| *t = f(a, b));
    }

    #[inline(always)]
    fn three(&self, from: &[Operand; 4], to: &mut [T], f: impl Fn(T, T, T) -> T) {
        let [a, b, c] = [from[0], from[1], from[2]].map(|operand| self.read(operand, to.len()));
        let read = a.iter().zip(b).zip(c);
        to.iter_mut().zip(read).for_each(|(t, ((&a, &b), &c))| *t = f(a, b, c));
    }

    #[inline(always)]
    fn choose(&self, from: &[Operand; 4], to: &mut [T], holds: impl Fn(T, T) -> bool) {
        let [l, r, a, b] = from.map(|operand| self.read(operand, to.len()));
        let read = l.iter().zip(r).zip(a.iter().zip(b));
        to.iter_mut().zip(read).for_each(|(t, ((&l, &r), (&a, &b)))| {
            *t = if holds(l, r) { a } else { b };
        });
    }
}

/// Writes each number so many times.
#[inline(always)]
fn repeat<'a, const N: usize, T: Real>(numbers: impl Iterator<Item = &'a T>, to: &mut [T]) {
    to.as_chunks_mut::<N>().0.iter_mut().zip(numbers).for_each(|(to, x)| *to = [*x; N]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::expr::{PointFn, arg, select};
    use crate::ty::Shape;

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
    fn runs_of_one_number_end_anywhere_in_a_block() {
        for extent in [1, 3, 17, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5] {
            let (lines, count) = (7, 7 * extent);
            let x: Vec<f64> = (0..count).map(|i| i as f64).collect();
            let column: Vec<f64> = (0..lines).map(|i| 1.0 + i as f64).collect();
            let want: Vec<f64> = (0..count).map(|i| x[i] * column[i / extent] - 0.5).collect();
            let args = [(Shape::from([lines, extent]), x), (Shape::from([lines, 1]), column)];
            check(arg(0) * arg(1) - 0.5, &args, Shape::from([lines, extent]), &want);
        }
    }

    #[test]
    fn an_argument_may_be_the_result_itself() {
        let shape = Shape::from([BLOCK + 3]);
        let f = PointFn::new(&select(arg(0).gt(1.0), arg(0) * arg(0), arg(0) + 1.0));
        let tape = Tape::new(&f, &[&shape], &shape);
        let mut x: Vec<f64> = (0..BLOCK + 3).map(|i| i as f64 - 5.0).collect();
        let want: Vec<f64> = x.iter().map(|&x| if 1.0 < x { x * x } else { x + 1.0 }).collect();
        tape.run(&[None], &mut x);
        assert_eq!(x, want);
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

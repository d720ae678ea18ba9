//! Scalar expressions: what a pointwise kernel computes for one element, with symbolic derivatives.
//!
//! A layer writes `select(x().gt(0.0), x(), x() * slope)`; the program keeps a flat [`PointFn`], which
//! the CPU interprets block by block and CUDA turns into text. Derivatives are expressions as well,
//! so a pointwise layer never writes a backward pass. At a kink the derivative is that of the branch
//! that `select` takes, which is how Caffe and Torch define theirs.

use std::collections::HashMap;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::rc::Rc;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// -a
    Neg,
    /// e^a
    Exp,
    /// Natural logarithm.
    Ln,
    /// ln(1 + a)
    Ln1p,
    /// Square root.
    Sqrt,
    /// |a|; its derivative at 0 is 0.
    Abs,
    /// -1, 0 or 1.
    Sign,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e^-a)
    Sigmoid,
    /// The whole part; its derivative is 0.
    Trunc,
    /// The largest whole number not above; its derivative is 0.
    Floor,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
}

/// A function of two numbers. Comparisons give 1 or 0 and have derivative 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Sub,
    /// a b
    Mul,
    /// a / b
    Div,
    /// a^b
    Pow,
    /// a < b
    Lt,
    /// a <= b
    Le,
    /// a = b
    Eq,
}

#[derive(Debug)]
enum Term {
    Arg(usize),
    Const(f64),
    Unary(Unary, Expr),
    Binary(Binary, Expr, Expr),
    Select(Expr, Expr, Expr),
    /// A value whose derivatives with regard to the arguments are given.
    WithGradient(Expr, Vec<Expr>),
}

/// An expression in the arguments of a pointwise kernel. Cloning shares.
#[derive(Clone, Debug)]
pub struct Expr(Rc<Term>);

/// The `i`-th argument.
pub fn arg(i: usize) -> Expr {
    Expr(Rc::new(Term::Arg(i)))
}

/// A constant.
pub fn constant(c: f64) -> Expr {
    Expr(Rc::new(Term::Const(c)))
}

/// `a` where `condition` is not 0, else `b`.
pub fn select(condition: Expr, a: impl Into<Expr>, b: impl Into<Expr>) -> Expr {
    Expr(Rc::new(Term::Select(condition, a.into(), b.into())))
}

impl From<f64> for Expr {
    fn from(c: f64) -> Self {
        constant(c)
    }
}

impl Expr {
    fn unary(self, f: Unary) -> Expr {
        if let Term::Const(c) = *self.0 {
            return constant(f.apply(c));
        }
        Expr(Rc::new(Term::Unary(f, self)))
    }

    fn binary(self, f: Binary, other: Expr) -> Expr {
        match (f, self.constant(), other.constant()) {
            (_, Some(a), Some(b)) => constant(f.apply(a, b)),
            (Binary::Add, Some(0.0), _) => other,
            (Binary::Add | Binary::Sub, _, Some(0.0)) => self,
            (Binary::Mul, Some(1.0), _) => other,
            (Binary::Mul | Binary::Div | Binary::Pow, _, Some(1.0)) => self,
            (Binary::Mul, Some(0.0), _) | (Binary::Mul, _, Some(0.0)) => constant(0.0),
            (Binary::Div, Some(0.0), _) => constant(0.0),
            _ => Expr(Rc::new(Term::Binary(f, self, other))),
        }
    }

    fn constant(&self) -> Option<f64> {
        match *self.0 {
            Term::Const(c) => Some(c),
            _ => None,
        }
    }

    /// e to this power.
    pub fn exp(self) -> Expr {
        self.unary(Unary::Exp)
    }
    /// Natural logarithm.
    pub fn ln(self) -> Expr {
        self.unary(Unary::Ln)
    }
    /// ln(1 + self), accurate near 0.
    pub fn ln_1p(self) -> Expr {
        self.unary(Unary::Ln1p)
    }
    /// Square root.
    pub fn sqrt(self) -> Expr {
        self.unary(Unary::Sqrt)
    }
    /// Absolute value.
    pub fn abs(self) -> Expr {
        self.unary(Unary::Abs)
    }
    /// -1, 0 or 1.
    pub fn sign(self) -> Expr {
        self.unary(Unary::Sign)
    }
    /// Hyperbolic tangent.
    pub fn tanh(self) -> Expr {
        self.unary(Unary::Tanh)
    }
    /// Logistic function.
    pub fn sigmoid(self) -> Expr {
        self.unary(Unary::Sigmoid)
    }
    /// Whole part.
    pub fn trunc(self) -> Expr {
        self.unary(Unary::Trunc)
    }
    /// Largest whole number not above.
    pub fn floor(self) -> Expr {
        self.unary(Unary::Floor)
    }
    /// Sine.
    pub fn sin(self) -> Expr {
        self.unary(Unary::Sin)
    }
    /// Cosine.
    pub fn cos(self) -> Expr {
        self.unary(Unary::Cos)
    }
    /// This number to a power.
    pub fn pow(self, exponent: impl Into<Expr>) -> Expr {
        self.binary(Binary::Pow, exponent.into())
    }
    /// The square.
    pub fn squared(self) -> Expr {
        self.clone() * self
    }
    /// 1 where `self < other`.
    pub fn lt(self, other: impl Into<Expr>) -> Expr {
        self.binary(Binary::Lt, other.into())
    }
    /// 1 where `self <= other`.
    pub fn le(self, other: impl Into<Expr>) -> Expr {
        self.binary(Binary::Le, other.into())
    }
    /// 1 where `self > other`.
    pub fn gt(self, other: impl Into<Expr>) -> Expr {
        other.into().lt(self)
    }
    /// 1 where `self >= other`.
    pub fn ge(self, other: impl Into<Expr>) -> Expr {
        other.into().le(self)
    }
    /// 1 where `self = other`.
    pub fn equals(self, other: impl Into<Expr>) -> Expr {
        self.binary(Binary::Eq, other.into())
    }
    /// The larger; `other` and its derivative on a tie.
    pub fn max(self, other: impl Into<Expr>) -> Expr {
        let other = other.into();
        select(self.clone().gt(other.clone()), self, other)
    }
    /// The smaller; `other` and its derivative on a tie.
    pub fn min(self, other: impl Into<Expr>) -> Expr {
        let other = other.into();
        select(self.clone().lt(other.clone()), self, other)
    }

    /// This value, with derivatives that differ from the mathematical ones: entry `i` is the derivative
    /// with regard to argument `i`. For layers whose original framework defines them so.
    pub fn with_gradient(self, derivatives: Vec<Expr>) -> Expr {
        Expr(Rc::new(Term::WithGradient(self, derivatives)))
    }

    /// The derivative with regard to argument `i`.
    pub fn derivative(&self, i: usize) -> Expr {
        Derivative { i, known: HashMap::new() }.of(self)
    }

    /// The expression with `args[i]` in the place of argument `i`. Given derivatives are dropped.
    pub fn substitute(&self, args: &[Expr]) -> Expr {
        let mut known = HashMap::new();
        self.substitute_into(args, &mut known)
    }

    fn substitute_into(&self, args: &[Expr], known: &mut HashMap<*const Term, Expr>) -> Expr {
        let key = Rc::as_ptr(&self.0);
        if let Some(done) = known.get(&key) {
            return done.clone();
        }
        let result = match &*self.0 {
            Term::Arg(i) => args[*i].clone(),
            Term::Const(_) => self.clone(),
            Term::Unary(f, a) => a.substitute_into(args, known).unary(*f),
            Term::Binary(f, a, b) => {
                let a = a.substitute_into(args, known);
                a.binary(*f, b.substitute_into(args, known))
            }
            Term::Select(c, a, b) => {
                let c = c.substitute_into(args, known);
                let a = a.substitute_into(args, known);
                select(c, a, b.substitute_into(args, known))
            }
            Term::WithGradient(value, _) => value.substitute_into(args, known),
        };
        known.insert(key, result.clone());
        result
    }
}

struct Derivative {
    i: usize,
    known: HashMap<*const Term, Expr>,
}

impl Derivative {
    fn of(&mut self, e: &Expr) -> Expr {
        let key = Rc::as_ptr(&e.0);
        if let Some(done) = self.known.get(&key) {
            return done.clone();
        }
        let result = match &*e.0 {
            Term::Arg(i) => constant(if *i == self.i { 1.0 } else { 0.0 }),
            Term::Const(_) => constant(0.0),
            Term::Unary(f, a) => {
                let da = self.of(a);
                if da.constant() == Some(0.0) { da } else { unary_derivative(*f, a, e) * da }
            }
            Term::Binary(f, a, b) => {
                let (da, db) = (self.of(a), self.of(b));
                binary_derivative(*f, [a, b], [da, db], e)
            }
            Term::Select(c, a, b) => {
                let (da, db) = (self.of(a), self.of(b));
                match (da.constant(), db.constant()) {
                    (Some(x), Some(y)) if x == y => da,
                    _ => select(c.clone(), da, db),
                }
            }
            Term::WithGradient(_, derivatives) => {
                derivatives.get(self.i).cloned().unwrap_or_else(|| constant(0.0))
            }
        };
        self.known.insert(key, result.clone());
        result
    }
}

/// f'(a), where `y = f(a)`.
fn unary_derivative(f: Unary, a: &Expr, y: &Expr) -> Expr {
    match f {
        Unary::Neg => constant(-1.0),
        Unary::Exp => y.clone(),
        Unary::Ln => constant(1.0) / a.clone(),
        Unary::Ln1p => constant(1.0) / (a.clone() + 1.0),
        Unary::Sqrt => constant(0.5) / y.clone(),
        Unary::Abs => a.clone().sign(),
        Unary::Sign | Unary::Trunc | Unary::Floor => constant(0.0),
        Unary::Tanh => constant(1.0) - y.clone().squared(),
        Unary::Sigmoid => y.clone() * (constant(1.0) - y.clone()),
        Unary::Sin => a.clone().cos(),
        Unary::Cos => -a.clone().sin(),
    }
}

fn binary_derivative(f: Binary, [a, b]: [&Expr; 2], [da, db]: [Expr; 2], y: &Expr) -> Expr {
    match f {
        Binary::Add => da + db,
        Binary::Sub => da - db,
        Binary::Mul => da * b.clone() + a.clone() * db,
        Binary::Div => da / b.clone() - y.clone() * db / b.clone(),
        Binary::Pow => {
            let by_base = if b.constant() == Some(2.0) {
                a.clone() * 2.0
            } else {
                b.clone() * a.clone().pow(b.clone() - 1.0)
            };
            let by_exponent = if db.constant() == Some(0.0) {
                constant(0.0)
            } else {
                y.clone() * a.clone().ln() * db
            };
            by_base * da + by_exponent
        }
        Binary::Lt | Binary::Le | Binary::Eq => constant(0.0),
    }
}

impl Unary {
    /// The function itself, in double precision.
    pub fn apply(self, a: f64) -> f64 {
        match self {
            Unary::Neg => -a,
            Unary::Exp => a.exp(),
            Unary::Ln => a.ln(),
            Unary::Ln1p => a.ln_1p(),
            Unary::Sqrt => a.sqrt(),
            Unary::Abs => a.abs(),
            Unary::Sign => f64::from(u8::from(0.0 < a)) - f64::from(u8::from(a < 0.0)),
            Unary::Tanh => a.tanh(),
            Unary::Sigmoid => 1.0 / (1.0 + (-a).exp()),
            Unary::Trunc => a.trunc(),
            Unary::Floor => a.floor(),
            Unary::Sin => a.sin(),
            Unary::Cos => a.cos(),
        }
    }
}

impl Binary {
    /// The function itself, in double precision.
    pub fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Pow => a.powf(b),
            Binary::Lt => f64::from(u8::from(a < b)),
            Binary::Le => f64::from(u8::from(a <= b)),
            Binary::Eq => f64::from(u8::from(a == b)),
        }
    }
}

macro_rules! operator {
    ($trait:ident $method:ident $op:expr) => {
        impl<E: Into<Expr>> $trait<E> for Expr {
            type Output = Expr;
            fn $method(self, other: E) -> Expr {
                self.binary($op, other.into())
            }
        }
    };
}

operator!(Add add Binary::Add);
operator!(Sub sub Binary::Sub);
operator!(Mul mul Binary::Mul);
operator!(Div div Binary::Div);

impl Neg for Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        self.unary(Unary::Neg)
    }
}

/// One instruction of a [`PointFn`]; operands are the numbers of earlier instructions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PointOp {
    /// The element of an argument.
    Arg(usize),
    /// A constant.
    Const(f64),
    /// A function of one earlier result.
    Unary(Unary, usize),
    /// A function of two earlier results.
    Binary(Binary, usize, usize),
    /// The second where the first is not 0, else the third.
    Select(usize, usize, usize),
}

/// A flat expression: every instruction is computed once, the last one is the result.
#[derive(Clone, Debug, PartialEq)]
pub struct PointFn {
    /// The instructions, operands before users.
    pub ops: Vec<PointOp>,
    /// Derivatives with regard to the arguments, for the instructions that were given theirs.
    given: Vec<(usize, Vec<PointFn>)>,
    /// The derivative as a function of the result, for functions of one argument that have it.
    output_derivative: Option<Box<PointFn>>,
}

impl PointFn {
    /// Flattens an expression; equal subexpressions are computed once.
    pub fn new(e: &Expr) -> Self {
        let mut flat = Flatten::default();
        flat.visit(e);
        PointFn { ops: flat.ops, given: flat.given, output_derivative: None }
    }

    /// The expression again, with the derivatives that were given for parts of it.
    pub fn expr(&self) -> Expr {
        let mut done: Vec<Expr> = vec![];
        for (i, op) in self.ops.iter().enumerate() {
            let mut e = match *op {
                PointOp::Arg(i) => arg(i),
                PointOp::Const(c) => constant(c),
                PointOp::Unary(f, a) => Expr(Rc::new(Term::Unary(f, done[a].clone()))),
                PointOp::Binary(f, a, b) => {
                    Expr(Rc::new(Term::Binary(f, done[a].clone(), done[b].clone())))
                }
                PointOp::Select(c, a, b) => {
                    select(done[c].clone(), done[a].clone(), done[b].clone())
                }
            };
            if let Some((_, given)) = self.given.iter().find(|(at, _)| *at == i) {
                e = e.with_gradient(given.iter().map(PointFn::expr).collect());
            }
            done.push(e);
        }
        done.pop().unwrap_or_else(|| constant(0.0))
    }

    /// Says how the derivative of a function of one argument follows from its result (argument 0 of
    /// `derivative`).
    pub fn set_output_derivative(&mut self, derivative: PointFn) {
        self.output_derivative = Some(Box::new(derivative));
    }

    /// The derivative as a function of the result, where it is known.
    pub fn output_derivative(&self) -> Option<&PointFn> {
        self.output_derivative.as_deref()
    }

    /// Whether argument `i` is read at all.
    pub fn reads(&self, i: usize) -> bool {
        self.ops.contains(&PointOp::Arg(i))
    }
}

#[derive(Default)]
struct Flatten {
    ops: Vec<PointOp>,
    given: Vec<(usize, Vec<PointFn>)>,
    seen: HashMap<*const Term, usize>,
    keys: HashMap<[u64; 4], usize>,
    /// Keeps visited terms alive, so that their addresses stay unique keys.
    alive: Vec<Expr>,
}

impl Flatten {
    fn visit(&mut self, e: &Expr) -> usize {
        if let Some(&at) = self.seen.get(&Rc::as_ptr(&e.0)) {
            return at;
        }
        let at = match &*e.0 {
            Term::Arg(i) => self.push(PointOp::Arg(*i), [0, *i as u64, 0, 0]),
            Term::Const(c) => self.push(PointOp::Const(*c), [1, c.to_bits(), 0, 0]),
            Term::Unary(f, a) => {
                let a = self.visit(a);
                self.push(PointOp::Unary(*f, a), [2, *f as u64, a as u64, 0])
            }
            Term::Binary(f, a, b) => {
                let (a, b) = (self.visit(a), self.visit(b));
                self.push(PointOp::Binary(*f, a, b), [3, *f as u64, a as u64, b as u64])
            }
            Term::Select(c, a, b) => {
                let (c, a, b) = (self.visit(c), self.visit(a), self.visit(b));
                self.push(PointOp::Select(c, a, b), [4 + c as u64, u64::MAX, a as u64, b as u64])
            }
            Term::WithGradient(value, derivatives) => {
                let at = self.visit(value);
                let derivatives = derivatives.iter().map(PointFn::new).collect();
                self.given.push((at, derivatives));
                at
            }
        };
        self.seen.insert(Rc::as_ptr(&e.0), at);
        self.alive.push(e.clone());
        at
    }

    fn push(&mut self, op: PointOp, key: [u64; 4]) -> usize {
        *self.keys.entry(key).or_insert_with(|| {
            self.ops.push(op);
            self.ops.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(f: &PointFn, args: &[f64]) -> f64 {
        let mut r: Vec<f64> = vec![];
        for op in &f.ops {
            r.push(match *op {
                PointOp::Arg(i) => args[i],
                PointOp::Const(c) => c,
                PointOp::Unary(f, a) => f.apply(r[a]),
                PointOp::Binary(f, a, b) => f.apply(r[a], r[b]),
                PointOp::Select(c, a, b) => {
                    if r[c] != 0.0 {
                        r[a]
                    } else {
                        r[b]
                    }
                }
            });
        }
        r[r.len() - 1]
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        let (x, y) = (|| arg(0), || arg(1));
        let cases = [
            x().exp() * y() + x().squared(),
            (x() * y()).sigmoid() - y().tanh() / x(),
            (x().squared() + 1.0).ln().sqrt().abs(),
            x().abs().pow(2.5) + x().abs().pow(y()),
            select(x().gt(y()), x() * 3.0, y().squared()),
            x().max(y()) * x().min(0.25) + y().sin() * x().cos() + x().squared().ln_1p(),
        ];
        for e in &cases {
            for at in [[0.7, -0.3], [0.2, 1.9], [1.3, 0.4]] {
                for i in 0..2 {
                    let d = eval(&PointFn::new(&e.derivative(i)), &at);
                    let f = PointFn::new(e);
                    let h = 1e-6;
                    let (mut up, mut down) = (at, at);
                    up[i] += h;
                    down[i] -= h;
                    let finite = (eval(&f, &up) - eval(&f, &down)) / (2.0 * h);
                    assert!(
                        (d - finite).abs() < 1e-6 * (1.0 + d.abs()),
                        "{e:?} {at:?} {d} {finite}"
                    );
                }
            }
        }
    }

    #[test]
    fn flat_form_shares_and_keeps_given_derivatives() {
        let e = (arg(0) + 1.0).squared().with_gradient(vec![constant(7.0)]) + arg(0);
        let f = PointFn::new(&e);
        assert_eq!(f.ops.len(), 5);
        assert_eq!(eval(&PointFn::new(&f.expr().derivative(0)), &[3.0]), 8.0);
    }
}

//! Turns a pointwise expression into the text of one function: a chain of elementwise operations in one pass.

use std::fmt::Write;

use super::module::real;
use crate::program::expr::{Binary, PointFn, PointOp, Unary};
use crate::ty::Shape;

/// Elements of a result from on which a thread works on four.
const MANY: usize = 1 << 17;

/// Whether a thread works on four elements of a result of this shape: fewer threads are still enough for a GPU.
pub(super) fn in_fours(out: &Shape) -> bool {
    MANY <= out.count()
}

/// Where elements are among others: the shapes of the blob that has them and of the slice that they are, the axis along which
/// they are taken, the first and the distance.
pub(super) type Among = ([Shape; 2], usize, usize, usize);

/// An argument: its shape and, if it is a slice or a view of one, where its elements are among others.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) shape: Shape,
    pub(super) among: Option<Among>,
}

/// The function `name`: `(arguments, y, n)`, for these arguments and a result of shape `out`.
pub(super) fn function(name: &str, f: &PointFn, args: &[Read], out: &Shape) -> String {
    let mut text = format!("DEVICE void {name}(");
    for i in 0..args.len() {
        let _ = write!(text, "const real *a{i}, ");
    }
    text.push_str("real *y, whole n) {\n");
    let read: Vec<(usize, String)> = (args.iter().enumerate())
        .filter(|(i, _)| f.reads(*i))
        .map(|(i, read)| (i, place(read, out)))
        .collect();
    if in_fours(out) {
        text.push_str("    EACH_FOUR(first, n) {\n");
        for (i, _) in &read {
            let _ = writeln!(text, "        real q{i}[4];");
        }
        text.push_str("        FOUR(k) {\n            whole i = first + k * THREADS;\n");
        for (i, place) in &read {
            let _ = writeln!(text, "            q{i}[k] = i < n ? a{i}[{place}] : (real)0;");
        }
        text.push_str("        }\n        FOUR(k) {\n        whole i = first + k * THREADS;\n");
        for (i, _) in &read {
            let _ = writeln!(text, "        real x{i} = q{i}[k];");
        }
    } else {
        text.push_str("    EACH(i, n) {\n");
        for (i, place) in &read {
            let _ = writeln!(text, "        real x{i} = a{i}[{place}];");
        }
    }
    for (at, op) in f.ops.iter().enumerate() {
        let right = match *op {
            PointOp::Arg(i) => format!("x{i}"),
            PointOp::Const(c) => real(c),
            PointOp::Unary(f, a) => unary(f, a),
            PointOp::Binary(Binary::Pow, a, b) => power(a, b, f.ops.get(b)),
            PointOp::Binary(f, a, b) => binary(f, a, b),
            PointOp::Select(c, a, b) => format!("r{c} != 0 ? r{a} : r{b}"),
        };
        let _ = writeln!(text, "        real r{at} = {right};");
    }
    let last = f.ops.len().checked_sub(1).map_or("0".to_owned(), |last| format!("r{last}"));
    match in_fours(out) {
        true => {
            let _ = writeln!(text, "        if (i < n) y[i] = {last};\n        }}\n    }}\n}}");
        }
        false => {
            let _ = writeln!(text, "        y[i] = {last};\n    }}\n}}");
        }
    }
    text
}

/// The index of an argument's element for the result's element `i`.
fn place(read: &Read, out: &Shape) -> String {
    let Read { shape: arg, among } = read;
    let (whole, out, arg, along, first, by) = match among {
        Some(([whole, slice], along, first, by)) => (whole, slice, slice, *along, *first, *by),
        None if arg.count() == out.count() => return "i".to_owned(),
        None if arg.count() == 1 => return "0".to_owned(),
        None => (arg, out, arg, usize::MAX, 0, 1),
    };
    // Neighbouring axes along which the argument goes on, or stays, are one axis; last axis first.
    let mut axes: Vec<(usize, usize)> = vec![];
    let mut stride = 1;
    let mut start = 0;
    for (axis, (&extent, &own)) in out.0.iter().zip(&arg.0).enumerate().rev() {
        let mut step = if own == 1 { 0 } else { stride };
        if axis == along {
            start = first * stride;
            step *= by;
        }
        stride *= whole.0[axis];
        if extent == 1 {
            continue;
        }
        match axes.last_mut() {
            Some((before, at)) if *at * *before == step && (*at == 0) == (step == 0) => {
                *before *= extent;
            }
            _ => axes.push((extent, step)),
        }
    }
    let (mut terms, mut done) = (vec![], 1);
    let count = axes.len();
    for (i, (extent, step)) in axes.into_iter().enumerate() {
        if step != 0 {
            let number = if done == 1 { "i".to_owned() } else { format!("i / {done}") };
            let number = if i + 1 == count { number } else { format!("{number} % {extent}") };
            terms.push(if step == 1 { number } else { format!("{number} * {step}") });
        }
        done *= extent;
    }
    if start != 0 || terms.is_empty() {
        terms.push(start.to_string());
    }
    terms.join(" + ")
}

fn unary(f: Unary, a: usize) -> String {
    let name = match f {
        Unary::Neg => "-",
        Unary::Exp => "r_exp",
        Unary::Ln => "r_log",
        Unary::Ln1p => "r_log1p",
        Unary::Sqrt => "r_sqrt",
        Unary::Abs => "r_abs",
        Unary::Sign => "r_sign",
        Unary::Tanh => "r_tanh",
        Unary::Sigmoid => "r_sigmoid",
        Unary::Trunc => "r_trunc",
        Unary::Floor => "r_floor",
        Unary::Sin => "r_sin",
        Unary::Cos => "r_cos",
    };
    format!("{name}(r{a})")
}

fn binary(f: Binary, a: usize, b: usize) -> String {
    let sign = match f {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
        Binary::Lt => "<",
        Binary::Le => "<=",
        Binary::Eq => "==",
        Binary::Pow => return format!("r_pow(r{a}, r{b})"),
    };
    match f {
        Binary::Lt | Binary::Le | Binary::Eq => format!("(real)(r{a} {sign} r{b})"),
        _ => format!("r{a} {sign} r{b}"),
    }
}

/// A power; those that the processor has shortcuts for have the same here.
fn power(a: usize, b: usize, exponent: Option<&PointOp>) -> String {
    match exponent {
        Some(PointOp::Const(2.0)) => format!("r{a} * r{a}"),
        Some(PointOp::Const(0.5)) => format!("r_sqrt(r{a})"),
        Some(PointOp::Const(-1.0)) => format!("(real)1 / r{a}"),
        _ => binary(Binary::Pow, a, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_repeated_arguments_are_found_by_their_axes() {
        let out = Shape::from([4, 3, 5, 7]);
        let at = |dims: [usize; 4]| place(&Read { shape: Shape::from(dims), among: None }, &out);
        assert_eq!(at([4, 3, 5, 7]), "i");
        assert_eq!(at([1, 1, 1, 1]), "0");
        assert_eq!(at([1, 3, 1, 1]), "i / 35 % 3");
        assert_eq!(at([4, 1, 1, 1]), "i / 105");
        assert_eq!(at([1, 1, 5, 7]), "i % 35");
        assert_eq!(at([4, 1, 5, 7]), "i % 35 + i / 105 * 35");
        assert_eq!(at([4, 1, 5, 1]), "i / 7 % 5 + i / 105 * 5");
    }

    #[test]
    fn elements_of_a_slice_are_found_among_the_others() {
        let at = |whole: [usize; 3], out: [usize; 3], (along, first, by)| {
            let shape = Shape::from(out);
            let among = Some(([Shape::from(whole), shape.clone()], along, first, by));
            place(&Read { shape: shape.clone(), among }, &shape)
        };
        assert_eq!(at([4, 3, 5], [4, 1, 5], (1, 2, 1)), "i % 5 + i / 5 * 15 + 10");
        assert_eq!(at([4, 7, 5], [4, 3, 5], (1, 0, 2)), "i % 5 + i / 5 % 3 * 10 + i / 15 * 35");
        assert_eq!(at([4, 6, 5], [2, 6, 5], (0, 1, 1)), "i + 30");
        assert_eq!(at([4, 1, 5], [4, 1, 1], (2, 3, 1)), "i * 5 + 3");
    }
}

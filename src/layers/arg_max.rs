//! Where the largest elements are.

use std::cmp::Ordering;

use super::executor::vectorize;
use super::prelude::*;

params! {
    /// The positions of the `top_k` largest elements, largest first, and their values if asked for.
    ///
    /// With `axis`: along that axis, whose extent becomes `top_k`; the values take the place of the positions. Without:
    /// of each item `N x ...` as a whole, `N x 1 x top_k`, or `N x 2 x top_k` with positions and then values; the top
    /// has at least three axes, and as many as the bottom. Among equals the later comes first, as in Caffe. It has no
    /// gradient.
    pub struct ArgMax {
        /// Number of elements.
        top_k: usize = 1,
        /// Whether values are given out.
        values: bool = false,
        /// The axis; -1 is the last. All axes but the first if not given.
        axis: Option<i64> = None,
    }
}

/// The description of [`ArgMax`].
pub static SPEC: LayerSpec = LayerSpec {
    differentiable: 0,
    in_place: InPlace::Garbled,
    spellings: &[caffe("ArgMax", |a| {
        let p = a.section("argmax_param");
        ArgMax {
            top_k: p.usize("top_k").unwrap_or(1),
            values: p.bool("out_max_val").unwrap_or(false),
            axis: p.int("axis"),
        }
        .into()
    })],
    ..LayerSpec::new("ArgMax", Category::Metric, ArgMax::DOCS)
};

impl LayerOps for ArgMax {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        let x = cx.bottom(0);
        let (candidates, top) = match self.axis {
            Some(axis) => {
                let axis = cx.axis(0, axis)?;
                (x.dims()[axis], x.with(axis, self.top_k))
            }
            None => {
                let Some(&items) = x.dims().first() else {
                    return cx.fail_bottom(0, "needs an axis of items");
                };
                let mut top = vec![1; x.rank().max(3)];
                (top[0], top[2]) = (items, self.top_k);
                if self.values {
                    top[1] = 2;
                }
                (x.count_of(1..x.rank()), top.into())
            }
        };
        if self.top_k == 0 || candidates < self.top_k {
            let k = self.top_k;
            return cx.fail(&["top_k"], format!("cannot choose {k} of {candidates} elements"));
        }
        Ok(Signature::of(top))
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        let x = b.shape(cx.bottoms[0]);
        let (k, top) = (self.top_k, cx.top(0).clone());
        let choose = match self.axis.and_then(|axis| x.axis(axis)) {
            Some(axis) => Choose {
                k,
                candidates: x.dims()[axis],
                inner: x.count_of(axis + 1..x.rank()),
                positions: !self.values,
                values: self.values,
                top,
            },
            None => Choose {
                k,
                candidates: x.count_of(1..x.rank()),
                inner: 1,
                positions: true,
                values: self.values,
                top,
            },
        };
        b.native(choose, cx.bottoms)
    }

    fn detail(&self) -> String {
        match self.top_k {
            1 => String::new(),
            k => format!("top {k}"),
        }
    }
}

/// `(outer x candidates x inner) -> outer x (positions, then values) x inner`.
#[derive(Debug, PartialEq)]
struct Choose {
    k: usize,
    candidates: usize,
    inner: usize,
    positions: bool,
    values: bool,
    top: Shape,
}

/// Candidates from which on a block of a GPU's threads works on a line, if it seeks at most so many.
const LONG: usize = 32;
const FEW: usize = 32;

/// Larger first; among equals the later first; what is no number last.
fn order<T: Real>(a: &(T, usize), b: &(T, usize)) -> Ordering {
    let numbers = b.0.partial_cmp(&a.0);
    let number = |x: T| x.partial_cmp(&x).is_some();
    numbers.unwrap_or_else(|| number(b.0).cmp(&number(a.0))).then(b.1.cmp(&a.1))
}

/// The position of the last of the largest elements, as [`order`] has it.
fn last_largest<T: Real>(x: &[T]) -> usize {
    const LANES: usize = 32;
    // What is no number never takes the place of one.
    let larger = |most: &mut T, x: T| *most = if *most < x { x } else { *most };
    let max = vectorize(
        #[inline(always)]
        || {
            let mut lanes = [T::NEG_INFINITY; LANES];
            let parts = x.chunks_exact(LANES);
            let rest = parts.remainder();
            for part in parts {
                lanes.iter_mut().zip(part).for_each(|(most, x)| larger(most, *x));
            }
            lanes.iter_mut().zip(rest).for_each(|(most, x)| larger(most, *x));
            let mut max = T::NEG_INFINITY;
            lanes.into_iter().for_each(|x| larger(&mut max, x));
            max
        },
    );
    x.iter().rposition(|x| *x == max).unwrap_or(x.len() - 1)
}

impl Operation for Choose {
    const NAME: &'static str = "arg-max";
    const DIFFERENTIABLE: usize = 0;

    fn shapes(&self, _args: &[&Shape]) -> Vec<Shape> {
        vec![self.top.clone()]
    }

    fn forward<T: Real>(&self, args: &[View<T>], outs: &mut [ViewMut<T>], _work: &mut [T]) {
        let &Choose { k, candidates, inner, .. } = self;
        let parts = usize::from(self.positions) + usize::from(self.values);
        let blocks = args[0].data.chunks_exact(candidates * inner.max(1));
        let mut best: Vec<(T, usize)> = vec![];
        for (x, y) in blocks.zip(outs[0].data.chunks_exact_mut(parts * k * inner.max(1))) {
            for i in 0..inner {
                best.clear();
                if k == 1 && inner == 1 {
                    let position = last_largest(x);
                    best.push((x[position], position));
                } else {
                    best.extend((0..candidates).map(|c| (x[c * inner + i], c)));
                    best.select_nth_unstable_by(k - 1, order);
                    best[..k].sort_unstable_by(order);
                }
                for (j, &(value, position)) in best[..k].iter().enumerate() {
                    if self.positions {
                        y[j * inner + i] = T::from_usize(position);
                    }
                    if self.values {
                        y[((parts - 1) * k + j) * inner + i] = value;
                    }
                }
            }
        }
    }

    fn device(&self, pass: Pass, args: &[&Shape]) -> Option<DeviceForm> {
        let Pass::Forward = pass else { return None };
        let operands = vec![Operand::Arg(0), Operand::Out(0)];
        let count = args[0].count();
        let call = match LONG < self.candidates && self.k <= FEW {
            true => Call::teams("arg_max_teams", count / self.candidates, operands),
            false => Call::each("arg_max_each", count, operands),
        };
        let call = call.with_all([self.candidates, self.inner.max(1), self.k]);
        let calls = vec![call.with(self.positions).with(self.values)];
        Some(DeviceForm { texts: &[include_str!("arg_max.cu")], calls, work: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::{last_largest, order};

    #[test]
    fn the_last_of_the_largest_is_the_first_in_order() {
        let values = [0.5f32, 2.0, f32::NAN, -1.0, f32::NEG_INFINITY, 2.0];
        let mut seed = 1u32;
        for n in 1..150 {
            // Among few kinds of values are lines of one kind, of NaN alone among them.
            let kinds = 1 + n % values.len();
            let x: Vec<f32> = (0..n)
                .map(|_| {
                    seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
                    values[(n + (seed >> 16) as usize % kinds) % values.len()]
                })
                .collect();
            let ordered = x.iter().copied().zip(0..).min_by(order).expect("an element");
            assert_eq!(last_largest(&x), ordered.1, "{x:?}");
        }
    }
}

//! The same elements in another shape.

use super::prelude::*;

params! {
    /// The same elements in another shape of the same count.
    ///
    /// The extents in `dims` take the place of `num_axes` axes from `axis` on. An extent of 0 is copied from the axis
    /// of the bottom at the same position, one -1 is chosen so that the count stays. In Caffe the top shares the
    /// bottom's memory, so that a layer in place on the top also changes what later readers of the bottom see; here
    /// they see the bottom.
    pub struct Reshape {
        /// The new extents: 0 copies, one -1 is inferred.
        dims: Vec<i64> = vec![],
        /// The first axis that is replaced; -1 is after the last.
        axis: i64 = 0,
        /// How many axes are replaced; all from `axis` on if not given.
        num_axes: Option<usize> = None,
    }
}

/// The description of [`Reshape`].
pub static SPEC: LayerSpec = LayerSpec {
    in_place: InPlace::Refused,
    spellings: &[caffe("Reshape", |a| {
        let p = a.section("reshape_param");
        let num_axes = p.int("num_axes").unwrap_or(-1);
        if num_axes < -1 {
            p.wrong("num_axes", format!("`num_axes` must be -1, for all, or more, not {num_axes}"));
        }
        Reshape {
            dims: p.section("shape").ints("dim"),
            axis: p.int("axis").unwrap_or(0),
            num_axes: usize::try_from(num_axes).ok(),
        }
        .into()
    })],
    ..LayerSpec::new("Reshape", Category::Shape, Reshape::DOCS)
};

impl Reshape {
    /// The top's shape, or what is wrong and with which field.
    fn top(&self, x: &Shape) -> Result<Shape, (&'static str, String)> {
        let rank = x.rank();
        let counted = if self.axis < 0 { self.axis + rank as i64 + 1 } else { self.axis };
        let Some(first) = usize::try_from(counted).ok().filter(|&first| first <= rank) else {
            let why = format!("there is no place {} in a blob of {rank} axes ({x})", self.axis);
            return Err(("axis", why));
        };
        let end = self.num_axes.map_or(rank, |n| first.saturating_add(n));
        if rank < end {
            let n = end - first;
            return Err(("num_axes", format!("{x} has no {n} axes from axis {first} on")));
        }
        let mut dims = x.dims()[..first].to_vec();
        let mut inferred = None;
        for (i, &dim) in self.dims.iter().enumerate() {
            dims.push(match dim {
                0 => *x.dims().get(first + i).ok_or_else(|| {
                    ("dim", format!("dim 0 copies axis {}, which {x} does not have", first + i))
                })?,
                -1 if inferred.is_some() => {
                    return Err(("dim", "only one extent can be inferred (-1)".into()));
                }
                -1 => {
                    inferred = Some(first + i);
                    1
                }
                _ => usize::try_from(dim)
                    .map_err(|_| ("dim", format!("an extent cannot be {dim}")))?,
            });
        }
        dims.extend(&x.dims()[end..]);
        let mut top = Shape(dims);
        let told = top.checked_count();
        if let Some(axis) = inferred {
            match told {
                Some(told) if 0 < told && x.count().is_multiple_of(told) => {
                    top.0[axis] = x.count() / told;
                }
                _ => {
                    let (n, told) = (x.count(), told.map_or("too many".into(), |n| n.to_string()));
                    let why = format!("{x} has {n} elements, which {told} do not divide");
                    return Err(("dim", format!("-1 cannot be inferred: {why}")));
                }
            }
        } else if told != Some(x.count()) {
            let count = told.map_or("too many".into(), |n| n.to_string());
            let why = format!(
                "cannot reshape {x}, which has {} elements, to {top}, which has {count}",
                x.count()
            );
            return Err(("dim", why));
        }
        Ok(top)
    }
}

impl LayerOps for Reshape {
    fn infer(&self, cx: &Infer) -> Result<Signature, Reported> {
        match self.top(cx.bottom(0)) {
            Ok(top) => Ok(Signature::of(top)),
            Err((key, why)) => cx.fail(&[key, "reshape_param"], why),
        }
    }

    fn lower(&self, b: &mut Builder, cx: &Lower) -> Vec<ValueId> {
        cx.reshaped(b)
    }

    fn detail(&self) -> String {
        let dims: Vec<String> = self.dims.iter().map(i64::to_string).collect();
        let mut text = format!("to {}", dims.join(" x "));
        if self.axis != 0 {
            text.push_str(&format!(" from axis {}", self.axis));
        }
        text
    }
}

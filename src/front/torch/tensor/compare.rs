//! Comparisons of elements, to masks of 0 and 1.

use super::Operation;
use super::arguments::{optional, same_count, tensor};
use super::pointwise::ends_with_tensor;
use super::view::Tensor;
use crate::front::torch::interp::{Args, Lua, Results};

pub(super) const OPERATIONS: &[Operation] = &[
    ("all", |lua, args, _| {
        let values = tensor(lua, args, 0)?.values(lua)?;
        Ok(vec![values.iter().all(|value| *value != 0.0).into()])
    }),
    ("any", |lua, args, _| {
        let values = tensor(lua, args, 0)?.values(lua)?;
        Ok(vec![values.iter().any(|value| *value != 0.0).into()])
    }),
    ("eq", |lua, args, _| compare(lua, args, |a, b| a == b)),
    ("equal", |lua, args, _| {
        let (a, b) = (tensor(lua, args, 0)?, tensor(lua, args, 1)?);
        Ok(vec![(a.sizes() == b.sizes() && a.values(lua)? == b.values(lua)?).into()])
    }),
    ("ge", |lua, args, _| compare(lua, args, |a, b| a >= b)),
    ("gt", |lua, args, _| compare(lua, args, |a, b| a > b)),
    ("le", |lua, args, _| compare(lua, args, |a, b| a <= b)),
    ("lt", |lua, args, _| compare(lua, args, |a, b| a < b)),
    ("ne", |lua, args, _| compare(lua, args, |a, b| a != b)),
];

/// `torch.eq([result,] a, b)` where `b` is a tensor or a number.
fn compare(lua: &mut Lua, args: &Args, holds: fn(f64, f64) -> bool) -> Results {
    let last = args.len().saturating_sub(1).max(1);
    let from = last - 1;
    let a = tensor(lua, args, from)?;
    let mut values = a.values(lua)?;
    let truth = |holds: bool| f64::from(u8::from(holds));
    if ends_with_tensor(args) {
        let b = tensor(lua, args, last)?;
        same_count(lua, a, b)?;
        let others = b.values(lua)?;
        values.iter_mut().zip(&others).for_each(|(v, other)| *v = truth(holds(*v, *other)));
    } else {
        // A number is compared as the elements hold it.
        let number = a.kind().cast(args.number(lua, last)?);
        values.iter_mut().for_each(|value| *value = truth(holds(*value, number)));
    }
    if from == 0 {
        let mask = Tensor::from_values(lua, a.kind().mask(), &a.sizes(), &values)?;
        return Ok(super::arguments::one(mask));
    }
    if let Some(result) = optional(args, 0) {
        result.resize(lua, &a.sizes())?;
        result.write(lua, &values)?;
    }
    Ok(vec![args.get(0)])
}

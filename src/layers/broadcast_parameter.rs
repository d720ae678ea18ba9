//! A parameter of any extents over a bottom, by Torch's rule: of CAdd and CMul.

use crate::diag::Reported;
use crate::program::{Builder, ValueId};
use crate::spec::Infer;
use crate::ty::Shape;

/// The shapes in which bottom and parameter are combined element by element: flat if they have as many elements; as
/// they are if they have as many axes, the parameter repeated where its extent is 1; else per item of the batch.
pub fn aligned(x: &Shape, parameter: &Shape) -> Option<(Shape, Shape)> {
    let fits = |(x, parameter): (Shape, Shape)| {
        let fits = x.dims().iter().zip(parameter.dims()).all(|(x, p)| *p == 1 || x == p);
        fits.then_some((x, parameter))
    };
    if x.count() == parameter.count() {
        return Some(([x.count()].into(), [x.count()].into()));
    }
    if x.rank() == parameter.rank() {
        return fits((x.clone(), parameter.clone()));
    }
    let items = *x.dims().first()?;
    let item = x.count_of(1..x.rank());
    fits(([items, item].into(), [1, parameter.count()].into()))
}

/// Complains about a parameter that does not lie over bottom 0.
pub fn check(cx: &Infer, parameter: &Shape) -> Result<(), Reported> {
    match aligned(cx.bottom(0), parameter) {
        Some(_) => Ok(()),
        None => cx.fail_bottom(0, format!("does not go with a parameter of {parameter}")),
    }
}

/// Bottom and parameter in the shapes in which they are combined.
pub fn align(b: &mut Builder, x: ValueId, parameter: ValueId) -> [ValueId; 2] {
    let (flat, spread) = aligned(b.shape(x), b.shape(parameter)).expect("infer has checked it");
    [b.view(x, flat), b.view(parameter, spread)]
}

//! A parameter of any extents over a bottom, by Torch's rule: of CAdd and CMul.

use super::prelude::*;

/// The shapes in which bottom and parameter are combined element by element: flat if they have as many elements; as
/// they are if they have as many axes, the parameter repeated where its extent is 1; else per item of the batch.
fn aligned(x: &Shape, parameter: &Shape) -> Option<(Shape, Shape)> {
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

/// A top of the shape of bottom 0, and a parameter that must lie over it.
pub(super) fn infer(cx: &Infer, role: &'static str, size: &[usize]) -> Result<Signature, Reported> {
    let (x, parameter) = (cx.bottom(0), Shape(size.to_vec()));
    if aligned(x, &parameter).is_none() {
        return cx.fail_bottom(0, format!("does not go with a parameter of {parameter}"));
    }
    let params = vec![ParamDecl::new(role, parameter, Filler::Unset)];
    Ok(Signature { tops: vec![x.clone()], params })
}

/// Combines bottom 0 and the parameter element by element.
pub(super) fn lower(
    b: &mut Builder,
    cx: &Lower,
    combine: fn(&mut Builder, ValueId, ValueId) -> ValueId,
) -> Vec<ValueId> {
    let (x, parameter) = (cx.bottoms[0], cx.params[0]);
    let (flat, spread) = aligned(b.shape(x), b.shape(parameter)).expect("infer has checked it");
    let (x, parameter) = (b.view(x, flat), b.view(parameter, spread));
    let y = combine(b, x, parameter);
    vec![b.view(y, cx.top(0).clone())]
}

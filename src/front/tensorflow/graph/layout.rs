//! Axes: how the axes of tensors lie in blobs, and what reorders them.

use std::rc::Rc;

use super::{Fault, Graph, Kind, Outcome, Source, Tensor, shown, without_model};
use crate::layers::constant::Constant;
use crate::layers::parameter::Parameter;
use crate::layers::permute::Permute;
use crate::layers::random_numbers::{Law, RandomNumbers};
use crate::layers::reshape::Reshape;
use crate::spec::Filler;
use crate::ty::Shape;

/// The axes of `N x C x H x W` in the order of `N x H x W x C`.
pub(super) const IMAGE: [usize; 4] = [0, 2, 3, 1];

/// The shape of a blob that has these extents in this order.
pub(super) fn physical(dims: &[usize], order: &[usize]) -> Shape {
    let mut shape = vec![0; dims.len()];
    for (&extent, &axis) in dims.iter().zip(order) {
        shape[axis] = extent;
    }
    Shape(shape)
}

/// The order in which axes are as they are.
pub(super) fn plain_order(rank: usize) -> Vec<usize> {
    (0..rank).collect()
}

/// The axes that are longer than 1, in the order in which they lie.
fn long_axes(dims: &[usize], order: &[usize]) -> Vec<usize> {
    let mut axes: Vec<usize> = (0..dims.len()).filter(|&axis| dims[axis] != 1).collect();
    axes.sort_by_key(|&axis| order[axis]);
    axes
}

/// Numbers row by row in another order of axes: axis `i` of the result is axis `perm[i]`.
fn permuted(values: &[f64], dims: &[usize], perm: &[usize]) -> Vec<f64> {
    let mut strides = vec![1; dims.len()];
    for axis in (0..dims.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * dims[axis + 1];
    }
    let new: Vec<usize> = perm.iter().map(|&axis| dims[axis]).collect();
    let mut out = Vec::with_capacity(values.len());
    for mut place in 0..values.len() {
        let mut at = 0;
        for (&extent, &axis) in new.iter().zip(perm).rev() {
            at += place % extent.max(1) * strides[axis];
            place /= extent.max(1);
        }
        out.push(values[at]);
    }
    out
}

impl Graph {
    /// The blob of a tensor and the axis of the blob for each axis of the tensor.
    pub(super) fn blob(&mut self, tensor: &Tensor) -> Outcome<(String, Vec<usize>)> {
        let plain = plain_order(tensor.rank());
        let shape = Shape(tensor.dims.clone());
        let function = self.function.clone();
        let blob = match &tensor.source {
            Source::Blob { blob, order } if self.shapes.contains_key(blob) => {
                return Ok((blob.clone(), order.clone()));
            }
            Source::Blob { .. } => {
                return Err(Fault::new(format!("`{}` is a tensor of another graph", tensor.name))
                    .help("gradients are changed after the net has run: only they and variables are there"));
            }
            Source::Variable(variable) => {
                if let Some(blob) = self.became(*variable) {
                    return Ok((blob, plain));
                }
                self.function = "tf.Variable".to_owned();
                let name = self.variables[*variable].name.clone();
                let name = without_model(&name).unwrap_or(&name).to_owned();
                let name = format!("{name}/read");
                if self.shapes.contains_key(&name) {
                    self.function = function;
                    return Ok((name, plain));
                }
                // Whoever reads it first, it is the same for all.
                self.at_the_top(|graph| {
                    graph.push(
                        &name,
                        Parameter { shape, ..Parameter::default() },
                        &[],
                        &[*variable],
                    )
                })
            }
            Source::Random(filler, number) => {
                if let Some(drawn) = self.drawn.get(number) {
                    return Ok((drawn.clone(), plain));
                }
                let (law, first, second) = law(*filler)?;
                let layer = RandomNumbers { law, first, second, shape };
                let drawn = self.push("random", layer, &[], &[])?;
                self.drawn.insert(*number, drawn.clone());
                Ok(drawn)
            }
            Source::Uniform(_) | Source::Numbers(_) => {
                let Some(first) = self.nodes.first() else {
                    let why = "the shape of the images is not known, and tensors are computed outside of the model";
                    return Err(Fault::new(why)
                        .help("say height, width and channels: --input-shape 28,28,1"));
                };
                let input = first.tops[0].value.clone();
                let layer = Constant { dims: tensor.dims.clone(), item_axes: None };
                self.function = "tf.constant".to_owned();
                let made = self.push("Const", layer, &[&input], &[]);
                if let (Ok(_), Some(node)) = (&made, self.nodes.last_mut()) {
                    let uniform = tensor.uniform();
                    let all = tensor.known().filter(|_| uniform.is_none());
                    let values = all.map(|all| all.iter().map(|&x| x as f32).collect());
                    node.params = vec![crate::ir::ParamSpec {
                        filler: Some(Filler::Constant(uniform.unwrap_or(0.0))),
                        values,
                        ..crate::ir::ParamSpec::new(self.place)
                    }];
                }
                made
            }
        };
        self.function = function;
        Ok((blob?, plain))
    }

    /// Does something outside of all scopes of names.
    fn at_the_top<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let names = std::mem::take(&mut self.scopes.names);
        let result = work(self);
        self.scopes.names = names;
        result
    }

    /// The blob of a tensor whose axis `i` is the blob's axis `order[i]`.
    pub(super) fn arranged(&mut self, tensor: &Tensor, order: &[usize]) -> Outcome<String> {
        let (blob, current) = self.blob(tensor)?;
        if current == order {
            return Ok(blob);
        }
        let shape = physical(&tensor.dims, order);
        if long_axes(&tensor.dims, &current) == long_axes(&tensor.dims, order) {
            let made = self.shaped(&blob, &shape)?;
            return Ok(self.lies(made, order));
        }
        let mut perm = vec![0; order.len()];
        for (&to, &from) in order.iter().zip(&current) {
            perm[to] = from;
        }
        let key = (blob, perm);
        if let Some(known) = self.exchanged.get(&key) {
            return Ok(known.clone());
        }
        let function = std::mem::replace(&mut self.function, "axes".to_owned());
        let layer = Permute { order: key.1.clone(), ..Permute::default() };
        let made = self.push("axes", layer, &[&key.0], &[])?;
        self.function = function;
        self.exchanged.insert(key, made.clone());
        Ok(self.lies(made, order))
    }

    /// A blob whose axes lie in this order, remembered if it is one of images.
    fn lies(&mut self, blob: String, order: &[usize]) -> String {
        if order == IMAGE {
            self.images.insert(blob.clone());
        }
        blob
    }

    /// The elements of a blob in another shape.
    pub(super) fn shaped(&mut self, blob: &str, shape: &Shape) -> Outcome<String> {
        if self.shape(blob) == shape {
            return Ok(blob.to_owned());
        }
        let dims = shape.dims().iter().map(|&extent| extent as i64).collect();
        let layer = Reshape { dims, ..Reshape::default() };
        let function = std::mem::replace(&mut self.function, "shape".to_owned());
        let made = self.push("shape", layer, &[blob], &[]);
        self.function = function;
        made
    }

    /// The blob of a tensor whose axes lie in the definition's order.
    pub(super) fn plain(&mut self, tensor: &Tensor) -> Outcome<String> {
        self.arranged(tensor, &plain_order(tensor.rank()))
    }

    /// The blob `N x C x H x W` of images `N x H x W x C`.
    pub(super) fn image(&mut self, tensor: &Tensor) -> Outcome<String> {
        if tensor.rank() != 4 {
            let shape = shown(&tensor.dims);
            let message =
                format!("images of 4 axes are needed, batch, height, width, channels, not {shape}");
            return Err(Fault::new(message).help("bring them into that shape with `tf.reshape`"));
        }
        self.arranged(tensor, &IMAGE)
    }

    /// `N x C x H x W` as a tensor `N x H x W x C`.
    pub(super) fn image_tensor(&self, blob: String) -> Tensor {
        self.tensor(blob, IMAGE.to_vec(), Kind::Float)
    }

    /// `tf.transpose`: axis `i` of the result is axis `perm[i]`; backwards without one.
    ///
    /// # Errors
    /// These are not the axes of the tensor.
    pub fn transpose(&mut self, tensor: &Tensor, perm: Option<&[i64]>) -> Outcome<Tensor> {
        let rank = tensor.rank();
        let perm: Vec<usize> = match perm {
            None => (0..rank).rev().collect(),
            Some(perm) => perm.iter().map(|&axis| tensor.axis(axis)).collect::<Outcome<_>>()?,
        };
        let mut sorted = perm.clone();
        sorted.sort_unstable();
        if sorted != plain_order(rank) {
            let shape = shown(&tensor.dims);
            let message = format!("{perm:?} does not name each axis of {shape} once");
            return Err(Fault::new(message));
        }
        let dims = perm.iter().map(|&axis| tensor.dims[axis]).collect();
        let source = match &tensor.source {
            Source::Uniform(value) => Source::Uniform(*value),
            Source::Numbers(values) => {
                Source::Numbers(Rc::from(permuted(values, &tensor.dims, &perm)))
            }
            _ => {
                let (blob, order) = self.blob(tensor)?;
                Source::Blob { blob, order: perm.iter().map(|&axis| order[axis]).collect() }
            }
        };
        Ok(Tensor { source, dims, ..tensor.clone() })
    }

    /// `tf.reshape`; one extent may be -1.
    ///
    /// # Errors
    /// The elements do not fill the shape.
    pub fn reshape(&mut self, tensor: &Tensor, dims: &[i64]) -> Outcome<Tensor> {
        let count = tensor.count();
        let mut told: Vec<usize> = vec![];
        let mut open = None;
        for (axis, &extent) in dims.iter().enumerate() {
            told.push(match usize::try_from(extent) {
                Ok(extent) => extent,
                Err(_) if extent == -1 && open.is_none() => {
                    open = Some(axis);
                    1
                }
                Err(_) => {
                    let what = if extent == -1 {
                        "only one extent may be -1"
                    } else {
                        "extents must not be negative"
                    };
                    return Err(Fault::new(format!("{what}: {dims:?}")));
                }
            });
        }
        let product = Shape(told.clone()).checked_count();
        let shape = shown(&tensor.dims);
        if let Some(axis) = open {
            match product {
                Some(product) if 0 < product && count.is_multiple_of(product) => {
                    told[axis] = count / product;
                }
                _ => {
                    let product = product.map_or("too many".to_owned(), |n| n.to_string());
                    let message =
                        format!("{shape} has {count} elements, which {product} do not divide");
                    return Err(self.reshape_help(tensor, Fault::new(message)));
                }
            }
        } else if product != Some(count) {
            let want = product.map_or("too many".to_owned(), |n| n.to_string());
            let message = format!("{shape} has {count} elements, and {} has {want}", shown(&told));
            return Err(self.reshape_help(tensor, Fault::new(message)));
        }
        if told == tensor.dims {
            return Ok(tensor.clone());
        }
        if matches!(tensor.source, Source::Uniform(_) | Source::Numbers(_)) {
            return Ok(Tensor { dims: told, ..tensor.clone() });
        }
        let (blob, order) = self.blob(tensor)?;
        let long = |dims: &[usize]| dims.iter().filter(|&&n| n != 1).copied().collect::<Vec<_>>();
        if long(&tensor.dims) == long(&told) {
            // Only axes of extent 1 come or go, so that the elements may stay where they are.
            let old = long_axes(&tensor.dims, &order);
            let of_long = |axis: &usize| tensor.dims[..*axis].iter().filter(|&&n| n != 1).count();
            let lying: Vec<usize> = old.iter().map(of_long).collect();
            for candidate in [IMAGE.to_vec(), plain_order(told.len())] {
                if candidate.len() != told.len() {
                    continue;
                }
                let new = long_axes(&told, &candidate);
                let of_long = |axis: &usize| told[..*axis].iter().filter(|&&n| n != 1).count();
                if new.iter().map(of_long).eq(lying.iter().copied()) {
                    let blob = self.shaped(&blob, &physical(&told, &candidate))?;
                    let blob = self.lies(blob, &candidate);
                    return Ok(self.tensor(blob, candidate, tensor.kind));
                }
            }
        }
        let blob = self.plain(tensor)?;
        let blob = self.shaped(&blob, &Shape(told))?;
        Ok(self.plain_tensor(blob, tensor.kind))
    }

    /// Advice where a batch of vectors was meant.
    fn reshape_help(&self, tensor: &Tensor, fault: Fault) -> Fault {
        match tensor.dims.split_first() {
            Some((_, rest)) if rest.len() == 3 => {
                let [h, w, c] = [rest[0], rest[1], rest[2]];
                let n = h * w * c;
                fault.help(format!(
                    "an item has {h} x {w} x {c} = {n} elements: `tf.reshape(x, [-1, {n}])`, or `slim.flatten(x)`"
                ))
            }
            _ => fault,
        }
    }

    /// `tf.expand_dims`.
    ///
    /// # Errors
    /// There is no such place.
    pub fn expand_dims(&mut self, tensor: &Tensor, axis: i64) -> Outcome<Tensor> {
        let rank = tensor.rank() as i64;
        let place = if axis < 0 { axis + rank + 1 } else { axis };
        if !(0..=rank).contains(&place) {
            let shape = shown(&tensor.dims);
            return Err(Fault::new(format!("there is no place {axis} for an axis in {shape}")));
        }
        let mut dims: Vec<i64> = tensor.dims.iter().map(|&extent| extent as i64).collect();
        dims.insert(place as usize, 1);
        self.reshape(tensor, &dims)
    }

    /// `tf.squeeze`: without these axes, which must have extent 1; without all such axes if none are named.
    ///
    /// # Errors
    /// One of them is longer.
    pub fn squeeze(&mut self, tensor: &Tensor, axes: &[i64]) -> Outcome<Tensor> {
        let named = axes.iter().map(|&axis| tensor.axis(axis)).collect::<Outcome<Vec<_>>>()?;
        if let Some(&axis) = named.iter().find(|&&axis| tensor.dims[axis] != 1) {
            let (shape, extent) = (shown(&tensor.dims), tensor.dims[axis]);
            return Err(Fault::new(format!("axis {axis} of {shape} has extent {extent}, not 1")));
        }
        let goes = |axis: &usize| match named.is_empty() {
            true => tensor.dims[*axis] == 1,
            false => named.contains(axis),
        };
        let kept = (0..tensor.rank()).filter(|axis| !goes(axis));
        let dims: Vec<i64> = kept.map(|axis| tensor.dims[axis] as i64).collect();
        self.reshape(tensor, &dims)
    }
}

/// Random numbers of a filler as they are drawn in every pass.
fn law(filler: Filler) -> Outcome<(Law, f64, f64)> {
    match filler {
        Filler::Uniform(min, max) => Ok((Law::Uniform, min, max)),
        Filler::Gaussian { mean, std, sparse: None } => Ok((Law::Normal, mean, std)),
        _ => {
            Err(Fault::new("these random numbers are known as the first values of variables only")
                .help("`tf.random_normal` and `tf.random_uniform` are drawn anew at every pass"))
        }
    }
}

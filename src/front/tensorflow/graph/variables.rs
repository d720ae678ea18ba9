//! Variables: made once, shared by name.

use std::sync::Arc;

use super::{Fault, Graph, Kind, Outcome, Reuse, Section, Source, Tensor, in_model, shown};
use crate::ir::ParamSpec;
use crate::source::{Span, Spanned};
use crate::spec::Filler;

/// A variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its whole name, `model/conv1/weights`.
    pub name: String,
    /// Its extents.
    pub dims: Vec<usize>,
    /// What its elements are.
    pub kind: Kind,
    /// Its first values.
    pub filler: Filler,
    /// First values one by one, row by row, which win over the filler.
    pub values: Option<Arc<[f32]>>,
    /// Whether solvers change it.
    pub trainable: bool,
    /// The scale of its l2 regulariser.
    pub regularizer: Option<f64>,
    /// Where it was made.
    pub place: Span,
}

/// A variable that is asked for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its extents.
    pub dims: Vec<usize>,
    /// What its elements are.
    pub kind: Kind,
    /// Its first values.
    pub initial: Source,
    /// Whether solvers change it.
    pub trainable: bool,
    /// The scale of its l2 regulariser.
    pub regularizer: Option<f64>,
}

impl Graph {
    /// The variable of a whole name.
    pub fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|variable| variable.name == name)
    }

    /// The variable that a name means in the open scope. Newer versions of DIGITS ask for the loss in the scope of the model,
    /// so that what is shared there may be the model's.
    pub fn shared(&self, name: &str) -> Option<usize> {
        let of_model = || {
            let shares = self.scope().borrow().reuse == Reuse::Yes;
            let asks = shares && self.section() == Section::Loss;
            self.variable(&in_model(name)).filter(|_| asks)
        };
        self.variable(name).or_else(of_model)
    }

    /// `tf.get_variable`: makes a variable of the open scope, or finds the one that is there.
    ///
    /// # Errors
    /// It is there and must not be, or the other way round, or it is there in another shape.
    pub fn get_variable(&mut self, asked: Asked) -> Outcome<usize> {
        let name = self.in_scope(asked.name);
        self.get_whole(Asked { name: &name, ..asked })
    }

    /// The same of a variable whose whole name is given.
    ///
    /// # Errors
    /// As of [`Graph::get_variable`].
    pub fn get_whole(&mut self, asked: Asked) -> Outcome<usize> {
        let name = asked.name.to_owned();
        let reuse = self.scope().borrow().reuse;
        match (self.shared(&name), reuse) {
            (Some(_), Reuse::No) => {
                let message = format!("variable `{name}` exists already");
                Err(Fault::new(message).help(
                    "to share it, open its scope with `tf.variable_scope(scope, reuse=True)` or call \
                     `scope.reuse_variables()` before; else give the second one another scope or name",
                ))
            }
            (Some(found), _) => {
                let have = &self.variables[found].dims;
                if *have != asked.dims {
                    let (have, want) = (shown(have), shown(&asked.dims));
                    let message =
                        format!("`{name}` is shared, but is {have} there and {want} here");
                    return Err(Fault::new(message));
                }
                Ok(found)
            }
            (None, Reuse::Yes) => {
                let message = format!("variable `{name}` does not exist, and its scope is reused");
                let all = self.variables.iter().map(|v| v.name.as_str());
                let near = crate::diag::nearest::nearest(&name, all);
                let fault = Fault::new(message);
                Err(match near {
                    Some(near) => fault.help(format!("there is `{near}`")),
                    None => fault.help("make it first, in a scope that is not reused"),
                })
            }
            (None, _) => Ok(self.make_variable(name, asked)),
        }
    }

    /// `tf.Variable`: makes a variable, whose name is made unique.
    pub fn new_variable(&mut self, asked: Asked) -> usize {
        let outer = self.name_scope();
        let name = match outer.is_empty() {
            true => self.whole_name(asked.name),
            false => self.whole_name(&format!("{outer}/{}", asked.name)),
        };
        let numbered = (1..).map(|i| format!("{name}_{i}"));
        let mut all = std::iter::once(name.clone()).chain(numbered);
        let free = all.find(|name| self.variable(name).is_none()).unwrap_or_default();
        self.make_variable(free, asked)
    }

    fn make_variable(&mut self, name: String, asked: Asked) -> usize {
        let (filler, values) = match asked.initial {
            Source::Uniform(value) => (Filler::Constant(value), None),
            Source::Numbers(values) => {
                (Filler::Constant(0.0), Some(values.iter().map(|&x| x as f32).collect()))
            }
            Source::Random(filler, _) => (filler, None),
            _ => (Filler::Constant(0.0), None),
        };
        let regularizer = asked.regularizer.filter(|&scale| scale != 0.0);
        if self.section() == Section::Loss && asked.trainable {
            self.late.push(self.variables.len());
        }
        self.variables.push(Variable {
            name,
            dims: asked.dims,
            kind: asked.kind,
            filler,
            values,
            trainable: asked.trainable,
            regularizer,
            place: self.place,
        });
        self.variables.len() - 1
    }

    /// A variable as a tensor.
    pub fn variable_tensor(&self, variable: usize) -> Tensor {
        let Variable { name, dims, kind, .. } = &self.variables[variable];
        Tensor {
            source: Source::Variable(variable),
            dims: dims.clone(),
            kind: *kind,
            name: name.as_str().into(),
        }
    }

    /// A variable as the parameter of a layer.
    pub(super) fn param(&self, variable: usize) -> ParamSpec {
        let Variable { name, filler, values, trainable, place, .. } = &self.variables[variable];
        ParamSpec {
            name: Some(Spanned::new(name.clone(), *place)),
            lr_mult: (!trainable).then_some(0.0),
            filler: Some(*filler),
            values: values.clone(),
            ..ParamSpec::new(*place)
        }
    }
}

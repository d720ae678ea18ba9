//! From a saved network to its parameters and buffers, in the order in which Torch itself lists them.

use super::{Object, T7, Tensor, Value};
use crate::weights::Blob;
use crate::{Error, Result};

/// Modules within modules, at most.
const DEEPEST: usize = 200;

/// Visits of modules, at most; a module that occurs twice is visited twice.
const MOST_VISITS: usize = 1 << 20;

/// A tensor of `model:parameters()`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The number of its module among those that have parameters, from 0.
    pub module: usize,
    /// The module's class, such as `nn.Linear`.
    pub class: String,
    /// `weight` or `bias`.
    pub role: &'static str,
    /// Its values.
    pub blob: Blob,
    /// Where its first value lies: parameters with one place are one parameter.
    pub place: (Option<usize>, usize),
}

/// What a normalisation has learned of its input beside its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffers {
    /// The means.
    pub mean: Blob,
    /// The variances.
    pub variance: Blob,
}

impl T7 {
    /// The parameters as `model:parameters()` lists them: a shared one once for each of its modules. None if the file
    /// holds no network.
    ///
    /// # Errors
    /// The modules are nested or repeated beyond measure.
    pub fn parameters(&self) -> Result<Vec<Parameter>> {
        let mut parameters = vec![];
        let mut elements = 0usize;
        for (number, module) in self.with_parameters()?.into_iter().enumerate() {
            for role in ["weight", "bias"] {
                let Some(tensor) = self.tensor(self.field(module, role)) else { continue };
                parameters.push(Parameter {
                    module: number,
                    class: self.class(module).unwrap_or_default().to_owned(),
                    role,
                    blob: self.unfold(tensor, &mut elements)?,
                    place: (tensor.storage, tensor.offset),
                });
            }
        }
        Ok(parameters)
    }

    /// `running_mean` and `running_var` of every module that has them, in the order of `model:listModules()`.
    ///
    /// # Errors
    /// As [`T7::parameters`].
    pub fn buffers(&self) -> Result<Vec<Buffers>> {
        let mut buffers = vec![];
        let mut elements = 0usize;
        for module in self.modules()? {
            let tensor = |name| self.tensor(self.field(module, name));
            let Some(mean) = tensor("running_mean") else { continue };
            let variance = match (tensor("running_var"), tensor("running_std")) {
                (Some(variance), _) => self.unfold(variance, &mut elements)?,
                // The first version kept 1 / sqrt(variance + eps).
                (None, Some(inverse)) => {
                    let eps = match self.field(module, "eps") {
                        Some(Value::Number(eps)) => *eps as f32,
                        _ => 1e-5,
                    };
                    let mut blob = self.unfold(inverse, &mut elements)?;
                    blob.data.iter_mut().for_each(|x| *x = (*x * *x).recip() - eps);
                    blob
                }
                (None, None) => continue,
            };
            buffers.push(Buffers { mean: self.unfold(mean, &mut elements)?, variance });
        }
        Ok(buffers)
    }

    /// The elements of a tensor, one of several that have so many `elements`: strides of 0 make much of a small file.
    fn unfold(&self, tensor: &Tensor, elements: &mut usize) -> Result<Blob> {
        *elements = elements.saturating_add(tensor.count());
        if self.is_exceeded_by(*elements) {
            return Err(self.error("parameters that are larger than the file explains"));
        }
        self.blob(tensor)
    }

    /// The modules that have parameters of their own, in order.
    fn with_parameters(&self) -> Result<Vec<&Value>> {
        let mut modules = self.modules()?;
        modules.retain(|module| {
            // A container lists the parameters of its modules and not its own.
            self.field(module, "modules").is_none()
                && ["weight", "bias"].iter().any(|r| self.tensor(self.field(module, r)).is_some())
        });
        Ok(modules)
    }

    /// All modules, a container before what it contains.
    fn modules(&self) -> Result<Vec<&Value>> {
        let mut found = vec![];
        self.visit(self.network()?, 0, &mut found)?;
        Ok(found)
    }

    fn visit<'a>(
        &'a self,
        module: &'a Value,
        depth: usize,
        found: &mut Vec<&'a Value>,
    ) -> Result<()> {
        if DEEPEST < depth || MOST_VISITS < found.len() {
            return Err(self.error("modules that contain each other"));
        }
        if !matches!(self.object(module), Some(Object::Torch { .. })) {
            return Ok(());
        }
        found.push(module);
        if let Some(modules) = self.field(module, "modules") {
            for inner in self.list(modules) {
                self.visit(inner, depth + 1, found)?;
            }
        }
        Ok(())
    }

    pub(super) fn tensor(&self, value: Option<&Value>) -> Option<&Tensor> {
        match self.object(value?)? {
            Object::Tensor { tensor, .. } if 0 < tensor.count() => Some(tensor),
            _ => None,
        }
    }

    pub(super) fn error(&self, message: &str) -> Error {
        Error::format(&self.path, format!("holds {message}"))
    }
}

//! The fields of a module: numbers, texts and small tensors as arguments of a layer, parameters as what its node holds.

use super::follow::written_method;
use super::{Identity, Stop, Use, Walk, stop, torch_type};
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Lua, Table, Value};
use crate::front::torch::library::is_criterion;
use crate::front::torch::tensor::{First, Storage, Tensor};
use crate::ir::{ParamSpec, ShareMode};
use crate::source::{Span, Spanned};
use crate::spec::{self, Field, Record, Spelling};
use crate::ty::Shape;

/// `nn.CrossEntropyCriterion` computes with the fields of the criterion inside it, which definitions set; only its own
/// `sizeAverage` goes before, where that has changed since it was made.
fn take_inner_fields(criterion: &Table) {
    let Value::Table(inner) = criterion.field("nll") else { return };
    let truth = |name: &str| criterion.field(name).is_truthy();
    if truth("sizeAverage") == truth("oldSizeAverage") {
        criterion.set_field("sizeAverage", inner.field("sizeAverage"));
        criterion.set_field("oldSizeAverage", inner.field("sizeAverage"));
    }
    for name in ["weights", "ignoreIndex"] {
        criterion.set_field(name, inner.field(name));
    }
}

impl Walk<'_> {
    /// The fields of a module as neutral arguments.
    pub(super) fn record(
        &mut self,
        spelling: &Spelling,
        module: &Table,
        span: Span,
    ) -> Result<Record, Stop> {
        if spelling.name == "nn.CrossEntropyCriterion" {
            take_inner_fields(module);
        }
        let mut fields = vec![];
        for (key, value) in module.entries() {
            if let Value::String(name) = &key {
                let name = name.to_str();
                let tensors = spelling.class.tensors;
                // `module.bias = false` takes a tensor away as nil does.
                if matches!(value, Value::Bool(false)) && tensors.iter().any(|&t| t == name) {
                    continue;
                }
                // The numbers of gradients are no arguments either.
                let extents = tensors.iter().any(|&t| t == name || gradient_of(t) == name);
                if let Some(value) = argument(self.lua, &value, extents, 2, span)? {
                    fields.push(field(&name, value, span));
                }
            }
        }
        Ok(Record { fields, span })
    }

    /// Attaches the tensors of a module to its node.
    pub(super) fn parameters(
        &mut self,
        spelling: &Spelling,
        module: &Table,
        node: usize,
        span: Span,
    ) -> Result<(), Stop> {
        // Definitions freeze a module by a method of its own that does nothing.
        let own = written_method(module, "accGradParameters");
        let frozen = matches!(&own, Some(Value::Function(f)) if f.does_nothing());
        if own.is_some() && !frozen && !spelling.class.tensors.is_empty() {
            self.derived(module, "its own accGradParameters is not run");
        }
        for &name in spelling.class.tensors {
            let value = module.field(name);
            let Some(tensor) = value.object::<Tensor>() else { continue };
            if tensor.numel() == 0 {
                let message = format!("`{name}` of {} has no elements", torch_type(module));
                let d = Diagnostic::new(&diag::E0701, span, message).here("made here");
                let help = "give it a tensor of numbers: `torch.Tensor()` has none, `torch.zeros(3)` has three";
                return Err(Box::new(d.help(help)));
            }
            let gradient = module.field(&gradient_of(name));
            let identity = Identity::of(tensor, gradient.object::<Tensor>());
            let at = self.nodes[node].params.len();
            self.uses.push(Use {
                identity,
                node,
                at,
                field: name,
                tensor: value.clone(),
                module: module.serial(),
            });
            if tensor.is_unknown() {
                let what = "known only when the network runs";
                let message = format!("the first numbers of `{name}` are {what}");
                let d = Diagnostic::new(&diag::E0701, span, message).here("made here");
                let help = format!("fill `{name}` by numbers or by `:normal(0, 0.01)`");
                return Err(Box::new(d.help(help)));
            }
            let taken = self.without_gradient(spelling, module, name, frozen, span);
            let [lr_mult, decay_mult] = ["rate", "decay"].map(|of| factor(module, of, name));
            let (filler, values) = match tensor.first(self.lua).map_err(stop)? {
                First::Filler(filler) => (Some(filler), None),
                First::Values(values) => (None, Some(values)),
            };
            self.nodes[node].params.push(ParamSpec {
                share: ShareMode::Permissive,
                filler,
                shape: Some(Shape(tensor.sizes())),
                values,
                frozen: frozen || taken,
                lr_mult: if taken { Some(0.0) } else { lr_mult },
                decay_mult,
                ..ParamSpec::new(span)
            });
        }
        Ok(())
    }
}

impl Walk<'_> {
    /// Whether a parameter has lost the tensor of its gradient, so that Torch cannot train it; says so. A table of words may
    /// do without: it is changed where it stands.
    fn without_gradient(
        &mut self,
        spelling: &Spelling,
        module: &Table,
        name: &str,
        frozen: bool,
        span: Span,
    ) -> bool {
        let gradient = gradient_of(name);
        let learns = ["weight", "bias"].contains(&name) && spelling.name != "nn.LookupTable";
        // What a step of a followed module computes by was not made by the definition.
        let own = self.walked == module.serial() && !is_criterion(module);
        if !learns || !own || !module.field(&gradient).is_nil() {
            return false;
        }
        if !frozen {
            let message = format!("{} has a `{name}` and no `{gradient}`", torch_type(module));
            let d = Diagnostic::new(&diag::W0641, span, message).here("made here");
            let help = format!(
                "leave `{gradient}` there; `module.accGradParameters = function() end` keeps a module from learning"
            );
            self.diagnostics.report(
                d.note("Torch's training ends with an error; here it keeps its first values")
                    .help(help),
            );
        }
        true
    }
}

/// The factor of a parameter's rate or decay that nnlr's `learningRate` or `weightDecay` has set.
fn factor(module: &Table, of: &str, parameter: &str) -> Option<f32> {
    let Value::Table(factors) = module.field("__factors") else { return None };
    let Value::Table(own) = factors.field(of) else { return None };
    own.field(parameter).to_number().map(|factor| factor as f32)
}

/// The field with the gradient of a parameter: `gradWeight` of `weight`.
fn gradient_of(parameter: &str) -> String {
    let mut initials = parameter.chars();
    let capital = initials.next().map(|c| c.to_ascii_uppercase());
    format!("grad{}{}", capital.unwrap_or_default(), initials.as_str())
}

pub(super) fn field(key: &str, value: spec::Value, span: Span) -> Field {
    Field { key: Spanned::new(key.to_owned(), span), value: Spanned::new(value, span) }
}

/// Lists of more elements are not arguments.
const MOST_VALUES: usize = 1 << 16;

fn number(x: f64) -> spec::Value {
    let whole = x.fract() == 0.0 && x.abs() < 9e15;
    if whole { spec::Value::Int(x as i64) } else { spec::Value::Float(x) }
}

/// A Lua value as an argument; tensors as their extents or as their values, tables in tables as far as `depth`.
fn argument(
    lua: &mut Lua,
    value: &Value,
    extents: bool,
    depth: usize,
    span: Span,
) -> Result<Option<spec::Value>, Stop> {
    let list = |values: Vec<f64>| {
        spec::Value::List(values.into_iter().map(|x| Spanned::new(number(x), span)).collect())
    };
    Ok(match value {
        Value::Number(x) => Some(number(*x)),
        Value::Bool(b) => Some(spec::Value::Bool(*b)),
        Value::String(s) => Some(spec::Value::Str(s.to_str().into_owned())),
        Value::Table(table) if table.metatable().is_none() => {
            let mut items = vec![];
            for i in 1..=table.length().min(MOST_VALUES) {
                lua.step(span).map_err(stop)?;
                let item = table.item(i);
                if matches!(item, Value::Table(_)) && depth == 0 {
                    return Ok(None);
                }
                let item = argument(lua, &item, false, depth.saturating_sub(1), span)?;
                items.extend(item.map(|v| Spanned::new(v, span)));
            }
            (!items.is_empty()).then_some(spec::Value::List(items))
        }
        Value::Object(_) => {
            if let Some(tensor) = value.object::<Tensor>() {
                return Ok(match extents {
                    true => Some(list(tensor.sizes().into_iter().map(|d| d as f64).collect())),
                    // What it gave while the definition ran is no argument.
                    false if tensor.is_unknown() => None,
                    false if tensor.numel() <= MOST_VALUES && 0 < tensor.numel() => {
                        Some(list(tensor.values(lua).map_err(stop)?))
                    }
                    false => None,
                });
            }
            match value.object::<Storage>() {
                Some(storage) if storage.length() <= MOST_VALUES => {
                    Some(list((0..storage.length()).map(|i| storage.get(i)).collect()))
                }
                _ => None,
            }
        }
        _ => None,
    })
}

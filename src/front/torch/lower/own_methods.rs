//! Methods that a definition replaces beside those that compute: what Torch's training programs call, as far as it decides what
//! a module does in training and what it learns.

use super::follow::written_method;
use super::{Stop, Walk, stop, torch_type};
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Table, Value};
use crate::front::torch::library::{ancestors, class_name, lua_field, method};
use crate::layers::Layer;
use crate::spec::{Dialect, Phase};

/// Methods of a whole model that programs call and nobody here, and what to write instead.
const OF_MODELS: [(&str, &str); 2] = [
    ("forward", "name it `updateOutput`, which every module computes by"),
    ("getParameters", "replace `parameters`, whose tensors are those that are learned"),
];

/// The same of criterions.
const OF_CRITERIONS: [(&str, &str); 2] = [
    ("forward", "name it `updateOutput`, which every criterion computes by"),
    ("backward", "write the gradient as `updateGradInput`"),
];

/// The method that the definition has put in the place of the library's, for a module or for its class.
fn replaced(module: &Table, name: &str) -> Option<Value> {
    let of = |table: &Table| Some(table.field(name)).filter(|method| !method.is_nil());
    let is_layer = |class: &Table| {
        class_name(class).is_some_and(|name| Layer::resolve(Dialect::Torch, &name).is_some())
    };
    let of_class = || {
        let (class, method) =
            ancestors(module.metatable()).find_map(|class| of(&class).map(|m| (class, m)))?;
        (!class.field("__own").is_nil() || is_layer(&class)).then_some(method)
    };
    of(module).or_else(of_class)
}

/// Whether a class is written as in 2012, by `forward` and `backward` alone, which are followed.
fn is_early(module: &Table) -> bool {
    module.metatable().is_some_and(|class| !lua_field(&class, "__early").is_nil())
}

impl Walk<'_> {
    /// Asks what `model:training()` and `model:evaluate()` make of each module, where the definition has replaced one of
    /// these methods: so it keeps stored statistics in training, or dropout afterwards.
    pub fn ask_modes(&mut self, model: &Table) -> Result<(), Stop> {
        // A module within itself is complained of where it is walked through.
        let listed = match method(self.lua, model, "listModules") {
            Err(error) if error.is_catchable() => return Ok(()),
            listed => listed.map_err(stop)?,
        };
        let Some(Value::Table(listed)) = listed.first() else { return Ok(()) };
        let modules: Vec<Table> = listed.items().filter_map(Value::into_table).collect();
        let replaces = |module: &Table| {
            ["training", "evaluate"].iter().any(|name| replaced(module, name).is_some())
        };
        if !modules.iter().any(replaces) {
            return Ok(());
        }
        let before: Vec<Value> = modules.iter().map(|module| module.field("train")).collect();
        let mut told = vec![];
        for name in ["evaluate", "training"] {
            match method(self.lua, model, name) {
                Err(error) if error.is_catchable() => {}
                made => _ = made.map_err(stop)?,
            }
            told.push(modules.iter().map(|m| m.field("train").is_truthy()).collect::<Vec<_>>());
        }
        for (i, (module, before)) in modules.iter().zip(before).enumerate() {
            module.set_field("train", before);
            self.modes.insert(module.serial(), [told[1][i], told[0][i]]);
        }
        Ok(())
    }

    /// The phase in which a module always is, whatever the model is told.
    pub(super) fn own_phase(&self, module: &Table) -> Option<Phase> {
        match self.modes.get(&module.serial())? {
            [true, true] => Some(Phase::Train),
            [false, false] => Some(Phase::Test),
            _ => None,
        }
    }

    /// Follows a `backward` of the definition's own that does nothing: what is inside, whose nodes begin at `first`, gets no
    /// gradient. Of any other it is said that it is not run.
    pub(super) fn own_backward(&mut self, module: &Table, first: usize) {
        let Some(backward) = replaced(module, "backward").filter(|_| !is_early(module)) else {
            return;
        };
        if matches!(&backward, Value::Function(f) if f.does_nothing()) {
            let params = self.nodes[first..].iter_mut().flat_map(|node| &mut node.params);
            params.for_each(|param| param.frozen = true);
        } else if written_method(module, "updateGradInput").is_none() {
            self.derived(module, "its own backward is not run");
        }
    }

    /// Says of the model and its criterion which of their own methods nobody calls here.
    pub fn uncalled_methods(&mut self, model: &Table, criterion: Option<&Table>) {
        let of_model = OF_MODELS.iter().map(|one| (model, one));
        let of_criterion =
            criterion.into_iter().flat_map(|loss| OF_CRITERIONS.iter().map(move |one| (loss, one)));
        for (module, &(name, help)) in of_model.chain(of_criterion) {
            let agrees = name == "backward" && written_method(module, "updateGradInput").is_some();
            if agrees || is_early(module) || replaced(module, name).is_none() {
                continue;
            }
            let message = format!("`{name}` of {} is not called here", torch_type(module));
            let d = Diagnostic::new(&diag::W0641, self.place(module), message);
            let here = "Torch's training programs call this method of the definition's own";
            self.diagnostics.report(d.here(here).help(help));
        }
    }
}

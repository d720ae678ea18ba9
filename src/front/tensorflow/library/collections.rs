//! Collections of variables and tensors by name, and the variables that are there (`tf.get_collection`).

use super::tensor::TensorValue;
use super::{Call, Function, State};
use crate::front::python::interp::{Outcome, Value};

/// The functions.
pub const FUNCTIONS: &[Function] = &[
    Function(&["tf.add_to_collection", "tf.add_to_collections"], &["name", "value"], |c| {
        let value = c.bound.get("value");
        let given = c.bound.get("name");
        c.collect(&given, &value)?;
        Ok(Value::None)
    }),
    Function(&["tf.get_collection"], &["key", "scope?"], |c| {
        let (key, scope) = (c.text("key")?.unwrap_or_default(), c.text("scope")?);
        let mut all = known(c, &key)?;
        all.extend(c.collection(&key).as_items().unwrap_or_default());
        if let Some(scope) = scope {
            let pattern = pattern(c, &scope)?;
            all.retain(|value| match value.as_native::<TensorValue>() {
                Some(tensor) => begins(&tensor.0.name, &pattern),
                None => false,
            });
        }
        Ok(Value::list(all))
    }),
    Function(&["tf.get_collection_ref"], &["key"], |c| {
        let key = c.text("key")?.unwrap_or_default();
        let all = known(c, &key)?;
        match all.is_empty() {
            true => Ok(c.collection(&key)),
            false => Ok(Value::list(all)),
        }
    }),
    Function(
        &[
            "tf.trainable_variables",
            "slim.get_trainable_variables",
            "tf.contrib.framework.get_trainable_variables",
        ],
        &["scope?", "suffix?"],
        |c| variables(c, true),
    ),
    Function(
        &[
            "tf.global_variables",
            "tf.all_variables",
            "slim.get_variables",
            "slim.get_model_variables",
            "tf.model_variables",
            "tf.contrib.framework.get_variables",
        ],
        &["scope?", "suffix?"],
        |c| variables(c, false),
    ),
];

/// What TensorFlow itself puts into a collection.
fn known(c: &mut Call, key: &str) -> Outcome<Vec<Value>> {
    let of_variables = |c: &Call, trainable: bool| {
        let graph = c.state.graph.borrow();
        let all = graph.variables.iter().enumerate();
        let chosen = all.filter(|(_, variable)| variable.trainable || !trainable);
        let chosen: Vec<usize> = chosen.map(|(i, _)| i).collect();
        drop(graph);
        chosen.into_iter().map(|i| c.give_variable(i)).collect::<Vec<Value>>()
    };
    Ok(match key {
        "trainable_variables" => of_variables(c, true),
        "variables" | "model_variables" => of_variables(c, false),
        "regularization_losses" => {
            let graph = c.state.graph.borrow();
            let all = graph.variables.iter().enumerate();
            let scaled = all.filter_map(|(i, variable)| Some((i, variable.regularizer?)));
            let scaled: Vec<(usize, f64)> = scaled.collect();
            drop(graph);
            let mut losses = vec![];
            for (i, scale) in scaled {
                let loss = c.graph(|graph| {
                    let tensor = graph.variable_tensor(i);
                    graph.l2(&tensor, "l2_regularizer", scale)
                })?;
                losses.push(Value::native(TensorValue(loss)));
            }
            losses
        }
        _ => vec![],
    })
}

fn variables(c: &mut Call, trainable: bool) -> Outcome {
    // The functions of contrib take what `tf.variable_scope` gives as well.
    let scope = match c.bound.some("scope") {
        Some(Value::Native(scope)) if scope.type_name() == "VariableScope" => {
            let name = c.py.get_attribute(&Value::Native(scope), "name", c.span)?;
            name.as_str().map(|name| name.to_string())
        }
        _ => c.text("scope")?,
    };
    let (scope, suffix) = (scope.unwrap_or_default(), c.text("suffix")?);
    let pattern = pattern(c, &scope)?;
    let key = if trainable { "trainable_variables" } else { "variables" };
    let mut all = known(c, key)?;
    all.retain(|value| {
        let Some(tensor) = value.as_native::<TensorValue>() else { return false };
        let name = &tensor.0.name;
        begins(name, &pattern) && suffix.as_ref().is_none_or(|suffix| name.ends_with(suffix))
    });
    Ok(Value::list(all))
}

/// A scope, which TensorFlow takes as a regular expression for the beginning of names: of these only `.` and a `.*` at the
/// end are known.
fn pattern(c: &mut Call, scope: &str) -> Outcome<String> {
    let rest = scope.strip_suffix(".*").unwrap_or(scope);
    let rest = rest.strip_prefix('^').unwrap_or(rest);
    match rest.contains(['*', '+', '?', '[', '(', '|', '^', '$', '\\', '{']) {
        true => Err(c.fault(
            format!("`scope` {scope} is a regular expression, of which only `.` is known"),
            "choose names in Python: `[v for v in tf.trainable_variables() if 'conv' in v.name]`",
        )),
        false => Ok(rest.to_owned()),
    }
}

/// Whether a name begins as a pattern says, in which `.` is any character.
fn begins(name: &str, pattern: &str) -> bool {
    let mut name = name.chars();
    pattern.chars().all(|wanted| name.next().is_some_and(|c| wanted == '.' || c == wanted))
}

impl State {
    /// What the definition says is to be updated with every step.
    pub fn updates(&self) -> Value {
        self.collections.borrow().get("update_ops").cloned().unwrap_or_default()
    }
}

impl Call<'_> {
    /// The list of a collection of the definition's own.
    fn collection(&self, key: &str) -> Value {
        let mut all = self.state.collections.borrow_mut();
        all.entry(key.to_owned()).or_insert_with(|| Value::list([])).clone()
    }

    /// Adds a value to collections: a name, or several.
    pub(super) fn collect(&mut self, names: &Value, value: &Value) -> Outcome<()> {
        let names = match names.as_items() {
            Some(names) => names,
            None if names.is_none() => return Ok(()),
            None => vec![names.clone()],
        };
        for name in names.iter().filter_map(Value::as_str) {
            if let Value::List(list) = self.collection(name) {
                self.py.allocate(size_of::<Value>(), self.span)?;
                list.0.borrow_mut().push(value.clone());
            }
        }
        Ok(())
    }
}

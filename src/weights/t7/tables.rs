//! Tensors that were saved in tables instead of modules: by name, or as the list that `model:parameters()` gives.

use std::collections::HashSet;

use super::{Object, T7, Value};
use crate::weights::Blob;
use crate::{Error, Result};

/// Tables within tables, at most.
const DEEPEST: usize = 16;

/// Tensors of tables, at most.
const MOST: usize = 1 << 16;

impl T7 {
    /// The vector of all parameters: the tensor that the file is, as in `_Weights.t7`, or those of the list that it is, one
    /// behind the other.
    ///
    /// # Errors
    /// As [`T7::blob`].
    pub fn flat(&self) -> Result<Option<Vec<f32>>> {
        let listed = self.list(&self.root);
        let tensors: Option<Vec<_>> = match self.object(&self.root) {
            Some(Object::Table(entries)) if entries.len() == listed.len() => {
                listed.into_iter().map(|item| self.tensor(Some(item))).collect()
            }
            _ => self.tensor(Some(&self.root)).map(|tensor| vec![tensor]),
        };
        let Some(tensors) = tensors.filter(|tensors| !tensors.is_empty()) else { return Ok(None) };
        let mut all = vec![];
        let mut places = HashSet::new();
        for tensor in tensors {
            // A shared parameter is one, as for getParameters().
            if places.insert((tensor.storage, tensor.offset)) {
                all.extend(self.blob(tensor)?.data);
            }
            if self.is_exceeded_by(all.len()) || MOST < places.len() {
                return Err(self.error("parameters that are larger than the file explains"));
            }
        }
        Ok(Some(all))
    }

    /// The tensors of tables with their keys, joined by points: `conv1.weight`.
    ///
    /// # Errors
    /// As [`T7::blob`]; tables are nested beyond measure.
    pub fn named(&self) -> Result<Vec<(String, Blob)>> {
        let (mut found, mut seen) = (vec![], HashSet::new());
        self.gather(&self.root, "", &mut seen, &mut found)?;
        Ok(found)
    }

    fn gather(
        &self,
        value: &Value,
        name: &str,
        seen: &mut HashSet<usize>,
        found: &mut Vec<(String, Blob)>,
    ) -> Result<()> {
        if DEEPEST < name.matches('.').count() || MOST < found.len() {
            return Err(self.error("tables within tables without end"));
        }
        if let Some(tensor) = self.tensor(Some(value)) {
            found.push((name.to_owned(), self.blob(tensor)?));
        }
        let (Some(Object::Table(entries)), &Value::Object(place)) = (self.object(value), value)
        else {
            return Ok(());
        };
        // Each table once, so that those that contain each other have an end.
        let entries = if seen.insert(place) { &entries[..] } else { &[] };
        for (key, inner) in entries {
            let key = match key {
                Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            let name = if name.is_empty() { key } else { format!("{name}.{key}") };
            self.gather(inner, &name, seen, found)?;
        }
        Ok(())
    }

    /// The saved module: the object itself, the field `model`, `net` or `network` of a saved table, or the only one in the
    /// tables of the file.
    ///
    /// # Errors
    /// There are several.
    pub(super) fn network(&self) -> Result<&Value> {
        let is_module = |value: &&Value| {
            let class = match self.object(value) {
                Some(Object::Torch { class, .. }) => class,
                _ => return false,
            };
            !class.ends_with("Criterion")
        };
        if let Some(Object::Table(_)) = self.object(&self.root) {
            let names = ["model", "net", "network"];
            let mut fields = names.iter().filter_map(|name| self.field(&self.root, name));
            if let Some(module) = fields.find(is_module) {
                return Ok(module);
            }
        }
        let (mut modules, mut tables) = (vec![], vec![(String::new(), &self.root)]);
        let mut seen = HashSet::new();
        while let Some((name, value)) = tables.pop() {
            if let &Value::Object(place) = value
                && !seen.insert(place)
            {
                continue;
            }
            if is_module(&value) {
                modules.push((name, value));
                continue;
            }
            let Some(Object::Table(entries)) = self.object(value) else { continue };
            for (key, inner) in entries {
                let Value::Text(key) = key else { continue };
                let key = String::from_utf8_lossy(key);
                let name = if name.is_empty() { key.into() } else { format!("{name}.{key}") };
                tables.push((name, inner));
            }
        }
        match &modules[..] {
            [] => Ok(&self.root),
            [(_, module)] => Ok(module),
            [.., (last, _)] => {
                let names: Vec<&str> = modules.iter().map(|(name, _)| name.as_str()).collect();
                let message = format!(
                    "holds several networks, {}; save the one that is meant alone: torch.save('net.t7', file.{last})",
                    names.join(", ")
                );
                Err(Error::format(&self.path, message))
            }
        }
    }
}

//! Imports: of modules of the library and of other files of the project.

use super::exec::Frame;
use super::{Module, Outcome, PyError, Python, Value};
use crate::front::tensorflow::ast::{ImportFrom, Name, Version};
use crate::front::tensorflow::library::module_advice;
use crate::source::Span;

impl Python {
    /// The module that `import name` gives.
    pub fn import(&mut self, name: &str, at: Span) -> Outcome {
        if let Some(module) = self.modules.get(name) {
            return Ok(module.clone());
        }
        if let Some(text) = self.texts.get(name).copied() {
            let path = format!("<{name}>");
            return self.import_text(name, path.into(), text, true, at);
        }
        let asking = self.sources.path(at.file).to_owned();
        let found = self.resolver.clone().and_then(|resolver| resolver(name, Some(&asking)));
        if let Some((path, text)) = found {
            return self.import_text(name, path, &text, false, at);
        }
        Err(self.no_module(name, at))
    }

    fn no_module(&mut self, name: &str, at: Span) -> PyError {
        let mut error = self.error("ModuleNotFoundError", at, format!("No module named '{name}'"));
        if let Some(advice) = module_advice(name) {
            error = error.help(advice);
            if name.starts_with("tensorflow.") {
                return error;
            }
        }
        let known = self.modules.keys().chain(self.texts.keys()).cloned().collect();
        self.advise(error, name, known)
    }

    fn import_text(
        &mut self,
        name: &str,
        path: std::path::PathBuf,
        text: &str,
        is_internal: bool,
        at: Span,
    ) -> Outcome {
        self.deeper(self.frames.len(), at)?;
        let module = Module::new(name);
        self.work(text.len() / 16, at)?;
        self.allocate(16 * text.len(), at)?;
        let version = self.version;
        if is_internal {
            self.version = Version::Three;
        }
        let id = self.sources.add_once(path.clone(), text);
        let file = self.read(path, text, false, false);
        self.version = version;
        let file = match file {
            Ok(file) => file,
            // The complaint of the other file is what the user needs to see.
            Err(mut problems) => return Err(self.complaint(problems.swap_remove(0))),
        };
        if is_internal {
            self.internal.insert(id);
        }
        // Modules may import each other in a circle.
        self.add_module(name, Value::Module(module.clone()));
        match self.run_in(&module, &file) {
            Ok(_) => Ok(Value::Module(module)),
            Err(error) => {
                self.modules.remove(name);
                Err(error)
            }
        }
    }

    /// `import a.b.c` and `import a.b.c as d`: the value that is bound.
    pub(super) fn import_path(&mut self, path: &Name, renamed: bool) -> Outcome {
        let (mut first, mut last) = (None, Value::None);
        let ends = path.value.match_indices('.').map(|(at, _)| at).chain([path.value.len()]);
        for end in ends {
            let name = &path.value[..end];
            let module = self.import(name, path.span)?;
            if let (Value::Module(parent), Some((_, child))) = (&last, name.rsplit_once('.'))
                && parent.get(child).is_none()
            {
                parent.set(child, module.clone());
            }
            first.get_or_insert(module.clone());
            last = module;
        }
        Ok(if renamed { last } else { first.unwrap_or_default() })
    }

    pub(super) fn import_from(
        &mut self,
        frame: &mut Frame,
        import: &ImportFrom,
        at: Span,
    ) -> Outcome<()> {
        if &*import.path.value == "__future__" {
            for (name, ..) in &import.names {
                let known = [
                    "absolute_import",
                    "division",
                    "print_function",
                    "unicode_literals",
                    "with_statement",
                    "nested_scopes",
                    "generators",
                    "annotations",
                ];
                if !known.contains(&&*name.value) {
                    let message = format!("future feature {} is not defined", name.value);
                    return Err(self.error("SyntaxError", name.span, message));
                }
                frame.module.set(name.value.clone(), Value::None);
            }
            return Ok(());
        }
        if import.path.value.is_empty() {
            // `from . import name`: files beside this one.
            for (name, bound, target) in &import.names {
                let module = self.import(&name.value, name.span)?;
                self.store(frame, *target, &bound.value, module);
            }
            return Ok(());
        }
        let module = self.import_path(&import.path, true)?;
        if import.names.is_empty() {
            let Value::Module(module) = module else {
                let message = format!(
                    "cannot import all names of '{}': name those that are used",
                    import.path.value
                );
                return Err(self.error("ImportError", at, message));
            };
            let names = module.names.borrow().clone();
            let listed = match names.get("__all__") {
                Some(all) => self
                    .iterate(&all.clone(), at)?
                    .iter()
                    .filter_map(|v| v.as_str().cloned())
                    .collect(),
                None => {
                    names.keys().filter(|name| !name.starts_with('_')).cloned().collect::<Vec<_>>()
                }
            };
            for name in listed {
                if let Some(value) = names.get(&name) {
                    frame.module.set(name, value.clone());
                }
            }
            return Ok(());
        }
        for (name, bound, target) in &import.names {
            let value = match self.find_attribute(&module, &name.value, name.span)? {
                Some(value) => value,
                None => self.submodule(&module, import, name)?,
            };
            self.store(frame, *target, &bound.value, value);
        }
        Ok(())
    }

    /// `from package import module`, where nothing has imported the module yet.
    fn submodule(&mut self, module: &Value, import: &ImportFrom, name: &Name) -> Outcome {
        let path = format!("{}.{}", import.path.value, name.value);
        match self.import(&path, name.span) {
            Ok(value) => Ok(value),
            Err(error) if error.message().starts_with("ModuleNotFoundError") => {
                let message =
                    format!("cannot import name '{}' from '{}'", name.value, import.path.value);
                let error = self.error("ImportError", name.span, message);
                if let Some(advice) = module_advice(&path).filter(|_| path.contains("slim.nets.")) {
                    return Err(error.help(advice));
                }
                let known = self.attribute_names(module);
                Err(self.advise(error, &name.value, known))
            }
            Err(error) => Err(error),
        }
    }
}

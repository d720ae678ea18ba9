//! Imports: of modules of the library and of other files of the project.

use super::exec::Frame;
use super::{Maybe, Module, Outcome, PyError, Python, Value};
use crate::front::python::ast::{ImportFrom, Name, Version};
use crate::front::python::stdlib;
use crate::source::Span;
use std::rc::Rc;

/// Modules whose names are numpy's, and some of what draws.
const PYLAB: [&str; 2] = ["pylab", "matplotlib.pylab"];

/// What they have of matplotlib that people use.
const DRAWS: [&str; 18] = [
    "axis", "clf", "close", "colorbar", "figure", "grid", "hist", "imshow", "legend", "plot",
    "rcParams", "savefig", "show", "subplot", "subplots", "title", "xlabel", "ylabel",
];

impl Python {
    /// The module that `import name` gives.
    pub fn import(&mut self, name: &str, at: Span) -> Outcome {
        self.import_at(name, 0, at)
    }

    /// The same behind as many dots as `level` says, which name files of the project only.
    fn import_at(&mut self, name: &str, level: usize, at: Span) -> Outcome {
        if level == 0 {
            if let Some(module) = self.modules.get(name) {
                return Ok(module.clone());
            }
            if let Some(text) = self.texts.get(name).copied() {
                let path = format!("<{name}>");
                return self.import_text(name, path.into(), text, true, at);
            }
            if let Some(other) = self.copies.get(name).cloned() {
                return self.import_at(&other, 0, at);
            }
        }
        if let Some(module) = self.import_file(name, level, at)? {
            return Ok(module);
        }
        if level == 0
            && let Some(module) = stdlib::outside(name)
        {
            self.add_module(name, module.clone());
            return Ok(module);
        }
        Err(self.no_module(name, level, at))
    }

    /// A file of the project, if there is one of this name.
    fn import_file(&mut self, name: &str, level: usize, at: Span) -> Maybe {
        let asking = self.sources.path(at.file).to_owned();
        let found = self.resolver.clone().and_then(|resolver| resolver(name, level, Some(&asking)));
        let Some((path, text)) = found else { return Ok(None) };
        self.work(100 + text.len() / 64, at)?;
        match self.files.get(&path) {
            Some(module) => Ok(Some(module.clone())),
            None => self.import_text(name, path, &text, false, at).map(Some),
        }
    }

    fn no_module(&mut self, name: &str, level: usize, at: Span) -> PyError {
        let dots = ".".repeat(level);
        let message = format!("No module named '{dots}{name}'");
        let mut error = self.error("ModuleNotFoundError", at, message);
        if 0 < level {
            let file = name.replace('.', "/");
            return error.help(format!(
                "an import with dots is looked for from the folder of the file that has it: put `{file}.py` there; of \
                 the files of the project, only those in the definition's folder and the one above are read"
            ));
        }
        if let Some(advice) = (self.module_advice)(name) {
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
        let file = self.read(path.clone(), text, false, false);
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
        let value = Value::Module(module.clone());
        if is_internal {
            self.add_module(name, value.clone());
        } else {
            self.own(&value);
            self.files.insert(path.clone(), value.clone());
        }
        match self.run_in(&module, &file) {
            Ok(_) => Ok(value),
            Err(error) => {
                if is_internal {
                    self.modules.remove(name);
                } else {
                    self.files.remove(&path);
                }
                Err(error)
            }
        }
    }

    /// `import a.b.c` and `import a.b.c as d`: the value that is bound.
    pub(super) fn import_path(&mut self, path: &Name, renamed: bool) -> Outcome {
        self.import_path_at(path, 0, renamed)
    }

    fn import_path_at(&mut self, path: &Name, level: usize, renamed: bool) -> Outcome {
        let (mut first, mut last) = (None, Value::None);
        let ends = path.value.match_indices('.').map(|(at, _)| at).chain([path.value.len()]);
        for end in ends {
            let name = &path.value[..end];
            let module = self.import_at(name, level, path.span)?;
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
            // `from . import name`: what the package has under this name, or a file beside this one.
            for (name, bound, target) in &import.names {
                let package = self.package(import.level, name.span);
                let found = match package {
                    Some(package) => self.find_attribute(&package, &name.value, name.span)?,
                    None => None,
                };
                let value = match found {
                    Some(value) => value,
                    None => self.import_at(&name.value, import.level, name.span)?,
                };
                self.store(frame, *target, &bound.value, value);
            }
            return Ok(());
        }
        let mut module = self.import_path_at(&import.path, import.level, true)?;
        if import.names.is_empty() && PYLAB.contains(&&*import.path.value) {
            for name in DRAWS {
                if let Some(value) = self.find_attribute(&module, name, at)? {
                    frame.module.set(name, value);
                }
            }
            frame.module.set("plt", self.import_at("matplotlib.pyplot", 0, at)?);
            module = self.import_at("numpy", 0, at)?;
            frame.module.set("np", module.clone());
        }
        if import.names.is_empty() {
            let listed = match &module {
                Value::Module(file) => file.get("__all__"),
                _ => None,
            };
            let known = self.attribute_names(&module);
            if known.is_empty() && matches!(module, Value::Native(_)) {
                let path = &import.path.value;
                let message =
                    format!("cannot import all names of '{path}': name those that are used");
                return Err(self.error("ImportError", at, message));
            }
            let names: Vec<Rc<str>> = match listed {
                Some(all) => {
                    let listed = self.iterate(&all, at)?;
                    listed.iter().filter_map(|name| name.as_str().cloned()).collect()
                }
                None => {
                    known.into_iter().filter(|name| !name.starts_with('_')).map(Rc::from).collect()
                }
            };
            for name in names {
                if let Some(value) = self.find_attribute(&module, &name, at)? {
                    frame.module.set(name, value);
                }
            }
            return Ok(());
        }
        for (name, bound, target) in &import.names {
            let value = match self.find_attribute(&module, &name.value, name.span) {
                Ok(Some(value)) => value,
                missing => match self.of_project(&module, import, name)? {
                    Some(value) => value,
                    None => {
                        missing?;
                        self.submodule(&module, import, name)?
                    }
                },
            };
            self.store(frame, *target, &bound.value, value);
        }
        Ok(())
    }

    /// The package of the file at a place, as far as it has been imported.
    fn package(&self, level: usize, at: Span) -> Option<Value> {
        let asking = self.sources.path(at.file).to_owned();
        let (path, _) = self.resolver.clone()?("__init__", level, Some(&asking))?;
        self.files.get(&path).cloned()
    }

    /// A name of a project's own file that is called as a module of the library, such as `utils.py`.
    fn of_project(&mut self, module: &Value, import: &ImportFrom, name: &Name) -> Maybe {
        if import.level != 0 || matches!(module, Value::Module(_)) {
            return Ok(None);
        }
        match self.import_file(&import.path.value, 0, import.path.span)? {
            Some(file) => self.find_attribute(&file, &name.value, name.span),
            None => Ok(None),
        }
    }

    /// `from package import module`, where nothing has imported the module yet.
    fn submodule(&mut self, module: &Value, import: &ImportFrom, name: &Name) -> Outcome {
        let path = format!("{}.{}", import.path.value, name.value);
        match self.import_at(&path, import.level, name.span) {
            Ok(value) => Ok(value),
            Err(error)
                if error.message().ends_with(&format!(
                    "No module named '{}{path}'",
                    ".".repeat(import.level)
                )) =>
            {
                let message =
                    format!("cannot import name '{}' from '{}'", name.value, import.path.value);
                let error = self.error("ImportError", name.span, message);
                if let Some(advice) =
                    (self.module_advice)(&path).filter(|_| path.contains("slim.nets."))
                {
                    return Err(error.help(advice));
                }
                let known = self.attribute_names(module);
                Err(self.advise(error, &name.value, known))
            }
            Err(error) => Err(error),
        }
    }
}

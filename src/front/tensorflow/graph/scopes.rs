//! Names of variables and of operations: TensorFlow's variable scopes and name scopes (tensorflow 1.x,
//! variable_scope.py).

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{Fault, Graph, Outcome, Tensor};

/// Whether variables of a scope must, may or must not be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reuse {
    /// They must not.
    #[default]
    No,
    /// They must.
    Yes,
    /// They may (`tf.AUTO_REUSE`).
    Auto,
}

/// A variable scope.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Its whole name, `model/tower`.
    pub name: String,
    /// Whether its variables are there already.
    pub reuse: Reuse,
    /// The scale of the regulariser of its variables.
    pub regularizer: Option<f64>,
    /// The initialiser of its variables, as the library knows it.
    pub initializer: Option<usize>,
    /// The regulariser of its variables that is a function of the definition's, as the library knows it.
    pub penalty: Option<usize>,
    /// The constraint of its variables, as the library knows it.
    pub constraint: Option<usize>,
    /// The getter before its variables, as the library knows it.
    pub getter: Option<usize>,
    /// The scope of names of operations that was opened with it at first.
    pub original: String,
}

/// The scope that DIGITS opens for `inference`.
const MODEL: &str = "model";

/// The whole name of a variable of that scope.
pub fn in_model(name: &str) -> String {
    format!("{MODEL}/{name}")
}

/// The name of a variable without that scope, if it is in it.
pub fn without_model(name: &str) -> Option<&str> {
    name.strip_prefix(MODEL)?.strip_prefix('/')
}

/// A scope that can be changed while it is open.
pub type SharedScope = Rc<RefCell<Scope>>;

/// The part of a definition that runs, which DIGITS gives scopes of its own (tools/tensorflow/model.py).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Section {
    /// The model is made, outside of all scopes.
    #[default]
    Making,
    /// `inference`, in the variable scope `model`.
    Inference,
    /// `loss`, in the scope `loss` of names of operations alone.
    Loss,
}

/// The scopes that are open.
#[derive(Default)]
pub(super) struct Scopes {
    section: Section,
    open: Vec<SharedScope>,
    /// How often a scope of a name was opened.
    opened: HashMap<String, usize>,
    /// What `opened` was when a scope was entered again by itself.
    before: Vec<Option<HashMap<String, usize>>>,
    pub(super) names: Vec<String>,
}

impl Graph {
    /// The open variable scope.
    pub fn scope(&self) -> SharedScope {
        self.scopes.open.last().cloned().unwrap_or_default()
    }

    /// A name within the open variable scope.
    pub fn in_scope(&self, name: &str) -> String {
        let scope = self.scope();
        let outer = &scope.borrow().name;
        if outer.is_empty() { name.to_owned() } else { format!("{outer}/{name}") }
    }

    /// Opens a variable scope within the open one; without a name a fresh one after `default`.
    ///
    /// # Errors
    /// There is neither.
    pub fn enter(
        &mut self,
        name: Option<&str>,
        default: Option<&str>,
        reuse: Option<Reuse>,
    ) -> Outcome<SharedScope> {
        let local = match (name, default) {
            (Some(name), _) => name.to_owned(),
            (None, Some(default)) => {
                let opened = |name: &str| self.scopes.opened.get(&self.in_scope(name)).copied();
                let fresh = |name: &str| opened(name).unwrap_or(0) == 0;
                let numbered = (1..).map(|i| format!("{default}_{i}"));
                let mut all = std::iter::once(default.to_owned()).chain(numbered);
                all.find(|name| fresh(name)).unwrap_or_default()
            }
            (None, None) => return Err(Fault::new("a variable scope needs a name")),
        };
        let outer = self.scope().borrow().clone();
        let scope = Scope {
            name: self.in_scope(&local),
            reuse: match (outer.reuse, reuse) {
                (Reuse::Yes, _) => Reuse::Yes,
                (outer, own) => own.unwrap_or(outer),
            },
            // It is for the variables of its own scope alone (variable_scope.py).
            constraint: None,
            ..outer
        };
        self.open(Rc::new(RefCell::new(scope)), &local, None);
        Ok(self.scope())
    }

    /// Opens a variable scope again that was open before.
    pub fn enter_again(&mut self, scope: &SharedScope, reuse: Option<Reuse>) -> SharedScope {
        let mut again = Scope { constraint: None, ..scope.borrow().clone() };
        if let Some(reuse) = reuse
            && again.reuse != Reuse::Yes
        {
            again.reuse = reuse;
        }
        let local = again.name.rsplit('/').next().unwrap_or_default().to_owned();
        let before = self.scopes.opened.clone();
        self.open(Rc::new(RefCell::new(again)), &local, Some(before));
        self.scope()
    }

    fn open(&mut self, scope: SharedScope, local: &str, before: Option<HashMap<String, usize>>) {
        *self.scopes.opened.entry(scope.borrow().name.clone()).or_default() += 1;
        let again = before.is_some();
        self.scopes.open.push(scope.clone());
        self.scopes.before.push(before);
        self.enter_name(local);
        if !again {
            scope.borrow_mut().original = self.whole_name_scope();
        }
    }

    /// Closes the variable scope that was opened last. Default names within it begin anew when it is opened again.
    pub fn leave(&mut self) {
        let Some(scope) = self.scopes.open.pop() else { return };
        let inside = format!("{}/", scope.borrow().name);
        self.scopes.opened.retain(|name, _| !name.starts_with(&inside));
        if let Some(Some(before)) = self.scopes.before.pop() {
            self.scopes.opened = before;
        }
        self.leave_name();
    }

    /// Opens a scope of names of operations alone.
    pub fn enter_name(&mut self, name: &str) {
        let whole = self.unique(name);
        self.scopes.names.push(whole);
    }

    /// Closes it.
    pub fn leave_name(&mut self) {
        self.scopes.names.pop();
    }

    /// The open scope of names.
    pub fn name_scope(&self) -> &str {
        self.scopes.names.last().map_or("", String::as_str)
    }

    /// The whole name of the open scope of names.
    pub fn whole_name_scope(&self) -> String {
        self.whole_name(self.name_scope())
    }

    /// Begins a section. Names of blobs leave out the scope that it opens, with which all would begin.
    pub fn begin(&mut self, section: Section) {
        self.scopes.section = section;
        self.scopes.open.clear();
        self.scopes.before.clear();
        self.scopes.names.clear();
        if section == Section::Inference {
            let scope = Scope { name: MODEL.to_owned(), ..Scope::default() };
            self.scopes.open.push(Rc::new(RefCell::new(scope)));
            self.scopes.before.push(None);
            self.scopes.names.push(String::new());
        }
    }

    /// The section that runs.
    pub fn section(&self) -> Section {
        self.scopes.section
    }

    /// The whole name of an operation whose name leaves out the scope of its section.
    pub(super) fn whole_name(&self, name: &str) -> String {
        match self.scopes.section {
            Section::Making => name.to_owned(),
            Section::Inference => in_model(name),
            Section::Loss => format!("loss/{name}"),
        }
    }

    /// A name within the open scope of names that nothing has yet.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let outer = self.name_scope();
        let whole = match (outer.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => outer.to_owned(),
            (false, false) => format!("{outer}/{name}"),
        };
        self.unique_whole(&whole)
    }

    /// A whole name that nothing has yet.
    pub(super) fn unique_whole(&mut self, whole: &str) -> String {
        if whole == self.name_scope() && !self.scopes_own(whole) {
            // The main operation of a scope has the scope's name.
            self.taken.insert(format!("{whole}/"));
            return whole.to_owned();
        }
        if self.taken.insert(whole.to_owned()) {
            return whole.to_owned();
        }
        let number = self.numbers.entry(whole.to_owned()).or_default();
        loop {
            *number += 1;
            let free = format!("{whole}_{number}");
            if self.taken.insert(free.clone()) {
                return free;
            }
        }
    }

    /// Whether an operation has the name of an open scope.
    fn scopes_own(&self, whole: &str) -> bool {
        self.taken.contains(&format!("{whole}/")) || whole.is_empty()
    }

    /// The tensor with the name of the operation that gives it as the caller says it.
    pub fn renamed(&self, tensor: Tensor, name: &str) -> Tensor {
        let outer = self.name_scope();
        let name = name.trim_end_matches('/');
        let inner = if outer.is_empty() { name.to_owned() } else { format!("{outer}/{name}") };
        Tensor { name: self.whole_name(&inner).into(), ..tensor }
    }
}

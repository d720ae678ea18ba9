//! What was printed of messages, so that a text that holds it is known again.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::message::written_alone;
use crate::front::caffe::tree::{Field, Message, Value, ValueKind};
use crate::front::python::interp::Python;
use crate::source::Spanned;

/// Fields and texts of messages that were printed.
#[derive(Default)]
pub struct Printed {
    /// Fields of nets and solvers as they were printed.
    fields: RefCell<HashMap<String, Field>>,
    nets: RefCell<Vec<String>>,
    /// Nets that were made of tops.
    made: Cell<usize>,
}

impl Printed {
    /// Nothing.
    pub fn new(_py: &mut Python) -> Self {
        Printed::default()
    }

    /// Remembers the text of a message.
    pub fn remember(&self, kind: &str, tree: &Message, text: &str) {
        let mut fields = self.fields.borrow_mut();
        match kind {
            "net" | "solver" => {
                for field in &tree.fields {
                    fields.insert(written_alone(field), field.clone());
                }
            }
            "layer" | "layers" => {
                let value = Value { kind: ValueKind::Message(tree.clone()), span: tree.span };
                let name = Spanned::new(kind.to_owned(), tree.span);
                let field = Field { name, value, span: tree.span };
                fields.insert(written_alone(&field), field);
            }
            _ => {}
        }
        if kind == "net" {
            self.nets.borrow_mut().push(text.to_owned());
        }
    }

    /// Counts a net that was made of tops.
    pub fn net_made(&self) {
        self.made.set(self.made.get() + 1);
    }

    /// Whether nets were made or printed.
    pub fn has_nets(&self) -> bool {
        0 < self.made.get() || !self.nets.borrow().is_empty()
    }

    /// Gives fields of a text that were printed the places that they had as messages.
    pub fn place(&self, tree: &mut Message) {
        let fields = self.fields.borrow();
        for field in &mut tree.fields {
            if let Some(known) = fields.get(&written_alone(field)) {
                *field = known.clone();
            }
        }
    }

    /// The nets that a text holds as they were printed.
    pub fn nets_in(&self, text: &str) -> Vec<String> {
        let nets = self.nets.borrow();
        let mut found: Vec<(usize, &String)> = vec![];
        for net in nets.iter().filter(|net| !net.is_empty()) {
            if let Some(at) = text.find(net.as_str())
                && !found.iter().any(|(_, known)| *known == net)
            {
                found.push((at, net));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, net)| net.clone()).collect()
    }

    /// A text without the nets that were printed into it.
    pub fn without_nets(&self, text: &str) -> String {
        let nets = self.nets_in(text);
        nets.iter().fold(text.to_owned(), |text, net| text.replace(net.as_str(), ""))
    }
}

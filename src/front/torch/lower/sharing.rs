//! Which parameters are one: those that lie in the same window of storage get one name.

use std::collections::HashMap;
use std::rc::Rc;

use super::Walk;
use crate::diag::{self, Diagnostic};
use crate::front::torch::interp::{Table, Value};
use crate::front::torch::tensor::{Storage, Tensor};
use crate::source::Spanned;

/// A window of storage: the storage, its first element and their number.
pub type Window = (*const Storage, usize, usize);

/// Where parameters are, the layer and the position in it, by the windows of storage that hold them.
pub type Places = Vec<(Window, (String, usize))>;

/// Where a tensor begins: the storage and its first element.
type Start = (*const Storage, usize);

/// What makes two parameters one: the windows of storage that hold the values and the gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::front::torch) struct Identity {
    pub(super) value: Window,
    pub(super) gradient: Option<Start>,
}

impl Identity {
    pub(super) fn of(value: &Tensor, gradient: Option<&Tensor>) -> Self {
        let start = |t: &Tensor| -> Start { (Rc::as_ptr(&t.storage()), t.offset()) };
        let (storage, offset) = start(value);
        Identity { value: (storage, offset, value.numel()), gradient: gradient.map(start) }
    }
}

/// Where a parameter is used.
pub(in crate::front::torch) struct Use {
    pub(super) identity: Identity,
    pub(super) node: usize,
    pub(super) at: usize,
    pub(super) field: &'static str,
    /// The parameter itself.
    pub(super) tensor: Value,
    /// The number of the module that has it.
    pub(super) module: u64,
}

impl Walk<'_> {
    /// Warns where modules of the net do not share what they were told to: a part of it has got storage of its own since, as
    /// `:cuda()`, `:double()` and `:float()` give it to the modules that they are called on.
    pub fn ended_sharing(&mut self) {
        let mut ended = vec![];
        for sharing in self.library().sharings() {
            let of = |module: &Table| {
                let held =
                    |used: &&Use| used.module == module.serial() && used.field == sharing.field;
                self.uses.iter().find(held)
            };
            if let (Some(one), Some(other)) = (of(&sharing.module), of(&sharing.other))
                && one.identity.value != other.identity.value
            {
                ended.push((sharing.place, one.node, other.node, one.field));
            }
        }
        let Some(&(place, node, other, field)) = ended.first() else { return };
        let more = match ended.len() - 1 {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        let message =
            format!("`{field}` is no longer shared{more}: the modules have storage of their own");
        let d = Diagnostic::new(&diag::W0634, place, message)
            .here("shared here")
            .label(self.nodes[node].span, "this module learns by itself")
            .label(self.nodes[other].span, "and so does this one")
            .note("`:cuda()`, `:double()` and the like, called on one of the modules, give it new storage")
            .help("convert first and share then, or convert the whole net at once");
        self.diagnostics.report(d);
    }

    /// Gives the parameters that share storage one name, whether they share their gradients or not: what is added to one of
    /// them is added to all. Where they are to stay `apart`, those that do not share their gradients do.
    pub fn share(&mut self, stay_apart: bool) {
        let mut first: HashMap<Identity, usize> = HashMap::new();
        let mut apart = vec![];
        for i in 0..self.uses.len() {
            let Use { identity, node, at, field, .. } = self.uses[i];
            let gradient = identity.gradient.filter(|_| stay_apart);
            let owner = *first.entry(Identity { gradient, ..identity }).or_insert(i);
            if owner == i {
                continue;
            }
            let (owner_node, owner_at) = (self.uses[owner].node, self.uses[owner].at);
            let name = format!("{}.{field}", self.nodes[owner_node].name.value);
            for (node, at) in [(owner_node, owner_at), (node, at)] {
                let param = &mut self.nodes[node].params[at];
                param.name = Some(Spanned::new(name.clone(), param.span));
            }
            let gradient = self.uses[owner].identity.gradient;
            if gradient.is_some() && gradient != identity.gradient {
                apart.push((node, owner_node, field));
            }
        }
        let Some(&(node, owner, field)) = apart.first() else { return };
        let more = match apart.len() - 1 {
            0 => String::new(),
            1 => " (and so with one tensor more)".to_owned(),
            n => format!(" (and so with {n} tensors more)"),
        };
        let message = format!(
            "`{field}` is shared but its gradient is not, so Torch's getParameters() refuses the net{more}"
        );
        let d = Diagnostic::new(&diag::W0607, self.nodes[node].span, message)
            .label(self.nodes[owner].span, "shared with this module")
            .note("trained here by the sum of the gradients, as updateParameters() does it")
            .help("share the gradients as well: clone('weight', 'bias', 'gradWeight', 'gradBias')");
        self.diagnostics.report(d);
    }
}

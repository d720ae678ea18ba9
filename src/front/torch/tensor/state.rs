//! What the tensors of one interpreter share: methods, the default type, and the random numbers.

use super::kind::Kind;
use super::recipe::{Draw, Law, Recipe};
use super::{METHODS, OPERATIONS, object};
use crate::front::torch::interp::{Lua, Native, Table};
use crate::random::{Philox, STREAM_DEFINITION, Sequence};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The stream of numbers that are drawn one by one, far from those of fills.
const SINGLE: u64 = STREAM_DEFINITION | 1 << 48;

pub(super) struct State {
    /// The kind that `torch.Tensor` makes; Torch's own is `Double`, but the definitions are run after
    /// `torch.setdefaulttensortype('torch.FloatTensor')`.
    pub default: Cell<Kind>,
    pub seed: Cell<u64>,
    fills: Cell<u64>,
    pub singles: RefCell<Sequence>,
    /// Methods of tensors by name.
    pub methods: Table,
    /// Methods of storages by name.
    pub storage_methods: Table,
}

impl State {
    /// The state of this interpreter.
    pub fn of(lua: &mut Lua) -> Rc<State> {
        lua.state(|lua| {
            let (methods, storage_methods) = (lua.table(), lua.table());
            for &(name, function) in OPERATIONS.iter().flat_map(|list| list.iter()) {
                let native = Native::value(name, move |lua, args| function(lua, args, true));
                methods.set_field(name, native);
            }
            // A method of its own wins over the function of the same name.
            for &(name, function) in METHODS.iter().flat_map(|list| list.iter()) {
                methods.set_field(name, Native::value(name, function));
            }
            for &(name, function) in object::STORAGE_METHODS {
                storage_methods.set_field(name, Native::value(name, function));
            }
            State {
                default: Cell::new(Kind::Float),
                seed: Cell::new(1),
                fills: Cell::new(0),
                singles: RefCell::new(Philox::new(1, SINGLE).sequence(0)),
                methods,
                storage_methods,
            }
        })
    }

    /// Starts all random numbers anew.
    pub fn set_seed(&self, seed: u64) {
        self.seed.set(seed);
        self.fills.set(0);
        self.singles.replace(Philox::new(seed, SINGLE).sequence(0));
    }

    /// A recipe of `shift + scale * random`.
    pub fn recipe(&self, law: Law, scale: f64, shift: f64) -> Recipe {
        let number = self.fills.get();
        self.fills.set(number + 1);
        let draw = Rc::new(Draw { law, seed: self.seed.get(), number });
        Recipe::Random { draw, skew: 0, scale, shift }
    }
}

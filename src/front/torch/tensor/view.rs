//! Tensors: a view of a storage that can be turned to another storage or geometry in place.

use super::kind::Kind;
use super::layout::{Layout, count};
use super::recipe::Recipe;
use super::storage::Storage;
use crate::front::torch::interp::{Lua, LuaResult, Value};
use crate::spec::Filler;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A tensor of Torch.
pub struct Tensor {
    view: RefCell<(Rc<Storage>, Layout)>,
}

/// What a tensor holds before training.
#[derive(Clone, Debug, PartialEq)]
pub enum First {
    /// A distribution or a constant; storage without values counts as zeros.
    Filler(Filler),
    /// Numbers, row after row.
    Values(Arc<[f32]>),
}

impl Tensor {
    /// A tensor of zeros that nobody shares. Fails beyond the limits of the interpreter.
    #[allow(clippy::new_ret_no_self, reason = "scripts hold tensors as values")]
    pub fn new(lua: &mut Lua, kind: Kind, sizes: &[usize]) -> LuaResult<Value> {
        Ok(Tensor::zeros(lua, kind, sizes)?.into_value())
    }

    /// [`Tensor::new`] before it is a value.
    pub fn zeros(lua: &mut Lua, kind: Kind, sizes: &[usize]) -> LuaResult<Tensor> {
        let storage = Storage::new(lua, kind, count(sizes))?;
        Ok(Tensor::over(storage, Layout::rows(0, sizes)))
    }

    /// A tensor with these values, row after row.
    pub fn from_values(
        lua: &mut Lua,
        kind: Kind,
        sizes: &[usize],
        values: &[f64],
    ) -> LuaResult<Tensor> {
        let tensor = Tensor::zeros(lua, kind, sizes)?;
        tensor.write(lua, values)?;
        Ok(tensor)
    }

    /// A tensor that a network gives: its numbers are known only when that runs.
    pub fn unknown(lua: &mut Lua, kind: Kind, sizes: &[usize]) -> LuaResult<Tensor> {
        let tensor = Tensor::zeros(lua, kind, sizes)?;
        tensor.storage().fill(lua, 0..tensor.numel(), Recipe::Unknown)?;
        Ok(tensor)
    }

    /// A view of a storage, which must reach as far as the layout.
    pub fn over(storage: Rc<Storage>, layout: Layout) -> Tensor {
        debug_assert!(layout.end() <= storage.length());
        Tensor { view: RefCell::new((storage, layout.or_empty())) }
    }

    /// As a value of Lua.
    pub fn into_value(self) -> Value {
        Value::Object(Rc::new(self))
    }

    /// The type of the elements.
    pub fn kind(&self) -> Kind {
        self.view.borrow().0.kind()
    }

    /// Extents; none for a tensor without elements.
    pub fn sizes(&self) -> Vec<usize> {
        self.view.borrow().1.sizes.clone()
    }

    /// Elements between neighbours along each extent.
    pub fn strides(&self) -> Vec<usize> {
        self.view.borrow().1.strides.clone()
    }

    /// The place of the first element in the storage, from 0.
    pub fn offset(&self) -> usize {
        self.view.borrow().1.offset
    }

    /// All of the geometry.
    pub fn layout(&self) -> Layout {
        self.view.borrow().1.clone()
    }

    /// The storage; tensors share values exactly if they share it (`Rc::ptr_eq`).
    pub fn storage(&self) -> Rc<Storage> {
        self.view.borrow().0.clone()
    }

    /// Whether some numbers are known only when a network runs.
    pub fn is_unknown(&self) -> bool {
        self.storage().has_unknown(self.layout().places())
    }

    /// How many elements there are.
    pub fn numel(&self) -> usize {
        self.view.borrow().1.count()
    }

    /// Whether the elements lie row after row without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.view.borrow().1.is_contiguous()
    }

    /// Makes this tensor a view of another storage, which must reach as far as the layout.
    pub fn set(&self, storage: Rc<Storage>, layout: Layout) {
        debug_assert!(layout.end() <= storage.length());
        self.view.replace((storage, layout.or_empty()));
    }

    /// Another view of the same storage.
    pub fn with(&self, layout: Layout) -> Tensor {
        Tensor::over(self.storage(), layout)
    }

    /// The same view once more.
    pub fn same(&self) -> Tensor {
        self.with(self.layout())
    }

    /// Gives the tensor these extents, in place: elements stay as far as there are some, and the storage grows if it
    /// must.
    pub fn resize(&self, lua: &mut Lua, sizes: &[usize]) -> LuaResult<()> {
        if self.sizes() == sizes && self.is_contiguous() {
            return Ok(());
        }
        let (storage, offset) = (self.storage(), self.offset());
        let layout = Layout::rows(offset, sizes);
        if storage.length() < layout.end() {
            storage.resize(lua, layout.end())?;
        }
        self.set(storage, layout);
        Ok(())
    }

    /// What the elements are before training. A random fill that another tensor holds a copy of is drawn, so that both
    /// begin with the same numbers.
    pub fn first(&self, lua: &mut Lua) -> LuaResult<First> {
        let (storage, layout) = (self.storage(), self.layout());
        if layout.count() == 0 {
            return Ok(First::Filler(Filler::Constant(0.0)));
        }
        if let Some(run) = layout.run()
            && let Some(filler) = storage.filler_of(&run)
        {
            return Ok(First::Filler(filler));
        }
        let values = self.values(lua)?;
        Ok(First::Values(values.iter().map(|value| *value as f32).collect()))
    }

    /// From here on the elements are numbers of the running network. Elements that do not lie in a row stay.
    pub fn forget(&self, lua: &mut Lua) -> LuaResult<()> {
        match self.layout().run() {
            Some(run) => self.storage().fill(lua, run, Recipe::Unknown),
            None => Ok(()),
        }
    }

    /// The elements, row after row.
    pub fn values(&self, lua: &mut Lua) -> LuaResult<Vec<f64>> {
        self.storage().read(lua, &self.layout())
    }

    /// Stores elements, row after row.
    pub fn write(&self, lua: &mut Lua, values: &[f64]) -> LuaResult<()> {
        self.storage().write(lua, &self.layout(), values)
    }

    /// All elements the same, without drawing them where that is possible.
    pub fn fill(&self, lua: &mut Lua, value: f64) -> LuaResult<()> {
        match self.layout().run() {
            Some(run) => self.storage().fill(lua, run, Recipe::Constant(value)),
            None => {
                lua.reserve_here(8 * self.numel())?;
                self.write(lua, &vec![value; self.numel()])
            }
        }
    }

    /// `value * by + plus` of all elements, without drawing them where that is possible.
    pub fn map_linear(&self, lua: &mut Lua, by: f64, plus: f64) -> LuaResult<()> {
        let is_real = self.kind().is_real();
        match self.layout().run().filter(|_| is_real) {
            Some(run) => self.storage().map_linear(lua, run, by, plus),
            None => {
                let mut values = self.values(lua)?;
                values.iter_mut().for_each(|value| *value = *value * by + plus);
                self.write(lua, &values)
            }
        }
    }

    /// Takes the elements of a tensor with as many, row after row; undrawn ones stay undrawn where that is possible.
    pub fn copy(&self, lua: &mut Lua, from: &Tensor) -> LuaResult<()> {
        let (to_layout, from_layout) = (self.layout(), from.layout());
        if to_layout.is_contiguous() && from_layout.is_contiguous() {
            let places = from_layout.offset..from_layout.offset + from_layout.count();
            return self.storage().copy_run(lua, to_layout.offset, &from.storage(), places);
        }
        let values = from.values(lua)?;
        self.write(lua, &values)
    }

    /// A tensor of another kind, or the same kind, with the same extents and elements and a storage of its own.
    pub fn converted(&self, lua: &mut Lua, kind: Kind) -> LuaResult<Tensor> {
        let copy = Tensor::zeros(lua, kind, &self.sizes())?;
        copy.copy(lua, self)?;
        Ok(copy)
    }

    /// A tensor with the same extents and elements and a storage of its own.
    pub fn deep_copy(&self, lua: &mut Lua) -> LuaResult<Tensor> {
        self.converted(lua, self.kind())
    }
}
